//! Where results go, and their way there: written to the outputs, and shown as a summary. A signal
//! ends that, and so does a reader that takes nothing for long.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use swell_core::record::Figures;
use swell_outputs::{AskedOutputs, Outputs, default_record, in_pieces};
use swell_report::{ForSummary, Sheet, Summary, SummaryOfRuns, Written};

use crate::own_summary::{OwnPages, OwnSummary};
use crate::settings::flags::Settings;
use crate::stderr;
use crate::stops::Stops;
use crate::terminal;

/// Opens the outputs of a command with these settings that reads these files beside those of its
/// settings, and keeps a record of each run unless that is not wanted.
///
/// # Errors
/// As [`Outputs::open_all`].
pub(crate) fn open_outputs(settings: &Settings, read: Vec<PathBuf>) -> anyhow::Result<Outputs> {
    let inputs = inputs(settings, read);
    let prometheus = settings.prometheus.map(|address| ("prometheus", address.to_string()));
    let record = settings.record.as_ref().map(|path| ("record", path.display().to_string()));
    let own: Vec<(&str, String)> = prometheus.into_iter().chain(record).collect();
    let asked = AskedOutputs { out: &settings.out, to: &settings.to, own: &own };
    let outputs = Outputs::open_all(asked, &inputs, terminal::hand_over)?;
    let is_kept_anyway = settings.record.is_none() && !settings.no_record;
    Ok(match is_kept_anyway.then(default_record).flatten() {
        Some(record) => outputs.and(record),
        None => outputs,
    })
}

/// What a command with these settings reads, and nothing may write over.
fn inputs(settings: &Settings, read: Vec<PathBuf>) -> Vec<PathBuf> {
    let Settings { ca_cert, cert, key, ui_cert, ui_key, data, interpreter, .. } = settings;
    let feeds = data.iter().map(|(_, path)| PathBuf::from(path));
    let of_requests = ca_cert.iter().chain(cert).chain(key).chain(interpreter);
    let named = of_requests.chain(ui_cert).chain(ui_key).cloned();
    read.into_iter().chain(named).chain(feeds).collect()
}

/// What it reads, and what it writes itself.
pub(crate) fn kept(settings: &Settings, read: Vec<PathBuf>) -> Vec<PathBuf> {
    let out = settings.out.iter().map(|(_, path)| PathBuf::from(path));
    inputs(settings, read).into_iter().chain(out).chain(settings.record.clone()).collect()
}

/// Writes results to the outputs, and shows their summary, even if nobody asked for it when it is
/// all that is left of them. `own` makes the file's own in its place, if it has any.
///
/// # Errors
/// The first output that could not be written; the others were tried all the same.
pub(crate) async fn deliver(
    results: Written,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
    own: Option<(&OwnSummary, &Figures)>,
) -> anyhow::Result<()> {
    let results = Arc::new(results);
    let mut written = write(&results, outputs, stops).await;
    let mut pages = None;
    if let Some((own, counted)) = own {
        let given = serde_json::to_string(&ForSummary::of(&results, counted));
        match own.write(given.unwrap_or_default(), stops).await {
            Ok(own) => {
                if own.as_ref().is_some_and(|pages| !pages.is_whole) {
                    written = written.and(Err(anyhow!("its own summary is not whole")));
                }
                pages = own;
            }
            Err(error) => written = written.and(Err(error)),
        }
    }
    let is_shown = !outputs.takes_stdout() && (!quiet || written.is_err());
    if let Some(OwnPages { stdout, stderr, .. }) = pages {
        if is_shown {
            show_text(terminal::of_a_script(&stdout), stops).await;
        }
        if !quiet && !stderr.is_empty() {
            terminal::say(String::from_utf8_lossy(&stderr).trim_end());
        }
    } else if is_shown {
        let columns = terminal::columns_of_stdout();
        let summary = match &*results {
            Written::Run(report) => Summary { report, is_alone: true }.sheet(columns),
            Written::Runs(report) => SummaryOfRuns(report).sheet(columns),
        };
        show(&summary, stops).await;
    }
    end_elsewhere(&results, outputs, stops).await;
    end_optional(&results, outputs, stops).await;
    written
}

/// Ends what is sent elsewhere, which has some seconds for what is left.
async fn end_elsewhere(results: &Arc<Written>, outputs: &Outputs, stops: &mut Stops) {
    if !outputs.go_elsewhere() {
        return;
    }
    let (results, outputs) = (Arc::clone(results), outputs.clone());
    let ended = stops.for_some_seconds(move || outputs.end_elsewhere(&results)).await;
    if let Err(error) = ended.flatten() {
        terminal::say(format_args!("warning: not all of --to has arrived: {error:#}"));
    }
}

/// Ends the outputs that nobody asked for, as the record that is kept anyway: they come last, have
/// a moment, and change nothing where they fail.
async fn end_optional(results: &Arc<Written>, outputs: &Outputs, stops: &mut Stops) {
    let (results, outputs) = (Arc::clone(results), outputs.clone());
    let ended = stops.for_a_moment(move || outputs.end_optional(&results)).await;
    if let Err(error) = ended.flatten() {
        terminal::say(format_args!("warning: the record of this command is not whole: {error:#}"));
    }
}

async fn write(results: &Arc<Written>, outputs: &Outputs, stops: &mut Stops) -> anyhow::Result<()> {
    if outputs.is_empty() {
        return Ok(());
    }
    let (results, outputs) = (Arc::clone(results), outputs.clone());
    stops
        .while_it_moves(move |taken| outputs.end(&results, taken))
        .await
        .context("cannot write the results")
        .flatten()
}

/// Shows a page on stdout, after all that was printed on stderr. A reader that has ended, as `head`
/// may have, needs no message; a reader that takes nothing is given up.
async fn show(summary: &Sheet, stops: &mut Stops) {
    show_text(terminal::painted(summary), stops).await;
}

/// The same of a page that is made already.
async fn show_text(text: String, stops: &mut Stops) {
    stderr::flush();
    let shown =
        stops.while_it_moves(move |taken| drop(in_pieces(terminal::hand_over, &text, taken))).await;
    if let Err(error) = shown {
        terminal::say(format_args!("warning: the summary was {error:#}"));
    }
}
