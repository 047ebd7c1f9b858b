//! What a run counted so far, in little memory however long it goes on.
//!
//! Frames are kept as they come, without what is not shown, and joined once there are too many, the
//! oldest first, as in a record that is full. So the last minutes are there second by second, the
//! hours before them in longer steps, and whatever is told of a stretch is told of the sum of its
//! frames. The sum of the whole run is kept beside them, and is that of its report.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::record::{Censored, Figures, Percentile, Snapshot, Split, Total, UserCounts};
use swell_report::RunState;
use swell_report::record::{Frame, Span, joined};

/// Frames that are kept: two for each column of a wide chart.
const MAX_FRAMES: usize = 400;
/// Memory that they may take, by a rough estimate.
const MAX_BYTES: u64 = 48 << 20;
/// What a row takes beside its samples, and what samples of one kind take at the most.
const ROW: u64 = 1 << 10;
const SAMPLES: u64 = 16 << 10;

/// A stretch that is shorter says nothing of a rate: two transactions in ten milliseconds are not
/// 200 a second.
const SHORTEST: Duration = Duration::from_millis(300);

/// The percentiles that are drawn.
pub(crate) const DRAWN: [Percentile; 3] = [Percentile::P50, Percentile::P95, Percentile::P99];

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct ShownCourse {
    pieces: Vec<CoursePiece>,
    total: Snapshot,
    /// Where the measured part begins, as far as is known.
    measured_from: RunInstant,
}

/// One frame, or some that were joined.
#[derive(Debug)]
struct CoursePiece {
    frame: Frame,
    /// Response times of all that ended in it.
    response: Censored,
    /// Its percentiles in milliseconds, where it has the samples.
    told: [Option<f64>; DRAWN.len()],
    bytes: u64,
}

/// A line over time: instants in seconds, and values.
pub(crate) type Points = Vec<(f64, f64)>;

/// A percentile over time.
#[derive(Debug, Default)]
pub(crate) struct PercentileCurve {
    /// In milliseconds.
    pub(crate) points: Points,
    /// Over how long a point is told at the most, where single frames have too few samples.
    pub(crate) over: Option<Duration>,
}

/// All that was counted in a stretch of one part of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountedWindow {
    pub(crate) figures: Figures,
    pub(crate) users: UserCounts,
    /// How long it is.
    pub(crate) seconds: f64,
    pub(crate) is_warm_up: bool,
}

impl CountedWindow {
    /// How many names it has.
    pub(crate) fn rows(&self) -> usize {
        self.figures.transactions.iter().count()
    }
}

impl ShownCourse {
    /// A frame follows.
    pub(crate) fn handle_frame(&mut self, frame: &Frame) {
        if frame.moment.phase == RunState::WarmUp {
            self.measured_from = frame.until;
        }
        let counted = shown(&frame.counted);
        self.total.merge(&counted);
        let frame =
            Frame { from: frame.from, until: frame.until, counted, moment: frame.moment.clone() };
        self.pieces.push(CoursePiece::of(frame));
        let bytes: u64 = self.pieces.iter().map(|piece| piece.bytes).sum();
        if self.pieces.len() > MAX_FRAMES || bytes > MAX_BYTES {
            self.thin();
        }
    }

    /// What begins from this instant on is measured.
    pub(crate) const fn handle_warm_up_over(&mut self, at: RunInstant) {
        self.measured_from = at;
    }

    /// The latest frame.
    pub(crate) fn latest(&self) -> Option<&Frame> {
        self.pieces.last().map(|piece| &piece.frame)
    }

    /// The instant up to which it goes.
    pub(crate) fn until(&self) -> RunInstant {
        self.latest().map_or(RunInstant::START, |frame| frame.until)
    }

    /// What is completed a second at the moment.
    pub(crate) fn per_second(&self) -> f64 {
        let is_long = |piece: &&CoursePiece| piece.frame.length() >= SHORTEST;
        let latest = self.pieces.iter().rev().find(is_long);
        latest.map_or(0.0, |piece| piece.frame.completed_per_second())
    }

    /// What was counted in the last while, or without one in all, of the part of the run that goes
    /// on. A while begins where a frame does.
    pub(crate) fn counted(&self, length: Option<Duration>) -> CountedWindow {
        let is_warm_up = self.latest().is_some_and(|last| last.moment.phase == RunState::WarmUp);
        let part = |counted: &Snapshot| -> Figures {
            if is_warm_up { counted.warm_up.clone() } else { counted.measured.clone() }
        };
        let (begins, mut from) = if is_warm_up {
            (RunInstant::START, RunInstant::START)
        } else {
            (self.measured_from, self.measured_from)
        };
        let (figures, users) = match length {
            None => (part(&self.total), self.total.users.clone()),
            Some(_) => {
                let (mut figures, mut users) = (Figures::default(), UserCounts::default());
                let pieces = self.since(length);
                from = pieces.first().map_or(from, |first| first.frame.from.max(begins));
                for piece in pieces {
                    let counted = &piece.frame.counted;
                    figures.merge(if is_warm_up { &counted.warm_up } else { &counted.measured });
                    users.merge(&counted.users);
                }
                (figures, users)
            }
        };
        CountedWindow {
            figures,
            users,
            seconds: self.until().since(from).as_secs_f64(),
            is_warm_up,
        }
    }

    /// What was completed a second, over time.
    pub(crate) fn completed(&self, length: Option<Duration>) -> Points {
        self.points(length, |frame| Some(frame.completed_per_second()))
    }

    /// What was asked for, over time; nothing in the closed model.
    pub(crate) fn goals(&self, length: Option<Duration>) -> Points {
        self.points(length, |frame| frame.moment.goal_per_second)
    }

    /// A percentile of the response time, over time. Where a frame has too few samples to tell it,
    /// as many before it as are needed are told together.
    pub(crate) fn response(&self, length: Option<Duration>, place: usize) -> PercentileCurve {
        let percent = DRAWN[place].percent();
        let mut curve = PercentileCurve::default();
        // The frames that are told together, the latest first.
        let mut kept: Option<(Censored, RunInstant)> = None;
        for piece in self.since(length).iter().rev() {
            let (response, until) = match kept.take() {
                None if piece.told[place].is_some() => {
                    curve.points.extend(piece.told[place].map(|ms| (middle(&piece.frame), ms)));
                    continue;
                }
                None => (piece.response.clone(), piece.frame.until),
                Some((mut response, until)) => {
                    response.merge(&piece.response);
                    (response, until)
                }
            };
            match response.percentile(percent) {
                Some(figure) => {
                    let over = until.since(piece.frame.from);
                    let middle = piece.frame.from.as_secs_f64() + over.as_secs_f64() / 2.0;
                    curve.points.push((middle, figure.time.as_secs_f64() * 1e3));
                    curve.over = curve.over.max(Some(over));
                }
                None => kept = Some((response, until)),
            }
        }
        curve.points.reverse();
        curve
    }

    fn points(&self, length: Option<Duration>, value: impl Fn(&Frame) -> Option<f64>) -> Points {
        let long = self.since(length).iter().filter(|piece| piece.frame.length() >= SHORTEST);
        long.filter_map(|piece| Some((middle(&piece.frame), value(&piece.frame)?))).collect()
    }

    /// The frames of the last while.
    fn since(&self, length: Option<Duration>) -> &[CoursePiece] {
        let from = length.map_or(RunInstant::START, |length| self.until() - length);
        let first = self.pieces.partition_point(|piece| piece.frame.until <= from);
        &self.pieces[first..]
    }

    fn thin(&mut self) {
        let spans: Vec<Span> = self
            .pieces
            .iter()
            .map(|piece| Span { length: piece.frame.length(), bytes: piece.bytes })
            .collect();
        let groups = joined(&spans, MAX_FRAMES * 3 / 4, MAX_BYTES * 3 / 4);
        let mut pieces = std::mem::take(&mut self.pieces).into_iter();
        for group in groups {
            let mut group = pieces.by_ref().take(group.len());
            let Some(mut first) = group.next() else { continue };
            let mut is_alone = true;
            for later in group {
                first.frame.join(&later.frame);
                is_alone = false;
            }
            self.pieces.push(if is_alone { first } else { CoursePiece::of(first.frame) });
        }
    }
}

impl CoursePiece {
    fn of(frame: Frame) -> Self {
        let counted = &frame.counted;
        let mut response = counted.warm_up.total.response.all();
        response.merge(&counted.measured.total.response.all());
        let told = DRAWN.map(|percentile| {
            let figure = response.percentile(percentile.percent());
            figure.map(|figure| figure.time.as_secs_f64() * 1e3)
        });
        let bytes = bytes(&counted.warm_up) + bytes(&counted.measured);
        Self { bytes, frame, response, told }
    }
}

fn middle(frame: &Frame) -> f64 {
    frame.from.as_secs_f64().midpoint(frame.until.as_secs_f64())
}

/// What is shown of it.
fn shown(counted: &Snapshot) -> Snapshot {
    let part = |figures: &Figures| {
        let Figures { total, transactions, checks, unsent, .. } = figures;
        let (counts, response) = (total.counts, total.response.clone());
        Figures {
            total: Total { counts, response, ..Total::default() },
            transactions: transactions.clone(),
            checks: checks.clone(),
            unsent: *unsent,
            ..Figures::default()
        }
    };
    let mut shown = Snapshot {
        extent: counted.extent,
        warm_up: part(&counted.warm_up),
        measured: part(&counted.measured),
        users: counted.users.clone(),
        ..Snapshot::default()
    };
    shown.leave_out_notables();
    shown
}

/// About how much memory it takes.
fn bytes(figures: &Figures) -> u64 {
    let of = |split: &Split| (split.count() * 2).min(SAMPLES);
    let rows =
        figures.transactions.iter().map(|(_, row)| ROW + of(&row.service) + of(&row.response));
    rows.sum::<u64>() + ROW + 2 * of(&figures.total.response)
}

#[cfg(test)]
mod tests {
    use swell_core::record::Statistic;
    use swell_report::Times;

    use super::*;
    use crate::samples::{busy_frame, quiet_frame};

    fn at(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn a_day_takes_few_frames_and_loses_no_count() {
        let mut course = ShownCourse::default();
        for second in 0..86_400 {
            // What is counted does not matter here, and takes time.
            let frame =
                if second % 600 == 0 { busy_frame(second, 50) } else { quiet_frame(second) };
            course.handle_frame(&frame);
            assert!(course.pieces.len() <= MAX_FRAMES);
        }
        let all = course.counted(None).figures;
        assert_eq!(all.total.counts.started, 144 * 50);
        let of_pieces: u64 =
            course.pieces.iter().map(|p| p.frame.counted.measured.total.counts.started).sum();
        assert_eq!(of_pieces, 144 * 50);
        let last_minute = course.since(at(60));
        assert_eq!(last_minute.len(), 60, "the last minute is there second by second");
        assert!(course.pieces.windows(2).all(|pair| pair[0].frame.until == pair[1].frame.from));
    }

    #[test]
    fn a_thousand_names_take_no_more_memory_than_may_be() {
        let mut course = ShownCourse::default();
        for second in 0..300 {
            let mut frame = quiet_frame(second);
            frame.counted = crate::samples::counted_of_names(second, 1_000);
            course.handle_frame(&frame);
        }
        let bytes: u64 = course.pieces.iter().map(|piece| piece.bytes).sum();
        assert!(bytes <= MAX_BYTES, "{bytes}");
        assert_eq!(course.counted(None).figures.transactions.iter().count(), 1_000);
    }

    #[test]
    fn a_window_is_the_sum_of_its_frames_and_the_whole_run_is_that_of_all() {
        let (mut course, mut whole) = (ShownCourse::default(), Snapshot::default());
        let (mut last, mut started) = (Snapshot::default(), 0);
        for second in 0..30 {
            let frame = busy_frame(second, 40);
            course.handle_frame(&frame);
            whole.merge(&frame.counted);
            if second >= 20 {
                last.merge(&frame.counted);
                started += frame.counted.measured.total.counts.started;
            }
        }
        let told = |split: &Split| Times::of_all(&split.all());
        let window = course.counted(at(10));
        assert_eq!((window.figures.total.counts.started, window.seconds), (started, 10.0));
        assert_eq!(told(&window.figures.total.response), told(&last.measured.total.response));
        let all = course.counted(None);
        assert_eq!(told(&all.figures.total.response), told(&whole.measured.total.response));
        for (name, row) in whole.measured.transactions.iter() {
            let shown = all.figures.transactions.row(name).expect("each name is there");
            assert_eq!(told(&shown.service), told(&row.service));
        }
        assert!(told(&all.figures.total.response).get(Statistic::Max).is_some());
    }

    #[test]
    fn a_percentile_is_drawn_over_as_many_seconds_as_it_needs_samples() {
        let mut course = ShownCourse::default();
        (0..60).for_each(|second| course.handle_frame(&busy_frame(second, 50)));
        let [p50, p95, p99] = [0, 1, 2].map(|place| course.response(None, place));
        assert_eq!((p50.points.len(), p50.over), (60, None));
        // It needs 200 samples, and 1,000.
        assert_eq!((p95.points.len(), p95.over), (15, Some(Duration::from_secs(4))));
        assert_eq!((p99.points.len(), p99.over), (3, Some(Duration::from_secs(20))));
        assert!(p99.points.is_sorted_by(|before, after| before.0 < after.0));
    }

    #[test]
    fn a_warm_up_is_shown_apart_while_it_lasts_and_not_counted_afterwards() {
        let mut course = ShownCourse::default();
        for second in 0..10 {
            let mut frame = busy_frame(second, 20);
            if second < 4 {
                frame.moment.phase = RunState::WarmUp;
                std::mem::swap(&mut frame.counted.warm_up, &mut frame.counted.measured);
            }
            course.handle_frame(&frame);
            let counted = course.counted(at(60));
            let expected = if second < 4 { second + 1 } else { second - 3 };
            assert_eq!(counted.is_warm_up, second < 4);
            assert_eq!(counted.figures.total.counts.started, expected * 20);
            assert_eq!(counted.seconds, expected as f64);
        }
    }
}
