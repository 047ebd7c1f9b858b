//! `--out json=FILE`: the results as JSON, whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use swell_core::plain;
use swell_report::Written;

use crate::aside::Aside;
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

/// Names of this process's own stdout.
pub(crate) const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Bytes that are written to stdout at a time, so that a reader who takes some is seen to.
const PIECE: usize = 4 << 10;

enum Json {
    Stdout(Stdout),
    File(PathBuf, Aside),
}

fn open(value: &str, stdout: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    Ok(Box::new(match value {
        "" => bail!("--out json=: a file is needed after '='"),
        own if STDOUT.contains(&own) => Json::Stdout(stdout),
        path => {
            let aside = Aside::open(Path::new(path))
                .with_context(|| format!("--out json={path}: cannot write there"))?;
            Json::File(path.into(), aside)
        }
    }))
}

impl Sink for Json {
    fn end(&mut self, results: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        let text =
            serde_json::to_string_pretty(results).context("cannot put the results into JSON")?;
        let text = plain::json(&text) + "\n";
        match self {
            Self::Stdout(stdout) => {
                in_pieces(*stdout, &text, taken).context("cannot write the results to stdout")
            }
            Self::File(path, aside) => aside.write(text.as_bytes(), taken).with_context(|| {
                let as_it_was = if path.is_file() { "; the file is as it was" } else { "" };
                format!(
                    "cannot write the {} bytes of results to {}{as_it_was}",
                    text.len(),
                    path.display()
                )
            }),
        }
    }

    fn takes_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }
}

/// Writes a text to stdout; `taken` counts the bytes as they are.
///
/// # Errors
/// It is closed or cannot be written.
pub fn in_pieces(stdout: Stdout, text: &str, taken: &AtomicU64) -> io::Result<()> {
    for piece in text.as_bytes().chunks(PIECE) {
        stdout(piece)?;
        taken.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use swell_report::{Exit, ExitReport, ReportOfRuns};

    use super::*;
    use crate::outputs::Outputs;

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
}
