//! A network that loses, delays, doubles and overtakes, and links that are cut.

use std::collections::BTreeMap;
use std::time::Duration;

use swell_core::random::Random;

/// True time: nanoseconds since the simulation began. No node knows it.
pub(crate) type Instant = u64;

/// What a network does to messages.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// The part that is lost.
    pub(crate) loss: f64,
    /// The part that comes twice.
    pub(crate) doubled: f64,
    /// The least time under way.
    pub(crate) delay: Duration,
    /// What may come on top, evenly.
    pub(crate) jitter: Duration,
}

/// A link that carries nothing from one node to another for a while.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) during: (Instant, Instant),
}

/// What happened to messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fates {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) overtaken: u64,
    pub(crate) cut: u64,
}

pub(crate) struct SimulatedNetwork<M> {
    weather: Weather,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) fates: Fates,
    random: Random,
    /// By arrival; the second number tells those apart that come at once.
    under_way: BTreeMap<(Instant, u64), (usize, usize, M)>,
    sent: u64,
    latest: BTreeMap<(usize, usize), Instant>,
}

impl<M: Clone> SimulatedNetwork<M> {
    pub(crate) fn new(weather: Weather, seed: u64) -> Self {
        let random = Random::stream(seed, 1);
        Self {
            weather,
            cuts: Vec::new(),
            fates: Fates::default(),
            random,
            under_way: BTreeMap::new(),
            sent: 0,
            latest: BTreeMap::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Instant, from: usize, to: usize, message: M) {
        if from == to {
            return self.put(now, from, to, message);
        }
        if self.cuts.iter().any(|cut| {
            (cut.from, cut.to) == (from, to) && (cut.during.0..cut.during.1).contains(&now)
        }) {
            self.fates.cut += 1;
            return;
        }
        if self.random.unit() < self.weather.doubled {
            self.fates.doubled += 1;
            self.dispatch(now, from, to, message.clone());
        }
        if self.random.unit() < self.weather.loss {
            self.fates.lost += 1;
            return;
        }
        self.dispatch(now, from, to, message);
    }

    /// What has come by now, in the order of its coming.
    pub(crate) fn arrived(&mut self, now: Instant) -> Vec<(usize, usize, M)> {
        let later = self.under_way.split_off(&(now + 1, 0));
        std::mem::replace(&mut self.under_way, later).into_values().collect()
    }

    fn dispatch(&mut self, now: Instant, from: usize, to: usize, message: M) {
        let jitter = self.weather.jitter.as_nanos() as f64 * self.random.unit();
        let at = now + self.weather.delay.as_nanos() as u64 + jitter as u64;
        let latest = self.latest.entry((from, to)).or_default();
        self.fates.overtaken += u64::from(at < *latest);
        *latest = at.max(*latest);
        self.put(at, from, to, message);
    }

    fn put(&mut self, at: Instant, from: usize, to: usize, message: M) {
        self.sent += 1;
        self.under_way.insert((at, self.sent), (from, to, message));
    }
}
