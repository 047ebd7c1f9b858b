//! Where results go, and their way there: written to the outputs, and shown as a summary. A signal
//! ends that, and so does a reader that takes nothing for long.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use swell_outputs::{AskedOutputs, Outputs, default_record, in_pieces};
use swell_report::{Sheet, Summary, SummaryOfRuns, Written};

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
    let Settings { ca_cert, cert, key, ui_cert, ui_key, data, interpreter, .. } = settings;
    let feeds = data.iter().map(|(_, path)| PathBuf::from(path));
    let of_requests = ca_cert.iter().chain(cert).chain(key).chain(interpreter);
    let named = of_requests.chain(ui_cert).chain(ui_key).cloned();
    // What the command reads, and no output may write over.
    let inputs: Vec<PathBuf> = read.into_iter().chain(named).chain(feeds).collect();
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

/// Writes results to the outputs, and shows their summary, even if nobody asked for it when it is
/// all that is left of them.
///
/// # Errors
/// The first output that could not be written; the others were tried all the same.
pub(crate) async fn deliver(
    results: Written,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
) -> anyhow::Result<()> {
    let results = Arc::new(results);
    let written = write(&results, outputs, stops).await;
    if !outputs.takes_stdout() && (!quiet || written.is_err()) {
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
    let text = terminal::painted(summary);
    stderr::flush();
    let shown =
        stops.while_it_moves(move |taken| drop(in_pieces(terminal::hand_over, &text, taken))).await;
    if let Err(error) = shown {
        terminal::say(format_args!("warning: the summary was {error:#}"));
    }
}
