//! `host compare A B`: runs held against each other, from their records or reports.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use swell_core::plain::{self, line};
use swell_core::spelling;
use swell_core::threshold::Margin;
use swell_outputs::{Aside, ComparedSide, ComparisonPage, in_pieces, is_same_file};
use swell_report::record::{Entry, RecordReader, Unreadable};
use swell_report::{
    ComparedRun, ComparisonInMarkdown, ComparisonText, Exit, Method, Report, RunComparison,
};

use crate::report::record_of;
use crate::settings::flags::parse_pair;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The runs to compare with: a record, what `--out json=FILE` wrote, or a run that is kept, as
    /// `last` or by its name. Several with commas
    /// between them, without spaces: five and more on each side say most.
    #[arg(value_name = "A")]
    a: String,

    /// The runs to compare, likewise.
    #[arg(value_name = "B")]
    b: String,

    /// End with 99 if B surely differs from A by more than this, as `response.p95 > +5%`,
    /// `service[pay].p99 > +20ms`, `throughput < -3%`, `error_rate > +1%` (points); repeatable.
    #[arg(long = "fail-if", value_name = "CONDITION")]
    fail_if: Vec<Margin>,

    /// Write it as Markdown (`md=FILE`), as JSON (`json=FILE`), or as a page for a browser with the
    /// runs' courses over each other (`html=FILE`); `-` writes to stdout, in place of the text.
    /// Repeatable.
    #[arg(long = "out", value_name = "KIND=FILE", value_parser = parse_pair)]
    out: Vec<(String, String)>,

    /// No text on stdout.
    #[arg(long, short = 'q')]
    quiet: bool,
}

/// In which form a comparison is written.
#[derive(Clone, Copy)]
enum OutForm {
    Markdown,
    Json,
    Page,
}

/// Their names on the command line.
const FORMS: [(&str, OutForm); 3] =
    [("md", OutForm::Markdown), ("json", OutForm::Json), ("html", OutForm::Page)];

/// Where it is written.
enum OutPlace {
    Stdout,
    File(String, Aside),
}

/// Columns of text that is not for a terminal.
const COLUMNS: usize = 120;
/// Columns beyond which lines are no easier to read.
const MOST_COLUMNS: usize = 200;

/// Compares, and says what it found.
///
/// # Errors
/// A file cannot be read or is none of a run, the same run was given twice, or a place cannot be
/// written to or is that of a run.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let (names_of_a, names_of_b) = (names(&args.a)?, names(&args.b)?);
    let inputs = names_of_a.iter().chain(&names_of_b).map(|name| path_of(name));
    let inputs = inputs.collect::<anyhow::Result<Vec<_>>>()?;
    let places = open(&args.out, &inputs)?;
    let (a, b) = (side(names_of_a)?, side(names_of_b)?);
    refuse_twice(&a, &b)?;
    ensure!(
        args.fail_if.is_empty() || Method::of(&a, &b) != Method::TotalsOfTwoRuns,
        "--fail-if: the totals of two runs do not say how sure a difference is; give their \
        records, or several runs on each side"
    );
    let comparison = RunComparison::of(&a, &b, &args.fail_if);
    let mut exit = comparison.exit();
    let takes_stdout = |(_, place): &(_, OutPlace)| matches!(place, OutPlace::Stdout);
    if !args.quiet && !places.iter().any(takes_stdout) {
        terminal::show(ComparisonText { comparison: &comparison, width: columns() })?;
    }
    let sides = a.iter().map(|run| (ComparedSide::A, run));
    let sides = sides.chain(b.iter().map(|run| (ComparedSide::B, run)));
    // Of a report alone there is no course to show.
    let records = inputs.iter().zip(sides).filter(|(_, (_, run))| run.is_record());
    let records: Vec<_> = records.map(|(path, (side, _))| (side, path.as_path())).collect();
    for (form, place) in &places {
        if let Err(error) = write(&comparison, &records, *form, place) {
            terminal::say(format_args!("error: {error:#}"));
            exit = exit.min(Exit::Unwritten);
        }
    }
    Ok(exit)
}

fn columns() -> usize {
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
    columns.unwrap_or(COLUMNS).min(MOST_COLUMNS)
}

/// The names of the runs of one side.
fn names(typed: &str) -> anyhow::Result<Vec<&str>> {
    // A name with a comma in it is a name all the same, where there is such a file.
    let names: Vec<&str> =
        if Path::new(typed).exists() { vec![typed] } else { typed.split(',').collect() };
    ensure!(
        names.iter().all(|name| !name.is_empty()),
        "{typed:?}: a run is missing before or after a comma"
    );
    Ok(names)
}

fn side(names: Vec<&str>) -> anyhow::Result<Vec<ComparedRun>> {
    names.into_iter().map(read).collect()
}

/// The file of a run. What is no file may be a run that is kept.
fn path_of(name: &str) -> anyhow::Result<PathBuf> {
    if Path::new(name).exists() { Ok(name.into()) } else { record_of(name) }
}

/// A run that is on both sides, or twice on one, would make a difference look surer than it is.
fn refuse_twice(a: &[ComparedRun], b: &[ComparedRun]) -> anyhow::Result<()> {
    let all: Vec<&ComparedRun> = a.iter().chain(b).collect();
    for (place, run) in all.iter().enumerate() {
        if let Some(same) = all[..place].iter().find(|other| other.id() == run.id()) {
            bail!(
                "{} and {} are the same run, {}: each counts once",
                line(same.name()),
                line(run.name()),
                line(run.id())
            );
        }
    }
    Ok(())
}

/// Bytes by which a record is told from JSON.
const RECORD: &[u8] = b"swell-record/";

fn read(name: &str) -> anyhow::Result<ComparedRun> {
    let shown = line(name);
    let file = File::open(path_of(name)?).with_context(|| format!("{shown}: cannot read it"))?;
    let mut file = BufReader::new(file);
    let first = file.fill_buf().with_context(|| format!("{shown}: cannot read it"))?;
    if first.starts_with(RECORD) {
        return of_record(name, file).with_context(|| format!("{shown}"));
    }
    let is_json = first.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    ensure!(
        is_json,
        "{shown} is {}: give a record, or what `host run --out json=FILE` wrote",
        if first.is_empty() { "empty" } else { "neither a record of a run nor a report in JSON" }
    );
    let report = report(file).with_context(|| format!("{shown}"))?;
    Ok(ComparedRun::of_report(name.to_owned(), &report))
}

fn of_record(name: &str, file: impl Read) -> anyhow::Result<ComparedRun> {
    let (mut reader, header) = RecordReader::open(file)?;
    let mut report = None;
    let mut broken = None;
    let frames = std::iter::from_fn(|| {
        loop {
            match reader.entry() {
                Ok(Some(Entry::Frame(frame))) => return Some(*frame),
                Ok(Some(Entry::End(end))) => report = Some(end),
                Ok(Some(Entry::Header(_) | Entry::Mark(_))) => {}
                Ok(None) => return None,
                Err(error) => {
                    broken = Some(error);
                    return None;
                }
            }
        }
    });
    let frames: Vec<_> = frames.collect();
    // Of a record that is cut, what came before holds, and the comparison says so.
    if let Some(Unreadable::Io(error)) = broken {
        return Err(error).context("cannot read it");
    }
    Ok(ComparedRun::of_record(name.to_owned(), &header, frames, report.as_deref()))
}

fn report(file: impl Read) -> anyhow::Result<Report> {
    let json: serde_json::Value =
        serde_json::from_reader(file).context("it is not JSON, or it is cut")?;
    if json.get("header").is_some() {
        bail!("it is a record as lines of JSON: give the record itself");
    }
    match json.get("schema").and_then(serde_json::Value::as_str) {
        Some(schema) if schema.starts_with("swell.runs/") => {
            let runs = json.get("runs").and_then(serde_json::Value::as_object);
            let names: Vec<&str> =
                runs.into_iter().flat_map(|runs| runs.keys().map(String::as_str)).collect();
            bail!(
                "it has several runs ({}), and a comparison is of single ones: give the record of \
                each",
                line(&names.join(", "))
            )
        }
        Some(schema) if schema.starts_with("swell.run/") => {
            let schema = schema.to_owned();
            serde_json::from_value(json).with_context(|| {
                format!("it is no report that this release reads ({})", line(&schema))
            })
        }
        _ => bail!(
            "it is JSON, and not a report of a run: give a record, or what `host run --out \
            json=FILE` wrote"
        ),
    }
}

/// Reads where to write, and looks whether that is possible.
fn open(
    wanted: &[(String, String)],
    inputs: &[PathBuf],
) -> anyhow::Result<Vec<(OutForm, OutPlace)>> {
    let mut places = Vec::new();
    let mut taken = inputs.to_vec();
    for (kind, place) in wanted {
        let Some((_, form)) = FORMS.iter().find(|(name, _)| name == kind) else {
            let near = spelling::nearest(kind, FORMS.map(|(name, _)| name));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            bail!(
                "--out {}={}: a comparison is written as md, json or html{near}",
                line(kind),
                line(place)
            );
        };
        if matches!(form, OutForm::Page) {
            ComparisonPage::new().with_context(|| format!("--out html={}", line(place)))?;
        }
        let place = match place.as_str() {
            "" => bail!("--out {kind}=: a file is needed after '='"),
            "-" => OutPlace::Stdout,
            path if taken.iter().any(|other| is_same_file(other, Path::new(path))) => bail!(
                "--out {kind}={}: that file is compared, or written already\nhelp: name another \
                file",
                line(path)
            ),
            path => OutPlace::File(
                path.to_owned(),
                Aside::open(Path::new(path))
                    .with_context(|| format!("--out {kind}={}: cannot write there", line(path)))?,
            ),
        };
        if let OutPlace::File(path, _) = &place {
            taken.push(path.into());
        }
        places.push((*form, place));
    }
    let to_stdout = places.iter().filter(|(_, place)| matches!(place, OutPlace::Stdout));
    ensure!(to_stdout.count() < 2, "--out: only one of them can have stdout");
    Ok(places)
}

fn write(
    comparison: &RunComparison,
    records: &[(ComparedSide, &Path)],
    form: OutForm,
    place: &OutPlace,
) -> anyhow::Result<()> {
    let taken = AtomicU64::new(0);
    let json = || -> anyhow::Result<String> {
        let json = serde_json::to_string_pretty(comparison);
        Ok(plain::json(&json.context("cannot put the comparison into JSON")?) + "\n")
    };
    let text = match form {
        OutForm::Markdown => ComparisonInMarkdown(comparison).to_string(),
        OutForm::Json => json()?,
        OutForm::Page => {
            let mut page = ComparisonPage::new()?;
            for (side, path) in records {
                page.add(*side, path)?;
            }
            page.whole(&json()?, &taken)?
        }
    };
    match place {
        OutPlace::Stdout => in_pieces(terminal::hand_over, &text, &taken)
            .context("cannot write the comparison to stdout"),
        OutPlace::File(path, aside) => aside
            .write(text.as_bytes(), &taken)
            .with_context(|| format!("cannot write the comparison to {}", line(path))),
    }
}
