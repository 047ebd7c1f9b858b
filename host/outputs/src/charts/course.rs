//! The course of a run, as far as a picture shows it: in bounded memory, however long it lasts.
//!
//! A picture is about a thousand dots wide, so a long run has its stretches joined in pairs, with
//! their histograms: a percentile is that of all samples in its stretch, and no mean of others.

use std::collections::BTreeMap;
use std::sync::Arc;

use swell_core::record::{Censored, Figures};
use swell_core::verdict::Stamp;
use swell_report::record::{Frame, Mark, RecordHeader};
use swell_report::{Exit, Report, RunState};

use crate::second_rows::PartOfFrame;

/// Stretches that are kept.
const MAX_STRETCHES: usize = 480;

/// See the module's documentation.
pub(super) struct PictureRun {
    pub(super) header: Arc<RecordHeader>,
    pub(super) stretches: Vec<PictureStretch>,
    pub(super) marks: Vec<Mark>,
    /// How it ended, once it is over.
    pub(super) end: Option<PictureEnd>,
    /// Frames to a stretch, and those that the last one has.
    frames_each: u32,
    frames_in_last: u32,
}

/// How a run ended.
pub(super) struct PictureEnd {
    pub(super) exit: Exit,
    pub(super) stamp: Stamp,
    pub(super) measured_seconds: f64,
}

/// A part of a run.
pub(super) struct PictureStretch {
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) is_warm_up: bool,
    /// Transactions that ended, well or not.
    pub(super) completed: u64,
    /// Of all names, by cause.
    pub(super) failures: BTreeMap<String, u64>,
    /// The following are of its end.
    pub(super) goal: Option<f64>,
    pub(super) users: u64,
    pub(super) under_way: u64,
    pub(super) response: Censored,
    pub(super) service: Censored,
}

/// A percentile of some stretches: when and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PicturePoint {
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) ms: f64,
}

impl PictureRun {
    pub(super) fn new(header: &Arc<RecordHeader>) -> Self {
        Self {
            header: Arc::clone(header),
            stretches: Vec::new(),
            marks: Vec::new(),
            end: None,
            frames_each: 1,
            frames_in_last: 0,
        }
    }

    pub(super) fn is_of(&self, run: &RecordHeader) -> bool {
        self.header.run.id == run.run.id
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        let stretch = PictureStretch::of(&self.header, frame);
        match self.stretches.last_mut() {
            Some(last) if self.frames_in_last < self.frames_each => {
                last.join(&stretch);
                self.frames_in_last += 1;
            }
            _ => {
                self.stretches.push(stretch);
                self.frames_in_last = 1;
            }
        }
        if self.stretches.len() > MAX_STRETCHES {
            let mut joined: Vec<PictureStretch> = Vec::new();
            for (number, stretch) in std::mem::take(&mut self.stretches).into_iter().enumerate() {
                match joined.last_mut() {
                    Some(last) if number % 2 == 1 => last.join(&stretch),
                    _ => joined.push(stretch),
                }
            }
            // Of an odd number the last one is alone, and has one frame.
            self.stretches = joined;
            self.frames_each *= 2;
        }
    }

    pub(super) fn mark(&mut self, mark: &Mark) {
        self.marks.push(mark.clone());
    }

    pub(super) fn over(&mut self, report: Option<&Report>) {
        self.end = report.map(|report| PictureEnd {
            exit: report.exit.code,
            stamp: report.verdict.stamp,
            measured_seconds: report.run.measured_seconds,
        });
    }

    /// How long it was.
    pub(super) fn seconds(&self) -> f64 {
        self.stretches.last().map_or(0.0, |last| last.until).max(1.0)
    }

    /// A percentile over time. Each point is of as many stretches as it needs to be told; where
    /// nothing ended the line is broken.
    pub(super) fn percentile(
        &self,
        percent: f64,
        times: impl Fn(&PictureStretch) -> &Censored,
    ) -> Vec<Vec<PicturePoint>> {
        let mut lines: Vec<Vec<PicturePoint>> = Vec::new();
        let mut gathered = Censored::default();
        let (mut from, mut is_broken) = (0.0, true);
        // What the last point is of: what is left at the end joins it.
        let mut last = Censored::default();
        for stretch in &self.stretches {
            if gathered.count() == 0 {
                from = stretch.from;
                if times(stretch).count() == 0 {
                    is_broken = true;
                    continue;
                }
            }
            gathered.merge(times(stretch));
            let Some(ms) = ms(&gathered, percent) else { continue };
            if std::mem::take(&mut is_broken) || lines.is_empty() {
                lines.push(Vec::new());
            }
            let point = PicturePoint { from, until: stretch.until, ms };
            lines.last_mut().expect("one was begun").push(point);
            last = std::mem::take(&mut gathered);
        }
        if gathered.count() > 0
            && !is_broken
            && let (Some(point), Some(end)) =
                (lines.last_mut().and_then(|line| line.last_mut()), self.stretches.last())
        {
            last.merge(&gathered);
            point.until = end.until;
            point.ms = ms(&last, percent).unwrap_or(point.ms);
        }
        lines
    }

    /// What failed most, and everything else under no name, with how often.
    pub(super) fn causes(&self, most: usize) -> Vec<(Option<String>, u64)> {
        let mut all: BTreeMap<&str, u64> = BTreeMap::new();
        for (cause, count) in self.stretches.iter().flat_map(|stretch| &stretch.failures) {
            *all.entry(cause).or_default() += count;
        }
        let mut all: Vec<(&str, u64)> = all.into_iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others: u64 = all.iter().skip(most).map(|(_, count)| count).sum();
        let named = all.iter().take(most).map(|(cause, count)| (Some((*cause).to_owned()), *count));
        named.chain((others > 0).then_some((None, others))).collect()
    }
}

fn ms(times: &Censored, percent: f64) -> Option<f64> {
    times.percentile(percent).map(|figure| figure.time.as_nanos() as f64 / 1e6)
}

impl PictureStretch {
    fn of(run: &RecordHeader, frame: &Frame) -> Self {
        let parts = [&frame.counted.warm_up, &frame.counted.measured];
        let both = |times: fn(&Figures) -> Censored| {
            let mut both = times(parts[0]);
            both.merge(&times(parts[1]));
            both
        };
        let mut failures = BTreeMap::new();
        let told = PartOfFrame::all_of(run, frame);
        for (cause, count) in told
            .iter()
            .flat_map(|part| part.counted.by_name.values())
            .flat_map(|name| &name.failures)
        {
            *failures.entry(cause.clone()).or_default() += count;
        }
        Self {
            from: frame.from.as_secs_f64(),
            until: frame.until.as_secs_f64(),
            is_warm_up: frame.moment.phase == RunState::WarmUp,
            completed: parts
                .map(|part| part.total.counts.ok + part.total.counts.failed)
                .iter()
                .sum(),
            failures,
            goal: frame.moment.goal_per_second,
            users: frame.moment.users,
            under_way: frame.moment.under_way,
            response: both(|part| part.total.response.all()),
            service: both(|part| part.total.service.all()),
        }
    }

    pub(super) fn length(&self) -> f64 {
        (self.until - self.from).max(1e-3)
    }

    fn join(&mut self, later: &Self) {
        self.until = later.until;
        self.is_warm_up = later.is_warm_up;
        self.completed += later.completed;
        for (cause, count) in &later.failures {
            *self.failures.entry(cause.clone()).or_default() += count;
        }
        (self.goal, self.users, self.under_way) = (later.goal, later.users, later.under_way);
        self.response.merge(&later.response);
        self.service.merge(&later.service);
    }
}

#[cfg(test)]
mod tests {
    use swell_core::record::Snapshot;

    use super::*;
    use crate::samples::{busy_frame, header};

    fn course(frames: impl IntoIterator<Item = Frame>) -> PictureRun {
        let mut course = PictureRun::new(&header("shop"));
        frames.into_iter().for_each(|frame| course.add(&frame));
        course
    }

    fn p95(course: &PictureRun) -> Vec<Vec<PicturePoint>> {
        course.percentile(95.0, |stretch| &stretch.response)
    }

    /// That of a report of these frames.
    fn right(frames: &[Frame]) -> f64 {
        let mut all = Snapshot::default();
        frames.iter().for_each(|frame| all.merge(&frame.counted));
        ms(&all.measured.total.response.all(), 95.0).unwrap()
    }

    #[test]
    fn a_percentile_is_of_as_many_seconds_as_it_needs_and_of_all_their_samples() {
        let frames: Vec<Frame> = (0..7).map(|second| busy_frame(second, 100)).collect();
        // 200 samples are needed; what is left at the end joins the last point.
        let points = [(0, 2), (2, 4), (4, 7)].map(|(from, until): (usize, usize)| PicturePoint {
            from: from as f64,
            until: until as f64,
            ms: right(&frames[from..until]),
        });
        assert_eq!(p95(&course(frames)), [points.to_vec()]);
    }

    #[test]
    fn where_nothing_ends_a_line_is_broken() {
        let lines = p95(&course([busy_frame(0, 300), busy_frame(1, 0), busy_frame(2, 300)]));
        let ends: Vec<(f64, f64)> =
            lines.iter().map(|line| (line[0].from, line[0].until)).collect();
        assert_eq!(ends, [(0.0, 1.0), (2.0, 3.0)]);
        assert!(p95(&course([busy_frame(0, 5)])).is_empty());
    }

    #[test]
    fn a_day_takes_no_more_stretches_than_a_picture_shows_and_loses_nothing() {
        let seconds = 5_000;
        let course = course((0..seconds).map(|second| busy_frame(second, 2)));
        assert!(course.stretches.len() <= MAX_STRETCHES, "{}", course.stretches.len());
        assert!(course.stretches.len() >= MAX_STRETCHES / 4, "{}", course.stretches.len());
        assert_eq!(course.stretches.iter().map(|one| one.completed).sum::<u64>(), 2 * seconds);
        assert!(course.stretches.windows(2).all(|pair| pair[0].until == pair[1].from));
        let longest = course.stretches.iter().map(PictureStretch::length).fold(0.0, f64::max);
        assert_eq!(longest, 16.0);
    }

    #[test]
    fn causes_beyond_those_that_have_a_colour_are_one() {
        let mut course = course([busy_frame(0, 1)]);
        let causes = [("a", 1), ("b", 9), ("c", 5), ("d", 2)];
        course.stretches[0].failures =
            causes.map(|(cause, count)| (cause.to_owned(), count)).into();
        let told = |cause: &str, count| (Some(cause.to_owned()), count);
        assert_eq!(course.causes(2), [told("b", 9), told("c", 5), (None, 3)]);
        assert_eq!(course.causes(4).len(), 4);
    }
}
