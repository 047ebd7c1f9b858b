//! The marks that follow from one frame after the other: nobody has to tell what can be seen.

use swell_core::RunInstant;
use swell_core::control::Limiter;
use swell_core::plain::line;
use swell_core::record::Figures;
use swell_core::run::Broken;
use swell_core::threshold::{Outcome, Threshold};

use super::frame::Frame;
use super::mark::{Mark, MarkKind};
use crate::status::{HostStatus, RunState};

/// Marks of one run. A limit that comes and goes each second has the first ones told.
const MAX_MARKS: usize = 1_000;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct MarkWatch {
    measures: bool,
    limited_by: Option<Limiter>,
    /// Each host as it was seen last; nothing before the first frame.
    hosts: Option<Vec<SeenHost>>,
    has_trapped: bool,
    /// Whether each threshold has been broken.
    broken: Vec<bool>,
    /// How many conditions that are judged while the run goes on have been marked as broken.
    conditions: usize,
    made: usize,
    /// Marks of what somebody asked for, which have a bound of their own.
    asked: usize,
}

/// What matters of a host, which its name tells from others: a host that comes may stand before
/// those that were there.
#[derive(Clone, Debug)]
struct SeenHost {
    name: String,
    is_present: bool,
    has_left: bool,
}

impl MarkWatch {
    /// What has happened in a frame, after which `total` was counted in the measured part so far.
    /// That part begins at `measured_from`, or may begin there at the latest.
    pub fn see(
        &mut self,
        frame: &Frame,
        measured_from: RunInstant,
        (thresholds, total): (&[Threshold], &Figures),
    ) -> Vec<Mark> {
        let mut marks = Vec::new();
        self.see_warm_up(frame, measured_from, &mut marks);
        self.see_hosts(&frame.moment.hosts, frame.until, &mut marks);
        self.see_limit(frame, &mut marks);
        self.see_traps(frame, &mut marks);
        if frame.moment.phase == RunState::Measuring {
            let length = frame.until.since(measured_from);
            self.broken.resize(thresholds.len(), false);
            for (threshold, broken) in thresholds.iter().zip(&mut self.broken) {
                // Those with a window are judged elsewhere.
                if let (false, Outcome::Failed { measured }) =
                    (*broken || threshold.over().is_some(), threshold.evaluate(total, length))
                {
                    *broken = true;
                    let text = format!("{threshold} does not hold so far: {measured}");
                    marks.push(Mark { at: frame.until, kind: MarkKind::ThresholdBroken, text });
                }
            }
        }
        marks.truncate(MAX_MARKS - self.made);
        self.made += marks.len();
        marks
    }

    /// Of the marks of what somebody asked for, those that there is room for.
    pub fn take(&mut self, mut asked: Vec<Mark>) -> Vec<Mark> {
        asked.truncate(MAX_MARKS - self.asked);
        self.asked += asked.len();
        asked
    }

    /// The marks of conditions that did not hold while the run went on; those before were told.
    pub fn see_broken(&mut self, broken: &[Broken]) -> Vec<Mark> {
        let told = std::mem::replace(&mut self.conditions, broken.len());
        let mark = |Broken { rule, found, at, ends_run }: &Broken| {
            let (kind, so) = if *ends_run {
                (MarkKind::EndedByCondition, ", and the run ends")
            } else {
                (MarkKind::ThresholdBroken, "")
            };
            Mark { at: *at, kind, text: format!("{} does not hold: {found}{so}", line(rule)) }
        };
        broken.iter().skip(told).map(mark).collect()
    }

    fn see_warm_up(&mut self, frame: &Frame, measured_from: RunInstant, marks: &mut Vec<Mark>) {
        let measures = frame.moment.phase != RunState::WarmUp && frame.until >= measured_from;
        if measures && !self.measures && measured_from > RunInstant::START {
            let text = format!(
                "the warm-up is over after {:.1} s: what begins now is measured",
                measured_from.as_secs_f64()
            );
            marks.push(Mark { at: measured_from, kind: MarkKind::WarmUpOver, text });
        }
        self.measures |= measures;
    }

    fn see_hosts(&mut self, hosts: &[HostStatus], at: RunInstant, marks: &mut Vec<Mark>) {
        let seen = |host: &HostStatus| SeenHost {
            name: host.name.clone(),
            is_present: host.present,
            has_left: host.left,
        };
        let before = self.hosts.replace(hosts.iter().map(seen).collect());
        // Those of the first frame are there from the beginning.
        let Some(mut before) = before else { return };
        for host in hosts {
            let place = before.iter().position(|seen| seen.name == host.name);
            let seen = place.map(|place| before.remove(place));
            let (was_present, had_left) =
                seen.map_or((false, false), |seen| (seen.is_present, seen.has_left));
            let (kind, what) = match () {
                () if host.left && !had_left => (MarkKind::HostLeft, "left"),
                () if host.present && !was_present => (MarkKind::HostJoined, "takes part"),
                () if !host.present && was_present => (MarkKind::HostLost, "is not heard any more"),
                () => continue,
            };
            let text = format!("host {} {what}", line(&host.name));
            marks.push(Mark { at, kind, text });
        }
    }

    fn see_limit(&mut self, frame: &Frame, marks: &mut Vec<Mark>) {
        let by = frame.moment.limited_by;
        if by == std::mem::replace(&mut self.limited_by, by) {
            return;
        }
        let (kind, text) = match (by, &frame.moment.limit) {
            (Some(_), Some(words)) => (MarkKind::Limited, words.clone()),
            (Some(by), None) => (MarkKind::Limited, by.name().to_owned()),
            (None, _) => (MarkKind::Reached, "what is asked for is reached again".to_owned()),
        };
        // At the end nobody asks for anything.
        if kind == MarkKind::Limited || frame.moment.phase == RunState::Measuring {
            marks.push(Mark { at: frame.until, kind, text });
        }
    }

    fn see_traps(&mut self, frame: &Frame, marks: &mut Vec<Mark>) {
        let traps = &frame.counted.users.traps;
        if traps.total() > 0 && !std::mem::replace(&mut self.has_trapped, true) {
            let first = traps.iter().next().map_or("", |(text, _)| text);
            let text = format!("a user was cut off by a trap: {}", line(first));
            marks.push(Mark { at: frame.until, kind: MarkKind::UserTrapped, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn seen(watch: &mut MarkWatch, frame: &Frame, warm_up: u64) -> Vec<(MarkKind, String)> {
        let from = RunInstant::from_nanos(warm_up * 1_000_000_000);
        let rules = ["error_rate < 1%".parse().unwrap()];
        let marks = watch.see(frame, from, (&rules, &frame.counted.measured));
        marks.into_iter().map(|mark| (mark.kind, mark.text)).collect()
    }

    fn kinds(watch: &mut MarkWatch, frame: &Frame) -> Vec<MarkKind> {
        seen(watch, frame, 0).into_iter().map(|(kind, _)| kind).collect()
    }

    fn host(name: &str) -> HostStatus {
        samples::host_status(name)
    }

    #[test]
    fn the_end_of_a_warm_up_is_marked_once_where_it_was() {
        let mut watch = MarkWatch::default();
        let mut frame = samples::quiet_frame(0, 1);
        frame.moment.phase = RunState::WarmUp;
        assert_eq!(seen(&mut watch, &frame, 3), []);
        frame = samples::quiet_frame(1, 4);
        let marks =
            watch.see(&frame, RunInstant::from_nanos(2_500_000_000), (&[], &Figures::default()));
        assert_eq!(marks.len(), 1);
        assert_eq!((marks[0].kind, marks[0].at.as_secs_f64()), (MarkKind::WarmUpOver, 2.5));
        assert_eq!(seen(&mut watch, &samples::quiet_frame(4, 5), 3), []);
        assert_eq!(
            kinds(&mut MarkWatch::default(), &frame),
            [],
            "without a warm-up there is no end"
        );
    }

    #[test]
    fn hosts_that_come_and_go_are_marked_and_those_of_the_beginning_are_not() {
        let mut watch = MarkWatch::default();
        let mut frame = samples::quiet_frame(0, 1);
        frame.moment.hosts = vec![host("a"), host("b")];
        assert_eq!(kinds(&mut watch, &frame), []);
        // One is lost, a third comes; then the first comes back, and the third leaves.
        frame.moment.hosts[0].present = false;
        frame.moment.hosts.push(host("b"));
        assert_eq!(kinds(&mut watch, &frame), [MarkKind::HostLost, MarkKind::HostJoined]);
        frame.moment.hosts[0].present = true;
        (frame.moment.hosts[2].present, frame.moment.hosts[2].left) = (false, true);
        assert_eq!(
            seen(&mut watch, &frame, 0),
            [
                (MarkKind::HostJoined, "host a takes part".to_owned()),
                (MarkKind::HostLeft, "host b left".to_owned())
            ]
        );
        assert_eq!(kinds(&mut watch, &frame), []);
    }

    #[test]
    fn a_host_that_comes_is_named_wherever_it_stands_among_the_others() {
        let mut watch = MarkWatch::default();
        let mut frame = samples::quiet_frame(0, 1);
        frame.moment.hosts = vec![host("b"), host("c")];
        assert_eq!(kinds(&mut watch, &frame), []);
        frame.moment.hosts.insert(0, host("a"));
        assert_eq!(
            seen(&mut watch, &frame, 0),
            [(MarkKind::HostJoined, "host a takes part".to_owned())]
        );
    }

    #[test]
    fn a_limit_is_marked_as_it_comes_and_goes_and_not_at_the_end() {
        let mut watch = MarkWatch::default();
        let mut frame = samples::quiet_frame(0, 1);
        (frame.moment.limited_by, frame.moment.limit) =
            (Some(Limiter::Service), Some("the service is the limit: 5/s".to_owned()));
        assert_eq!(
            seen(&mut watch, &frame, 0),
            [(MarkKind::Limited, "the service is the limit: 5/s".to_owned())]
        );
        assert_eq!(kinds(&mut watch, &frame), []);
        frame.moment.limited_by = None;
        assert_eq!(kinds(&mut watch, &frame), [MarkKind::Reached]);
        frame.moment.limited_by = Some(Limiter::Users);
        assert_eq!(kinds(&mut watch, &frame), [MarkKind::Limited]);
        (frame.moment.limited_by, frame.moment.phase) = (None, RunState::Draining);
        assert_eq!(kinds(&mut watch, &frame), []);
    }

    #[test]
    fn the_first_trap_and_the_first_failure_of_a_threshold_are_marked() {
        let mut watch = MarkWatch::default();
        let frame = samples::frame(0, 1, 50);
        let marks = seen(&mut watch, &frame, 0);
        assert_eq!(
            marks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
            [MarkKind::UserTrapped, MarkKind::ThresholdBroken]
        );
        assert!(marks[1].1.starts_with("error_rate < 1% does not hold so far: "), "{marks:?}");
        assert_eq!(kinds(&mut watch, &frame), []);
    }

    #[test]
    fn a_limit_that_comes_and_goes_for_ever_does_not_fill_the_record() {
        let mut watch = MarkWatch::default();
        let mut frame = samples::quiet_frame(0, 1);
        let mut told = 0;
        for round in 0..3_000 {
            frame.moment.limited_by = (round % 2 == 0).then_some(Limiter::Service);
            told += kinds(&mut watch, &frame).len();
        }
        assert_eq!(told, MAX_MARKS);
    }

    #[test]
    fn who_asks_for_ever_fills_no_record_and_takes_no_room_of_what_is_seen() {
        let mut watch = MarkWatch::default();
        let told = (0..3_000).map(|_| watch.take(vec![samples::mark()]).len());
        assert_eq!(told.sum::<usize>(), MAX_MARKS);
        let frame = samples::frame(0, 1, 50);
        assert_eq!(kinds(&mut watch, &frame).len(), 2);
    }

    #[test]
    fn a_condition_that_does_not_hold_is_marked_once_where_it_was() {
        let mut watch = MarkWatch::default();
        let at = RunInstant::from_nanos(4_000_000_000);
        let broken = |rule: &str, ends_run| Broken {
            rule: rule.to_owned(),
            found: "5.0% in 3s".to_owned(),
            at,
            ends_run,
        };
        let rule = "error_rate < 1% over 3s";
        let mut all = vec![broken(rule, false)];
        let marks = watch.see_broken(&all);
        let text = format!("{rule} does not hold: 5.0% in 3s");
        assert_eq!(marks, [Mark { at, kind: MarkKind::ThresholdBroken, text }]);
        all.push(broken("max-errors 3", true));
        let kinds: Vec<MarkKind> = watch.see_broken(&all).iter().map(|mark| mark.kind).collect();
        assert_eq!(kinds, [MarkKind::EndedByCondition]);
        assert_eq!(watch.see_broken(&all), []);
        // The figures so far say nothing of a threshold with a window.
        let (frame, rules) = (samples::frame(0, 1, 50), [rule.parse().unwrap()]);
        let seen = watch.see(&frame, RunInstant::START, (&rules, &frame.counted.measured));
        assert!(seen.iter().all(|mark| mark.kind != MarkKind::ThresholdBroken), "{seen:?}");
    }
}
