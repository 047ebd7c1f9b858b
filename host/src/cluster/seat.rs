//! This host's own part in a run: the rules of a member on one side, the workers on the other.

use std::time::Duration;

use swell_protocol::member::{Event, Member};
use swell_protocol::message::{Down, HostId};
use tokio::sync::mpsc;

use super::message::{FromHost, Wish};
use crate::driver::{MemberLine, Said};
use crate::machine::local_now;

/// Words of the workers on their way; when so many wait, they wait as well.
const SAID_UNDER_WAY: usize = 64;

/// See the module's documentation.
pub(super) struct Seat {
    member: Member,
    events: mpsc::UnboundedSender<Event>,
    said: mpsc::Receiver<Said>,
}

impl Seat {
    /// A seat, and the line on which the workers hear and say what they do. Events are a few a second, and heard by a thread that does little else: they need
    /// no bound.
    pub(super) fn new(id: HostId) -> (Self, MemberLine) {
        let (events, heard) = mpsc::unbounded_channel();
        let (says, said) = mpsc::channel(SAID_UNDER_WAY);
        (Self { member: Member::new(id, local_now()), events, said }, MemberLine { id, events: heard, says })
    }

    /// The host can begin, or cannot take part.
    pub(super) fn prepared(&mut self, prepared: Result<f64, String>) {
        self.member.handle_prepared(prepared);
    }

    /// Something came from whoever leads.
    pub(super) fn hear(&mut self, message: Down) {
        self.member.handle_message(local_now(), message);
    }

    /// Waits for a word of the workers; for ever when they are done. Dropping the future loses none.
    pub(super) async fn said(&mut self) -> Said {
        match self.said.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    /// Takes a word of the workers in; gives what others must know of it.
    pub(super) fn take(&mut self, said: Said) -> Option<FromHost> {
        match said {
            Said::Counted(frontier, is_last, counted) => {
                self.member.handle_counted(local_now(), frontier, is_last, counted);
                None
            }
            Said::State(frontier, is_strained, wanted) => {
                self.member.handle_state(frontier, is_strained, wanted);
                None
            }
            Said::Flowed(flowed) => Some(FromHost::Flowed(flowed)),
            Said::EndRequest(request) => Wish::of(request).map(FromHost::EndRequest),
        }
    }

    /// Does what is due; gives the next message to whoever leads.
    pub(super) fn poll(&mut self) -> Option<FromHost> {
        let now = local_now();
        if now >= self.member.poll_timeout() {
            self.member.handle_time(now);
        }
        while let Some(event) = self.member.poll_event() {
            // Workers that are gone have nothing to do.
            let _ = self.events.send(event);
        }
        self.member.poll_send().map(FromHost::Up)
    }

    /// How long it may be left alone.
    pub(super) fn idle(&self) -> Duration {
        self.member.poll_timeout().since(local_now())
    }

    /// The run is over, and nobody asks for anything any more.
    pub(super) fn dismiss(&self) {
        let _ = self.events.send(Event::Over);
    }
}
