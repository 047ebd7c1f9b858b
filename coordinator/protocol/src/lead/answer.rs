//! How the lead answers a question: with a lease, and with what else the node is to have.

use std::sync::Arc;

use swell_core::RunInstant;

use crate::clock::LocalInstant;
use crate::lead::event::LeadEvent;
use crate::lead::node::{NodeStanding, ReadinessChange};
use crate::lead::state::LeadState;
use crate::lease::LEASE;
use crate::message::{LeaseAnswer, LeaseRequest, NodeId, RunStage, ToMember};

impl LeadState {
    /// A node asked. It gets an answer unless it does not take part, or cannot.
    pub(super) fn handle_request(&mut self, now: LocalInstant, id: NodeId, request: LeaseRequest) {
        let sharing = self.nodes.values().filter(|node| node.standing == NodeStanding::Inside);
        let sharing = sharing.count();
        let below = self.promise(now, request.run_now);
        let (version, stage) = (self.orders.version, self.orders.stage);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.handle_request(now, &request);
        match node.handle_readiness(request.readiness) {
            ReadinessChange::Known => {}
            ReadinessChange::New => self.due = self.due.min(now),
            ReadinessChange::Refused(reason) => {
                self.events.extend(reason.map(|reason| LeadEvent::Refused(id, reason)));
                return;
            }
        }
        node.grants.grant(request.question, below);
        node.promised = node.promised.max(below);
        // A node without a share would only keep numbers away from nodes that have one.
        let has_share = self.tables.current().any(|table| table.share(node.owner) > 0.0);
        let block = match stage {
            RunStage::Running { .. } if has_share => {
                self.numbers.hand_out(id, sharing, request.wanted)
            }
            RunStage::Running { .. } | RunStage::Preparing | RunStage::Ending { .. } => None,
        };
        let answer = LeaseAnswer {
            question: request.question,
            received: now,
            answered: now,
            version,
            below,
            numbers_are_over: block.is_none() && self.numbers.are_exhausted(),
            block,
            merged: node.inbox.merged(),
            orders: (request.version < version).then(|| Arc::clone(&self.published)),
        };
        self.sends.push_back((id, ToMember::LeaseAnswer(answer)));
        if !self.was_ready && self.nodes.values().all(|node| node.weight.is_some()) {
            self.was_ready = true;
            self.events.push_back(LeadEvent::Ready);
        }
    }

    /// The slot before which a lease ends that is given now: a whole lease ahead on the clock of
    /// the node, which may be ahead of this one.
    fn promise(&mut self, now: LocalInstant, theirs: Option<RunInstant>) -> u64 {
        let began = match self.orders.stage {
            RunStage::Running { began } => began,
            // No node may start anything.
            RunStage::Preparing | RunStage::Ending { .. } => return 0,
        };
        let Some(timeline) = &self.orders.timeline else { return u64::MAX };
        let until = now + LEASE;
        let ours = RunInstant::START + until.since(began);
        // A node that claims to be far ahead of the time is wrong, and gets no more slots for that.
        let theirs = theirs.map_or(ours, |theirs| (theirs + LEASE).min(ours + LEASE));
        let below = self.ahead.first_at(timeline, ours);
        if theirs > ours { self.ahead.clone().first_at(timeline, theirs) } else { below }
    }
}
