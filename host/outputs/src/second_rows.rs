//! A frame as rows of a table: one for all transactions together, and one for each name.
//!
//! What began in the warm-up and what began in the measured part are rows of their own, also in a
//! second in which some of both ended: so the counts of the measured rows add up to those of the
//! report. The figures of a row are those that a report of that second would have.

use swell_core::record::Statistic;
use swell_report::record::{Frame, RecordHeader};
use swell_report::{Counted, Part, RunState, Times, Totals};

/// A part of the run, and what a frame counted of it.
pub(crate) struct PartOfFrame {
    /// Whether it is the measured part.
    pub(crate) is_measured: bool,
    /// What was counted.
    pub(crate) counted: Part,
}

/// What a row is about.
pub(crate) struct SecondRow<'a> {
    /// The part that it belongs to.
    pub(crate) part: &'a PartOfFrame,
    /// The name of transactions; nothing of all together.
    pub(crate) name: Option<&'a str>,
    /// How many.
    pub(crate) counts: Counted,
    /// Ended a second, well or not.
    pub(crate) per_second: f64,
    /// End minus intended start.
    pub(crate) response_ms: &'a Times,
    /// End minus actual start.
    pub(crate) service_ms: &'a Times,
}

impl PartOfFrame {
    /// The parts of a frame that have anything to tell: the one in which it is, and another of
    /// which something ended.
    pub(crate) fn all_of(run: &RecordHeader, frame: &Frame) -> Vec<Self> {
        let (moment, counted) = (&frame.moment, &frame.counted);
        let is_before = frame.until.as_secs_f64() <= run.warm_up_seconds;
        let is_warming_up = match moment.phase {
            RunState::WarmUp | RunState::Preparing => true,
            RunState::Paused | RunState::Draining => is_before,
            RunState::Measuring | RunState::Over => false,
        };
        let seconds = frame.length().as_secs_f64();
        [(false, &counted.warm_up), (true, &counted.measured)]
            .into_iter()
            .map(|(is_measured, figures)| {
                let counted = Part::of(figures, seconds);
                Self { is_measured, counted }
            })
            .filter(|part| part.is_measured != is_warming_up || part.has_something())
            .collect()
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &'static str {
        if self.is_measured { "measured" } else { "warm-up" }
    }

    /// The row of all transactions together, then that of each name.
    pub(crate) fn rows(&self) -> impl Iterator<Item = SecondRow<'_>> {
        let Totals { counts, per_second, response_ms, service_ms, .. } = &self.counted.transactions;
        let all = SecondRow {
            part: self,
            name: None,
            counts: *counts,
            per_second: *per_second,
            response_ms,
            service_ms,
        };
        let named = self.counted.by_name.iter().map(|(name, row)| SecondRow {
            part: self,
            name: Some(name),
            counts: row.counts,
            per_second: row.per_second,
            response_ms: &row.response_ms,
            service_ms: &row.service_ms,
        });
        std::iter::once(all).chain(named)
    }

    /// Starts that were due and never came.
    pub(crate) const fn unsent(&self) -> u64 {
        let unsent = self.counted.transactions.unsent;
        unsent.users + unsent.generator + unsent.lease
    }

    fn has_something(&self) -> bool {
        let requests = &self.counted.requests;
        self.counted.transactions.counts != Counted::default()
            || !self.counted.by_name.is_empty()
            || self.unsent() > 0
            || requests.ok + requests.failed + requests.interrupted > 0
    }
}

impl SecondRow<'_> {
    /// What is told of its times: the name of the column, the figure, and whether it would be more
    /// had nothing been cut off.
    pub(crate) fn times(&self) -> impl Iterator<Item = (String, Option<f64>, bool)> {
        [("response", self.response_ms), ("service", self.service_ms)].into_iter().flat_map(
            |(what, times)| {
                shown().map(move |statistic| {
                    let (figure, is_bound) = (times.get(statistic), times.is_at_least(statistic));
                    (column_of_time(what, statistic), figure, is_bound)
                })
            },
        )
    }

    /// The columns of figures that would be more had nothing been cut off.
    pub(crate) fn at_least(&self) -> String {
        let bounds = self.times().filter(|(_, _, is_bound)| *is_bound);
        bounds.map(|(name, ..)| name).collect::<Vec<_>>().join(" ")
    }
}

/// The columns of times, in the order of [`SecondRow::times`].
pub(crate) fn columns_of_times() -> impl Iterator<Item = String> {
    ["response", "service"]
        .into_iter()
        .flat_map(|what| shown().map(move |statistic| column_of_time(what, statistic)))
}

fn shown() -> impl Iterator<Item = Statistic> {
    Statistic::ALL.into_iter().filter(|statistic| *statistic != Statistic::Min)
}

/// A name that SQL and data frames take as one word.
fn column_of_time(what: &str, statistic: Statistic) -> String {
    format!("{what}_{}_ms", statistic.name().replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{busy_frame, header, warm_frame};

    fn names(run: &RecordHeader, frame: &Frame) -> Vec<String> {
        let told =
            |row: SecondRow<'_>| format!("{} {:?} {}", row.part.name(), row.name, row.counts.ok);
        PartOfFrame::all_of(run, frame)
            .iter()
            .flat_map(|part| part.rows().map(told).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn a_second_has_a_row_of_all_and_one_of_each_name() {
        let all = names(&header("shop"), &busy_frame(0, 7));
        assert_eq!(all, ["measured None 7", "measured Some(\"front page\") 7"]);
    }

    #[test]
    fn what_began_in_the_warm_up_and_ends_later_is_apart() {
        let run = header("shop");
        let mut frame = warm_frame(0, 3);
        assert_eq!(names(&run, &frame), ["warm-up None 3", "warm-up Some(\"front page\") 3"]);
        frame.join(&busy_frame(1, 5));
        assert_eq!(
            names(&run, &frame),
            [
                "warm-up None 3",
                "warm-up Some(\"front page\") 3",
                "measured None 5",
                "measured Some(\"front page\") 5",
            ]
        );
    }

    #[test]
    fn a_second_in_which_nothing_happened_is_a_row_all_the_same() {
        let mut run = (*header("shop")).clone();
        run.warm_up_seconds = 10.0;
        let mut frame = busy_frame(0, 0);
        assert_eq!(names(&run, &frame), ["measured None 0"]);
        frame.moment.phase = RunState::WarmUp;
        assert_eq!(names(&run, &frame), ["warm-up None 0"]);
        frame.moment.phase = RunState::Paused;
        assert_eq!(names(&run, &frame), ["warm-up None 0"]);
        run.warm_up_seconds = 0.5;
        assert_eq!(names(&run, &frame), ["measured None 0"]);
    }
}
