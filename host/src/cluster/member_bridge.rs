//! This host's own part in a run: the rules of a member on one side, the workers on the other.

use std::collections::VecDeque;

use swell_protocol::clock::LocalInstant;
use swell_protocol::member::{Event, Member};
use swell_protocol::message::{Down, HostId};
use tokio::sync::mpsc;

use super::message::{FromHost, OfRun, RunNumber, Wish};
use crate::driver::{MemberLine, OfWindow, Said};
use crate::machine::local_now;

/// Words of the workers on their way; when so many wait, they wait as well.
const SAID_UNDER_WAY: usize = 64;

/// See the module's documentation.
pub(super) struct Seat {
    run: RunNumber,
    member: Member,
    events: mpsc::UnboundedSender<Event>,
    said: mpsc::Receiver<Said>,
    /// What others must know and could not be told yet.
    unsaid: VecDeque<OfRun>,
    /// Workers are to come, or at work, or have broken down before they had told all: then this
    /// host falls silent, and is taken for lost.
    workers: Workers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Workers {
    ToCome,
    AtWork,
    Done,
    BrokenDown,
}

impl Seat {
    /// A seat, and the line on which the workers hear and say what they do. Events are a few a
    /// second, and heard by a thread that does little else: they need no bound.
    pub(super) fn new(id: HostId, run: RunNumber) -> (Self, MemberLine) {
        let (events, heard) = mpsc::unbounded_channel();
        let (says, said) = mpsc::channel(SAID_UNDER_WAY);
        let member = Member::new(id, local_now());
        let seat =
            Self { run, member, events, said, unsaid: VecDeque::new(), workers: Workers::ToCome };
        (seat, MemberLine { id, events: heard, says })
    }

    /// The run that it is about.
    pub(super) const fn run(&self) -> RunNumber {
        self.run
    }

    /// The host can begin, or cannot take part.
    pub(super) fn prepared(&mut self, prepared: Result<f64, String>) {
        if prepared.is_ok() {
            self.workers = Workers::AtWork;
        }
        self.member.handle_prepared(prepared);
    }

    /// Something came from whoever leads.
    pub(super) fn hear(&mut self, message: Down) {
        self.member.handle_message(local_now(), message);
    }

    /// Waits for a word of the workers; for ever when they are done. Dropping the future loses
    /// none.
    async fn said(&mut self) -> Said {
        match self.said.recv().await {
            Some(said) => said,
            None => {
                if self.workers == Workers::AtWork {
                    self.workers = Workers::BrokenDown;
                }
                std::future::pending().await
            }
        }
    }

    /// Takes in a word of the workers that nobody can be told of at the moment. Results are sent
    /// again later; a scenario's wish is kept.
    pub(super) fn keep(&mut self, said: Said) {
        if let Some(FromHost::OfRun(_, wish @ OfRun::EndRequest(_))) = self.take(said) {
            self.unsaid.push_back(wish);
        }
        while self.member.poll_send().is_some() {}
    }

    /// Takes a word of the workers in; gives what others must know of it.
    pub(super) fn take(&mut self, said: Said) -> Option<FromHost> {
        match said {
            Said::Window(of_window) => {
                let OfWindow { frontier, is_strained, numbers_wanted, flowed, counted } =
                    *of_window;
                let now = local_now();
                if let Some((reached, counted)) = counted {
                    self.member.handle_counted(now, reached, false, counted);
                }
                self.member.handle_state(now, frontier, is_strained, numbers_wanted);
                Some(self.word(OfRun::Flowed(flowed)))
            }
            Said::Last(frontier, counted) => {
                self.workers = Workers::Done;
                self.member.handle_counted(local_now(), frontier, true, counted);
                None
            }
            Said::Leaving => {
                self.member.handle_leaving(local_now());
                None
            }
            Said::EndRequest(request) => {
                Wish::of(request).map(|wish| self.word(OfRun::EndRequest(wish)))
            }
        }
    }

    /// Does what is due; gives the next message to whoever leads.
    pub(super) fn poll(&mut self) -> Option<FromHost> {
        if self.workers == Workers::BrokenDown {
            return None;
        }
        if let Some(word) = self.unsaid.pop_front() {
            return Some(self.word(word));
        }
        let now = local_now();
        if now >= self.member.poll_timeout() {
            self.member.handle_time(now);
        }
        while let Some(event) = self.member.poll_event() {
            // Workers that are gone have nothing to do.
            let _ = self.events.send(event);
        }
        self.member.poll_send().map(|message| self.word(OfRun::Up(message)))
    }

    const fn word(&self, word: OfRun) -> FromHost {
        FromHost::OfRun(self.run, word)
    }

    /// When it is to be polled at the latest.
    pub(super) fn due(&self) -> LocalInstant {
        if self.workers == Workers::BrokenDown {
            LocalInstant::NEVER
        } else {
            self.member.poll_timeout()
        }
    }

    /// The run is over, and nobody asks for anything any more.
    pub(super) fn dismiss(&self) {
        let _ = self.events.send(Event::Over);
    }
}

/// Waits for a word of the workers, if there are any.
pub(super) async fn said(seat: &mut Option<Seat>) -> Said {
    match seat {
        Some(seat) => seat.said().await,
        None => std::future::pending().await,
    }
}
