//! What a node decides on its own part of a run: when its workers begin nothing more and when they
//! are cut, when it has left, how far what it counted is complete, and when that is sent.
//!
//! [`crate::member`] speaks with the lead, on the thread of the cluster; this is beside the
//! workers. Its owner passes on what it is told (`handle_*`), calls [`NodePart::handle_time`] after
//! each window, and does what [`NodePart::poll_effect`] gives.
//!
//! ## Why two clocks
//! The load follows the clock of the run, which stands still while the machine is suspended. A
//! lease must not outlast its time by that, so its clock goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use swell_core::RunInstant;
use swell_core::plan::Plan;
use swell_core::run::Pace;
use swell_core::schedule::{Arrivals, Numbering, Owner};

use crate::clock::LocalInstant;
use crate::last_words::HURRY;
use crate::message::{Ending, Orders};
use crate::stock::{NumberStock, NumbersHeld};

/// How often results are sent.
const DELTA: Duration = Duration::from_millis(500);

/// The present, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeInstant {
    /// On that of the run, which shows its first instant also before.
    pub run: RunInstant,
    /// On that of leases.
    pub local: LocalInstant,
}

/// Where the workers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Slots that are due and have not been started.
    pub waiting: u64,
    /// Whether no iteration is left to begin, and none is under way.
    pub iterations_are_over: bool,
    /// When the latest iteration to end did so; nothing where none took place.
    pub last_end: Option<RunInstant>,
}

/// What the node is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartEffect {
    /// Its workers begin nothing more. Nothing follows a cut.
    End(Ending),
    /// The lead is told that the node wants to leave.
    AskToLeave,
    /// A person is told that nobody takes its share over.
    SayStuck,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct NodePart {
    owner: Owner,
    pace: Pace,
    arrivals: Arrivals,
    /// Length of the measured part, where the clock ends it.
    measured: Option<Duration>,
    grace: Duration,
    /// The latest.
    orders: Arc<Orders>,
    measured_from: RunInstant,
    /// Until when the node may start slots; past before its first lease.
    lease_until: LocalInstant,
    /// Until when the node might start the slots that were its own.
    covered_until: RunInstant,
    /// Whether the lead was lost before the end.
    is_leaderless: bool,
    /// When what is under way is cut, once nothing begins any more.
    cut_at: Option<RunInstant>,
    was_cut: bool,
    is_leaving: bool,
    /// When the node stops waiting for slots that are due later than planned, because the rate has
    /// fallen.
    leaves_by: Option<RunInstant>,
    /// Nothing where nobody ever asks for iteration numbers.
    stock: Option<NumberStock>,
    /// Iterations that the node's users make, where each has its own.
    own_iterations: Option<u64>,
    next_delta: RunInstant,
    effects: VecDeque<PartEffect>,
}

impl NodePart {
    /// The part of a node that begins now, with its part of a plan, under its first orders.
    pub fn new(
        now: RunInstant,
        plan: &Plan,
        pace: Pace,
        owner: Owner,
        orders: Arc<Orders>,
    ) -> Self {
        // A node that comes later has no share yet.
        let dealt = orders.tables.last().map_or(0.0, |table| table.share(owner));
        let share = dealt.max(1.0 / orders.nodes.len().max(1) as f64);
        let timeline = plan.timeline();
        let starts = timeline.map(|timeline| timeline.rate_at(plan.measured_from()) * share);
        let users = plan.most_users();
        let mut part = Self {
            owner,
            pace,
            arrivals: plan.arrivals,
            measured: plan.stop.measured,
            grace: plan.grace,
            orders: Arc::clone(&orders),
            measured_from: plan.measured_from(),
            lease_until: LocalInstant::default(),
            covered_until: RunInstant::START,
            is_leaderless: false,
            cut_at: None,
            was_cut: false,
            is_leaving: false,
            leaves_by: None,
            stock: (users > 0).then(|| NumberStock::new(now, starts, users)),
            own_iterations: plan.own_iterations(),
            next_delta: now + DELTA,
            effects: VecDeque::new(),
        };
        part.handle_orders(now, orders);
        part
    }

    /// There are other orders.
    pub fn handle_orders(&mut self, now: RunInstant, orders: Arc<Orders>) {
        self.measured_from = orders.measured_from.unwrap_or(self.measured_from);
        let timeline = orders.timeline.as_ref();
        let rate = timeline.map_or(0.0, |timeline| timeline.rate_at(now));
        let at_once = timeline.and_then(|timeline| timeline.burst_at(now)).unwrap_or(0) as f64;
        self.orders = orders;
        let share = self.share();
        if let Some(stock) = &mut self.stock {
            stock.expect(rate * share, at_once * share);
        }
    }

    /// The node may start slots until then.
    pub const fn handle_lease(&mut self, until: LocalInstant) {
        self.lease_until = until;
    }

    /// The node begins nothing more from now on: it is told so, or sees it for itself.
    pub fn handle_end(&mut self, now: NodeInstant, workers: WorkerFacts, why: Ending) {
        self.cover(now);
        // The lead cannot be reached, and nobody says how the run goes on.
        self.is_leaderless |= !self.is_ending() && !self.holds_lease(now.local);
        if let Some(last) = workers.last_end.filter(|_| workers.iterations_are_over) {
            self.covered_until = last;
        }
        self.cut_at.get_or_insert(now.run + self.grace);
        self.order(why);
    }

    /// Nobody speaks for the node any more: there will be no lease either.
    pub fn handle_deserted(&mut self, now: NodeInstant, workers: WorkerFacts) {
        self.is_leaderless = true;
        self.handle_end(now, workers, Ending::Cut);
    }

    /// The node wants to leave: others are to have its share. Asked again it changes nothing.
    pub fn handle_leave(&mut self, now: RunInstant) {
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.leaves_by = Some(now + HURRY);
            self.effects.push_back(PartEffect::AskToLeave);
        }
    }

    /// A window is over.
    pub fn handle_time(&mut self, now: NodeInstant, workers: WorkerFacts) {
        self.cover(now);
        if !self.is_ending()
            && (self.is_time_over(now.run, workers) || self.has_left(now.run, workers))
        {
            self.handle_end(now, workers, Ending::Finished);
        }
        self.look_whether_stuck(now.run);
        // Nobody could be told what is done from here on.
        if self.is_leaving && !self.is_ending() && !self.holds_lease(now.local) {
            self.handle_end(now, workers, Ending::Cut);
        }
        if self.cut_at.is_some_and(|cut_at| now.run >= cut_at) {
            self.order(Ending::Cut);
        }
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<PartEffect> {
        self.effects.pop_front()
    }

    /// Whether what was counted is to be sent now; not again for half a second, if so.
    pub fn poll_delta(&mut self, now: RunInstant) -> bool {
        let is_due = now >= self.next_delta;
        if is_due {
            self.next_delta = now + DELTA;
        }
        is_due
    }

    /// Iteration numbers that the node would like to have: no more than its users can use, because
    /// what they leave is a gap in the numbers of the run.
    pub fn numbers_wanted(&mut self, now: RunInstant, held: NumbersHeld) -> u64 {
        let most = self
            .own_iterations
            .map_or(u64::MAX, |own| own.saturating_sub(held.used.saturating_add(held.left)));
        self.stock.as_mut().map_or(0, |stock| stock.wanted(now, held)).min(most)
    }

    /// Whether what begins now is measured.
    pub fn is_measuring(&self, now: RunInstant) -> bool {
        !self.is_ending() && now >= self.measured_from
    }

    /// Where the measured part begins.
    pub const fn measured_from(&self) -> RunInstant {
        self.measured_from
    }

    /// Until when the node might start the slots that were its own: those that it did not start by
    /// then are told as unsent.
    pub const fn covered_until(&self) -> RunInstant {
        self.covered_until
    }

    /// Whether the lead was lost before the end.
    pub const fn is_leaderless(&self) -> bool {
        self.is_leaderless
    }

    /// Whether the node wants to leave.
    pub const fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    const fn is_ending(&self) -> bool {
        self.cut_at.is_some()
    }

    /// Orders the workers to end. What was cut is not to finish any more.
    fn order(&mut self, why: Ending) {
        if !self.was_cut {
            self.was_cut = why == Ending::Cut;
            self.effects.push_back(PartEffect::End(why));
        }
    }

    /// Up to now nothing was left undone for want of a lease, or it is told as unsent.
    fn cover(&mut self, now: NodeInstant) {
        if !self.is_ending() && self.holds_lease(now.local) {
            self.covered_until = self.covered_until.max(now.run);
        }
    }

    fn is_time_over(&self, now: RunInstant, workers: WorkerFacts) -> bool {
        self.measured.is_some_and(|measured| now >= self.measured_from + measured)
            || workers.iterations_are_over
    }

    /// Whether the node wants to leave, and has nothing left to start. Users of the closed model
    /// have no slots to hand over.
    fn has_left(&self, now: RunInstant, workers: WorkerFacts) -> bool {
        let is_done = || {
            workers.waiting == 0
                && self.orders.are_done_with(self.owner, Numbering::new(self.arrivals), now)
        };
        let is_late = || {
            let has_no_share = self.orders.tables.last().is_some() && self.share() == 0.0;
            self.leaves_by.is_some_and(|by| now >= by) && has_no_share
        };
        self.is_leaving && (self.pace == Pace::Nothing || is_done() || is_late())
    }

    /// Says once if nobody takes the share of a node over that wants to leave.
    fn look_whether_stuck(&mut self, now: RunInstant) {
        if self.share() > 0.0 && self.leaves_by.take_if(|by| now >= *by).is_some() {
            self.effects.push_back(PartEffect::SayStuck);
        }
    }

    /// The node's share under the latest table.
    fn share(&self) -> f64 {
        self.orders.tables.last().map_or(0.0, |table| table.share(self.owner))
    }

    fn holds_lease(&self, now: LocalInstant) -> bool {
        now < self.lease_until
    }
}

#[cfg(test)]
mod tests;
