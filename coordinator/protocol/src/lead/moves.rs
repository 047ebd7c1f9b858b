//! How slots move from node to node.
//!
//! A move is a new table. It is in force from a slot on that was promised to no node that loses
//! slots by it ([`crate::lease::Grants`]). When a node is lost, the others only gain, so only the
//! lost node's own lease must have ended. Any other move (a node comes, or comes back, or is
//! strained) takes a little from many nodes, so it begins a whole lease ahead. No node is moved
//! twice within three seconds, and a node that is lost again and again stays away longer each time:
//! a link that fails now and then must not shake the load of all nodes.

use swell_core::RunInstant;
use swell_core::schedule::ShareTable;

use crate::clock::LocalInstant;
use crate::lead::event::LeadEvent;
use crate::lead::node::{BETWEEN_MOVES, NodeStanding, NodeState};
use crate::lead::state::LeadState;
use crate::message::NodeId;

impl LeadState {
    /// Moves the slots that are to be moved at this instant of the run.
    pub(super) fn move_slots(&mut self, now: LocalInstant, run_now: RunInstant) {
        let lost = self.nodes_that(|node| node.is_lost(now));
        let mut has_moved = !lost.is_empty();
        for id in lost {
            self.handle_lost(now, id);
        }
        let leaving =
            self.nodes_that(|node| node.standing == NodeStanding::Inside && node.wants_to_leave);
        for id in leaving {
            has_moved |= self.let_go(now, id);
        }
        let reached = self
            .nodes
            .values()
            .filter(|node| !node.inbox.is_complete())
            .map(|node| node.inbox.frontier().reached)
            .min();
        self.tables.forget(now, self.slot_at(run_now), reached.unwrap_or(u64::MAX));
        has_moved |= self.rebalance(now, run_now);
        // One move is enough, however many nodes are lost or come at a time.
        if has_moved {
            self.publish();
        }
    }

    fn nodes_that(&self, is_meant: impl Fn(&NodeState) -> bool) -> Vec<NodeId> {
        self.nodes.iter().filter(|(_, node)| is_meant(node)).map(|(id, _)| *id).collect()
    }

    fn handle_lost(&mut self, now: LocalInstant, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.handle_lost(now);
        self.deal_out(now, id, NodeStanding::Lost);
        self.events.push_back(LeadEvent::Lost(id));
    }

    /// Gives the share of a node that wants to leave to the others, if any of them can take it;
    /// returns whether it did.
    fn let_go(&mut self, now: LocalInstant, id: NodeId) -> bool {
        let is_heir = |(other, node): (&NodeId, &NodeState)| {
            *other != id && node.is_to_be_heard() && node.weight > Some(0.0)
        };
        let has_heirs = self.nodes.iter().any(is_heir);
        if has_heirs {
            self.deal_out(now, id, NodeStanding::Left);
            self.events.push_back(LeadEvent::Left(id));
        }
        has_heirs
    }

    /// Deals a node's slots out to the others, from the first slot on that the node cannot have
    /// started.
    fn deal_out(&mut self, now: LocalInstant, id: NodeId, standing: NodeStanding) {
        let notice = self.notice(now);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        (node.standing, node.moved_at) = (standing, Some(now));
        let from = if self.orders.timeline.is_some() { node.bound().max(notice) } else { 0 };
        let owner = node.owner;
        let weights = self.weights();
        self.tables.remove(now, owner, from, &weights);
    }

    /// Draws the table up anew where a node without slots is to get some, or where a node has more
    /// than it can bear. Returns whether it did.
    fn rebalance(&mut self, now: LocalInstant, run_now: RunInstant) -> bool {
        let here = self.slot_at(run_now);
        let is_settled = self.tables.last().is_none_or(|table| table.from <= here);
        if !is_settled || !self.change_standings(now) {
            return false;
        }
        self.rebalanced_at = Some(now);
        let bound = self.nodes.values().map(NodeState::bound).max().unwrap_or(0);
        // The closed model has no slots, so a move waits for none.
        let from = self.orders.timeline.as_ref().map_or(0, |_| bound.max(self.notice(now)));
        self.tables.append(now, ShareTable::of_weights(from, &self.weights()));
        true
    }

    /// Lets nodes in, lets them return, and takes load from strained ones. Returns whether there
    /// were any.
    fn change_standings(&mut self, now: LocalInstant) -> bool {
        // A node that comes for the first time need not wait for that.
        let is_early =
            self.rebalanced_at.is_some_and(|rebalanced| now.since(rebalanced) < BETWEEN_MOVES);
        // If all nodes are strained, there is no node to which load could go.
        let is_any_free = self.nodes.values().any(NodeState::is_free);
        let mut has_changed = false;
        for (id, node) in self.nodes.iter_mut().filter(|(_, node)| node.may_take_part(now)) {
            match node.standing {
                NodeStanding::Outside => self.events.push_back(LeadEvent::Joined(*id)),
                NodeStanding::Lost if !is_early && node.may_return(now) => {
                    node.handle_return(now);
                    self.events.push_back(LeadEvent::Back(*id));
                }
                NodeStanding::Inside
                    if !is_early && is_any_free && node.is_overburdened() && node.may_move(now) =>
                {
                    node.relieve();
                    self.events.push_back(LeadEvent::Relieved(*id));
                }
                NodeStanding::Lost | NodeStanding::Inside | NodeStanding::Left => continue,
            }
            node.standing = NodeStanding::Inside;
            node.moved_at = Some(now);
            has_changed = true;
        }
        has_changed
    }
}
