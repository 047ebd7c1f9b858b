//! The wasmtime engines: one that looks at a scenario, one that runs its users.
//!
//! ## Why a pool with small explicit reservations
//! A user must be cheap to create (microseconds) and to keep (tens of kilobytes). Wasmtime's
//! default reserves 4 GiB of address space and guard pages for each memory; 10,000 users of that
//! are 40 TiB. Here a memory reserves just what it may grow to, without guards, and compiled code
//! checks its bounds. The pool's size follows from the plan's `--max-vus` and from what the
//! component says it needs.
//!
//! An interpreter does little else than read and write its memory, and the checks take a third of
//! its time. So its memories reserve all that 32 bits can address ([`AddressSpace::Whole`]), and
//! the processor finds what is outside, as long as there are not too many of them.
//!
//! ## Why epochs
//! The ticker increments the engine's epoch each millisecond; compiled code compares a counter at
//! loop heads. So a guest that computes gives its thread up every millisecond and is cut at its
//! limit, at a cost of a load and a compare (fuel would cost several times that).

use rustix::process::{Resource, getrlimit};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::LoadError;
use crate::limits::{GuestLimits, MAX_CORE_INSTANCES, Stack, TABLE_ELEMENTS};

/// Instances beside the users: the run's `setup`, and users that were just cut off and whose slot
/// is not free yet.
const SPARE_INSTANCES: u32 = 64;

/// What a memory reserves, which decides what compiled code has to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressSpace {
    /// As much as it may grow to: code compares each address.
    Bounded,
    /// Whatever an address of 32 bits may mean: code compares nothing.
    Whole,
}

impl AddressSpace {
    /// All that 32 bits can address.
    const WHOLE: u64 = 1 << 32;

    /// Behind it, for what a load or store adds to its address: the data of a large interpreter is
    /// a few megabytes long.
    const GUARD: u64 = 32 << 20;

    /// The most that the memories of one pool may reserve: 12,000 of them. A process has 128 TiB on
    /// most machines, and may make several runs side by side.
    const MOST: u64 = 48 << 40;

    /// What the memories of an interpreter reserve where one instance is made at a time. A process
    /// whose address space is limited has none to give away.
    pub(crate) fn of_an_interpreter() -> Self {
        match getrlimit(Resource::As).current {
            Some(_) => Self::Bounded,
            None => Self::Whole,
        }
    }

    /// Whether so many users can have [`AddressSpace::Whole`].
    pub(crate) fn is_enough_for(needs: Needs, users: u32) -> bool {
        let memories = u64::from(instances(users)) * u64::from(needs.memories);
        memories <= Self::MOST / (Self::WHOLE + Self::GUARD)
    }

    /// The word by which the process that compiles is told.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Bounded => "bounded",
            Self::Whole => "whole",
        }
    }

    /// What a word of [`AddressSpace::word`] means.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Bounded, Self::Whole].into_iter().find(|space| space.word() == word)
    }

    /// The bytes that a memory reserves, and those behind it.
    const fn bytes(self, limits: GuestLimits) -> (u64, u64) {
        let most = limits.memory as u64;
        match self {
            Self::Whole if most <= Self::WHOLE => (Self::WHOLE, Self::GUARD),
            _ => (most, 0),
        }
    }
}

/// The instances that a pool for `users` has room for.
const fn instances(users: u32) -> u32 {
    users.saturating_add(SPARE_INSTANCES)
}

/// What a component needs of a pool, as its compiled form says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    memories: u32,
    tables: u32,
}

impl Needs {
    pub(crate) fn of(component: &Component) -> Result<Self, LoadError> {
        let Some(resources) = component.resources_required() else {
            return Err(LoadError::WrongWorld {
                reason: "it imports modules or components, whose needs cannot be known".to_owned(),
            });
        };
        Ok(Self { memories: resources.num_memories, tables: resources.num_tables })
    }
}

/// The settings that decide what compiled code looks like. They are the same for every engine, so
/// that what one engine compiled all others accept; the stack decides nothing of it.
fn code_config(limits: GuestLimits, space: AddressSpace, stack: Stack) -> Config {
    let (reserved, guard) = space.bytes(limits);
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(stack.guest)
        .async_stack_size(stack.fiber)
        .memory_reservation(reserved)
        .memory_reservation_for_growth(0)
        .memory_guard_size(guard)
        .guard_before_linear_memory(false)
        .memory_may_move(false)
        .wasm_component_model(true)
        .generate_address_map(true);
    config
}

/// An engine for compiling and for looking at a component: instances on demand, no pool.
pub(crate) fn plain_engine(
    limits: GuestLimits,
    space: AddressSpace,
    stack: Stack,
) -> Result<Engine, LoadError> {
    Engine::new(&code_config(limits, space, stack))
        .map_err(|error| LoadError::Engine { reason: format!("{error:#}") })
}

/// An engine with room for `users` instances of a component.
pub(crate) fn pooled_engine(
    limits: GuestLimits,
    space: AddressSpace,
    stack: Stack,
    needs: Needs,
    users: u32,
) -> Result<Engine, LoadError> {
    let instances = instances(users);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(instances.saturating_mul(needs.memories.max(1)))
        .total_tables(instances.saturating_mul(needs.tables.max(1)))
        .total_stacks(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(needs.memories.max(1))
        .max_tables_per_component(needs.tables.max(1))
        .max_memory_size(limits.memory)
        .table_elements(TABLE_ELEMENTS);
    let mut config = code_config(limits, space, stack);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(|error| LoadError::Engine {
        reason: format!(
            "no room for {users} virtual users with {} MiB of address space each: {error:#}\nhelp: \
            lower --max-vus or --guest-memory",
            space.bytes(limits).0 >> 20
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs { memories: 1, tables: 1 };

    #[test]
    fn as_many_users_as_a_run_may_have_by_default_need_no_checks_of_addresses() {
        assert!(AddressSpace::is_enough_for(NEEDS, 10_000));
        assert!(!AddressSpace::is_enough_for(NEEDS, 13_000));
        assert!(!AddressSpace::is_enough_for(Needs { memories: 2, ..NEEDS }, 10_000));
    }

    #[test]
    fn code_compares_addresses_where_a_memory_may_be_larger_than_all_of_them() {
        let of =
            |memory| AddressSpace::Whole.bytes(GuestLimits { memory, ..GuestLimits::default() });
        assert_eq!(of(64 << 20), (AddressSpace::WHOLE, AddressSpace::GUARD));
        assert_eq!(of(8 << 30), (8 << 30, 0));
    }

    #[test]
    fn the_process_that_compiles_understands_what_it_is_told() {
        for space in [AddressSpace::Bounded, AddressSpace::Whole] {
            assert_eq!(AddressSpace::from_word(space.word()), Some(space));
        }
        assert_eq!(AddressSpace::from_word("other"), None);
    }
}
