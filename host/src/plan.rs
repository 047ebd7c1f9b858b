//! From what was typed to what can run: the one place where settings meet the scenario and the
//! machine.

use std::io;

use anyhow::{Context as _, anyhow};
use swell_client::{AllowList, ClientIdentity, Options, TlsOptions, header};
use swell_core::RunInstant;
use swell_core::dispatch::{Dispatcher, Limits, Spawn};
use swell_core::plan::{DEFAULT_MAX_USERS, LoadModel, Plan, PlanInput, Search, Users};
use swell_core::run::{Pace, objective_in_words};
use swell_core::schedule::{Arrivals, Cursor, Law, Stripe, Timeline};
use swell_core::units::{Rate, counted, print_duration, print_rate};
use swell_engine::ScenarioInfo;

use crate::machine;
use crate::settings::flags::{AcceptArg, ArrivalsArg, Settings};

/// What can run: the load, and how its requests are sent. Nothing after it checks anything again.
pub(crate) struct RunPlan {
    pub(crate) plan: Plan,
    /// Worker threads; never more than users, so that no worker owns slots that it cannot start.
    pub(crate) workers: usize,
    pub(crate) client: Options,
    /// Whether the scenario's `start` and `stop` do anything.
    pub(crate) has_start: bool,
    /// Whether there may be no more users than this machine holds, where the plan alone would allow
    /// more.
    pub(crate) lacks_room: bool,
    /// Whether a run that is INVALID is to end as any other.
    pub(crate) accepts_invalid: bool,
    /// Whether the run may pass if every transaction failed.
    pub(crate) allow_all_failed: bool,
}

impl RunPlan {
    /// The plan for these settings and this scenario; `room` is how many users this machine holds.
    ///
    /// # Errors
    /// Settings that contradict each other or make no sense: the error names key, value and cure.
    /// Files that cannot be read.
    pub(crate) fn new(
        settings: &Settings,
        search: Option<Search>,
        scenario: &ScenarioInfo,
        seed: u64,
        room: u32,
    ) -> anyhow::Result<Self> {
        let plan = Plan::new(PlanInput {
            tps: settings.tps,
            rate: settings.rate,
            vus: settings.vus,
            max_vus: settings.max_vus,
            objectives: settings.latency.iter().chain(&settings.error_rate).cloned().collect(),
            search,
            start_tps: settings.start_tps,
            stages: settings.stage.clone(),
            duration: settings.duration,
            iterations: settings.iterations,
            warmup: settings.warmup,
            grace: settings.grace,
            max_lag: settings.max_lag,
            spawn_rate: settings.spawn_rate,
            poisson: settings.arrivals == Some(ArrivalsArg::Poisson),
            seed,
            thresholds: settings.threshold.clone(),
            has_start: scenario.has_start,
            room: Some(room),
        })
        .map_err(|error| anyhow!("{}", as_flags(&error.to_string())))?;
        let workers = machine::allowed_cores().min(plan.most_users() as usize).max(1);
        let on_demand = matches!(
            plan.load,
            LoadModel::Transactions { users: Users::OnDemand { .. }, .. }
                | LoadModel::Iterations { users: Users::OnDemand { .. }, .. }
        );
        Ok(Self {
            workers,
            client: client_options(settings)?,
            has_start: scenario.has_start,
            lacks_room: on_demand && settings.max_vus.is_none() && room < DEFAULT_MAX_USERS,
            accepts_invalid: settings.accept == Some(AcceptArg::Invalid),
            allow_all_failed: settings.allow_all_failed,
            plan,
        })
    }

    /// How many users this machine holds, where those are fewer than the plan alone would allow.
    pub(crate) fn room(&self) -> Option<u64> {
        self.lacks_room.then(|| u64::from(self.plan.most_users()))
    }

    /// What paces the users.
    pub(crate) fn pace(&self) -> Pace {
        match self.plan.load {
            LoadModel::Transactions { .. } => Pace::Transactions,
            LoadModel::Iterations { .. } => Pace::Iterations,
            LoadModel::Closed { .. } => Pace::Nothing,
        }
    }

    /// The dispatcher of one worker. In the closed model it has no slots and keeps the number of
    /// users alone.
    pub(crate) fn dispatcher(&self, worker: usize) -> Dispatcher {
        let (cursor, limits) = self.slots_and_limits(worker);
        Dispatcher::new(cursor, limits)
    }

    /// The same where the slots are dealt out among several hosts.
    pub(crate) fn dispatcher_of_cluster(&self, worker: usize) -> Dispatcher {
        let (cursor, limits) = self.slots_and_limits(worker);
        Dispatcher::of_cluster(cursor, limits)
    }

    fn slots_and_limits(&self, worker: usize) -> (Cursor, Limits) {
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

    /// The plan of one of several hosts, whose part of the users goes from one place of a whole to
    /// another.
    pub(crate) fn for_part(&self, from: f64, until: f64, hosts: usize) -> Self {
        let share = if until > from { until - from } else { 1.0 / hosts as f64 };
        let spawn = match self.plan.spawn {
            Spawn::At(rate) => {
                Rate::new(rate.per_second() * share).map_or(Spawn::At(rate), Spawn::At)
            }
            Spawn::AtOnce => Spawn::AtOnce,
        };
        let plan =
            Plan { load: self.plan.load.part(from, until, hosts), spawn, ..self.plan.clone() };
        let workers = machine::allowed_cores().min(plan.most_users() as usize).max(1);
        Self { plan, workers, client: self.client.clone(), ..*self }
    }

    /// Whether only a signal ends it.
    pub(crate) fn lasts_until_stopped(&self) -> bool {
        self.plan.lasts_until_stopped()
    }

    /// How the highest rate is searched, where it is.
    pub(crate) fn search(&self) -> Option<Search> {
        self.plan.control.as_ref().and_then(|control| control.search)
    }

    /// The load model in words.
    pub(crate) fn model(&self) -> String {
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
            LoadModel::Transactions { profile, users: who } => format!(
                "open model, {} transactions{spread}, {}",
                rates(profile.opening.map(swell_core::units::Rate::per_second), &profile.stages),
                users(who)
            ),
            LoadModel::Iterations { profile, users: who } => format!(
                "open model, {} iterations{spread}, {}",
                rates(profile.opening.map(swell_core::units::Rate::per_second), &profile.stages),
                users(who)
            ),
            LoadModel::Closed { users } => {
                format!("closed model, {}", counted(u64::from(*users), "user"))
            }
        }
    }

    /// How long it goes on, in words.
    pub(crate) fn length(&self) -> String {
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

    /// Starts a second that the profile ends with, or the most where objectives decide; nothing in
    /// the closed model.
    pub(crate) fn asked_per_second(&self) -> Option<f64> {
        if let Some(control) = &self.plan.control {
            return control.target;
        }
        let profile = match &self.plan.load {
            LoadModel::Transactions { profile, .. } | LoadModel::Iterations { profile, .. } => {
                profile
            }
            LoadModel::Closed { .. } => return None,
        };
        profile
            .stages
            .last()
            .map(|stage| stage.to)
            .or(profile.opening.map(swell_core::units::Rate::per_second))
    }
}

fn rates(opening: Option<f64>, stages: &[swell_core::schedule::Stage]) -> String {
    let rates = opening.into_iter().chain(stages.iter().map(|stage| stage.to)).map(print_rate);
    rates.collect::<Vec<_>>().join(" to ")
}

/// The plan's keys as the flags that a user typed.
fn as_flags(message: &str) -> String {
    message
        .replace("max_vus", "max-vus")
        .replace("max_lag", "max-lag")
        .replace("spawn_rate", "spawn-rate")
        .replace("error_rate", "error-rate")
        .replace("start_tps", "start-tps")
}

/// How requests are sent; `hosts` are those that the scenario names itself.
///
/// # Errors
/// Files that cannot be read, and settings that are none: the error names the flag.
pub(crate) fn client_options(settings: &Settings) -> anyhow::Result<Options> {
    let identity = match (&settings.cert, &settings.key) {
        (Some(certificate), Some(key)) => {
            Some(ClientIdentity { certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    let tls = TlsOptions {
        ca_files: settings.ca_cert.clone(),
        identity,
        insecure: settings.insecure,
        ..TlsOptions::default()
    };
    let mut options = Options::new(tls.load()?);
    options.target = settings.target.clone();
    options.allow =
        AllowList::parse(settings.allow_host.iter().map(String::as_str)).context("--allow-host")?;
    options.sources = settings.source_ip.clone();
    if let Some(timeout) = settings.timeout {
        options.timeouts.response = timeout;
        options.timeouts.whole = options.timeouts.whole.max(timeout * 2);
    }
    if let Some(timeout) = settings.connect_timeout {
        options.timeouts.connect = timeout;
        options.timeouts.tls = timeout;
    }
    for line in &settings.header {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| anyhow!("--header {line:?}: a name, ':' and a value are needed"))?;
        options.headers.push(
            header(name.trim(), value.trim())
                .map_err(|error| io::Error::other(error.to_string()))
                .with_context(|| format!("--header {:?}", name.trim()))?,
        );
    }
    Ok(options)
}
