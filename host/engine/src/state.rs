//! What a store holds for one instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cpu::CpuMeter;
use crate::limits::{Allowance, GuestLimits};
use crate::thread_bound::ThreadBound;
use crate::ticker::GuestTurns;
use crate::user::UserState;
use crate::wasi::Wasi;

/// What a store holds. An instance that only describes itself has no user, and traps when it calls
/// an import; one that is given a script may ask for variables.
pub(crate) struct GuestState {
    pub(crate) user: Option<ThreadBound<UserState>>,
    /// The instance's part of WASI, if it imports any of it.
    pub(crate) wasi: Option<Box<Wasi>>,
    /// How much more memory and how many more tables the instance may have.
    pub(crate) allowance: Allowance,
    pub(crate) cpu: Arc<CpuMeter>,
    /// What an interpreter may ask for while it is given a script; there is no user then.
    pub(crate) variables: Option<Arc<BTreeMap<String, String>>>,
}

impl GuestState {
    pub(crate) fn new(
        limits: GuestLimits,
        turns: Arc<GuestTurns>,
        user: Option<UserState>,
        wasi: Option<Box<Wasi>>,
    ) -> Self {
        Self {
            user: user.map(ThreadBound::new),
            wasi,
            allowance: Allowance::new(limits),
            cpu: Arc::new(CpuMeter::new(limits.cpu, turns)),
            variables: None,
        }
    }

    /// The user whose instance this is.
    #[inline]
    pub(crate) fn user(&mut self) -> wasmtime::Result<&mut UserState> {
        match &mut self.user {
            Some(user) => Ok(&mut **user),
            None => Err(wasmtime::Error::msg(DESCRIBE_CALLED)),
        }
    }
}

const DESCRIBE_CALLED: &str = "it called the host, and may only return what the file contains";
