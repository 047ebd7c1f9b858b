//! `--out json=FILE`: the results as JSON with the course of each run, whole or not at all.
//!
//! The course is gathered from the frames as they come, by a thread of its own: a second of a run
//! is packed there, and the oldest are joined where there are too many.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context as _;
use swell_core::plain;
use swell_report::record::{Frame, Mark, RecordHeader};
use swell_report::{Report, Written};

use crate::courses::Courses;
use crate::document::DocumentPlace;
use crate::queued::Queued;
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "json",
    flag: Flag::Out,
    help: "json=FILE writes the results as JSON",
    needs_seconds: false,
    value: KindValue::FileOrStdout,
    open,
};

struct Json {
    place: DocumentPlace,
    courses: Courses,
    /// What gathers them.
    gatherer: Queued,
}

fn open(value: &str, stdout: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    let place = DocumentPlace::open("json", value, stdout)?;
    let courses = Courses::default();
    let gatherer = Queued::new("json", courses.clone())?;
    Ok(Box::new(Json { place, courses, gatherer }))
}

impl Sink for Json {
    fn hears_frames(&self) -> bool {
        true
    }

    fn needs_results(&self) -> bool {
        true
    }

    fn begin(&mut self, run: &Arc<RecordHeader>) {
        self.gatherer.begin(run);
    }

    fn frame(&mut self, run: &RecordHeader, frame: &Arc<Frame>) {
        self.gatherer.frame(run, frame);
    }

    fn mark(&mut self, run: &RecordHeader, mark: &Mark) {
        self.gatherer.mark(run, mark);
    }

    fn over(&mut self, run: &RecordHeader, _: Option<&Report>) {
        self.gatherer.over(run, None);
    }

    fn has_room(&mut self) -> bool {
        self.gatherer.has_room()
    }

    fn end(&mut self, results: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        let gathered = self.gatherer.end_without_results(taken);
        let mut results = results.clone();
        self.courses.put_into(&mut results);
        let text =
            serde_json::to_string_pretty(&results).context("cannot put the results into JSON")?;
        self.place.write(&(plain::json(&text) + "\n"), taken)?;
        gathered.context("the course of a run is not in the results")
    }

    fn takes_stdout(&self) -> bool {
        self.place.is_stdout()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use serde_json::Value;
    use swell_report::record::Entry;
    use swell_report::{Exit, ExitReport, ReportOfRuns};

    use super::*;
    use crate::outputs::Outputs;
    use crate::record_file::{Bounds, RecordFile};
    use crate::replay::replay;
    use crate::samples::{busy_frame, frame, header, mark, report};

    fn nowhere(_: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn results() -> Written {
        let exit = ExitReport { code: Exit::Passed, reason: "\u{1b}[31m passed".to_owned() };
        Written::Runs(Box::new(ReportOfRuns::of(&[], exit)))
    }

    #[test]
    fn a_file_holds_the_results_once_all_is_over_and_nothing_that_acts_on_a_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.json");
        let outputs =
            Outputs::open(&[("json".to_owned(), path.display().to_string())], &[], &[], nowhere)
                .unwrap();
        assert!(!outputs.takes_stdout() && !path.exists());
        let taken = AtomicU64::new(0);
        outputs.end(&results(), &taken).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains('\u{1b}') && text.ends_with("}\n"), "{text}");
        let read: ReportOfRuns = serde_json::from_str(&text).unwrap();
        assert_eq!(read.exit.reason, "\u{1b}[31m passed");
    }

    #[test]
    fn one_that_cannot_be_written_keeps_none_of_the_others_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.json").display().to_string();
        let wanted = ["-".to_owned(), path.clone()].map(|place| ("json".to_owned(), place));
        let outputs = Outputs::open(&wanted, &[], &[], nowhere).unwrap();
        assert!(outputs.takes_stdout());
        let error = outputs.end(&results(), &AtomicU64::new(0)).unwrap_err();
        assert!(format!("{error:#}").contains("to stdout"), "{error:#}");
        assert!(Path::new(&path).is_file());
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        for kind in ["xml", "prometheus"] {
            let wanted = [(kind.to_owned(), "x".to_owned())];
            let Err(error) = Outputs::open(&wanted, &[], &[], nowhere) else { panic!("{kind}") };
            let words = format!("{error:#}");
            assert!(words.contains("json=FILE writes") && words.contains(kind), "{words}");
        }
    }

    #[test]
    fn the_course_of_a_run_is_the_same_live_and_from_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let json = |name: &str| {
            let wanted = [("json".to_owned(), path(name).display().to_string())];
            Outputs::open(&wanted, &[], &[], nowhere).unwrap()
        };
        let (run, report) = (header("shop"), report("shop", busy_frame(0, 300).counted));
        let (live, again) = (json("live"), json("again"));
        let mut record = RecordFile::create(&path("r"), &run, Bounds::default()).unwrap();
        live.begin(&run);
        // Longer than a record has frames, so that the oldest are joined.
        for second in 0..4_000 {
            let frame =
                if second < 50 { Arc::new(busy_frame(second, 300)) } else { frame(second, second) };
            live.wait_for_room();
            live.frame(&run, &frame);
            record.add(&Entry::Frame(Box::new((*frame).clone()))).unwrap();
            if second == 70 {
                live.mark(&run, &mark());
                record.add(&Entry::Mark(mark())).unwrap();
            }
        }
        live.over(&run, Some(&report));
        record.add(&Entry::End(Box::new(report.clone()))).unwrap();
        live.end(&Written::Run(Box::new(report)), &AtomicU64::new(0)).unwrap();
        let replayed = replay(&path("r"), &again).unwrap();
        again.end(&Written::Run(replayed.report.unwrap()), &AtomicU64::new(0)).unwrap();
        let text = |name: &str| std::fs::read_to_string(path(name)).unwrap();
        let live: Value = serde_json::from_str(&text("live")).unwrap();
        let points = live["series"].as_array().unwrap();
        assert!(points.len() > 2_000 && points.len() <= 3_600, "{}", points.len());
        assert!(points[0]["response_ms"]["p95"].is_number(), "{:#}", points[0]);
        assert_eq!(live["marks"][0]["kind"], "goal-changed");
        assert!(text("live") == text("again"), "the record has another course than the run");
    }
}
