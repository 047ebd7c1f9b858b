//! `host history`: the records of earlier runs, listed, looked at and removed.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use swell_core::plain::{line, shell_word};
use swell_core::units::{self, counted, grouped};
use swell_outputs::{History, KeepRule, Kept, KeptEnd, LAST, Outputs, Sink, replay};
use swell_report::Written;
use swell_report::record::{Frame, Mark, RecordHeader};

use crate::report::record_of;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[command(subcommand)]
    what: Option<HistoryCommand>,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// List the runs that are kept, latest first; the same as `host history` alone.
    List,
    /// Say what is known of one run: its command line, machine, record and marks.
    Show {
        /// Which run: `last`, its name, the beginning of its identity, or the file of its record.
        #[arg(default_value = LAST)]
        run: String,
    },
    /// Remove records.
    Prune {
        /// Keep so many of the latest runs.
        #[arg(long, value_name = "N", value_parser = units::parse_count::<usize>)]
        keep: Option<usize>,

        /// Remove those that ended longer ago than this, as 30d.
        #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
        older_than: Option<Duration>,
    },
}

/// Does it.
///
/// # Errors
/// There is no such run, or the history cannot be read.
pub(crate) fn history(args: HistoryArgs) -> anyhow::Result<()> {
    let text = match args.what {
        None | Some(HistoryCommand::List) => list(&History::of_user()?)?,
        Some(HistoryCommand::Show { run }) => show(&run)?,
        Some(HistoryCommand::Prune { keep, older_than }) => {
            prune(&History::of_user()?, keep, older_than)?
        }
    };
    Ok(terminal::show(text)?)
}

fn list(history: &History) -> anyhow::Result<String> {
    let folder = history.folder().display();
    let all = history.all().with_context(|| format!("cannot read {folder}"))?;
    if all.is_empty() {
        return Ok(format!("no run is kept in {folder}\n"));
    }
    let now = SystemTime::now();
    let widest = |text: fn(&Kept) -> &str| {
        all.iter().map(|kept| text(kept).chars().count()).max().unwrap_or(0)
    };
    let ids = widest(|kept| &kept.header.run.id);
    let names = widest(|kept| &kept.header.run.name);
    let mut text = String::new();
    for kept in &all {
        let run = &kept.header.run;
        let (id, name) = (line(&run.id).to_string(), line(&run.name).to_string());
        writeln!(
            text,
            "{id:<ids$}  {:>8} ago  {name:<names$}  {}  {}",
            ago(kept.age(now)),
            size(kept.bytes),
            line(&state(kept))
        )?;
    }
    Ok(text)
}

/// How a run ended, in a line.
fn state(kept: &Kept) -> String {
    if kept.header.part.is_some() {
        return "one host's part of it: `host merge` makes the results of all parts".to_owned();
    }
    match &kept.end {
        KeptEnd::GoesOn => "goes on".to_owned(),
        KeptEnd::Cut(until) => format!("its record was cut after {:.1} s", until.as_secs_f64()),
        KeptEnd::Report(report) => {
            let all = &report.measured.transactions;
            let reason = report.exit.reason.lines().next().unwrap_or_default();
            format!(
                "{}, {} in {:.0} s, {reason} (exit code {})",
                report.verdict.stamp,
                counted(all.counts.started, "transaction"),
                report.run.measured_seconds,
                report.exit.code.code()
            )
        }
    }
}

fn ago(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn size(bytes: u64) -> String {
    format!("{:>7.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// What a record holds, by its entries.
#[derive(Default)]
struct Contents {
    frames: u64,
    /// The shortest and the longest frame.
    steps: Option<(Duration, Duration)>,
    marks: Vec<Mark>,
}

/// Looks through a record.
#[derive(Clone, Default)]
struct Census(Arc<Mutex<Contents>>);

impl Sink for Census {
    fn frame(&mut self, _: &RecordHeader, frame: &Arc<Frame>) {
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = frame.length();
        let (shortest, longest) = contents.steps.unwrap_or((length, length));
        contents.steps = Some((shortest.min(length), longest.max(length)));
        contents.frames += 1;
    }

    fn mark(&mut self, _: &RecordHeader, mark: &Mark) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).marks.push(mark.clone());
    }

    fn end(&mut self, _: &Written, _: &std::sync::atomic::AtomicU64) -> anyhow::Result<()> {
        Ok(())
    }
}

fn show(run: &str) -> anyhow::Result<String> {
    let path = record_of(run)?;
    let (kept, census) = (Kept::read(&path)?, Census::default());
    replay(&path, &Outputs::of(vec![Box::new(census.clone())]))?;
    let contents = census.0.lock().unwrap_or_else(PoisonError::into_inner);
    let header = &kept.header;
    let (shortest, longest) = contents.steps.unwrap_or_default();
    let command: Vec<String> = header.command.iter().map(|word| shell_word(word)).collect();
    let host = &header.host;
    let rows = [
        ("run", format!("{} ({})", header.run.name, header.run.id)),
        ("began", format!("{} ago", ago(kept.age(SystemTime::now())))),
        ("command", command.join(" ")),
        ("scenario", format!("{} of {}", header.run.scenario, header.run.file)),
        ("target", header.run.target.clone().unwrap_or_else(|| "none".to_owned())),
        ("load", header.run.model.clone()),
        ("machine", format!("{}, {}, {}", host.name, counted(host.cores, "core"), host.system)),
        (
            "record",
            format!(
                "{},{}, {} frames of {:.1} to {:.1} s",
                path.display(),
                size(kept.bytes),
                grouped(contents.frames),
                shortest.as_secs_f64(),
                longest.as_secs_f64()
            ),
        ),
        ("end", state(&kept)),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        writeln!(text, "{name:<9} {}", line(&value))?;
    }
    for mark in &contents.marks {
        writeln!(text, "{:>8.1} s  {}", mark.at.as_secs_f64(), line(&mark.text))?;
    }
    Ok(text)
}

fn prune(
    history: &History,
    keep: Option<usize>,
    older_than: Option<Duration>,
) -> anyhow::Result<String> {
    if keep.is_none() && older_than.is_none() {
        bail!("which?\nhelp: --keep N keeps the latest N runs, --older-than TIME removes old ones");
    }
    let since = older_than.and_then(|age| SystemTime::now().checked_sub(age));
    let removed = history
        .prune(KeepRule { runs: keep, bytes: None, since })
        .with_context(|| format!("cannot remove all from {}", history.folder().display()))?;
    Ok(format!("removed {}\n", counted(removed.len() as u64, "record")))
}
