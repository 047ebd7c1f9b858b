//! Transactions of one name that are worth a look of their own.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::record::{Notable, NotableTransaction, Whose};
use swell_core::trace_context::TraceId;

/// Transactions of one name that are worth a look of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotableReport {
    /// Those with the longest service time, at most ten, the longest first.
    pub slowest: Vec<NotableRow>,
    /// The first that failed, at most ten.
    pub failures: Vec<NotableRow>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotableRow {
    /// When it ended, in seconds since the run's first instant.
    pub at: f64,
    /// The number of its iteration: `host try --seed … --iteration …` repeats it.
    pub iteration: u64,
    /// The number of its user.
    pub user: u64,
    /// End minus intended start.
    pub response_ms: f64,
    /// End minus actual start.
    pub service_ms: f64,
    /// Why it failed, or that it was cut off; absent where it went well.
    pub error: Option<String>,
    /// The trace that its requests were parts of; absent without --traceparent.
    pub trace_id: Option<String>,
}

impl NotableReport {
    /// Those of one name. `traced` is the seed of a run whose requests say which trace they are a
    /// part of.
    pub(crate) fn of(notable: &Notable, traced: Option<u64>) -> Self {
        let rows = |kept: &[NotableTransaction]| {
            kept.iter().map(|one| NotableRow::of(one, traced)).collect()
        };
        Self { slowest: rows(notable.slowest()), failures: rows(notable.failures()) }
    }
}

impl NotableRow {
    pub(crate) fn of(transaction: &NotableTransaction, traced: Option<u64>) -> Self {
        let NotableTransaction { at, whose, response, service, error } = transaction;
        let Whose { iteration, user } = *whose;
        Self {
            at: at.as_secs_f64(),
            iteration,
            user,
            response_ms: ms(*response),
            service_ms: ms(*service),
            error: error.as_deref().map(str::to_owned),
            trace_id: traced.map(|seed| TraceId::of(seed, iteration).to_string()),
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
