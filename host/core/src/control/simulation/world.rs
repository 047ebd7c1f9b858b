//! A service whose law is known, and a load generator that may stand still.

use std::collections::VecDeque;
use std::time::Duration;

use crate::RunInstant;
use crate::random::Random;

/// How the service answers. Rates are of its arrivals, over the last second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    /// Each answer takes this long.
    Constant(f64),
    /// Answers take `seconds` at `at` arrivals a second, and less or more in proportion.
    Linear { at: f64, seconds: f64 },
    /// So many a second are served, each in `seconds`; the others queue.
    Knee { capacity: f64, seconds: f64 },
    /// So many a second are served; the others fail at once.
    Fails { capacity: f64, seconds: f64 },
    /// As `Fails`, with so many ahead of the rate at most.
    Limits { rate: f64, burst: f64, seconds: f64 },
    /// All fail at once.
    Broken,
    /// Nothing is answered, and the client gives up.
    Silent { timeout: f64 },
}

pub(super) struct World {
    pub(super) services: Vec<(f64, Service)>,
    /// Standard deviation of the logarithm of answer times.
    pub(super) noise: f64,
    pub(super) random: Random,
    pub(super) arrivals: VecDeque<RunInstant>,
    pub(super) free_at: f64,
    pub(super) credit: (f64, f64),
    /// From when until when the service stands still, and takes up what has arrived when it goes
    /// on.
    pub(super) hangs: (f64, f64),
    /// The same of the load generator, which starts then what was due, and sees then what was
    /// answered.
    pub(super) freezes: (f64, f64),
}

impl World {
    pub(super) fn new(services: &[(f64, Service)], noise: f64, seed: u64) -> Self {
        Self {
            services: services.to_vec(),
            noise,
            random: Random::stream(seed, 0),
            arrivals: VecDeque::new(),
            free_at: 0.0,
            credit: (0.0, 0.0),
            hangs: (0.0, 0.0),
            freezes: (0.0, 0.0),
        }
    }

    /// When the load generator sees to what is to be seen to at `at`.
    pub(super) fn seen(&self, at: RunInstant) -> RunInstant {
        if at == RunInstant::NEVER { at } else { after(self.freezes, at) }
    }

    /// How long the answer takes to what arrives now, and whether it is one.
    pub(super) fn answer(&mut self, now: RunInstant) -> (f64, bool) {
        let taken_up = after(self.hangs, now);
        let (time, ok) = self.serve(taken_up);
        (taken_up.since(now).as_secs_f64() + time, ok)
    }

    fn serve(&mut self, now: RunInstant) -> (f64, bool) {
        let seconds = now.as_secs_f64();
        let service = self
            .services
            .iter()
            .rev()
            .find(|(from, _)| *from <= seconds)
            .expect("a law from the beginning")
            .1;
        self.arrivals.push_back(now);
        while self.arrivals.pop_front_if(|at| now.since(*at) > Duration::from_secs(1)).is_some() {}
        let rate = self.arrivals.len() as f64 / 1.0_f64.min(seconds.max(0.02));
        let (time, ok) = match service {
            Service::Constant(time) => (time, true),
            Service::Linear { at, seconds } => (seconds * rate / at, true),
            Service::Knee { capacity, seconds: base } => {
                self.free_at = self.free_at.max(seconds) + 1.0 / capacity;
                (self.free_at - seconds + base, true)
            }
            Service::Fails { capacity, seconds: base } => {
                (base, self.is_within(capacity, capacity / 20.0, seconds))
            }
            Service::Limits { rate, burst, seconds: base } => {
                (base, self.is_within(rate, burst, seconds))
            }
            Service::Broken => (0.001, false),
            Service::Silent { timeout } => (timeout, false),
        };
        (time * (self.noise * self.normal()).exp(), ok)
    }

    /// Whether a bucket of `burst` that is filled at `rate` has something left.
    fn is_within(&mut self, rate: f64, burst: f64, seconds: f64) -> bool {
        let (credit, at) = self.credit;
        let credit = (credit + (seconds - at) * rate).min(burst);
        let ok = credit >= 1.0;
        self.credit = (if ok { credit - 1.0 } else { credit }, seconds);
        ok
    }

    /// Box and Muller's way to a normal number.
    fn normal(&mut self) -> f64 {
        let (a, b) = (1.0 - self.random.unit(), self.random.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

/// When what is to happen at `at` does happen, if nothing does between two moments.
fn after((from, until): (f64, f64), at: RunInstant) -> RunInstant {
    let seconds = at.as_secs_f64();
    if from <= seconds && seconds < until {
        RunInstant::START + Duration::from_secs_f64(until)
    } else {
        at
    }
}
