//! A record told to outputs as its run was: they cannot tell the difference.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use swell_core::RunInstant;
use swell_core::plain::line;
use swell_report::Report;
use swell_report::record::{Entry, RecordHeader, RecordReader, RunStretch, StretchSum, Unreadable};

use crate::history::goes_on;
use crate::outputs::Outputs;

/// What a record was found to hold.
#[derive(Debug)]
pub struct Replayed {
    /// What was run.
    pub header: Arc<RecordHeader>,
    /// What it came to; nothing where the record has no end.
    pub report: Option<Box<Report>>,
    /// How far its frames go.
    pub until: RunInstant,
    /// Whether the run goes on.
    pub goes_on: bool,
    /// Why there is no more to be read, where it is broken.
    pub broken: Option<Unreadable>,
}

/// Tells a record to outputs, from its beginning to where it ends.
///
/// # Errors
/// It cannot be read, or is no record that this release can read.
pub fn replay(path: &Path, outputs: &Outputs) -> anyhow::Result<Replayed> {
    replay_stretch(path, None, outputs)
}

/// The same of a stretch of its run alone, if one is given: the outputs hear of its frames, of what
/// happened in them, and of what they come to.
///
/// # Errors
/// As [`replay`]; or the record has nothing of the stretch.
pub fn replay_stretch(
    path: &Path,
    stretch: Option<RunStretch>,
    outputs: &Outputs,
) -> anyhow::Result<Replayed> {
    let shown = || path.display().to_string();
    // Before it is read: a run may end meanwhile.
    let goes_on = goes_on(path);
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut reader, header) = RecordReader::open(BufReader::new(file)).with_context(shown)?;
    let header = Arc::new(header);
    let mut replayed = Replayed {
        header: Arc::clone(&header),
        report: None,
        until: RunInstant::START,
        goes_on,
        broken: None,
    };
    outputs.begin(&header);
    let mut sum = StretchSum::default();
    loop {
        match reader.entry() {
            Ok(Some(Entry::Frame(frame))) => {
                replayed.until = frame.until;
                if let Some(stretch) = stretch {
                    if !stretch.has(&frame) {
                        continue;
                    }
                    sum.add(&frame);
                }
                outputs.wait_for_room();
                outputs.frame(&header, &Arc::new(*frame));
            }
            Ok(Some(Entry::Mark(mark))) => {
                if stretch.is_none() || sum.has(&mark) {
                    outputs.mark(&header, &mark);
                }
            }
            Ok(Some(Entry::End(report))) => replayed.report = Some(report),
            Ok(Some(Entry::Header(_)) | None) => break,
            Err(Unreadable::Io(error)) => return Err(error).with_context(shown),
            Err(broken) => {
                replayed.broken = Some(broken);
                break;
            }
        }
    }
    if stretch.is_some() {
        ensure!(
            !sum.is_empty(),
            "the record of run {} ends after {:.1} s, before the stretch that is asked for begins",
            line(&header.run.name),
            replayed.until.as_secs_f64()
        );
        if let Some(report) = &mut replayed.report {
            **report = sum.report(&header, report);
        }
    }
    outputs.over(&header, replayed.report.as_deref());
    Ok(replayed)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use swell_core::record::Snapshot;
    use swell_report::Written;
    use swell_report::record::Mark;

    use super::*;
    use crate::record_file::{Bounds, RecordFile};
    use crate::samples::{busy_frame, header, mark, report};

    #[test]
    fn a_stretch_is_told_with_its_frames_its_marks_and_what_they_come_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        let run = header("shop");
        let mut record = RecordFile::create(&path, &run, Bounds::default()).unwrap();
        let mut all = Snapshot::default();
        for second in 0..10 {
            let frame = busy_frame(second, 5 + second);
            all.merge(&frame.counted);
            record.add(&Entry::Frame(Box::new(frame))).unwrap();
            let at = RunInstant::START + Duration::from_millis(second * 1_000 + 500);
            record.add(&Entry::Mark(Mark { at, ..mark() })).unwrap();
        }
        record.add(&Entry::End(Box::new(report("shop", all)))).unwrap();
        drop(record);
        let json = folder.path().join("o.json");
        let told = |from, until| {
            let wanted = [("json".to_owned(), json.display().to_string())];
            let outputs = Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap();
            let instant = |ms| RunInstant::START + Duration::from_millis(ms);
            let stretch = RunStretch { from: instant(from), until: instant(until) };
            let replayed = replay_stretch(&path, Some(stretch), &outputs)?;
            let results = Written::Run(replayed.report.unwrap());
            outputs.end(&results, &AtomicU64::new(0))?;
            let text = std::fs::read_to_string(&json)?;
            Ok::<Report, anyhow::Error>(serde_json::from_str(&text)?)
        };
        let report = told(2_500, 5_000).unwrap();
        assert_eq!(report.measured.transactions.counts.ok, 7 + 8 + 9);
        assert_eq!(report.run.measured_seconds, 3.0);
        let points = report.series.iter().map(|point| (point.from, point.ok));
        assert_eq!(points.collect::<Vec<_>>(), [(2.0, 7), (3.0, 8), (4.0, 9)]);
        let marks = report.marks.iter().map(|mark| mark.at);
        assert_eq!(marks.collect::<Vec<_>>(), [2.5, 3.5, 4.5]);
        let error = told(10_000, 12_000).unwrap_err();
        assert!(error.to_string().contains("ends after 10.0 s"), "{error}");
    }

    #[test]
    fn what_a_view_makes_of_a_record_is_what_it_made_of_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let lines = |name: &str| {
            let wanted = [("jsonl".to_owned(), path(name).display().to_string())];
            Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap()
        };
        let (run, live) = (header("shop"), lines("live"));
        let mut record = RecordFile::create(&path("r"), &run, Bounds::default()).unwrap();
        live.begin(&run);
        for second in 0..100 {
            let frame = busy_frame(second, 5);
            live.frame(&run, &Arc::new(frame.clone()));
            record.add(&Entry::Frame(Box::new(frame))).unwrap();
            live.mark(&run, &mark());
            record.add(&Entry::Mark(mark())).unwrap();
            live.wait_for_room();
        }
        live.over(&run, None);
        let again = lines("again");
        let replayed = replay(&path("r"), &again).unwrap();
        drop((live, again));
        assert!(replayed.goes_on && replayed.report.is_none() && replayed.broken.is_none());
        assert_eq!(replayed.until.as_secs_f64(), 100.0);
        let text = |name: &str| std::fs::read_to_string(path(name)).unwrap();
        assert_eq!(text("live").lines().count(), 201);
        assert_eq!(text("live"), text("again"));
    }
}
