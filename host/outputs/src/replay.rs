//! A record told to outputs as its run was: they cannot tell the difference.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use swell_core::RunInstant;
use swell_report::Report;
use swell_report::record::{Entry, RecordHeader, RecordReader, Unreadable};

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
    loop {
        match reader.entry() {
            Ok(Some(Entry::Frame(frame))) => {
                replayed.until = frame.until;
                outputs.wait_for_room();
                outputs.frame(&header, &Arc::new(*frame));
            }
            Ok(Some(Entry::Mark(mark))) => outputs.mark(&header, &mark),
            Ok(Some(Entry::End(report))) => replayed.report = Some(report),
            Ok(Some(Entry::Header(_)) | None) => break,
            Err(Unreadable::Io(error)) => return Err(error).with_context(shown),
            Err(broken) => {
                replayed.broken = Some(broken);
                break;
            }
        }
    }
    outputs.over(&header, replayed.report.as_deref());
    Ok(replayed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_file::{Bounds, RecordFile};
    use crate::samples::{busy_frame, header, mark};

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
