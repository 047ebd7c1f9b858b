//! What a user remembers of exchanges that last.

use std::collections::BTreeMap;
use std::time::Duration;

use swell_client::{Error, OpenAnswer, Response};
use swell_core::RunInstant;
use swell_core::exchange::{Expected, Phases, Protocol};
use swell_core::observer::{Observer, UserEvent};
use swell_core::record::{Recorder, RunPhase, StreamEnd};

/// The most exchanges that a user holds, with those that are over: each takes a few hundred bytes,
/// and nobody reads from so many.
pub(super) const MAX_HELD: usize = 1_000;

/// The exchanges of one user, by their numbers.
#[derive(Default)]
pub(super) struct HeldStreams {
    pub(super) held: BTreeMap<u32, HeldStream>,
    next: u32,
    /// The transaction that exists because an exchange was opened outside any.
    pub(super) implicit: Option<u32>,
}

/// An exchange, open or over.
pub(super) struct HeldStream {
    pub(super) state: StreamState,
    /// The transaction to which it belongs.
    pub(super) owner: Option<u32>,
    pub(super) expected: Expected,
    pub(super) began: RunInstant,
    /// What it asks for, where somebody looks on.
    pub(super) asked: Option<String>,
    pub(super) head: Response,
    pub(super) keeps_headers: bool,
}

/// Where an exchange is.
pub(super) enum StreamState {
    Open(Box<OpenAnswer>),
    Over(StreamEnding),
}

/// What became of an exchange.
#[derive(Clone, Debug)]
pub(crate) struct StreamEnding {
    /// Whether the answer was read to its end.
    pub(crate) is_complete: bool,
    /// Bytes of the body as received.
    pub(crate) body_size: u64,
    pub(crate) phases: Phases,
    pub(super) error: Option<Error>,
}

/// Why something of an exchange was not had.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// The run is over, and the wait was outside any transaction. The exchange is as it was.
    RunOver,
    /// The exchange has failed, or was called where it cannot be.
    Failed(Error),
}

/// What was read; nothing at the end of an answer.
pub(super) type StreamOutcome<T> = Result<Option<T>, StreamError>;

impl HeldStreams {
    /// The user is cut off: what it has open is interrupted.
    pub(super) fn handle_cut(&self, now: RunInstant, phase: RunPhase, recorder: &mut Recorder) {
        for (_, age) in self.open(now) {
            recorder.streams(phase).ended(StreamEnd::Interrupted);
            // What they had written is in the client's own count, which outlives them.
            recorder.exchange_interrupted(Protocol::Http, phase, age, 0, 0);
        }
    }

    /// Tells whoever looks on of those that are cut off.
    pub(super) fn tell(&self, now: RunInstant, observer: &Observer) {
        for (held, age) in self.open(now) {
            let asked = held.asked.clone().unwrap_or_default();
            observer.tell(UserEvent::CutOff { asked, age });
        }
    }

    fn open(&self, now: RunInstant) -> impl Iterator<Item = (&HeldStream, Duration)> {
        let is_open = |held: &&HeldStream| matches!(held.state, StreamState::Open(_));
        self.held.values().filter(is_open).map(move |held| (held, now.since(held.began)))
    }

    /// The numbers of those that are open and belong there.
    pub(super) fn open_in(&self, belongs: impl Fn(Option<u32>) -> bool) -> Vec<u32> {
        let is_asked_for =
            |held: &HeldStream| matches!(held.state, StreamState::Open(_)) && belongs(held.owner);
        let all = self.held.iter().filter(|(_, held)| is_asked_for(held));
        all.map(|(number, _)| *number).collect()
    }

    pub(super) fn put(&mut self, held: HeldStream) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.held.insert(number, held);
        number
    }

    pub(super) fn find(&mut self, number: u32) -> wasmtime::Result<&mut HeldStream> {
        match self.held.get_mut(&number) {
            Some(held) => Ok(held),
            None => {
                let words = format!("{number} is no exchange that this user holds");
                Err(wasmtime::Error::msg(words))
            }
        }
    }
}

impl HeldStream {
    /// The answer to whoever reads on although it is over.
    pub(super) fn afterwards<T>(ending: &StreamEnding) -> StreamOutcome<T> {
        match &ending.error {
            Some(error) => Err(StreamError::Failed(error.clone())),
            None if ending.is_complete => Ok(None),
            None => Err(StreamError::Failed(Error::of_a_call(
                "the exchange was ended before, by the scenario or with its transaction",
            ))),
        }
    }
}
