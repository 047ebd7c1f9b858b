//! How fast a rate may rise, from what is known about higher rates.
//!
//! As long as nothing is known about higher rates, a rate rises by a fifth a second: 30 s from 50/s
//! to 10,000/s, and each window only 4 % into the unknown. Once an objective has been broken, the
//! rate at which it would just have held is remembered as the *ceiling*. Up to the ceiling the
//! rates are known, so a rate that came down because of a stall rises again quickly. Near the
//! ceiling the rate rises by very small steps (it *creeps*), because a small step too far fills
//! queues that take long to drain. As long as creeping breaks nothing, the step doubles every few
//! seconds, so that the rate follows a service that has recovered. This is the shape of TCP's CUBIC
//! (RFC 9438), for a rate.
//!
//! ## What is not believed at once
//! A service that is down does not say what it can bear when it is up. A breach that says that the
//! service would bear far less than a moment ago may have been an accident: a restart, a pause, a
//! burst. Such a breach leaves no ceiling: the rate goes back to where it was, as through known
//! rates, and on. A second such breach on that way is believed. TCP undoes what a spurious timeout
//! did in the same spirit (RFC 4015). A ceiling is not believed for ever, either: it is dropped
//! once the objective surely holds a little above it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::RunInstant;

/// The greatest factor by which a rate rises in a second.
pub(super) const FASTEST: f64 = 1.2;
/// The same factor below half of the ceiling.
const ON_KNOWN_GROUND: f64 = 2.0;
/// From this part of the ceiling on the rate creeps.
const NEAR: f64 = 0.95;
/// By how much the rate creeps at first, by the second.
const CREEP: f64 = 0.005;
/// How long it takes a creeping step to double.
const DOUBLING: Duration = Duration::from_secs(5);
/// How far above a ceiling an objective has to hold to show that the ceiling is none: ceilings are
/// known to a percent or two.
const BEYOND: f64 = 1.03;
/// For how long after a breach that was not believed another one is believed. From a tenth of a
/// rate it takes ten seconds to be back at that rate.
const DOUBT: Duration = Duration::from_secs(20);

/// What is known about higher rates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct RateGrowth {
    ceiling: Option<f64>,
    creeping: Duration,
    /// The last breach that was not believed.
    doubted: Option<Doubted>,
}

/// A breach that was not believed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Doubted {
    /// The rate that the service had borne before the breach.
    borne: f64,
    until: RunInstant,
    /// Whether the rate has risen since.
    has_risen: bool,
}

impl RateGrowth {
    pub(super) const fn new() -> Self {
        Self { ceiling: None, creeping: Duration::ZERO, doubted: None }
    }

    /// The objective was broken; it would have held at `ceiling`.
    pub(super) const fn broken(&mut self, ceiling: f64) {
        self.ceiling = Some(ceiling);
        self.creeping = Duration::ZERO;
        self.doubted = None;
    }

    /// The objective was broken at `rate`, in a way that says little about the rate at which it
    /// would have held; if it says something, then that this rate is `ceiling`.
    pub(super) fn beaten_down(&mut self, now: RunInstant, rate: f64, ceiling: Option<f64>) {
        // As long as the rate goes on coming down it is one breach.
        let (borne, is_second) = match self.doubted.filter(|doubted| now < doubted.until) {
            Some(doubted) => (doubted.borne, doubted.has_risen),
            None => (rate, false),
        };
        if is_second {
            return self.broken(ceiling.or(self.ceiling).unwrap_or(borne));
        }
        self.creeping = Duration::ZERO;
        self.doubted = Some(Doubted { borne, until: now + DOUBT, has_risen: false });
    }

    /// The objective surely holds at `rate`.
    pub(super) fn surely_holds(&mut self, rate: f64) {
        if self.ceiling.is_some_and(|ceiling| rate >= ceiling * BEYOND) {
            self.ceiling = None;
        }
    }

    /// Whether the objective has been broken before.
    pub(super) const fn has_been_broken(&self) -> bool {
        self.ceiling.is_some() || self.doubted.is_some()
    }

    /// Whether the objective was broken at hardly more than this rate, or at less.
    pub(super) fn is_near(&self, rate: f64) -> bool {
        self.ceiling.is_some_and(|ceiling| rate >= ceiling * NEAR)
    }

    /// Whether the service is known to bear twice this rate.
    pub(super) fn is_on_known_ground(&self, rate: f64) -> bool {
        let known = self.doubted.map(|doubted| doubted.borne).or(self.ceiling);
        known.is_some_and(|known| rate < known / 2.0)
    }

    /// How many times the first creeping step the present one may be.
    pub(super) fn patience(&self) -> f64 {
        (self.creeping.as_secs_f64() / DOUBLING.as_secs_f64()).min(10.0).exp2()
    }

    /// Near the ceiling the objective no longer holds with room to spare: the steps are to be small
    /// again.
    pub(super) const fn creep_anew(&mut self) {
        self.creeping = Duration::ZERO;
    }

    /// The factor by which `rate` may rise after another window of this length in which the
    /// objective held.
    pub(super) fn factor(&mut self, rate: f64, window: Duration) -> f64 {
        if let Some(doubted) = &mut self.doubted {
            doubted.has_risen = true;
        }
        let by_the_second = match self.ceiling {
            _ if self.is_on_known_ground(rate) => ON_KNOWN_GROUND,
            Some(_) if self.is_near(rate) => {
                self.creeping += window;
                (1.0 + CREEP * self.patience()).min(FASTEST)
            }
            _ => FASTEST,
        };
        by_the_second.powf(window.as_secs_f64().min(1.0))
    }
}
