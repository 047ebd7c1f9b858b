//! When an answer leaves: the law of latency and capacity, on an abstract clock.
//!
//! Time is an argument (the time since the target's start), and the noise is seeded, so a test can
//! compute the same answers beforehand.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::behaviour::{Behaviour, Overload};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestFate {
    /// It is answered at this time.
    Answer { at: Duration },
    /// It is above the capacity: 500, now.
    Refuse,
}

/// A behaviour with the state that it needs: the load of the last second, the line, the noise.
#[derive(Debug)]
pub(crate) struct ServiceLaw {
    behaviour: Behaviour,
    load: Load,
    /// When the line is empty ([`Overload::Queue`]).
    free_at: Duration,
    /// How many requests may pass now ([`Overload::Errors`]), and when that was so.
    allowance: f64,
    refilled_at: Duration,
    noise: Noise,
}

/// How much of a second's allowance may pass at once. Arrivals at the capacity are not perfectly
/// even, and should not be refused for it.
const BURST: f64 = 0.05;

impl ServiceLaw {
    pub(crate) fn new(behaviour: Behaviour, now: Duration) -> Self {
        Self {
            behaviour,
            load: Load::default(),
            free_at: now,
            allowance: behaviour.capacity.map_or(0.0, burst),
            refilled_at: now,
            noise: Noise { state: behaviour.seed },
        }
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.behaviour
    }

    /// Decides about a request that arrives now. Refused requests count as load too.
    pub(crate) fn admit(&mut self, now: Duration) -> RequestFate {
        let tps = self.load.arrive(now);
        let begins = match (self.behaviour.capacity, self.behaviour.overload) {
            (None, _) => now,
            (Some(capacity), Overload::Errors) => {
                if !self.allow(now, capacity) {
                    return RequestFate::Refuse;
                }
                now
            }
            (Some(capacity), Overload::Queue) => {
                self.free_at = self.free_at.max(now) + Duration::from_secs_f64(1.0 / capacity);
                self.free_at
            }
        };
        RequestFate::Answer { at: begins + self.latency(tps) }
    }

    fn latency(&mut self, tps: f64) -> Duration {
        let Behaviour { latency_ms, latency_us_per_tps, noise, .. } = self.behaviour;
        let median = latency_ms / 1e3 + latency_us_per_tps / 1e6 * tps;
        let factor = if noise > 0.0 { (noise * self.noise.standard_normal()).exp() } else { 1.0 };
        Duration::try_from_secs_f64(median * factor).unwrap_or(Duration::from_secs(3600))
    }

    /// A token bucket: what has not been used for a while allows a burst, and no more than that.
    fn allow(&mut self, now: Duration, capacity: f64) -> bool {
        let passed = now.saturating_sub(self.refilled_at).as_secs_f64();
        self.refilled_at = now;
        self.allowance = (self.allowance + passed * capacity).min(burst(capacity));
        let allowed = self.allowance >= 1.0;
        if allowed {
            self.allowance -= 1.0;
        }
        allowed
    }
}

fn burst(capacity: f64) -> f64 {
    (capacity * BURST).max(1.0)
}

/// How many requests arrived in the last second, in steps of 50 ms.
#[derive(Debug, Default)]
struct Load {
    steps: [u32; Load::STEPS],
    /// The number of the newest step since the target's start.
    newest: u128,
}

impl Load {
    const STEPS: usize = 20;

    fn arrive(&mut self, now: Duration) -> f64 {
        let step = now.as_millis() * Self::STEPS as u128 / 1000;
        if step >= self.newest + Self::STEPS as u128 {
            self.steps = [0; Self::STEPS];
        } else {
            for passed in self.newest + 1..=step {
                self.steps[Self::place(passed)] = 0;
            }
        }
        self.newest = self.newest.max(step);
        self.steps[Self::place(self.newest)] += 1;
        self.steps.iter().map(|&step| f64::from(step)).sum()
    }

    fn place(step: u128) -> usize {
        (step % Self::STEPS as u128) as usize
    }
}

/// SplitMix64: small, seeded, and good enough for noise (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014).
#[derive(Debug)]
struct Noise {
    state: u64,
}

impl Noise {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1], so that its logarithm is finite.
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// By Box and Muller's transform.
    fn standard_normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    /// Latencies, in seconds, of this many arrivals at a constant rate; nothing for those refused.
    fn latencies(behaviour: Behaviour, tps: u32, requests: u32) -> Vec<Option<f64>> {
        let mut law = ServiceLaw::new(behaviour, START);
        let arrivals =
            (0..requests).map(|i| Duration::from_secs_f64(f64::from(i) / f64::from(tps)));
        arrivals
            .map(|now| match law.admit(now) {
                RequestFate::Answer { at } => Some((at - now).as_secs_f64()),
                RequestFate::Refuse => None,
            })
            .collect()
    }

    fn close(actual: f64, expected: f64, share: f64) -> bool {
        (actual - expected).abs() <= expected * share
    }

    #[test]
    fn a_service_without_a_law_answers_at_once() {
        assert!(
            latencies(Behaviour::default(), 1000, 100).iter().all(|&latency| latency == Some(0.0))
        );
    }

    #[test]
    fn linear_latency_follows_the_rate_of_the_last_second() {
        let behaviour =
            Behaviour { latency_ms: 10.0, latency_us_per_tps: 20.0, ..Behaviour::default() };
        for tps in [100, 1000, 5000] {
            let settled = latencies(behaviour, tps, tps * 3)
                .pop()
                .flatten()
                .expect("nothing is refused without a capacity");
            let expected = 0.010 + 20e-6 * f64::from(tps);
            assert!(close(settled, expected, 0.05), "at {tps}/s: {settled} s, not {expected} s");
        }
    }

    #[test]
    fn the_load_is_forgotten_after_a_second() {
        let mut load = Load::default();
        for i in 0..1000 {
            load.arrive(Duration::from_millis(i));
        }
        assert_eq!(load.arrive(Duration::from_millis(10_000)), 1.0);
    }

    #[test]
    fn noise_keeps_the_median_and_has_the_spread_that_was_asked_for() {
        let behaviour =
            Behaviour { latency_ms: 100.0, noise: 0.5, seed: 7, ..Behaviour::default() };
        let mut latencies: Vec<f64> =
            latencies(behaviour, 1000, 20_001).into_iter().flatten().collect();
        latencies.sort_by(f64::total_cmp);
        assert!(close(latencies[10_000], 0.100, 0.02), "median {}", latencies[10_000]);
        // The quantile of a log-normal at 0.841345 is one sigma above its median.
        assert!(
            close(latencies[16_827], 0.100 * 0.5f64.exp(), 0.03),
            "at one sigma {}",
            latencies[16_827]
        );
    }

    #[test]
    fn the_same_seed_makes_the_same_noise() {
        let seeded = |seed| {
            latencies(
                Behaviour { latency_ms: 5.0, noise: 0.3, seed, ..Behaviour::default() },
                100,
                50,
            )
        };
        assert_eq!(seeded(1), seeded(1));
        assert_ne!(seeded(1), seeded(2));
    }

    #[test]
    fn above_its_capacity_a_service_answers_as_many_as_it_can_and_refuses_the_rest() {
        let behaviour = Behaviour { capacity: Some(1000.0), ..Behaviour::default() };
        let answered = latencies(behaviour, 1500, 15_000).into_iter().flatten().count();
        assert!((10_000..=10_050).contains(&answered), "{answered} in 10 s");
        assert_eq!(
            latencies(behaviour, 990, 9_900).into_iter().flatten().count(),
            9_900,
            "nothing is refused below the capacity"
        );
    }

    #[test]
    fn above_its_capacity_a_line_grows_by_the_excess() {
        let behaviour =
            Behaviour { capacity: Some(1000.0), overload: Overload::Queue, ..Behaviour::default() };
        let latencies = latencies(behaviour, 1500, 3000);
        // After 2 s, 1,000 too many are waiting, and each takes 1 ms.
        let last = latencies[2999].expect("a line refuses nobody");
        assert!(close(last, 1.0, 0.01), "the last waited {last} s");
    }

    #[test]
    fn a_number_that_no_service_can_obey_is_named() {
        let wrong = [
            Behaviour { latency_ms: -1.0, ..Behaviour::default() },
            Behaviour { noise: f64::NAN, ..Behaviour::default() },
            Behaviour { capacity: Some(0.0), ..Behaviour::default() },
        ];
        let names = ["latency_ms", "noise", "capacity"];
        for (behaviour, name) in wrong.iter().zip(names) {
            let message = behaviour.check().expect_err(name);
            assert!(message.starts_with(name), "{message}");
        }
    }
}
