//! How fast a rate may rise, from what is known of the rates above it.
//!
//! Below nothing is known a rate rises by a fifth a second: 30 s from 50/s to 10,000/s, and each window only 4 % into the unknown. Once an objective has
//! been broken, the rate at which it would just have held is remembered as the *ceiling*. Up to it the ground is known, so a rate that a stall has beaten
//! down comes back quickly; near it the rate creeps, since a small step too far fills queues that take long to drain; and when creeping goes on unpunished
//! the step doubles every few seconds, so that a service that has recovered is followed. This is the shape of TCP's CUBIC (RFC 9438), for a rate.

use std::time::Duration;

/// The most that a rate rises, by the second.
pub(super) const FASTEST: f64 = 1.2;
/// The same below half of the ceiling.
const ON_KNOWN_GROUND: f64 = 2.0;
/// From which part of the ceiling on the rate creeps.
const NEAR: f64 = 0.95;
/// By how much it creeps at first, by the second.
const CREEP: f64 = 0.005;
/// How long it takes a creeping step to double.
const DOUBLING: Duration = Duration::from_secs(5);

/// What is known of higher rates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    ceiling: Option<f64>,
    creeping: Duration,
}

impl Growth {
    pub(super) const fn new() -> Self {
        Self { ceiling: None, creeping: Duration::ZERO }
    }

    /// The objective was broken; it would have held at `ceiling`.
    pub(super) const fn broken(&mut self, ceiling: f64) {
        self.ceiling = Some(ceiling);
        self.creeping = Duration::ZERO;
    }

    /// The objective was broken at `rate` by a service that is down.
    pub(super) fn beaten_down(&mut self, rate: f64) {
        self.ceiling.get_or_insert(rate);
        self.creeping = Duration::ZERO;
    }

    /// Whether the objective has been broken before.
    pub(super) const fn has_ceiling(&self) -> bool {
        self.ceiling.is_some()
    }

    /// Whether the objective was broken at hardly more than this rate, or at less.
    pub(super) fn is_near(&self, rate: f64) -> bool {
        self.ceiling.is_some_and(|ceiling| rate >= ceiling * NEAR)
    }

    /// Whether twice this rate is known to be borne.
    pub(super) fn is_on_known_ground(&self, rate: f64) -> bool {
        self.ceiling.is_some_and(|ceiling| rate < ceiling / 2.0)
    }

    /// By which factor `rate` may rise after another window of this length in which it held.
    pub(super) fn factor(&mut self, rate: f64, window: Duration) -> f64 {
        let by_the_second = match self.ceiling {
            None => FASTEST,
            Some(_) if self.is_on_known_ground(rate) => ON_KNOWN_GROUND,
            Some(_) if !self.is_near(rate) => FASTEST,
            Some(_) => {
                self.creeping += window;
                let doublings = (self.creeping.as_secs_f64() / DOUBLING.as_secs_f64()).min(10.0);
                (1.0 + CREEP * doublings.exp2()).min(FASTEST)
            }
        };
        by_the_second.powf(window.as_secs_f64().min(1.0))
    }
}
