//! `--out json=FILE`: the results as JSON, whole or not at all.

use anyhow::Context as _;
use swell_core::plain;
use swell_report::Written;

use crate::document::Document;
use crate::sink::{Flag, Kind, KindValue};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "json",
    flag: Flag::Out,
    help: "json=FILE writes the results as JSON",
    needs_seconds: false,
    value: KindValue::FileOrStdout,
    open: |value, stdout| Document::open("json", value, stdout, json),
};

fn json(results: &Written) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(results).context("cannot put the results into JSON")?;
    Ok(plain::json(&text) + "\n")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::atomic::AtomicU64;

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
