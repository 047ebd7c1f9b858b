//! The course of a run in at most [`MAX_POINTS`] points, for its report.
//!
//! A point holds of a frame what the report tells of it, histograms included, so points are joined
//! as frames are: nothing is lost but resolution. They are joined by the rule by which a record
//! joins its frames, so a run and its record have the same points, unless the record came to its
//! bound in bytes before. A point is kept packed: that is a kilobyte or two, and a day takes no
//! more than an hour.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::record::{Causes, Figures, Histogram, Outcomes, Split, Unsent};

use super::frame::{Frame, Moment};
use super::mark::Mark;
use super::thinning::{Span, joined};
use crate::report::{MarkReport, PointReport, Report, Times, UnsentReport, failures};

/// An hour in seconds, as in a record.
const MAX_POINTS: usize = 3_600;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct RunCourse {
    points: Vec<PackedPoint>,
    marks: Vec<MarkReport>,
}

#[derive(Debug)]
struct PackedPoint {
    length: Duration,
    bytes: Box<[u8]>,
}

/// What a report tells of a stretch. What was meant for the warm-up is in it as well.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RunPoint {
    from: RunInstant,
    until: RunInstant,
    counts: Outcomes,
    unsent: Unsent,
    causes: Causes,
    response: Split,
    service: Split,
    generator_lag: Histogram,
    loop_delay: Histogram,
    moment: Moment,
}

impl RunCourse {
    /// Adds the frame that follows.
    pub fn add(&mut self, frame: &Frame) {
        self.points.push(RunPoint::of(frame).packed());
        if self.points.len() > MAX_POINTS {
            self.join_oldest();
        }
    }

    /// Adds what happened meanwhile.
    pub fn mark(&mut self, Mark { at, kind, text }: &Mark) {
        self.marks.push(MarkReport { at: at.as_secs_f64(), kind: *kind, text: text.clone() });
    }

    /// Gives a report the course of its run.
    pub fn put_into(&self, report: &mut Report) {
        report.series = self.points.iter().map(|point| point.point().report()).collect();
        report.marks.clone_from(&self.marks);
    }

    fn join_oldest(&mut self) {
        let span = |point: &PackedPoint| Span { length: point.length, bytes: 0 };
        let spans: Vec<Span> = self.points.iter().map(span).collect();
        // As in a record, three quarters are left, so that it is not soon the same again.
        let groups = joined(&spans, MAX_POINTS * 3 / 4, u64::MAX);
        let mut points = std::mem::take(&mut self.points).into_iter();
        for group in groups {
            let all = points.by_ref().take(group.len());
            self.points.extend(all.reduce(|before, later| {
                let mut both = before.point();
                both.join(later.point());
                both.packed()
            }));
        }
    }
}

impl PackedPoint {
    fn point(&self) -> RunPoint {
        postcard::from_bytes(&self.bytes).expect("it was packed here")
    }
}

impl RunPoint {
    fn of(Frame { from, until, counted, moment }: &Frame) -> Self {
        let mut point = Self {
            from: *from,
            until: *until,
            counts: Outcomes::default(),
            unsent: Unsent::default(),
            causes: Causes::default(),
            response: Split::default(),
            service: Split::default(),
            generator_lag: Histogram::default(),
            loop_delay: Histogram::default(),
            moment: Moment { hosts: Vec::new(), part: None, ..moment.clone() },
        };
        point.count(&counted.warm_up);
        point.count(&counted.measured);
        point
    }

    fn count(&mut self, figures: &Figures) {
        let total = &figures.total;
        self.counts.merge(&total.counts);
        self.unsent.merge(&figures.unsent);
        for (_, row) in figures.transactions.iter() {
            self.causes.merge(&row.causes);
        }
        self.response.merge(&total.response);
        self.service.merge(&total.service);
        self.generator_lag.merge(&total.host_lag);
        self.loop_delay.merge(&figures.delays());
    }

    const fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    fn join(&mut self, later: Self) {
        let (mine, theirs) = (self.length().as_secs_f64(), later.length().as_secs_f64());
        let Self {
            from: _,
            until,
            counts,
            unsent,
            causes,
            response,
            service,
            generator_lag,
            loop_delay,
            moment,
        } = later;
        self.until = until;
        self.counts.merge(&counts);
        self.unsent.merge(&unsent);
        self.causes.merge(&causes);
        self.response.merge(&response);
        self.service.merge(&service);
        self.generator_lag.merge(&generator_lag);
        self.loop_delay.merge(&loop_delay);
        self.moment.join(mine, &moment, theirs);
    }

    fn packed(&self) -> PackedPoint {
        let bytes = postcard::to_stdvec(self).expect("its lists know their lengths");
        PackedPoint { length: self.length(), bytes: bytes.into() }
    }

    fn report(self) -> PointReport {
        let seconds = self.length().max(Duration::from_millis(1)).as_secs_f64();
        let Outcomes { started, ok, failed, interrupted } = self.counts;
        let Moment {
            phase,
            users,
            under_way,
            goal_per_second,
            held_by,
            limited_by,
            limit,
            objectives,
            cores,
            memory_mib,
            hosts: _,
            part: _,
        } = self.moment;
        PointReport {
            from: self.from.as_secs_f64(),
            until: self.until.as_secs_f64(),
            phase,
            offered_per_second: (started + self.unsent.total()) as f64 / seconds,
            completed_per_second: (ok + failed) as f64 / seconds,
            started,
            ok,
            failed,
            interrupted,
            failures: failures(&self.causes),
            unsent: UnsentReport::of(self.unsent),
            response_ms: Times::of_all(&self.response.all()),
            service_ms: Times::of_all(&self.service.all()),
            generator_lag_ms: Times::of(&self.generator_lag),
            loop_delay_ms: Times::of(&self.loop_delay),
            users,
            under_way,
            goal_per_second,
            held_by,
            limited_by,
            limit,
            objectives,
            cores,
            memory_mib,
        }
    }
}

#[cfg(test)]
mod tests {
    use swell_core::control::Limiter;
    use swell_core::record::{Percentile, Snapshot, Statistic};

    use super::super::samples::{frame, mark, quiet_frame, report};
    use super::*;
    use crate::report::Part;

    fn course(frames: &[Frame]) -> Report {
        let mut course = RunCourse::default();
        frames.iter().for_each(|frame| course.add(frame));
        course.mark(&mark());
        let mut report = report();
        course.put_into(&mut report);
        report
    }

    #[test]
    fn a_point_tells_what_its_second_counted_and_where_the_run_was_then() {
        let mut frame = frame(3, 5, 3_000);
        frame.moment.limited_by = Some(Limiter::Service);
        let report = course(std::slice::from_ref(&frame));
        let (point, counted) = (&report.series[0], &frame.counted);
        let mut all = counted.warm_up.clone();
        all.merge(&counted.measured);
        let part = Part::of(&all, 2.0);
        let of = &part.transactions;
        assert_eq!((point.from, point.until), (3.0, 5.0));
        assert_eq!((point.started, point.ok), (of.counts.started, of.counts.ok));
        assert_eq!((point.failed, point.interrupted), (of.counts.failed, of.counts.interrupted));
        assert_eq!(point.completed_per_second, of.per_second);
        assert_eq!(point.offered_per_second, 1_500.0);
        assert_eq!((point.response_ms, point.service_ms), (of.response_ms, of.service_ms));
        assert_eq!(point.generator_lag_ms, of.generator_lag_ms);
        assert_eq!(point.loop_delay_ms, part.loop_delay_ms);
        assert!(point.response_ms.percentile(Percentile::P99).is_some());
        assert!(point.response_ms.percentile(Percentile::P999).is_none(), "too few samples");
        assert!(point.response_ms.is_at_least(Statistic::Max), "some were cut off");
        assert_eq!(point.failures.values().sum::<u64>(), point.failed);
        assert_eq!((point.users, point.goal_per_second), (5, Some(3_000.0)));
        assert_eq!((point.cores, point.memory_mib), (Some(5.0), Some(3.0)));
        assert_eq!(point.limited_by, Some(Limiter::Service));
        assert_eq!((report.marks[0].at, report.marks[0].kind), (1.5, mark().kind));
    }

    #[test]
    fn a_day_has_as_many_points_as_an_hour_and_nothing_is_lost() {
        let mut frames: Vec<Frame> = (0..20).map(|at| frame(at, at + 1, 40)).collect();
        frames.extend((20..9_000).map(|at| quiet_frame(at, at + 1)));
        let report = course(&frames);
        let points = &report.series;
        assert!(points.len() <= MAX_POINTS && points.len() > MAX_POINTS / 2, "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[0].until == pair[1].from));
        assert_eq!((points[0].from, points[points.len() - 1].until), (0.0, 9_000.0));
        assert!(points[0].until > 1.0, "the oldest are joined");
        assert_eq!(points[points.len() - 1].from, 8_999.0, "the newest are not");
        let mut all = Snapshot::default();
        frames.iter().for_each(|frame| all.merge(&frame.counted));
        let ok = all.warm_up.total.counts.ok + all.measured.total.counts.ok;
        assert_eq!(points.iter().map(|point| point.ok).sum::<u64>(), ok);
    }

    #[test]
    fn two_points_joined_are_the_point_of_both_seconds() {
        let (mut first, later) = (frame(0, 1, 900), frame(1, 4, 500));
        let mut joined = RunPoint::of(&first);
        joined.join(RunPoint::of(&later));
        first.join(&later);
        let of_both = RunPoint::of(&first);
        assert_eq!(joined.report(), of_both.packed().point().report());
    }
}
