//! The rate of starts over time, summed up in closed form.
//!
//! Λ(t) is the number of starts expected before `t`. It never falls, and is continuous except where
//! starts come in bursts; a slot at position p is due when Λ leaves p, so all of a burst at the
//! instant at which Λ jumps. Where the rate is zero Λ rests, so a slot whose position is reached at
//! the beginning of a rest is due at its end.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bursts::Bursts;
use super::law::Law;
use crate::RunInstant;
use crate::units::{Rate, UnitError, parse_duration, parse_rate_or_zero};

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
    /// A rate or a position is below zero, infinite or not a number, or bursts are empty or come
    /// all at once.
    #[error("rates, positions and bursts are numbers from zero upward")]
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
        segment.law.rate(at.since(segment.start))
    }

    /// Starts expected before an instant.
    pub fn position_at(&self, at: RunInstant) -> f64 {
        let segment = self.segment_at(at);
        segment.position + segment.law.starts(at.since(segment.start))
    }

    /// How many starts come at once under the law that is in force; `None` where they are spread.
    pub fn burst_at(&self, at: RunInstant) -> Option<u64> {
        self.segment_at(at).law.at_once()
    }

    /// When Λ leaves a position, to the nearest nanosecond; `None` where that never happens.
    pub fn instant_of(&self, position: f64) -> Option<RunInstant> {
        let next = self.segments.partition_point(|segment| segment.position <= position);
        let segment = self.segments[next.saturating_sub(1)];
        let passes = segment.law.passes((position - segment.position).max(0.0));
        let instant = passes.map_or(RunInstant::NEVER, |since| segment.start + since);
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
        self.change_after(now, in_force.law.after(start.since(in_force.start)));
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

/// A load profile as somebody asks for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Profile {
    /// A rate at the beginning, and stages that lead from it to others.
    Stages {
        /// The rate at the beginning; `None` when the first stage leads up from zero.
        opening: Option<Rate>,
        /// The stages, one after the other. After the last stage its rate stays.
        stages: Vec<Stage>,
    },
    /// So many starts at once, again and again.
    Bursts(Bursts),
}

/// A straight line from the rate before it to its own rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes; zero is a jump.
    pub over: Duration,
    /// Starts a second at its end; zero is a rest.
    pub to: f64,
}

/// Why a stage was not understood, be it of a rate or of users.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StageError {
    /// The text has not the two parts of a stage.
    #[error("stage {text:?} has no colon; write a duration and {form}")]
    NoColon {
        /// What was typed.
        text: String,
        /// What stands behind the colon, with an example.
        form: &'static str,
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

/// How long a stage takes and where it leads, of the text "TIME:END", whose end has this form.
pub(super) fn parts<T>(
    text: &str,
    form: &'static str,
    end: impl FnOnce(&str) -> Result<T, UnitError>,
) -> Result<(Duration, T), StageError> {
    let (over, to) =
        text.split_once(':').ok_or_else(|| StageError::NoColon { text: text.to_owned(), form })?;
    let part = |source| StageError::Part { text: text.to_owned(), source };
    Ok((parse_duration(over).map_err(part)?, end(to).map_err(part)?))
}

impl FromStr for Stage {
    type Err = StageError;

    /// Reads "30s:1000", "1m:300/m", "0s:50" (a jump), "10s:0" (down to a rest).
    fn from_str(text: &str) -> Result<Self, StageError> {
        let form = "the rate at its end, like \"30s:1000\"";
        let (over, to) = parts(text, form, parse_rate_or_zero)?;
        Ok(Self { over, to })
    }
}

impl Profile {
    /// One rate throughout.
    pub const fn constant(rate: Rate) -> Self {
        Self::Stages { opening: Some(rate), stages: Vec::new() }
    }

    /// The length of all stages together; zero where the rate is constant or starts come in bursts,
    /// which have no end of their own.
    pub fn length(&self) -> Duration {
        match self {
            Self::Stages { stages, .. } => stages.iter().map(|stage| stage.over).sum(),
            Self::Bursts(_) => Duration::ZERO,
        }
    }

    /// The starts of a run over time: stages follow a warm-up at the opening rate. Bursts come
    /// through the warm-up, too, one of them at its end.
    pub fn timeline(&self, warm_up: Duration) -> Timeline {
        let (opening, stages) = match self {
            Self::Bursts(bursts) => return Timeline::new(bursts.law(warm_up)),
            Self::Stages { opening, stages } => (opening.map_or(0.0, Rate::per_second), stages),
        };
        let mut timeline = Timeline::new(Law::Constant(opening));
        let (mut start, mut from) = (RunInstant::START + warm_up, opening);
        for stage in stages {
            timeline.append(start, Law::Ramp { from, to: stage.to, over: stage.over });
            (start, from) = (start + stage.over, stage.to);
        }
        timeline
    }
}
