//! `--out jsonl=FILE`: the record of each run as lines of JSON, as they come.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use serde_json::Value;
use swell_core::plain;
use swell_report::record::{
    NotableWatch, end_line, frame_line, header_line, mark_line, notable_line,
};

use crate::aside::Aside;
use crate::document::{STDOUT, in_pieces};
use crate::queued::{NewsKind, Queued, RunNews, Taker};
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "jsonl",
    flag: Flag::Out,
    help: "jsonl=FILE writes each second as a line of JSON",
    needs_seconds: true,
    value: KindValue::FileOrStdout,
    open,
};

/// Where the lines go.
struct LinesFile {
    to: To,
    begun: bool,
    /// Of each run that goes on, by its identity, what of its transactions was worth a line.
    notables: BTreeMap<String, NotableWatch>,
}

enum To {
    Stdout(Stdout),
    /// A file, open where it was there before.
    File(PathBuf, Option<File>),
}

fn open(value: &str, stdout: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    let to = match value {
        "" => bail!("--out jsonl=: a file is needed after '='"),
        own if STDOUT.contains(&own) => To::Stdout(stdout),
        path => {
            // All stays as it is until there is something to write.
            let path = PathBuf::from(path);
            let file = if path.exists() {
                File::options().append(true).open(&path).map(Some)
            } else {
                Aside::open(&path).map(|_| None)
            };
            let file = file
                .with_context(|| format!("--out jsonl={}: cannot write there", path.display()))?;
            To::File(path, file)
        }
    };
    Ok(Box::new(Queued::new("jsonl", LinesFile { to, begun: false, notables: BTreeMap::new() })?))
}

impl LinesFile {
    fn put(&mut self, line: &Value, run: &str, written: &AtomicU64) -> anyhow::Result<()> {
        let mut line = line.clone();
        // Runs that go on side by side share the file.
        line["run"] = run.into();
        let text = plain::json(&line.to_string()) + "\n";
        match &mut self.to {
            To::Stdout(stdout) => {
                in_pieces(*stdout, &text, written).context("cannot write lines to stdout")
            }
            To::File(path, file) => {
                let cannot = || format!("cannot write the lines to {}", path.display());
                let file = match file {
                    Some(file) => file,
                    None => {
                        let new = File::options().create(true).append(true).open(&*path);
                        file.insert(new.with_context(cannot)?)
                    }
                };
                if !std::mem::replace(&mut self.begun, true) {
                    // A pipe has no length to be cut.
                    let _ = file.set_len(0);
                }
                file.write_all(text.as_bytes()).with_context(cannot)?;
                written.fetch_add(text.len() as u64, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

impl Taker for LinesFile {
    fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()> {
        let run = &told.run.run;
        let mut lines = Vec::new();
        match &told.what {
            NewsKind::Begun => {
                self.notables.insert(run.id.clone(), NotableWatch::new(&told.run));
                lines.push(header_line(&told.run));
            }
            NewsKind::Frame(frame) => {
                lines.push(frame_line(frame));
                let watch = self.notables.get_mut(&run.id);
                let notables = watch.map(|watch| watch.see(frame)).unwrap_or_default();
                lines.extend(notables.iter().map(notable_line));
            }
            NewsKind::Mark(mark) => lines.push(mark_line(mark)),
            NewsKind::Over(report) => {
                self.notables.remove(&run.id);
                lines.extend(report.as_deref().map(end_line));
            }
        }
        lines.iter().try_for_each(|line| self.put(line, &run.name, written))
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn takes_stdout(&self) -> bool {
        matches!(self.to, To::Stdout(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::Outputs;
    use crate::samples::{frame, header, mark, results};

    #[test]
    fn each_entry_is_a_line_that_says_what_it_is_and_of_which_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        std::fs::write(&path, "of the last time\n").unwrap();
        let wanted = [("jsonl".to_owned(), path.display().to_string())];
        let outputs = Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of the last time\n");
        let run = header("shop \u{1b}[2J");
        outputs.begin(&run);
        outputs.frame(&run, &frame(0, 7));
        outputs.mark(&run, &mark());
        outputs.over(&run, None);
        outputs.end(&results(), &AtomicU64::new(0)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains('\u{1b}'), "{text}");
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let kinds = lines.iter().map(|line| line.as_object().unwrap().keys().next().unwrap());
        assert_eq!(kinds.collect::<Vec<_>>(), ["header", "frame", "mark"]);
        assert!(lines.iter().all(|line| line["run"] == "shop \u{1b}[2J"));
        assert_eq!(lines[1]["frame"]["measured"]["transactions"]["started"], 7);
    }

    #[test]
    fn looking_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        drop(open(&path.display().to_string(), |_| Ok(())).unwrap());
        assert!(!path.exists());
        assert!(open(&folder.path().join("none/x").display().to_string(), |_| Ok(())).is_err());
    }

    #[test]
    fn all_lines_are_there_without_results_and_a_full_disk_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl").display().to_string();
        let end = |path: &str| {
            let wanted = [("jsonl".to_owned(), path.to_owned())];
            let (outputs, run) =
                (Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap(), header("shop"));
            outputs.begin(&run);
            outputs.frame(&run, &frame(0, 7));
            outputs.over(&run, None);
            outputs.end_without_results(&AtomicU64::new(0))
        };
        end(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        let error = end("/dev/full").unwrap_err();
        assert!(error.to_string().contains("cannot write the lines"), "{error:#}");
    }
}
