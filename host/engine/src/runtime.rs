//! The wasmtime engines: one that looks at a scenario, one that runs its users.
//!
//! ## Why a pool with small explicit reservations
//! A user must be cheap to create (microseconds) and to keep (tens of kilobytes). Wasmtime's
//! default reserves 4 GiB of address space and guard pages for each memory; 10,000 users of that
//! are 40 TiB. Here a memory reserves just what it may grow to, without guards, and compiled code
//! checks its bounds. The pool's size follows from the plan's `--max-vus` and from what the
//! component says it needs.
//!
//! ## Why epochs
//! The ticker increments the engine's epoch each millisecond; compiled code compares a counter at
//! loop heads. So a guest that computes gives its thread up every millisecond and is cut at its
//! limit, at a cost of a load and a compare (fuel would cost several times that).

use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::LoadError;
use crate::limits::{GuestLimits, MAX_CORE_INSTANCES, Stack, TABLE_ELEMENTS};

/// Instances beside the users: the run's `setup`, and users that were just cut off and whose slot
/// is not free yet.
const SPARE_INSTANCES: u32 = 64;

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
fn code_config(limits: GuestLimits, stack: Stack) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(stack.guest)
        .async_stack_size(stack.fiber)
        .memory_reservation(limits.memory as u64)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_may_move(false)
        .wasm_component_model(true)
        .generate_address_map(true);
    config
}

/// An engine for compiling and for looking at a component: instances on demand, no pool.
pub(crate) fn plain_engine(limits: GuestLimits, stack: Stack) -> Result<Engine, LoadError> {
    Engine::new(&code_config(limits, stack))
        .map_err(|error| LoadError::Engine { reason: format!("{error:#}") })
}

/// An engine with room for `users` instances of a component.
pub(crate) fn pooled_engine(
    limits: GuestLimits,
    stack: Stack,
    needs: Needs,
    users: u32,
) -> Result<Engine, LoadError> {
    let instances = users.saturating_add(SPARE_INSTANCES);
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
    let mut config = code_config(limits, stack);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(|error| LoadError::Engine {
        reason: format!(
            "no room for {users} virtual users with {} MiB of address space each: {error:#}\nhelp: \
            lower --max-vus or --guest-memory",
            limits.memory >> 20
        ),
    })
}
