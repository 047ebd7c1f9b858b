//! From what was typed to what can run: the one place where settings meet the scenario and the machine.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::dispatch::{Growth, Limits, Spawn};
use swell_core::schedule::{Arrivals, Cursor, Profile, Stripe, Timeline};

use crate::args::Settings;
use crate::driver::Pace;
use swell_engine::ScenarioInfo;

/// What can run. Nothing after it checks anything again.
pub(crate) struct RunPlan {
    pub(crate) workers: usize,
    pub(crate) pace: Pace,
    pub(crate) profile: Option<Profile>,
    pub(crate) arrivals: Arrivals,
    pub(crate) users: u32,
    pub(crate) exactly: bool,
    pub(crate) spawn: Spawn,
    pub(crate) max_lag: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Option<Duration>,
    pub(crate) iterations: Option<u64>,
    pub(crate) grace: Duration,
    pub(crate) has_start: bool,
    pub(crate) client: swell_client::Options,
}

impl RunPlan {
    pub(crate) fn new(settings: &Settings, scenario: &ScenarioInfo, seed: u64) -> anyhow::Result<Self> {
        let tls = swell_client::TlsOptions { insecure: settings.insecure, ..Default::default() }.load()?;
        let mut client = swell_client::Options::new(tls);
        client.target = settings.target.clone();
        client.allow = swell_client::AllowList::parse(settings.allow_host.iter().chain(&scenario.hosts).map(String::as_str))?;
        let (pace, profile) = if let Some(rate) = settings.rate { (Pace::Iterations, Some(Profile { opening: Some(rate), stages: settings.stage.clone() })) }
            else if settings.tps.is_some() || !settings.stage.is_empty() { (Pace::Transactions, Some(Profile { opening: settings.tps, stages: settings.stage.clone() })) }
            else { (Pace::Nothing, None) };
        let exactly = settings.vus.is_some();
        let users = settings.vus.or(settings.max_vus).unwrap_or(10_000);
        let arrivals = match settings.arrivals { Some(crate::args::ArrivalsArg::Poisson) => Arrivals::Poisson { seed }, _ => Arrivals::Uniform };
        Ok(Self { workers: crate::machine::allowed_cores().min(users as usize), pace, profile, arrivals, users, exactly, spawn: Spawn::AtOnce,
            max_lag: settings.max_lag.unwrap_or(Duration::from_secs(10)), warm_up: settings.warmup.unwrap_or_default(), duration: settings.duration, iterations: settings.iterations,
            grace: settings.grace.unwrap_or(Duration::from_secs(30)), has_start: scenario.has_start, client })
    }
    pub(crate) fn describe(&self) -> String { "x".into() }
    pub(crate) fn model(&self) -> String { "x".into() }
    pub(crate) fn asked_per_second(&self) -> Option<f64> { None }
    pub(crate) fn judges_validity(&self) -> bool { true }

    pub(crate) fn ends_at(&self) -> RunInstant {
        self.duration.map_or(RunInstant::NEVER, |duration| RunInstant::START + self.warm_up + duration)
    }

    pub(crate) fn lasts_until_stopped(&self) -> bool {
        self.duration.is_none() && self.iterations.is_none()
    }

    pub(crate) fn cursor(&self, worker: usize) -> Cursor {
        let timeline = match &self.profile {
            Some(profile) => profile.timeline(self.warm_up),
            None => Timeline::new(swell_core::schedule::Law::Constant(0.0)),
        };
        let slots = if self.pace == Pace::Iterations { self.iterations.unwrap_or(u64::MAX) } else { u64::MAX };
        Cursor::new(timeline, self.arrivals, Stripe::WHOLE.part(worker as u64, self.workers as u64), self.ends_at(), slots)
    }

    pub(crate) fn limits(&self, worker: usize) -> Limits {
        let users = share(self.users, worker, self.workers);
        let growth = if self.exactly { Growth::Exactly { users, spawn: self.spawn } } else { Growth::OnDemand { max_users: users, spawn: self.spawn } };
        Limits { growth, max_lag: self.max_lag }
    }
}

/// A worker's share of `whole`: all shares sum up to it.
fn share(whole: u32, worker: usize, workers: usize) -> u32 {
    let (worker, workers) = (worker as u32, workers as u32);
    whole / workers + u32::from(worker < whole % workers)
}
