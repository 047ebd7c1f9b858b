//! Two runs beside each other on the live page: what `host compare` finds of them, as far as both
//! have come.
//!
//! How sure a difference is comes from a thousand resamples, which take a part of a second of a
//! processor that the load may want. So one comparison is reckoned at a time, on a thread that
//! gives way to all others, and after each the next one waits nine times as long as it took.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hyper::StatusCode;
use swell_core::plain::line;
use swell_outputs::RecordPart;
use swell_report::{ComparedRun, RunComparison};
use tokio::sync::{Semaphore, oneshot};

use crate::aside::aside;
use crate::live_history;
use crate::page_runs::PageRuns;
use crate::serve::{HttpAnswer, PATIENCE};

/// How many times as long as a comparison took no other is reckoned.
const REST: u32 = 9;

/// See the module's documentation.
pub(crate) struct LiveComparisons {
    runs: Rc<dyn PageRuns>,
    turn: Arc<Semaphore>,
}

/// Where a run is that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RunPlace {
    /// Among those that the page shows, by its name.
    Now(String),
    /// In the user's history, by its identity.
    Kept(String),
}

impl LiveComparisons {
    pub(crate) fn new(runs: Rc<dyn PageRuns>) -> Self {
        Self { runs, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Holds the second of two runs against the first, as a query says: `a=history/ID&b=runs/NAME`.
    ///
    /// # Errors
    /// A run is not there, or has told nothing yet; both are the same; others are being compared.
    pub(crate) async fn answer(&self, query: Option<&str>) -> Result<HttpAnswer, HttpAnswer> {
        let [a, b] = places(query.unwrap_or_default())?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(HttpAnswer::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "other runs are being compared; ask again",
            ));
        };
        let (runs, began) = (Rc::clone(&self.runs), Instant::now());
        let (reply, replied) = oneshot::channel();
        // The turn is taken to its end, whether or not anybody still waits.
        tokio::task::spawn_local(async move {
            // Whoever wanted it may have gone.
            let _ = reply.send(found(a, b, &*runs).await);
            tokio::time::sleep(began.elapsed() * REST).await;
            drop(turn);
        });
        replied.await.unwrap_or_else(|_| {
            let words = "the runs could not be compared";
            Err(HttpAnswer::error(StatusCode::INTERNAL_SERVER_ERROR, words))
        })
    }
}

/// What there is to say of B against A.
async fn found(a: RunPlace, b: RunPlace, runs: &dyn PageRuns) -> Result<HttpAnswer, HttpAnswer> {
    let (a, b) = (a.told(runs).await?, b.told(runs).await?);
    aside(move || compared(a.read()?, b.read()?)).await?
}

/// The same of runs that have been read.
fn compared(a: ComparedRun, b: ComparedRun) -> Result<HttpAnswer, HttpAnswer> {
    if a.id() == b.id() {
        let words = format!("both are the same run, {}: name another", line(a.id()));
        return Err(HttpAnswer::error(StatusCode::UNPROCESSABLE_ENTITY, &words));
    }
    Ok(HttpAnswer::json(StatusCode::OK, &RunComparison::of(&[a], &[b], &[])))
}

/// The two runs that a query names.
fn places(query: &str) -> Result<[RunPlace; 2], HttpAnswer> {
    let place = |side: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (_, place) = pairs.find(|(key, _)| key == side)?;
        RunPlace::parse(&place)
    };
    place("a").zip(place("b")).map(<[RunPlace; 2]>::from).ok_or_else(|| {
        HttpAnswer::error(
            StatusCode::BAD_REQUEST,
            "two runs are needed, as ?a=history/ID&b=runs/NAME; either may be of both kinds",
        )
    })
}

impl RunPlace {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("runs", name) => Some(Self::Now(name.to_owned())),
            ("history", id) => Some(Self::Kept(id.to_owned())),
            _ => None,
        }
    }

    /// What it has told, where it is among those that the page shows.
    async fn told(self, runs: &dyn PageRuns) -> Result<ReachedRun, HttpAnswer> {
        let name = match self {
            Self::Now(name) => name,
            Self::Kept(id) => return Ok(ReachedRun::Kept(id)),
        };
        let missing = || {
            let words = format!("no run {name:?} has begun here; GET /v1/runs lists them");
            HttpAnswer::error(StatusCode::NOT_FOUND, &words)
        };
        match runs.after(&name, None).await {
            Ok(part) if part.entries.is_empty() => Err(missing()),
            Ok(part) => Ok(ReachedRun::Now(part)),
            Err(refused) if refused.status == StatusCode::NOT_FOUND => Err(missing()),
            Err(refused) => Err(refused),
        }
    }
}

/// A run that is there, as far as it has come.
enum ReachedRun {
    Now(RecordPart),
    /// It is still in its file.
    Kept(String),
}

impl ReachedRun {
    /// Reads it, which takes a moment.
    fn read(self) -> Result<ComparedRun, HttpAnswer> {
        match self {
            Self::Now(part) => Ok(part.compared()),
            Self::Kept(id) => live_history::record(&id).map(|part| part.compared()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_two_runs_whatever_is_in_their_names() {
        let now = |name: &str| RunPlace::Now(name.to_owned());
        let kept = |id: &str| RunPlace::Kept(id.to_owned());
        assert_eq!(
            places("a=history%2F19ac-1&b=runs%2Ffront+page%2F%26%3D%25").unwrap(),
            [kept("19ac-1"), now("front page/&=%")]
        );
        assert_eq!(places("b=runs/x&a=runs/y").unwrap(), [now("y"), now("x")]);
        for query in ["", "a=runs/x", "a=runs/x&b=shop", "a=runs/x&b=file/etc"] {
            let refused = places(query).unwrap_err();
            assert!(refused.body.contains("a=history/ID"), "{query}: {}", refused.body);
        }
    }
}
