//! Requests, and each other thing that asks once and is answered once, as data.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::exchange::Protocol;
use swell_core::record::Requests;

use super::times::Times;

/// All exchanges of one protocol together: requests, or handshakes of WebSockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestsReport {
    /// Had an answer that was expected.
    pub ok: u64,
    /// Had none, or another.
    pub failed: u64,
    /// Were cut off before their end.
    pub interrupted: u64,
    /// Request heads handed to the network, with redirects and retries, by requests that ended;
    /// those of interrupted ones are in the run's `requests_written` alone, and so with the next
    /// figures.
    pub written: u64,
    /// Were sent anew because their connection had closed.
    pub reconnects: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Bytes of bodies, as they were received.
    pub body_bytes: u64,
    /// Ended, a second.
    pub per_second: f64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by class.
    pub errors: BTreeMap<String, u64>,
    /// How long they took.
    pub service_ms: Times,
    /// Over the requests in which the phase took any time, one phase after the other.
    pub phases_ms: IndexMap<String, Times>,
}

impl RequestsReport {
    /// What was counted of exchanges of this protocol in a part that lasted `seconds`.
    pub(super) fn of(requests: &Requests, protocol: Protocol, seconds: f64) -> Self {
        let errors = requests.errors.iter();
        let phases = protocol.row().phases.iter();
        Self {
            ok: requests.ok,
            failed: requests.failed,
            interrupted: requests.interrupted,
            written: requests.written,
            reconnects: requests.reconnects,
            connections: requests.connections,
            body_bytes: requests.body_bytes,
            per_second: per_second(requests.ok + requests.failed, seconds),
            statuses: requests.statuses.iter().collect(),
            errors: errors.map(|(class, count)| (class.name().to_owned(), count)).collect(),
            service_ms: Times::of_all(&requests.service.all()),
            phases_ms: phases
                .map(|&phase| (phase.name().to_owned(), Times::of(requests.phase(phase))))
                .collect(),
        }
    }
}

/// So many in a part that lasted `seconds`, a second.
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
