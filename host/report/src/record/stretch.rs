//! A part of a run, by whole frames, and the report of it.
//!
//! Percentiles of any stretch are exact, as its frames hold their histograms; what is cut is time:
//! a stretch begins where a frame begins, and ends where one ends.

use swell_core::RunInstant;
use swell_core::record::Snapshot;

use super::frame::Frame;
use super::header::RecordHeader;
use super::mark::Mark;
use crate::report::{Part, Report, StretchReport};

/// A part of a run, as somebody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunStretch {
    /// Where it begins.
    pub from: RunInstant,
    /// Where it ends.
    pub until: RunInstant,
}

/// What the frames of a stretch come to.
#[derive(Debug, Default)]
pub struct StretchSum {
    /// Where the first begins and the last ends; nothing before there is one.
    told: Option<RunStretch>,
    counted: Snapshot,
}

impl RunStretch {
    /// Whether any of a frame lies in it.
    pub fn has(&self, frame: &Frame) -> bool {
        frame.until > self.from && frame.from < self.until
    }
}

impl StretchSum {
    /// Adds the frame that follows.
    pub fn add(&mut self, frame: &Frame) {
        let from = self.told.map_or(frame.from, |told| told.from);
        self.told = Some(RunStretch { from, until: frame.until });
        self.counted.merge(&frame.counted);
    }

    /// Whether something happened in the frames that were added.
    pub fn has(&self, mark: &Mark) -> bool {
        self.told.is_some_and(|told| told.from <= mark.at && mark.at <= told.until)
    }

    /// Whether it has no frame.
    pub const fn is_empty(&self) -> bool {
        self.told.is_none()
    }

    /// The report of the stretch, of a run that came to the `whole`. What is judged stays as it
    /// is: a threshold is about the run.
    pub fn report(&self, run: &RecordHeader, whole: &Report) -> Report {
        let RunStretch { from, until } =
            self.told.unwrap_or(RunStretch { from: RunInstant::START, until: RunInstant::START });
        let (from, until) = (from.as_secs_f64(), until.as_secs_f64());
        let warm_up = whole.run.warm_up_seconds;
        let end = warm_up + whole.run.measured_seconds;
        let mut report = whole.clone();
        report.stretch = Some(StretchReport { from, until });
        report.run.measured_seconds = (until.min(end) - from.max(warm_up)).max(0.0);
        report.run.warm_up_seconds = (until.min(warm_up) - from).max(0.0);
        let lengths = [report.run.warm_up_seconds, report.run.measured_seconds];
        [report.warm_up, report.measured] = Part::of_both(&self.counted, lengths, &run.run);
        report.warm_up.follow(&whole.warm_up);
        report.measured.follow(&whole.measured);
        report.confidence = None;
        report
    }
}

#[cfg(test)]
mod tests {
    use swell_core::record::Percentile;

    use super::super::samples::{frame, header, mark, report};
    use super::*;

    fn instant(seconds: u64) -> RunInstant {
        RunInstant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_stretch_has_whole_frames_and_what_happened_in_them() {
        let stretch = RunStretch { from: instant(2), until: instant(4) };
        let has = |from, until| stretch.has(&frame(from, until, 1));
        assert!(has(2, 3) && has(3, 4) && has(0, 3) && has(3, 9) && has(0, 9));
        assert!(!has(1, 2) && !has(4, 5));
        let mut sum = StretchSum::default();
        assert!(sum.is_empty() && !sum.has(&mark()), "nothing was told yet");
        sum.add(&frame(1, 2, 1));
        assert!(sum.has(&mark()), "at 1.5 s");
        let mut later = StretchSum::default();
        later.add(&frame(2, 3, 1));
        assert!(!later.has(&mark()));
    }

    #[test]
    fn the_report_of_a_stretch_has_the_figures_of_its_frames_and_the_verdict_of_the_run() {
        let mut whole = report();
        (whole.run.warm_up_seconds, whole.run.measured_seconds) = (2.0, 10.0);
        let mut sum = StretchSum::default();
        let frames = [frame(1, 3, 800), frame(3, 4, 900)];
        frames.iter().for_each(|frame| sum.add(frame));
        let of_stretch = sum.report(&header(), &whole);
        let mut counted = frames[0].counted.clone();
        counted.merge(&frames[1].counted);
        let part = Part::of(&counted.measured, 2.0);
        assert_eq!(of_stretch.stretch, Some(StretchReport { from: 1.0, until: 4.0 }));
        assert_eq!((of_stretch.run.warm_up_seconds, of_stretch.run.measured_seconds), (1.0, 2.0));
        assert_eq!(of_stretch.measured.transactions, part.transactions);
        let p95 = part.transactions.response_ms.percentile(Percentile::P95);
        assert!(p95.is_some());
        assert_eq!(
            of_stretch.warm_up.transactions.counts.started,
            counted.warm_up.total.counts.started
        );
        assert_eq!((of_stretch.verdict, of_stretch.confidence), (whole.verdict, None));
    }
}
