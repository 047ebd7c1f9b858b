//! What one instance of a scenario may use.

use std::time::Duration;

/// Limits of one virtual user's instance. An instance that meets one has made an error of its own;
/// it is never the host's.
#[derive(Clone, Copy, Debug)]
pub struct GuestLimits {
    /// Bytes of linear memory, of all memories together. Growing further fails inside the guest,
    /// which for most languages ends in a trap. Default 64 MiB: a Rust scenario takes 1.1.
    pub memory: usize,
    /// Time that the guest may compute in an iteration, host calls included, without a wait; all
    /// else may take twenty times as long. Default 100 ms: far more than building a request takes,
    /// and short enough that one spinning user does not show in the others' figures.
    pub cpu: Duration,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self { memory: 64 << 20, cpu: Duration::from_millis(100) }
    }
}

/// Elements of one table; a Rust scenario has a few hundred, a JavaScript engine a few thousand.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;

/// Core instances in one component: the scenario, and with WASI 0.1 its adapter, shim and fix-ups.
/// An interpreter whose libraries are components of their own has dozens.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;

/// How many things of WASI an instance may hold at once: pollables, streams and errors. Each costs
/// the host a few hundred bytes.
pub(crate) const HANDLES: usize = 10_000;

/// The most random bytes that WASI gives at once; it draws them one by one.
pub(crate) const RANDOM_BYTES: u64 = 1 << 20;

/// The stack of an instance, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    /// For the guest's own frames.
    pub(crate) guest: usize,
    /// For these and the host's below them, which poll the user's connection there.
    pub(crate) fiber: usize,
}

impl Stack {
    pub(crate) const OF_A_SCENARIO: Self = Self::of(1 << 20);

    /// An interpreter takes several frames for one call of its script. With this stack its own
    /// limit of calls is reached first, so that a script without an end to its recursion gets an
    /// error of its language. It is a little less than a huge page: a stack that holds a whole one
    /// may be given 2 MiB of memory by the kernel at the first touch.
    pub(crate) const OF_AN_INTERPRETER: Self = Self::of((2 << 20) - (64 << 10));

    /// The host's frames need 512 KiB of it.
    const fn of(fiber: usize) -> Self {
        Self { guest: fiber - (512 << 10), fiber }
    }
}

/// Denies memory and tables beyond the limits, and remembers that it did, so that the trap that
/// follows can be explained. The limits hold for all memories and tables of the instance together:
/// a component may have many of each.
#[derive(Debug)]
pub(crate) struct Allowance {
    limits: GuestLimits,
    memory: usize,
    elements: usize,
    pub(crate) denied: Option<String>,
}

impl Allowance {
    pub(crate) fn new(limits: GuestLimits) -> Self {
        Self { limits, memory: 0, elements: 0, denied: None }
    }

    /// Bytes of memory that the instance may have.
    pub(crate) fn memory(&self) -> usize {
        self.limits.memory
    }
}

/// The total after a growth. What is granted stays counted, because nothing ever shrinks. So a
/// growth beyond what the guest itself declared, which fails anyway, is not granted.
fn grown(all: usize, current: usize, desired: usize, maximum: Option<usize>) -> Option<usize> {
    (maximum.is_none_or(|maximum| desired <= maximum))
        .then(|| all.saturating_add(desired.saturating_sub(current)))
}

impl wasmtime::ResourceLimiter for Allowance {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let Some(grown) = grown(self.memory, current, desired, maximum) else { return Ok(false) };
        let granted = grown <= self.limits.memory;
        if granted {
            self.memory = grown;
        } else {
            self.denied = Some(format!(
                "it asked for {grown} bytes of memory, the limit is {} (--guest-memory)",
                self.limits.memory
            ));
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let Some(grown) = grown(self.elements, current, desired, maximum) else { return Ok(false) };
        let granted = grown <= TABLE_ELEMENTS;
        if granted {
            self.elements = grown;
        } else {
            self.denied = Some(format!(
                "it asked for tables of {grown} elements, the limit is {TABLE_ELEMENTS}"
            ));
        }
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter as _;

    use super::*;

    const MIB: usize = 1 << 20;

    fn allowance() -> Allowance {
        Allowance::new(GuestLimits { memory: 10 * MIB, ..GuestLimits::default() })
    }

    #[test]
    fn all_memories_of_an_instance_share_its_limit() {
        let mut allowance = allowance();
        assert!(allowance.memory_growing(0, 6 * MIB, None).expect("it answers"));
        assert!(
            !allowance.memory_growing(0, 6 * MIB, None).expect("it answers"),
            "a second memory"
        );
        assert!(allowance.denied.take().is_some_and(|text| text.contains("--guest-memory")));
        assert!(allowance.memory_growing(0, 3 * MIB, None).expect("it answers"));
        assert!(allowance.memory_growing(6 * MIB, 7 * MIB, None).expect("it answers"));
        assert!(!allowance.memory_growing(7 * MIB, 7 * MIB + 1, None).expect("it answers"));
    }

    #[test]
    fn all_tables_of_an_instance_share_theirs() {
        let mut allowance = allowance();
        assert!(allowance.table_growing(0, TABLE_ELEMENTS - 1, None).expect("it answers"));
        assert!(!allowance.table_growing(0, 2, None).expect("it answers"));
    }

    #[test]
    fn what_the_guest_rules_out_itself_does_not_count() {
        let mut allowance = allowance();
        assert!(!allowance.memory_growing(0, 9 * MIB, Some(8 * MIB)).expect("it answers"));
        assert!(allowance.denied.is_none());
        assert!(allowance.memory_growing(0, 10 * MIB, None).expect("it answers"));
    }
}
