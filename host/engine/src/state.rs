//! The bindings of the contract, and what a store holds for one instance.

use std::sync::Arc;

use crate::cpu::CpuMeter;
use crate::limits::{Allowance, GuestLimits};
use crate::thread_bound::ThreadBound;
use crate::user::UserState;
use crate::wasi::Wasi;

/// A transaction's handle in the guest's table: its number is the transaction's serial.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenTransaction;

/// A run's handle in the table of the guest that conducts it: its number is the conductor's.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct ConductedRun;

#[allow(missing_docs, unreachable_pub, clippy::all)]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "scenario",
        imports: {
            "swell:scenario/transactions.begin": async | trappable,
            "swell:scenario/http.send": async | trappable,
            "swell:scenario/http.send-all": async | trappable,
            "swell:scenario/clock.sleep": async | trappable,
            "swell:scenario/runs.[static]run.start": async | trappable,
            "swell:scenario/runs.[method]run.wait": async | trappable,
            "swell:scenario/runs.[method]run.set-tps": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "swell:scenario/transactions.transaction": super::OpenTransaction,
            "swell:scenario/runs.run": super::ConductedRun,
        },
    });
}

/// What a store holds. An instance that only describes itself has no user, and traps when it calls
/// an import.
pub(crate) struct State {
    pub(crate) user: Option<ThreadBound<UserState>>,
    pub(crate) wasi: Option<Box<Wasi>>,
    pub(crate) allowance: Allowance,
    pub(crate) cpu: Arc<CpuMeter>,
}

impl State {
    pub(crate) fn new(
        limits: GuestLimits,
        user: Option<UserState>,
        wasi: Option<Box<Wasi>>,
    ) -> Self {
        Self {
            user: user.map(ThreadBound::new),
            wasi,
            allowance: Allowance::new(limits),
            cpu: Arc::new(CpuMeter::new(limits.cpu)),
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

const DESCRIBE_CALLED: &str =
    "`describe` called the host; it may only return what the file contains";
