//! An output as small as one can be, to copy: `--out toy=FILE` would write a line for each run. All
//! of it is here but its line in [`KINDS`](crate::KINDS), as only tests have it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context as _;
use swell_report::record::{Frame, RecordHeader};
use swell_report::{Report, Written};

use crate::aside::Aside;
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};

/// The kind.
const KIND: Kind = Kind {
    name: "toy",
    flag: Flag::Out,
    help: "toy=FILE writes how many transactions each run began",
    needs_seconds: true,
    value: KindValue::File,
    open,
};

struct Toy {
    file: Aside,
    /// Of the run that goes on.
    began: u64,
    lines: String,
}

/// Looks before the run whether the results can be written.
fn open(path: &str, _: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    let file = Aside::open(Path::new(path))
        .with_context(|| format!("--out toy={path}: cannot write there"))?;
    Ok(Box::new(Toy { file, began: 0, lines: String::new() }))
}

impl Sink for Toy {
    fn hears_frames(&self) -> bool {
        true
    }

    fn frame(&mut self, _: &RecordHeader, frame: &Arc<Frame>) {
        self.began += frame.counted.measured.total.counts.started;
    }

    fn over(&mut self, run: &RecordHeader, _: Option<&Report>) {
        let began = std::mem::take(&mut self.began);
        writeln!(self.lines, "{}: {began} transactions", run.run.name).expect("a text takes all");
    }

    fn end(&mut self, _: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        self.file.write(self.lines.as_bytes(), taken).context("cannot write the toy")
    }
}

mod tests {
    use std::io;

    use super::*;
    use crate::outputs::{AskedOutputs, Outputs};
    use crate::samples::{frame, header, results};

    fn nowhere(_: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn opened(kind: &str, value: &Path) -> anyhow::Result<Outputs> {
        let wanted = [(kind.to_owned(), value.display().to_string())];
        let asked = AskedOutputs { out: &wanted, ..AskedOutputs::default() };
        Outputs::open_among(&[KIND], asked, &[], nowhere)
    }

    #[test]
    fn an_output_is_one_file_and_has_its_flag_its_help_and_all_that_a_run_tells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.txt");
        let outputs = opened("toy", &path).unwrap();
        assert!(outputs.hear_frames() && !path.exists());
        let (shop, pay) = (header("shop"), header("pay"));
        for (run, seconds) in [(&shop, 0..2), (&pay, 0..1)] {
            outputs.begin(run);
            seconds.for_each(|second| outputs.frame(run, &frame(second, 5)));
            outputs.over(run, None);
        }
        outputs.end(&results(), &AtomicU64::new(0)).unwrap();
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, "shop: 10 transactions\npay: 5 transactions\n");
    }

    #[test]
    fn an_output_that_is_not_known_is_answered_with_the_help_of_those_that_are() {
        let refused =
            |kind| opened(kind, Path::new("x")).err().expect("there is no such").to_string();
        let words = refused("joy");
        assert!(words.contains("\"joy\"; did you mean \"toy\"?"), "{words}");
        assert!(words.contains(KIND.help), "{words}");
        assert!(!refused("parquet").contains("did you mean"));
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_refused_before_the_run() {
        let Err(error) = opened("toy", Path::new("/no/such/folder/x")) else { panic!("no folder") };
        assert!(format!("{error:#}").starts_with("--out toy=/no/such/folder/x: "), "{error:#}");
    }
}
