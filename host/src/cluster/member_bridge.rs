//! This node's own part in a run: the rules of a member on one side, the workers on the other.

use std::collections::VecDeque;

use swell_driver::machine::local_now;
use swell_driver::{MemberLine, MemberReport, WindowReport};
use swell_protocol::clock::LocalInstant;
use swell_protocol::member::{MemberEvent, RunMember};
use swell_protocol::message::{NodeId, ToMember};
use tokio::sync::mpsc;

use super::message::{FromMember, RunMessage, RunNumber, SharedEndRequest};

/// Messages of the workers on their way; when so many wait, the workers wait as well.
const MAX_WAITING: usize = 64;

/// See the module's documentation.
pub(super) struct MemberBridge {
    run: RunNumber,
    member: RunMember,
    events: mpsc::UnboundedSender<MemberEvent>,
    said: mpsc::Receiver<MemberReport>,
    /// What others must know and no connection could take yet.
    unsent: VecDeque<RunMessage>,
    /// Whether workers are to come, are at work, or have broken down before they had sent all. If
    /// they broke down, this node falls silent, and counts as lost.
    workers: WorkersState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WorkersState {
    ToCome,
    AtWork,
    Done,
    BrokenDown,
}

impl MemberBridge {
    /// A bridge, and the line between it and the workers. Events are a few a second, and a thread
    /// takes them that does little else: they need no bound.
    pub(super) fn new(id: NodeId, run: RunNumber) -> (Self, MemberLine) {
        let (events, heard) = mpsc::unbounded_channel();
        let (reports, said) = mpsc::channel(MAX_WAITING);
        let member = RunMember::new(id, local_now());
        let bridge = Self {
            run,
            member,
            events,
            said,
            unsent: VecDeque::new(),
            workers: WorkersState::ToCome,
        };
        (bridge, MemberLine { id, events: heard, reports })
    }

    /// The run that it is about.
    pub(super) const fn run(&self) -> RunNumber {
        self.run
    }

    /// The node can begin, or cannot take part.
    pub(super) fn handle_prepared(&mut self, prepared: Result<f64, String>) {
        if prepared.is_ok() {
            self.workers = WorkersState::AtWork;
        }
        self.member.handle_prepared(prepared);
    }

    /// A message came from the coordinator.
    pub(super) fn handle_message(&mut self, message: ToMember) {
        self.member.handle_message(local_now(), message);
    }

    /// Waits for a message of the workers; for ever when they are done. Dropping the future
    /// loses none.
    async fn next_of_workers(&mut self) -> MemberReport {
        match self.said.recv().await {
            Some(said) => said,
            None => {
                if self.workers == WorkersState::AtWork {
                    self.workers = WorkersState::BrokenDown;
                }
                std::future::pending().await
            }
        }
    }

    /// Takes in a message of the workers while there is no connection. Results are sent again
    /// later; what a scenario asks of the run is kept.
    pub(super) fn keep_for_later(&mut self, said: MemberReport) {
        if let Some(FromMember::RunMessage(_, request @ RunMessage::EndRequest(_))) =
            self.handle_workers(said)
        {
            self.unsent.push_back(request);
        }
        while self.member.poll_send().is_some() {}
    }

    /// Takes in a message of the workers; returns what others must know about it.
    pub(super) fn handle_workers(&mut self, said: MemberReport) -> Option<FromMember> {
        match said {
            MemberReport::Window(window_report) => {
                let WindowReport { frontier, is_strained, numbers_wanted, flowed, counted } =
                    *window_report;
                let now = local_now();
                if let Some((reached, counted)) = counted {
                    self.member.handle_counted(now, reached, false, counted);
                }
                self.member.handle_state(now, frontier, is_strained, numbers_wanted);
                Some(self.of_run(RunMessage::Flowed(flowed)))
            }
            MemberReport::Last(frontier, counted) => {
                self.workers = WorkersState::Done;
                self.member.handle_counted(local_now(), frontier, true, counted);
                None
            }
            MemberReport::Leaving => {
                self.member.handle_leaving(local_now());
                None
            }
            MemberReport::EndRequest(request) => SharedEndRequest::of(request)
                .map(|shared| self.of_run(RunMessage::EndRequest(shared))),
        }
    }

    /// Does what is due; returns the next message to the coordinator.
    pub(super) fn poll(&mut self) -> Option<FromMember> {
        if self.workers == WorkersState::BrokenDown {
            return None;
        }
        if let Some(message) = self.unsent.pop_front() {
            return Some(self.of_run(message));
        }
        let now = local_now();
        if now >= self.member.poll_timeout() {
            self.member.handle_time(now);
        }
        while let Some(event) = self.member.poll_event() {
            // Workers that have ended have nothing to do.
            let _ = self.events.send(event);
        }
        self.member.poll_send().map(|message| self.of_run(RunMessage::Up(message)))
    }

    const fn of_run(&self, message: RunMessage) -> FromMember {
        FromMember::RunMessage(self.run, message)
    }

    /// When it is to be polled at the latest.
    pub(super) fn poll_timeout(&self) -> LocalInstant {
        if self.workers == WorkersState::BrokenDown {
            LocalInstant::NEVER
        } else {
            self.member.poll_timeout()
        }
    }

    /// The run is over, and nobody asks for anything any more.
    pub(super) fn dismiss(&self) {
        let _ = self.events.send(MemberEvent::Over);
    }
}

/// Waits for a message of the workers, if there are any.
pub(super) async fn from_workers(bridge: &mut Option<MemberBridge>) -> MemberReport {
    match bridge {
        Some(bridge) => bridge.next_of_workers().await,
        None => std::future::pending().await,
    }
}
