//! `--out csv=FILE`: each second as rows of a table, for a spreadsheet or for data frames.
//!
//! A row is a line, whatever a name holds: control characters are made visible as on a terminal. A
//! spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it:
//! a name that does so has an apostrophe before it. A figure that is not known is empty.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use swell_core::plain::line;
use swell_core::record::Percentile;
use swell_report::Times;
use swell_report::record::{Frame, RecordHeader};

use crate::aside::{Aside, AsideWriter};
use crate::document::{STDOUT, in_pieces};
use crate::queued::{NewsKind, Queued, RunNews, Taker};
use crate::second_rows::{PartOfFrame, SecondRow, columns_of_times};
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};
use crate::wall_clock::wall_clock;

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "csv",
    flag: Flag::Out,
    help: "csv=FILE writes each second as rows of a table, one for each name",
    needs_seconds: true,
    value: KindValue::FileOrStdout,
    open,
};

/// The file. What is there stays until all rows of this command are written.
struct CsvFile {
    to: CsvPlace,
    has_head: bool,
}

enum CsvPlace {
    Stdout(Stdout),
    File { path: PathBuf, aside: Aside, begun: Option<AsideWriter> },
}

fn open(value: &str, stdout: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    let to = match value {
        "" => bail!("--out csv=: a file is needed after '='"),
        own if STDOUT.contains(&own) => CsvPlace::Stdout(stdout),
        path => {
            let aside = Aside::open(Path::new(path))
                .with_context(|| format!("--out csv={path}: cannot write there"))?;
            CsvPlace::File { path: path.into(), aside, begun: None }
        }
    };
    Ok(Box::new(Queued::new("csv", CsvFile { to, has_head: false })?))
}

impl CsvFile {
    fn put(&mut self, lines: &str, written: &AtomicU64) -> anyhow::Result<()> {
        match &mut self.to {
            CsvPlace::Stdout(stdout) => {
                in_pieces(*stdout, lines, written).context("cannot write the table to stdout")
            }
            CsvPlace::File { path, aside, begun } => {
                let cannot = || not_written(path);
                let file = match begun {
                    Some(file) => file,
                    None => begun.insert(aside.begin().with_context(cannot)?),
                };
                file.write_all(lines.as_bytes()).with_context(cannot)?;
                written.fetch_add(lines.len() as u64, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

impl Taker for CsvFile {
    fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()> {
        let mut lines = csv::Writer::from_writer(Vec::new());
        if !std::mem::replace(&mut self.has_head, true) {
            lines.write_record(head()).context("cannot make the head of the table")?;
        }
        if let NewsKind::Frame(frame) = &told.what {
            for part in PartOfFrame::all_of(&told.run, frame) {
                for row in part.rows() {
                    let cells = cells(&told.run, frame, &row);
                    lines.write_record(cells).context("cannot make a row of the table")?;
                }
            }
        }
        let lines = lines.into_inner().map_err(|error| error.into_error());
        let lines = lines.context("cannot make rows of the table")?;
        self.put(&String::from_utf8(lines).context("a row is no text")?, written)
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        if let CsvPlace::File { path, begun, .. } = &mut self.to
            && let Some(file) = begun.take()
        {
            file.finish().with_context(|| not_written(path))?;
        }
        Ok(Vec::new())
    }

    fn takes_stdout(&self) -> bool {
        matches!(self.to, CsvPlace::Stdout(_))
    }
}

fn not_written(path: &Path) -> String {
    let as_it_was = if path.is_file() { "; the file is as it was" } else { "" };
    format!("cannot write the table to {}{as_it_was}", path.display())
}

/// The first line.
fn head() -> Vec<String> {
    let before = [
        "run",
        "time",
        "from_s",
        "until_s",
        "phase",
        "part",
        "scope",
        "name",
        "started",
        "ok",
        "failed",
        "interrupted",
        "unsent",
        "completed_per_s",
        "goal_per_s",
        "users",
        "under_way",
    ];
    let after = [
        "at_least",
        "start_lag_p99_ms",
        "generator_lag_p99_ms",
        "loop_delay_p99_ms",
        "limited_by",
        "cores",
        "memory_mib",
    ];
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    owned(&before).into_iter().chain(columns_of_times()).chain(owned(&after)).collect()
}

/// What stands below it. What is of the whole run is told in the row of all transactions alone, so
/// that nobody adds it up over names.
fn cells(run: &RecordHeader, frame: &Frame, row: &SecondRow<'_>) -> Vec<String> {
    let (moment, totals) = (&frame.moment, &row.part.counted.transactions);
    let of_run = |cell: Option<String>| cell.filter(|_| row.name.is_none()).unwrap_or_default();
    let lag = |times: &Times| of_run(times.percentile(Percentile::P99).map(number));
    let counts = row.counts;
    let mut cells = vec![
        named(&run.run.name),
        began(run, frame),
        number(frame.from.as_secs_f64()),
        number(frame.until.as_secs_f64()),
        moment.phase.name().to_owned(),
        row.part.name().to_owned(),
        if row.name.is_some() { "transaction" } else { "run" }.to_owned(),
        row.name.map(named).unwrap_or_default(),
        counts.started.to_string(),
        counts.ok.to_string(),
        counts.failed.to_string(),
        counts.interrupted.to_string(),
        of_run(Some(row.part.unsent().to_string())),
        number(row.per_second),
        of_run(moment.goal_per_second.map(number)),
        of_run(Some(moment.users.to_string())),
        of_run(Some(moment.under_way.to_string())),
    ];
    cells.extend(row.times().map(|(_, figure, _)| figure.map(number).unwrap_or_default()));
    cells.extend([
        row.at_least(),
        lag(&totals.start_lag_ms),
        lag(&totals.generator_lag_ms),
        lag(&row.part.counted.loop_delay_ms),
        of_run(moment.limited_by.map(|by| by.name().to_owned())),
        of_run(moment.cores.map(number)),
        of_run(moment.memory_mib.map(number)),
    ]);
    cells
}

/// Somebody's words as a cell: one line, and no formula.
fn named(words: &str) -> String {
    let words = line(words).to_string();
    if words.starts_with(['=', '+', '-', '@']) { format!("'{words}") } else { words }
}

fn number(number: f64) -> String {
    number.to_string()
}

/// When a frame began by the clock on the wall, of UTC.
fn began(run: &RecordHeader, frame: &Frame) -> String {
    let at = wall_clock(run.began_at + frame.from.as_secs_f64());
    humantime::format_rfc3339_millis(at).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use swell_core::record::Statistic;
    use swell_report::Part;

    use super::*;
    use crate::outputs::Outputs;
    use crate::samples::{busy_frame, header, mark, results, warm_frame};

    /// The lines that these frames of a run of this name become.
    fn table(name: &str, frames: &[Frame]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.csv");
        fs::write(&path, "old").unwrap();
        let wanted = [("csv".to_owned(), path.display().to_string())];
        let (outputs, run) = (Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap(), header(name));
        outputs.begin(&run);
        for frame in frames {
            outputs.frame(&run, &Arc::new(frame.clone()));
        }
        outputs.mark(&run, &mark());
        outputs.over(&run, None);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        outputs.end(&results(), &AtomicU64::new(0)).unwrap();
        fs::read_to_string(&path).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    fn column<'a>(table: &'a [csv::StringRecord], name: &str) -> Vec<&'a str> {
        let place = table[0].iter().position(|head| head == name).expect(name);
        table[1..].iter().map(|row| &row[place]).collect()
    }

    fn read(lines: &[String]) -> Vec<csv::StringRecord> {
        let text = lines.join("\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        reader.records().map(Result::unwrap).collect()
    }

    #[test]
    fn the_counts_of_measured_rows_are_those_of_the_report_and_so_are_figures_of_a_second() {
        let frames = [warm_frame(0, 40), busy_frame(1, 300), busy_frame(2, 20)];
        let table = read(&table("shop", &frames));
        let of = |name: &str| column(&table, name);
        assert_eq!(
            of("part"),
            ["warm-up", "warm-up", "measured", "measured", "measured", "measured"]
        );
        assert_eq!(of("scope")[..2], ["run", "transaction"]);
        assert_eq!(of("name")[..2], ["", "front page"]);
        assert_eq!(of("ok"), ["40", "40", "300", "300", "20", "20"]);
        assert_eq!(of("time")[2], "2026-11-18T11:06:41.500Z");
        assert_eq!((of("from_s")[2], of("until_s")[2]), ("1", "2"));
        assert_eq!(of("users")[2..4], ["0", ""], "once a second");
        let right = Part::of(&frames[1].counted.measured, 1.0).transactions;
        for statistic in [Statistic::Mean, Statistic::Percentile(Percentile::P95), Statistic::Max] {
            let of_report = right.response_ms.get(statistic).expect("there are samples enough");
            let column = format!("response_{}_ms", statistic.name());
            assert_eq!(of(&column)[2], number(of_report));
        }
        assert_eq!(of("response_p99_ms")[2], "", "300 samples are too few");
    }

    #[test]
    fn a_row_is_a_line_and_no_cell_a_formula_whatever_a_name_holds() {
        let evil = "=cmd|' /C calc'!A0\n\u{1b}[2J\"quoted\", \u{ffff}";
        let lines = table(evil, &[busy_frame(0, 1)]);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
        let shown = "'=cmd|' /C calc'!A0\\n\\u{1b}[2J\"quoted\", \u{ffff}";
        assert_eq!(column(&read(&lines), "run"), [shown, shown]);
        for (name, cell) in [("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("a=1", "a=1")] {
            assert_eq!(named(name), cell);
        }
    }

    #[test]
    fn a_figure_that_what_was_cut_off_makes_a_bound_is_said_to_be_one() {
        let mut frame = busy_frame(0, 30);
        let age = Duration::from_millis(60);
        frame.counted.measured.total.response.interrupted.record(age);
        let table = read(&table("shop", &[frame]));
        let bounds = column(&table, "at_least")[0].split(' ').collect::<Vec<_>>();
        assert!(bounds.contains(&"response_max_ms") && bounds.contains(&"response_mean_ms"));
        assert!(!bounds.iter().any(|bound| bound.starts_with("service")), "{bounds:?}");
        assert!(bounds.iter().all(|bound| head().iter().any(|column| column == bound)));
    }

    #[test]
    fn the_guide_tells_of_each_column() {
        let guide = include_str!("../../docs/outputs.md");
        for column in head() {
            assert!(guide.contains(&format!("`{column}`")), "{column}");
        }
    }

    #[test]
    fn a_command_without_runs_leaves_the_file_and_a_full_disk_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.csv");
        fs::write(&path, "old").unwrap();
        let opened = |path: &Path| {
            let wanted = [("csv".to_owned(), path.display().to_string())];
            Outputs::open(&wanted, &[], &[], |_| Ok(()))
        };
        drop(opened(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let full = opened(Path::new("/dev/full")).unwrap();
        full.begin(&header("shop"));
        let error = full.end_without_results(&AtomicU64::new(0)).unwrap_err();
        assert!(format!("{error:#}").contains("cannot write the table to /dev/full"), "{error:#}");
    }

    #[test]
    fn rows_go_to_stdout_as_they_come() {
        fn refused(_: &[u8]) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        let sink = open("-", refused).unwrap();
        assert!(sink.takes_stdout() && sink.hears_frames());
        let outputs = Outputs::of(vec![sink]);
        outputs.begin(&header("shop"));
        let error = outputs.end_without_results(&AtomicU64::new(0)).unwrap_err();
        assert!(format!("{error:#}").contains("the table to stdout"), "{error:#}");
    }
}
