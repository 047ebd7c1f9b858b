//! What the live page shows of earlier runs: those that are kept in the user's history.

use std::path::PathBuf;

use hyper::StatusCode;
use serde::Serialize;
use swell_outputs::{History, Kept, KeptEnd, RecordPart, part_of_file};

use crate::serve::HttpAnswer;

/// Runs that are listed, latest first.
const MAX_LISTED: usize = 20;

/// A run that is kept.
#[derive(Serialize)]
pub(crate) struct EarlierRun {
    id: String,
    name: String,
    model: String,
    target: Option<String>,
    began_at: f64,
    /// What a shell saw; nothing where the record has no end.
    code: Option<u8>,
    /// All that led to it, or what became of the record.
    reason: String,
}

/// The latest runs that are over. It reads files.
pub(crate) fn list() -> Result<Vec<EarlierRun>, HttpAnswer> {
    Ok(all()?.iter().filter_map(earlier_run).take(MAX_LISTED).collect())
}

/// The record of the run with this identity. It reads files.
pub(crate) fn record(id: &str) -> Result<RecordPart, HttpAnswer> {
    let path: Option<PathBuf> =
        all()?.into_iter().find(|kept| kept.header.run.id == id).map(|kept| kept.path);
    let missing = || {
        HttpAnswer::error(StatusCode::NOT_FOUND, &format!("no run with the identity {id} is kept"))
    };
    part_of_file(&path.ok_or_else(missing)?).map_err(|error| unreadable(&error))
}

fn all() -> Result<Vec<Kept>, HttpAnswer> {
    History::of_user().and_then(|history| Ok(history.all()?)).map_err(|error| unreadable(&error))
}

fn unreadable(error: &anyhow::Error) -> HttpAnswer {
    HttpAnswer::error(StatusCode::NOT_FOUND, &format!("{error:#}"))
}

fn earlier_run(kept: &Kept) -> Option<EarlierRun> {
    let run = &kept.header.run;
    let (code, reason) = match &kept.end {
        KeptEnd::Report(report) => (Some(report.exit.code.code()), report.exit.reason.clone()),
        KeptEnd::GoesOn => return None,
        KeptEnd::Cut(until) => {
            (None, format!("its record was cut after {:.0} s", until.as_secs_f64()))
        }
    };
    Some(EarlierRun {
        id: run.id.clone(),
        name: run.name.clone(),
        model: run.model.clone(),
        target: run.target.clone(),
        began_at: kept.header.began_at,
        code,
        reason,
    })
}
