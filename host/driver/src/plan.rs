//! What can run: a plan, and how its requests are sent.

use std::time::Duration;

use swell_client::Options;
use swell_core::RunInstant;
use swell_core::dispatch::{DispatchLimits, Dispatcher};
use swell_core::plan::{LoadModel, Plan, Search, Users};
use swell_core::run::{Pace, objective_in_words};
use swell_core::schedule::{
    Arrivals, Cursor, Law, Owner, Profile, ShareTable, Stripe, Timeline, UserProfile,
};
use swell_core::units::{Rate, counted, grouped, print_duration, print_rate};

use crate::machine;

/// A scenario of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedScenario {
    /// Its index in the file.
    pub index: u32,
    /// Whether its `start` and `stop` do anything.
    pub has_start: bool,
}

/// What can run: the load, and how its requests are sent. Nothing after this checks anything again.
pub struct RunPlan {
    /// The load.
    pub plan: Plan,
    /// The number of worker threads; never more than users, so that no worker has slots that it
    /// cannot start.
    pub workers: usize,
    /// How requests are sent.
    pub client: Options,
    /// Whether requests say which trace they are a part of.
    pub traceparent: bool,
    /// What its users act, in the order of the mix.
    pub scenarios: Vec<PlannedScenario>,
    /// Whether this machine holds fewer users than the plan alone would allow.
    pub lacks_room: bool,
    /// Whether a run that is INVALID is to end as any other.
    pub accepts_invalid: bool,
    /// Whether the run may pass if every transaction failed.
    pub allow_all_failed: bool,
    /// Users that are made before the first start, where making one takes long.
    pub users_ahead: u32,
    /// How long that takes.
    pub time_ahead: Duration,
}

impl RunPlan {
    /// The number of worker threads for a plan on this machine.
    pub fn workers_for(plan: &Plan) -> usize {
        machine::allowed_cores().min(plan.most_users() as usize).max(1)
    }

    /// Has users made before the first start where making one takes long, which is `each`.
    pub fn make_users_ahead(&mut self, each: Duration) {
        let workers = u32::try_from(self.workers).unwrap_or(u32::MAX);
        self.users_ahead = self.plan.users_ahead(each, workers);
        // One was made alone; side by side they take longer.
        self.time_ahead = 2 * each * self.users_ahead.div_ceil(workers);
    }

    /// The users that worker number `index` makes before the first start.
    pub(crate) fn users_ahead_of(&self, index: usize) -> u32 {
        let (workers, index) = (self.workers as u32, index as u32);
        self.users_ahead / workers + u32::from(index < self.users_ahead % workers)
    }

    /// How many users this machine holds, where those are fewer than the plan alone would allow.
    pub fn room(&self) -> Option<u64> {
        self.lacks_room.then(|| u64::from(self.plan.most_users()))
    }

    /// What paces the users.
    pub fn pace(&self) -> Pace {
        match self.plan.load {
            LoadModel::Transactions { .. } => Pace::Transactions,
            LoadModel::Iterations { .. } => Pace::Iterations,
            LoadModel::Closed { .. } | LoadModel::ClosedStages { .. } => Pace::Nothing,
        }
    }

    /// The dispatcher of one worker. In the closed model it has no slots, and only keeps the number
    /// of users.
    pub fn dispatcher(&self, worker: usize) -> Dispatcher {
        let (cursor, limits) = self.slots_and_limits(worker);
        Dispatcher::new(cursor, limits)
    }

    /// The same where the slots are dealt out among several nodes.
    pub fn dispatcher_of_cluster(&self, worker: usize) -> Dispatcher {
        let (cursor, limits) = self.slots_and_limits(worker);
        Dispatcher::of_cluster(cursor, limits)
    }

    fn slots_and_limits(&self, worker: usize) -> (Cursor, DispatchLimits) {
        let (index, workers) = (worker as u32, self.workers as u32);
        let no_slots = || {
            Cursor::new(
                Timeline::new(Law::Constant(0.0)),
                Arrivals::Uniform,
                Stripe::WHOLE,
                RunInstant::START,
                0,
            )
        };
        (
            self.plan.cursor(index, workers).unwrap_or_else(no_slots),
            self.plan.limits(index, workers),
        )
    }

    /// The plan of one of `nodes` nodes, the one that is called `owner` in the table of shares.
    pub fn for_part(&self, table: Option<&ShareTable>, owner: Owner, nodes: usize) -> Self {
        let plan = self.plan.part(table, owner, nodes);
        let workers = Self::workers_for(&plan);
        let dealt = table.map(|table| table.share(owner)).filter(|share| *share > 0.0);
        let share = dealt.unwrap_or(1.0 / nodes as f64);
        let users_ahead = (f64::from(self.users_ahead) * share).ceil() as u32;
        let users_ahead = users_ahead.min(plan.first_users());
        let (scenarios, client) = (self.scenarios.clone(), self.client.clone());
        Self { plan, workers, scenarios, users_ahead, client, ..*self }
    }

    /// Whether only a signal ends it.
    pub fn lasts_until_stopped(&self) -> bool {
        self.plan.lasts_until_stopped()
    }

    /// How the highest rate is searched; `None` where a rate is held.
    pub fn search(&self) -> Option<Search> {
        self.plan.control.as_ref().and_then(|control| control.search)
    }

    /// The load model in words.
    pub fn model(&self) -> String {
        let users = |users: &Users| match users {
            Users::OnDemand { max } => format!("at most {}", counted(u64::from(*max), "user")),
            Users::Exactly(users) => format!("exactly {}", counted(u64::from(*users), "user")),
        };
        let spread =
            if self.plan.arrivals == Arrivals::Uniform { "" } else { ", Poisson arrivals" };
        if let (Some(control), LoadModel::Transactions { users: who, .. }) =
            (&self.plan.control, &self.plan.load)
        {
            let objectives: Vec<String> =
                control.objectives.iter().map(objective_in_words).collect();
            let most = control
                .target
                .map_or_else(String::new, |target| format!(" up to {}", print_rate(target)));
            return format!(
                "open model, transactions{most} with {}{spread}, {}",
                objectives.join(" and "),
                users(who)
            );
        }
        match &self.plan.load {
            LoadModel::Transactions { profile, users: who } => {
                let starts = self.starts(profile, "transactions");
                format!("open model, {starts}{spread}, {}", users(who))
            }
            LoadModel::Iterations { profile, users: who } => {
                let starts = self.starts(profile, "iterations");
                format!("open model, {starts}{spread}, {}", users(who))
            }
            LoadModel::Closed { users } => {
                let each = self.plan.stop.iterations_each.map_or_else(String::new, |each| {
                    format!(", {} each", counted(each, "iteration"))
                });
                format!("closed model, {}{each}", counted(u64::from(*users), "user"))
            }
            LoadModel::ClosedStages { profile } => {
                format!("closed model, {} users", self.users_over_time(profile))
            }
        }
    }

    /// How long it goes on, in words.
    pub fn length(&self) -> String {
        if let Some(search) = self.search() {
            return format!(
                "each rate for {}, within {}",
                print_duration(search.hold),
                print_duration(search.budget)
            );
        }
        match (self.plan.stop.measured, self.plan.stop.iterations) {
            (Some(time), Some(count)) => {
                format!("for {} or {}", print_duration(time), counted(count, "iteration"))
            }
            (Some(time), None) => format!("for {}", print_duration(time)),
            (None, Some(count)) => format!("for {}", counted(count, "iteration")),
            (None, None) => "until Ctrl-C".to_owned(),
        }
    }

    /// Starts a second at the end of the profile, or on average where they come in bursts; the
    /// highest rate where objectives decide, and `None` in the closed model.
    pub fn asked_per_second(&self) -> Option<f64> {
        if let Some(control) = &self.plan.control {
            return control.target;
        }
        let profile = match &self.plan.load {
            LoadModel::Transactions { profile, .. } | LoadModel::Iterations { profile, .. } => {
                profile
            }
            LoadModel::Closed { .. } | LoadModel::ClosedStages { .. } => return None,
        };
        match profile {
            Profile::Stages { opening, stages } => {
                stages.last().map(|stage| stage.to).or(opening.map(Rate::per_second))
            }
            Profile::Bursts(bursts) => Some(bursts.mean()),
        }
    }

    /// How many of these start, one rate after the other.
    fn starts(&self, profile: &Profile, what: &str) -> String {
        let (opening, stages) = match profile {
            Profile::Stages { opening, stages } => (opening.map(Rate::per_second), stages),
            Profile::Bursts(bursts) => {
                let (size, every) = (grouped(bursts.size()), print_duration(bursts.every()));
                return format!("{size} {what} at once each {every}");
            }
        };
        let stages = stages.iter().map(|stage| stage.to);
        let Some(shape) = &self.plan.shape else {
            let rates = opening.into_iter().chain(stages).map(print_rate);
            return format!("{} {what}", rates.collect::<Vec<_>>().join(" to "));
        };
        let first = opening.unwrap_or(0.0);
        let (least, most) =
            stages.fold((first, first), |(least, most), rate| (least.min(rate), most.max(rate)));
        format!("{shape} ({} to {}) {what}", print_rate(least), print_rate(most))
    }

    /// The numbers of users between which stages lead, or the formula that says them.
    fn users_over_time(&self, profile: &UserProfile) -> String {
        let users = profile.stages().iter().map(|stage| stage.to);
        let shown = |users: u32| grouped(u64::from(users));
        if let Some(shape) = &self.plan.shape {
            let (least, most) = (users.clone().min(), users.max());
            let [least, most] = [least, most].map(|users| shown(users.unwrap_or(0)));
            return format!("{shape} ({least} to {most})");
        }
        let jumps = profile.stages().first().is_some_and(|stage| stage.over.is_zero());
        let first = (!jumps).then_some(0);
        first.into_iter().chain(users).map(shown).collect::<Vec<_>>().join(" to ")
    }
}
