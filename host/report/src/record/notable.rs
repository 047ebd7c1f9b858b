//! The transactions that are worth a look of their own, as they come: for whoever reads a run line
//! by line, and for a run that is cut off before it has a report.

use std::collections::{BTreeMap, BTreeSet};

use swell_core::record::{Notable, NotableTransaction};

use super::frame::Frame;
use super::header::RecordHeader;
use crate::report::NotableRow;

/// Tells of each frame which of its transactions are among the slowest of their names, or among
/// the first failures, of what the run has had so far. What is told of a name at last are those of
/// the report, and what was slowest before them.
#[derive(Debug)]
pub struct NotableWatch {
    /// The seed, where requests say which trace they are a part of.
    traced: Option<u64>,
    /// What is kept of each name so far.
    kept: BTreeMap<String, Notable>,
}

/// A transaction that is worth a look of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct NotableNews {
    /// The transaction's name.
    pub name: String,
    /// What is known of it.
    pub row: NotableRow,
    /// Whether it is one of the slowest so far; otherwise it is one of the first failures alone.
    pub slowest: bool,
}

impl NotableWatch {
    /// Nothing yet of this run.
    pub fn new(RecordHeader { run, .. }: &RecordHeader) -> Self {
        Self { traced: run.traceparent.then_some(run.seed), kept: BTreeMap::new() }
    }

    /// Those of the frame that follows, by when they ended.
    pub fn see(&mut self, frame: &Frame) -> Vec<NotableNews> {
        let mut news = Vec::new();
        for (name, row) in frame.counted.measured.transactions.iter() {
            if row.notable == Notable::default() {
                continue;
            }
            let kept = self.kept.entry(name.to_owned()).or_default();
            let before = kept.clone();
            kept.merge(&row.notable);
            let all = kept.slowest().iter().chain(kept.failures());
            let new: BTreeSet<&NotableTransaction> = all
                .filter(|one| !before.slowest().contains(one) && !before.failures().contains(one))
                .collect();
            news.extend(new.into_iter().map(|one| NotableNews {
                name: name.to_owned(),
                row: NotableRow::of(one, self.traced),
                slowest: kept.slowest().contains(one),
            }));
        }
        news.sort_by(|one, other| one.row.at.total_cmp(&other.row.at));
        news
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::RunInstant;
    use swell_core::record::{Cause, Recorder, Snapshot, TransactionEnd, TransactionTimes, Whose};

    use super::super::samples::{header, quiet_frame};
    use super::*;

    /// A second in which transactions took so many milliseconds, of which the odd ones failed.
    fn second(number: u64, took: impl IntoIterator<Item = u64>) -> Frame {
        let mut recorder = Recorder::new(RunInstant::START);
        let page = recorder.define("page").unwrap();
        let from = RunInstant::from_nanos(number * 1_000_000_000);
        for ms in took {
            recorder.begun(page, from, true);
            let times = TransactionTimes::unpaced(from, from + Duration::from_millis(ms));
            let cause = Cause::Status(503);
            let end = if ms % 2 == 1 { TransactionEnd::Failed(&cause) } else { TransactionEnd::Ok };
            recorder.ended(page, &times, true, end);
            recorder.note(page, &times, Whose { iteration: ms, user: number }, end);
        }
        let mut frame = quiet_frame(number, number + 1);
        frame.counted = recorder.take_window(frame.until, Snapshot::default());
        frame
    }

    fn seen(watch: &mut NotableWatch, frame: &Frame) -> Vec<(u64, bool, bool)> {
        let news = watch.see(frame).into_iter();
        news.map(|one| (one.row.iteration, one.row.error.is_some(), one.slowest)).collect()
    }

    #[test]
    fn a_transaction_is_told_once_when_it_is_among_the_slowest_or_the_first_failures() {
        let mut watch = NotableWatch::new(&header());
        assert_eq!(seen(&mut watch, &quiet_frame(0, 1)), []);
        let ten = seen(&mut watch, &second(0, (100..110).map(|ms| ms * 2)));
        assert_eq!(ten.len(), 10);
        assert!(ten.iter().all(|(_, failed, slowest)| !failed && *slowest));
        // A fast one is of no interest, unless it failed; a slower one takes a place.
        let more = seen(&mut watch, &second(1, [2, 3, 300]));
        assert_eq!(more, [(3, true, false), (300, false, true)]);
        assert_eq!(seen(&mut watch, &second(2, [4])), []);
        assert_eq!(seen(&mut watch, &second(3, [401])), [(401, true, true)]);
    }

    #[test]
    fn what_is_told_has_all_that_a_report_keeps() {
        let mut watch = NotableWatch::new(&header());
        let frames: Vec<Frame> = (0..30).map(|at| second(at, [at * 7 % 31 + 1, at + 40])).collect();
        let mut all = Snapshot::default();
        let mut told = BTreeSet::new();
        for frame in &frames {
            told.extend(watch.see(frame).into_iter().map(|one| one.row.iteration));
            all.merge(&frame.counted);
        }
        let kept = &all.measured.transactions.row("page").unwrap().notable;
        let all = kept.slowest().iter().chain(kept.failures());
        assert!(all.clone().count() == 20);
        assert!(all.into_iter().all(|one| told.contains(&one.whose.iteration)));
    }
}
