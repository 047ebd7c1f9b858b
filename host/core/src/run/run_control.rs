//! The control of a run: one state machine, whether this machine runs it alone or many nodes share
//! it.
//!
//! The driver tells the control what happened (`handle_*`), carries out what
//! [`RunControl::poll_effect`] gives, and shows what [`RunControl::poll_look`] gives. It tells the
//! control the time a few times a second with [`RunControl::handle_time`], and what was counted as
//! that comes: for a run on one machine in windows of its workers, for a run that nodes share in
//! counts and flows of these nodes. At the end [`RunControl::close`] gives what the run came to.
//!
//! ## How a run ends
//! A run *ends* once, for one cause, and nothing begins from then on; what is under way has the
//! plan's grace to finish. It is *cut* when the grace has passed, or when somebody asks a second
//! time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::command::{Command, Refusal, Standing};
use super::effect::{Effect, EndOrder, Notice};
use super::ending::{EndCause, EndRequest, is_hopeless};
use super::flow::Flowed;
use super::look::{ControlLook, Look, NodeLook};
use super::machine::MachineRecord;
use super::node::{NodeCounts, NodeFate, NodeId, NodePlace, UnknownStarts};
use super::outcome::RunOutcome;
use super::set_points::SetPoints;
use super::stops::{Second, StopWatch};
use super::totals::{NodeResult, NodeTotals};
use crate::RunInstant;
use crate::plan::Plan;
use crate::record::Snapshot;
use crate::schedule::Timeline;

/// How long workers have to send their last counts, once what was under way was cut: where a person
/// waits, and where nobody waits.
const LAST_WORDS: Duration = Duration::from_millis(700);
const LAST_WORDS_UNATTENDED: Duration = Duration::from_secs(20);

/// See the module's documentation.
#[derive(Debug)]
pub struct RunControl {
    state: ControlState,
    /// What was counted in the second that is shown.
    shown: Snapshot,
    look: Option<PendingLook>,
}

/// All that the control of a run knows: another control goes on from it exactly as the first would
/// have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunSnapshot {
    state: ControlState,
    /// A look that nobody has polled yet, with what was counted in its second. Outputs add up
    /// looks, and would miss that second.
    look: Option<(PendingLook, Snapshot)>,
}

/// What decides on the run, and what it comes to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ControlState {
    rules: EndRules,
    account: Account,
    set_points: SetPoints,
    stops: StopWatch,
    /// What each node counted. Where this machine runs alone, all counts come in windows until the
    /// end.
    nodes: BTreeMap<NodeId, NodeTotals>,
    /// Each node's part in the run.
    places: Vec<NodePlace>,
    /// Nodes that sent counts that are impossible.
    distrusted: BTreeSet<NodeId>,
    ending: Option<Drain>,
    was_cut: bool,
    last_words_until: Option<RunInstant>,
    effects: VecDeque<Effect>,
}

/// What in a plan decides when the run ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct EndRules {
    warm_up: Duration,
    warm_up_ends_when_steady: bool,
    measured: Option<Duration>,
    grace: Duration,
    lasts_until_stopped: bool,
    /// When slots are due, where the plan alone decides that.
    slots: Option<Timeline>,
}

/// The time after a run's end in which what is under way may finish.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Drain {
    cause: EndCause,
    /// Since when nothing begins any more.
    since: RunInstant,
    /// When what is under way is cut.
    cut_at: RunInstant,
}

/// What is to be shown, without the counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PendingLook {
    elapsed: Duration,
    is_ending: bool,
    span: Duration,
    users: u64,
    control: ControlLook,
    nodes: Vec<NodeLook>,
}

/// What this machine's own workers are doing, where it runs alone. A coordinator that takes part in
/// a run has nothing to say here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LocalFacts {
    /// Users that exist.
    pub users: u64,
    /// Present when no iteration is left to begin and none is under way.
    pub iterations: Option<IterationsOver>,
}

/// All iterations of a run are over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IterationsOver {
    /// When the last iteration ended; `None` where there was none.
    pub last_end: Option<RunInstant>,
    /// Slots that started an iteration or a transaction.
    pub slots: u64,
}

impl RunControl {
    /// A control for a run of this plan. `senders` workers of this machine, or nodes, send what
    /// went through in a window. `room` is how many users this machine holds, where that is fewer
    /// than the plan alone would allow.
    pub fn new(plan: &Plan, senders: usize, room: Option<u64>) -> Self {
        let rules = EndRules {
            warm_up: plan.warm_up,
            warm_up_ends_when_steady: plan.warm_up_ends_when_steady,
            measured: plan.stop.measured,
            grace: plan.grace,
            lasts_until_stopped: plan.lasts_until_stopped(),
            slots: if plan.control.is_some() { None } else { plan.timeline() },
        };
        let state = ControlState {
            rules,
            account: Account::new(plan),
            set_points: SetPoints::new(plan, senders, room),
            stops: StopWatch::new(plan.stop_rules.clone(), &plan.thresholds),
            nodes: BTreeMap::new(),
            places: Vec::new(),
            distrusted: BTreeSet::new(),
            ending: None,
            was_cut: false,
            last_words_until: None,
            effects: VecDeque::new(),
        };
        Self { state, shown: Snapshot::default(), look: None }
    }

    /// A copy of all that the control knows, with effects and a look that nobody has polled yet.
    pub fn snapshot(&self) -> RunSnapshot {
        let look = self.look.clone().map(|look| (look, self.shown.clone()));
        RunSnapshot { state: self.state.clone(), look }
    }

    /// A control that goes on where the snapshot was taken.
    pub fn restore(RunSnapshot { state, look }: RunSnapshot) -> Self {
        let (look, shown) = look.unzip();
        Self { state, shown: shown.unwrap_or_default(), look }
    }

    /// Somebody gives the run a command. If the run is ending already, commands to end do nothing,
    /// except a second interrupt, which cuts what is under way.
    ///
    /// # Errors
    /// Another goal or a pause is not for this run, or comes too late.
    pub fn handle_command(
        &mut self,
        now: RunInstant,
        command: Command,
    ) -> Result<Standing, Refusal> {
        let state = &mut self.state;
        match (command, &mut state.ending) {
            (Command::SetGoal(_) | Command::Pause(_), Some(_)) => return Err(Refusal::Ending),
            (Command::SetGoal(goal), None) => {
                return state.set_points.set_goal(now, goal, &mut state.effects);
            }
            (Command::Pause(paused), None) => {
                return state.set_points.pause(now, paused, &mut state.effects);
            }
            (Command::Interrupt, Some(ending)) => {
                ending.cause = EndCause::Signal;
                state.cut(now, LAST_WORDS);
            }
            (Command::Finish | Command::Stop, Some(_)) => {}
            // A run without an end of its own lasts until it is told to stop; that is its normal
            // end.
            (Command::Interrupt | Command::Stop, None) if state.rules.lasts_until_stopped => {
                state.end(now, EndCause::Finished, EndOrder::Finished);
            }
            (Command::Interrupt, None) => state.end(now, EndCause::Signal, EndOrder::Stopped),
            (Command::Stop, None) => state.end(now, EndCause::Stopped, EndOrder::Finished),
            (Command::Finish, None) => state.end(now, EndCause::Finished, EndOrder::Finished),
        }
        Ok(state.set_points.standing(now))
    }

    /// The scenario wants the run to end.
    pub fn handle_end_request(&mut self, now: RunInstant, request: EndRequest) {
        let state = &mut self.state;
        if state.ending.is_some() {
            return;
        }
        match request {
            // Iterations that have taken a row go on to their end; the last of them ends the run.
            EndRequest::FeedExhausted(feed) => {
                state.effects.push_back(Effect::Say(Notice::FeedExhausted(feed)));
                state.effects.push_back(Effect::CloseIterations);
            }
            request => state.end(now, EndCause::Scenario(request), EndOrder::Stopped),
        }
    }

    /// A worker sent the counts of a window, where this machine runs alone.
    pub fn handle_window(&mut self, counted: &Snapshot, flowed: &Flowed) {
        self.state.account.recent.merge(counted);
        self.state.set_points.handle_flowed(flowed);
    }

    /// A node sent counts. They are left out if the node has ever sent counts that are impossible.
    pub fn handle_counts(&mut self, node: NodeId, counts: &NodeCounts) {
        let state = &mut self.state;
        if !state.distrusted.contains(&node) {
            state.account.recent.merge(&counts.counted);
            state.nodes.entry(node).or_default().add(counts);
        }
    }

    /// A node sent counts that are impossible.
    pub fn handle_garbled_counts(&mut self, node: NodeId, error: String) {
        let state = &mut self.state;
        if state.distrusted.insert(node) {
            let place = state.places.iter().find(|place| place.id == node);
            let name = place.map_or_else(|| "?".to_owned(), |place| place.name.clone());
            state.effects.push_back(Effect::Say(Notice::Garbled { node: name, error }));
            state.effects.push_back(Effect::Distrust(node));
        }
    }

    /// What went through on a node in a window.
    pub fn handle_flowed(&mut self, flowed: &Flowed) {
        self.state.set_points.handle_flowed(flowed);
    }

    /// The nodes' parts in the run have changed.
    pub fn handle_places(&mut self, now: RunInstant, places: Vec<NodePlace>) {
        let present = places.iter().filter(|place| place.is_present).count();
        self.state.set_points.handle_nodes(now, present);
        self.state.places = places;
    }

    /// Time has passed: windows end, a look is due once a second, and the run may be over.
    pub fn handle_time(&mut self, now: RunInstant, here: LocalFacts) {
        let state = &mut self.state;
        if state.ending.is_none() {
            state.set_points.handle_time(now, here.users, &mut state.effects);
        }
        let is_ending = state.ending.is_some();
        let span = state.account.add_up(
            now,
            is_ending,
            &mut state.set_points,
            &mut self.shown,
            &mut state.effects,
        );
        if let Some(span) = span {
            self.look = Some(state.look(now, is_ending, span, here.users));
        }
        match &state.ending {
            None => state.end_if_over(now, here),
            Some(ending) if now >= ending.cut_at && !state.was_cut => {
                state.cut(now, LAST_WORDS_UNATTENDED);
            }
            Some(_) => {}
        }
        if let (Some(span), false) = (span, is_ending) {
            state.judge(now, span, &self.shown);
        }
    }

    /// The next effect to carry out.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.state.effects.pop_front()
    }

    /// What is to be shown, once a second.
    pub fn poll_look(&mut self) -> Option<Look<'_>> {
        let PendingLook { elapsed, is_ending, span, users, control, nodes } = self.look.take()?;
        let warm_up = self.state.account.warm_up;
        let ending = self.state.ending.as_ref();
        Some(Look {
            elapsed,
            warm_up,
            ends_at: self.state.rules.measured.map(|measured| warm_up + measured),
            is_ending,
            cut_at: ending.map(|ending| ending.cut_at.since(RunInstant::START)),
            total: &self.state.account.total,
            recent: (&self.shown, span),
            users,
            control,
            nodes,
            broken: self.state.stops.broken(),
        })
    }

    /// Until when workers may send their last counts, once what was under way was cut.
    pub const fn last_words_until(&self) -> Option<RunInstant> {
        self.state.last_words_until
    }

    /// Whether nothing begins any more.
    pub const fn is_ending(&self) -> bool {
        self.state.ending.is_some()
    }

    /// Whether what begins now is measured.
    pub fn is_measuring(&self, now: RunInstant) -> bool {
        self.state.ending.is_none() && now >= self.state.account.measured_from()
    }

    /// What was counted since the last look.
    pub const fn since_last_look(&self) -> &Snapshot {
        &self.state.account.recent
    }

    /// What the run came to. `began_at` is its first instant, as the time since the Unix epoch;
    /// `fates` are what became of each node, where several shared the run.
    ///
    /// If no cause had ended the run, its nodes had come to the end of their iterations, or had all
    /// left.
    pub fn close(self, now: RunInstant, began_at: Duration, fates: Vec<NodeFate>) -> RunOutcome {
        let ControlState {
            rules,
            mut account,
            set_points,
            stops,
            mut nodes,
            distrusted,
            ending,
            ..
        } = self.state;
        account.total.merge(&account.recent);
        let sum = |of: fn(&NodeTotals) -> u64| nodes.values().map(of).fold(0, u64::saturating_add);
        let all_left = || fates.iter().all(|fate| fate.has_left);
        let (cause, end) = ending.map_or_else(
            || {
                // The run ended with its iterations; what the nodes still had to send came later.
                let last = nodes.values().filter_map(|node| node.last_end).max().unwrap_or(now);
                let end = rules.end_of_slots(last, sum(|node| node.slots)).min(now);
                (if all_left() { EndCause::Deserted } else { EndCause::Finished }, end)
            },
            |ending| (ending.cause, ending.since),
        );
        let lasted = end.since(RunInstant::START);
        let warm_up = account.warm_up.min(lasted);
        let mut machine = MachineRecord::default();
        nodes.values().for_each(|node| machine.merge(&node.machine));
        let mut outcome = RunOutcome {
            cause,
            snapshot: account.total,
            measured: (lasted - warm_up).min(rules.measured.unwrap_or(Duration::MAX)),
            warm_up,
            is_steady: rules.warm_up_ends_when_steady.then(|| account.warm_up < rules.warm_up),
            requests_written: sum(|node| node.requests_written),
            users_at_once: sum(|node| node.users_at_once),
            acted: NodeTotals::acted(nodes.values()),
            began_at,
            machine,
            control: set_points.record(),
            limits: Vec::new(),
            batches: account.batches,
            nodes: Vec::new(),
            broken: stops.into_broken(),
        };
        // Where nothing ever began, nothing limited it.
        if !outcome.nothing_began() {
            outcome.limits = set_points.into_limits();
        }
        let result = |mut fate: NodeFate| {
            if distrusted.contains(&fate.id) {
                // How much the node started in truth, nobody knows.
                fate.unknown = UnknownStarts { least: 0, most: None };
                fate.is_complete = false;
            }
            NodeResult { totals: nodes.remove(&fate.id).unwrap_or_default(), fate }
        };
        outcome.nodes = fates.into_iter().map(result).collect();
        outcome
    }
}

impl ControlState {
    fn end(&mut self, now: RunInstant, cause: EndCause, order: EndOrder) {
        let grace = self.rules.grace;
        if order == EndOrder::Stopped {
            self.effects.push_back(Effect::Say(Notice::Ending { grace }));
        }
        self.effects.push_back(Effect::End(order));
        self.ending = Some(Drain { cause, since: now, cut_at: now + grace });
    }

    fn cut(&mut self, now: RunInstant, last_words: Duration) {
        let until = now + last_words;
        self.was_cut = true;
        self.last_words_until =
            Some(self.last_words_until.map_or(until, |earlier| earlier.min(until)));
        self.effects.push_back(Effect::Cut);
    }

    /// Ends the run if it is over by itself.
    fn end_if_over(&mut self, now: RunInstant, here: LocalFacts) {
        let measured_from = self.account.measured_from();
        if self.rules.measured.is_some_and(|measured| now >= measured_from + measured) {
            self.end(now, EndCause::Finished, EndOrder::Planned);
        } else if self.set_points.is_over() {
            self.end(now, EndCause::Finished, EndOrder::Finished);
        } else if let Some(IterationsOver { last_end, slots }) = here.iterations {
            self.end(now, EndCause::Finished, EndOrder::Finished);
            // The run ended when the last iteration did, and not now.
            if let (Some(ending), Some(last)) = (&mut self.ending, last_end) {
                ending.since = self.rules.end_of_slots(last, slots).min(now);
            }
        } else {
            let of_nodes = self.nodes.values().map(|node| node.users);
            let alive = of_nodes.fold(here.users, u64::saturating_add);
            let elapsed = now.since(RunInstant::START);
            if is_hopeless(&self.account.total, elapsed, alive) {
                self.end(now, EndCause::Hopeless, EndOrder::Stopped);
            }
        }
    }

    /// Judges the second that is over, and ends the run if that breaks what ends it.
    fn judge(&mut self, now: RunInstant, span: Duration, counted: &Snapshot) {
        if self.set_points.is_paused() {
            self.stops.handle_pause();
            return;
        }
        let measured_from = self.account.measured_from();
        let total = &self.account.total;
        let second = Second { now, span, counted, total, measured_from };
        if let Some(broken) = self.stops.handle_second(&second, self.ending.is_none()) {
            self.effects.push_back(Effect::Say(Notice::Broken(broken.clone())));
            self.end(now, EndCause::Broken(broken), EndOrder::Stopped);
        }
    }

    fn look(
        &mut self,
        now: RunInstant,
        is_ending: bool,
        span: Duration,
        users_here: u64,
    ) -> PendingLook {
        let Self { nodes, places, set_points, .. } = self;
        // The users of a node that is not heard of are unknown.
        let present = places.iter().filter(|place| place.is_present);
        let users = present.filter_map(|place| nodes.get(&place.id)).map(|node| node.users);
        PendingLook {
            elapsed: now.since(RunInstant::START),
            is_ending,
            span,
            users: users.fold(users_here, u64::saturating_add),
            control: set_points.look(now),
            nodes: places
                .iter()
                .map(|place| nodes.entry(place.id).or_default().look(now, place))
                .collect(),
        }
    }
}

impl EndRules {
    /// When a run was over that ended with its iterations, the last of them at `last`: each of the
    /// `started` slots lasts until the next one would have been due.
    fn end_of_slots(&self, last: RunInstant, started: u64) -> RunInstant {
        let next = self.slots.as_ref().and_then(|slots| slots.instant_of(started as f64));
        next.map_or(last, |next| last.max(next))
    }
}

#[cfg(test)]
mod tests;
