//! `host report`: an earlier run told again to outputs, and its summary shown.

use std::path::{Path, PathBuf};
use std::slice;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use swell_core::RunInstant;
use swell_core::plain::line;
use swell_core::units::{self, print_duration};
use swell_outputs::{History, LAST, Outputs, Replayed, replay_stretch};
use swell_report::record::RunStretch;
use swell_report::{Exit, Written};

use crate::delivery::deliver;
use crate::settings::flags::parse_pair;
use crate::stops::Stops;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Which run: `last`, its name, the beginning of its identity, or the file of its record.
    #[arg(default_value = LAST)]
    run: String,

    #[arg(
        long = "out",
        value_name = "KIND=FILE",
        value_parser = parse_pair,
        help = Outputs::help()
    )]
    out: Vec<(String, String)>,

    /// Tell the results of a stretch of the run alone, from so long after its beginning, as `30s`.
    /// A stretch has whole seconds, or whatever step the record has there; what was judged stays of
    /// the whole run.
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    from: Option<Duration>,

    /// Where the stretch ends; by default where the run does.
    #[arg(long = "to", value_name = "TIME", value_parser = units::parse_duration)]
    until: Option<Duration>,

    /// No summary beyond errors.
    #[arg(long, short = 'q')]
    quiet: bool,
}

impl ReportArgs {
    /// The stretch that is asked for, if any.
    ///
    /// # Errors
    /// It ends before it begins.
    fn stretch(&self) -> anyhow::Result<Option<RunStretch>> {
        if self.from.is_none() && self.until.is_none() {
            return Ok(None);
        }
        let from = RunInstant::START + self.from.unwrap_or_default();
        let until = self.until.map_or(RunInstant::NEVER, |until| RunInstant::START + until);
        ensure!(
            from < until,
            "--to {}: a stretch ends after it begins, which --from says is at {}",
            print_duration(self.until.unwrap_or_default()),
            print_duration(self.from.unwrap_or_default())
        );
        Ok(Some(RunStretch { from, until }))
    }
}

/// Tells a record to outputs. The exit code is about that: what the run's own was, its summary
/// says.
///
/// # Errors
/// There is no such run, or its record cannot be read.
pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let stretch = args.stretch()?;
    let path = record_of(&args.run)?;
    let outputs = Outputs::open(&args.out, &[], slice::from_ref(&path), terminal::hand_over)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(async {
        let mut stops = Stops::listen()?;
        let told = outputs.clone();
        let Some(replayed) = stops.unless(move || replay_stretch(&path, stretch, &told)).await?
        else {
            terminal::say("error: stopped by a signal (exit code 105)");
            return Ok(Exit::Signal);
        };
        let mut replayed = replayed?;
        let Some(report) = replayed.report.take() else {
            return Ok(without_end(&replayed, &outputs, &mut stops).await);
        };
        match deliver(Written::Run(report), &outputs, args.quiet, &mut stops, None).await {
            Ok(()) => Ok(Exit::Passed),
            Err(error) => {
                terminal::say(format_args!("error: {error:#}"));
                Ok(Exit::Unwritten)
            }
        }
    })
}

/// Says how far a record goes that has no end. Outputs that are made of seconds get those; what is
/// made of results gets nothing.
async fn without_end(replayed: &Replayed, outputs: &Outputs, stops: &mut Stops) -> Exit {
    let (name, until) = (line(&replayed.header.run.name), replayed.until.as_secs_f64());
    if replayed.header.part.is_some() {
        terminal::say(format_args!(
            "this is what host {} counted of run {name} up to {until:.1} s: `host merge` makes the \
            results of the run from such records of all its hosts",
            line(&replayed.header.host.name)
        ));
    } else if replayed.goes_on {
        terminal::say(format_args!(
            "run {name} goes on: this is its record up to {until:.1} s; it has results once it is \
            over"
        ));
    } else {
        let why = replayed.broken.as_ref().map_or_else(
            || "nothing follows, as of a process that was killed".to_owned(),
            ToString::to_string,
        );
        terminal::say(format_args!(
            "the record of run {name} ends after {until:.1} s, and has no results: {why}"
        ));
    }
    // Afterwards none is left that could be asked.
    let need_results = outputs.need_results();
    let ending = outputs.clone();
    let ended = stops.while_it_moves(move |taken| ending.end_without_results(taken)).await;
    let mut exit = Exit::Passed;
    if let Err(error) = ended.context("cannot write the seconds").flatten() {
        terminal::say(format_args!("error: {error:#} (exit code 114)"));
        exit = Exit::Unwritten;
    }
    if need_results {
        terminal::say("error: without results there is nothing to write to --out (exit code 114)");
        exit = Exit::Unwritten;
    }
    exit
}

/// The record of the run that somebody names.
///
/// # Errors
/// There is none.
pub(crate) fn record_of(run: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(run);
    if path.is_file() { Ok(path.to_owned()) } else { History::of_user()?.find(run) }
}
