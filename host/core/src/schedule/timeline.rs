//! The rate of starts over time, summed up in closed form.
//!
//! Λ(t) is the number of starts expected before `t`. It is continuous and never falls; a slot at
//! position p is due when Λ leaves p. Where the rate is zero Λ rests, so a slot whose position is
//! reached at the beginning of a rest is due at its end.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::RunInstant;
use crate::units::{Rate, UnitError, parse_duration, parse_rate_or_zero};

/// How many starts a second, within a segment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Law {
    /// Always the same number a second; zero means no starts.
    Constant(f64),
    /// From one rate to another in a straight line; then the second rate.
    Ramp {
        /// Starts a second at the beginning.
        from: f64,
        /// Starts a second at the end and ever after.
        to: f64,
        /// How long it takes; zero is a jump.
        over: Duration,
    },
}

impl Law {
    /// Starts a second, this many seconds after the law came into force.
    fn rate(self, seconds: f64) -> f64 {
        match self {
            Self::Constant(rate) => rate,
            Self::Ramp { to, over, .. } if seconds >= over.as_secs_f64() => to,
            Self::Ramp { from, to, over } => from + (to - from) * (seconds / over.as_secs_f64()),
        }
    }

    /// Whether its numbers are possible rates.
    fn is_sound(self) -> bool {
        let sound = |rate: f64| rate.is_finite() && rate >= 0.0;
        match self {
            Self::Constant(rate) => sound(rate),
            Self::Ramp { from, to, .. } => sound(from) && sound(to),
        }
    }

    /// How many starts are expected in its first `seconds`.
    fn starts(self, seconds: f64) -> f64 {
        match self {
            Self::Constant(rate) => rate * seconds,
            Self::Ramp { from, to, over } => {
                let over = over.as_secs_f64();
                let ramping = seconds.min(over);
                let mean =
                    if over > 0.0 { from + (to - from) * (ramping / over) / 2.0 } else { from };
                mean * ramping + to * (seconds - ramping)
            }
        }
    }

    /// The number of seconds after which `starts` starts have passed; infinite or not a number
    /// where that never happens.
    fn seconds(self, starts: f64) -> f64 {
        match self {
            Self::Constant(rate) => starts / rate,
            Self::Ramp { from, to, over } => {
                let over = over.as_secs_f64();
                let whole = (from + to) / 2.0 * over;
                if starts >= whole {
                    return over + (starts - whole) / to;
                }
                if starts == 0.0 {
                    return 0.0;
                }
                // a·t² + from·t = starts, solved so that nothing cancels whichever way the ramp
                // leads.
                let a = (to - from) / (2.0 * over);
                2.0 * starts / (from + (from * from + 4.0 * a * starts).max(0.0).sqrt())
            }
        }
    }
}

/// A law, and from where on it holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// When the law comes into force.
    pub start: RunInstant,
    /// Λ at that instant.
    pub position: f64,
    /// How Λ grows from there.
    pub law: Law,
}

/// Segments one after another, from the start of the run; the last holds for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Segment>", into = "Vec<Segment>")]
pub struct Timeline {
    segments: Vec<Segment>,
}

/// Why segments do not make a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimelineError {
    /// There is no segment.
    #[error("a timeline has at least one segment")]
    Empty,
    /// Instants or positions go back.
    #[error("the segments of a timeline follow one another")]
    Disorder,
    /// A rate or a position is below zero, infinite or not a number.
    #[error("rates and positions are numbers from zero upward")]
    NoNumber,
}

impl TryFrom<Vec<Segment>> for Timeline {
    type Error = TimelineError;

    fn try_from(segments: Vec<Segment>) -> Result<Self, TimelineError> {
        if segments.is_empty() {
            return Err(TimelineError::Empty);
        }
        if !segments.iter().all(|segment| {
            segment.position.is_finite() && segment.position >= 0.0 && segment.law.is_sound()
        }) {
            return Err(TimelineError::NoNumber);
        }
        let follows = |pair: &[Segment]| {
            pair[0].start <= pair[1].start && pair[0].position <= pair[1].position
        };
        if segments.windows(2).all(follows) {
            Ok(Self { segments })
        } else {
            Err(TimelineError::Disorder)
        }
    }
}

impl From<Timeline> for Vec<Segment> {
    fn from(timeline: Timeline) -> Self {
        timeline.segments
    }
}

impl Timeline {
    /// A timeline of one law.
    pub fn new(law: Law) -> Self {
        Self { segments: vec![Segment { start: RunInstant::START, position: 0.0, law }] }
    }

    /// Starts a second at an instant.
    pub fn rate_at(&self, at: RunInstant) -> f64 {
        let segment = self.segment_at(at);
        segment.law.rate(at.since(segment.start).as_secs_f64())
    }

    /// Starts expected before an instant.
    pub fn position_at(&self, at: RunInstant) -> f64 {
        let segment = self.segment_at(at);
        segment.position + segment.law.starts(at.since(segment.start).as_secs_f64())
    }

    /// When Λ leaves a position, to the nearest nanosecond; `None` where that never happens.
    pub fn instant_of(&self, position: f64) -> Option<RunInstant> {
        let next = self.segments.partition_point(|segment| segment.position <= position);
        let segment = self.segments[next.saturating_sub(1)];
        let seconds = segment.law.seconds((position - segment.position).max(0.0));
        // "Not a number" stands for zero starts under a rate of zero: as with infinity, Λ does not
        // leave the position under this law.
        let instant = if seconds.is_finite() {
            segment.start + Duration::from_nanos((seconds * 1e9).round() as u64)
        } else {
            RunInstant::NEVER
        };
        let latest = self.segments.get(next).map_or(RunInstant::NEVER, |following| following.start);
        Some(instant.min(latest)).filter(|&instant| instant < RunInstant::NEVER)
    }

    /// The law `law` is in force from the nanosecond after `now`. What was to follow is dropped;
    /// what is due by `now` does not move.
    pub fn change_after(&mut self, now: RunInstant, law: Law) {
        let start = now + Duration::from_nanos(1);
        let position = self.position_at(start);
        self.segments.retain(|segment| segment.start < start);
        self.segments.push(Segment { start, position, law });
    }

    /// Follows `other` from the nanosecond after `now`, with the rates that it has from there on;
    /// the positions go on from this timeline's.
    pub fn follow_after(&mut self, now: RunInstant, other: &Self) {
        let start = now + Duration::from_nanos(1);
        let in_force = other.segment_at(start);
        let law = match in_force.law {
            Law::Ramp { to, over, .. } => {
                let left = over.saturating_sub(start.since(in_force.start));
                Law::Ramp { from: other.rate_at(start), to, over: left }
            }
            law @ Law::Constant(_) => law,
        };
        self.change_after(now, law);
        for segment in other.segments.iter().filter(|segment| segment.start > start) {
            self.append(segment.start, segment.law);
        }
    }

    /// Drops segments that only say where earlier positions lie, so that a run of many changes does
    /// not grow.
    pub fn forget_before(&mut self, position: f64) {
        let in_force = self.segments.partition_point(|segment| segment.position <= position);
        self.segments.drain(..in_force.saturating_sub(1));
    }

    /// Appends a law that is in force from `start` on, which is not before the last segment.
    fn append(&mut self, start: RunInstant, law: Law) {
        let position = self.position_at(start);
        self.segments.push(Segment { start, position, law });
    }

    fn segment_at(&self, at: RunInstant) -> Segment {
        let next = self.segments.partition_point(|segment| segment.start <= at);
        self.segments[next.saturating_sub(1)]
    }
}

/// A load profile as somebody asks for it: a rate at the beginning, and stages that lead from it to
/// others.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The rate at the beginning; `None` when the first stage leads up from zero.
    pub opening: Option<Rate>,
    /// The stages, one after the other. After the last stage its rate stays.
    pub stages: Vec<Stage>,
}

/// A straight line from the rate before it to its own rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes; zero is a jump.
    pub over: Duration,
    /// Starts a second at its end; zero is a rest.
    pub to: f64,
}

/// Why a stage was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StageError {
    /// The text has not the two parts of a stage.
    #[error(
        "stage {text:?} has no colon; write a duration and the rate at its end, like \"30s:1000\""
    )]
    NoColon {
        /// What was typed.
        text: String,
    },
    /// One of the parts was not understood.
    #[error("stage {text:?}: {source}")]
    Part {
        /// What was typed.
        text: String,
        /// What is wrong with the part.
        source: UnitError,
    },
}

impl FromStr for Stage {
    type Err = StageError;

    /// Reads "30s:1000", "1m:300/m", "0s:50" (a jump), "10s:0" (down to a rest).
    fn from_str(text: &str) -> Result<Self, StageError> {
        let (over, to) =
            text.split_once(':').ok_or_else(|| StageError::NoColon { text: text.to_owned() })?;
        let part = |source| StageError::Part { text: text.to_owned(), source };
        Ok(Self {
            over: parse_duration(over).map_err(part)?,
            to: parse_rate_or_zero(to).map_err(part)?,
        })
    }
}

impl Profile {
    /// One rate throughout.
    pub const fn constant(rate: Rate) -> Self {
        Self { opening: Some(rate), stages: Vec::new() }
    }

    /// The length of all stages together; zero when the rate is constant, which has no end of its
    /// own.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.over).sum()
    }

    /// The highest rate of the profile, in starts a second.
    pub fn peak(&self) -> f64 {
        self.stages.iter().map(|stage| stage.to).fold(self.opening_rate(), f64::max)
    }

    /// The starts of a run over time: the opening rate for the time of the warm-up, then the
    /// stages.
    pub fn timeline(&self, warm_up: Duration) -> Timeline {
        let mut timeline = Timeline::new(Law::Constant(self.opening_rate()));
        let (mut start, mut from) = (RunInstant::START + warm_up, self.opening_rate());
        for stage in &self.stages {
            timeline.append(start, Law::Ramp { from, to: stage.to, over: stage.over });
            (start, from) = (start + stage.over, stage.to);
        }
        timeline
    }

    fn opening_rate(&self) -> f64 {
        self.opening.map_or(0.0, Rate::per_second)
    }
}
