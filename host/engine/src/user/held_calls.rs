//! What a user remembers of calls of gRPC that last.

use std::collections::BTreeMap;
use std::time::Duration;

use swell_client::{GrpcEnd, GrpcError, GrpcStream};
use swell_core::RunInstant;
use swell_core::exchange::{Expected, Protocol};
use swell_core::observer::{Observer, UserEvent};
use swell_core::record::{Recorder, RunPhase};

/// The most streams that a user has open: as many as it may have WebSockets.
pub(super) const MAX_OPEN_CALLS: usize = 256;

/// The streams of one user, by their numbers, as long as the scenario holds them.
#[derive(Default)]
pub(super) struct HeldCalls {
    pub(super) held: BTreeMap<u32, HeldCall>,
    next: u32,
}

/// A stream, open or over.
pub(super) struct HeldCall {
    pub(super) state: CallState,
    /// The transaction to which it belongs.
    pub(super) owner: Option<u32>,
    pub(super) expected: Expected,
    pub(super) began: RunInstant,
    pub(super) method: String,
}

/// Where a stream is.
pub(super) enum CallState {
    Open(Box<GrpcStream>),
    Over(Result<GrpcEnd, GrpcError>),
}

impl HeldCalls {
    /// The user is cut off: what it has open is interrupted.
    pub(super) fn handle_cut(&self, now: RunInstant, phase: RunPhase, recorder: &mut Recorder) {
        for (held, age) in self.open(now) {
            recorder.exchange_interrupted(Protocol::GrpcStream, phase, age, 0, 0);
            recorder.grpc(phase).interrupted(&held.method, age);
        }
    }

    /// Tells whoever looks on of those that are cut off.
    pub(super) fn tell(&self, now: RunInstant, observer: &Observer) {
        for (held, age) in self.open(now) {
            observer.tell(UserEvent::CutOff { asked: format!("gRPC {}", held.method), age });
        }
    }

    fn open(&self, now: RunInstant) -> impl Iterator<Item = (&HeldCall, Duration)> {
        let open = self.held.values().filter(|held| held.is_open());
        open.map(move |held| (held, now.since(held.began)))
    }

    /// The numbers of those that are open and belong there.
    pub(super) fn open_in(&self, belongs: impl Fn(Option<u32>) -> bool) -> Vec<u32> {
        let all = self.held.iter().filter(|(_, held)| held.is_open() && belongs(held.owner));
        all.map(|(number, _)| *number).collect()
    }

    pub(super) fn put(&mut self, held: HeldCall) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.held.insert(number, held);
        number
    }

    pub(super) fn find(&mut self, number: u32) -> wasmtime::Result<&mut HeldCall> {
        match self.held.get_mut(&number) {
            Some(held) => Ok(held),
            None => {
                Err(wasmtime::Error::msg(format!("{number} is no stream that this user holds")))
            }
        }
    }
}

impl HeldCall {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, CallState::Open(_))
    }
}
