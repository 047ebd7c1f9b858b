//! What becomes known about one exchange while it runs, so that it can be recorded however it ends.

use swell_core::exchange::{Exchange, Phase, Phases, Protocol};
use tokio::time::Instant;

use crate::error::Error;
use crate::http::request::{Response, Sent};

/// The phases and counts of an exchange under way. The clock is read once at each boundary of
/// phases, where the boundary shows.
pub(crate) struct Trail {
    phase: Phase,
    since: Instant,
    phases: Phases,
    pub(crate) written: u32,
    pub(crate) reconnects: u32,
    pub(crate) connections: u32,
    pub(crate) body_bytes: u64,
}

impl Trail {
    pub(crate) fn start(now: Instant) -> Self {
        Self {
            phase: Phase::Blocked,
            since: now,
            phases: Phases::default(),
            written: 0,
            reconnects: 0,
            connections: 0,
            body_bytes: 0,
        }
    }

    /// Ends the current phase and begins `phase`. An instant before the last boundary (a late
    /// write, after the answer began early) counts as that boundary.
    pub(crate) fn enter(&mut self, phase: Phase, now: Instant) {
        self.phases.add(self.phase, now.saturating_duration_since(self.since));
        self.phase = phase;
        self.since = self.since.max(now);
    }

    /// The phase that is running.
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// How long the phases took that have ended.
    pub(crate) const fn phases(&self) -> &Phases {
        &self.phases
    }

    /// The last boundary.
    pub(crate) const fn since(&self) -> Instant {
        self.since
    }

    /// Ends the last phase and returns the exchange as it is recorded.
    pub(crate) fn finish(mut self, result: Result<Response, Error>, now: Instant) -> Sent {
        self.enter(self.phase, now);
        let exchange = Exchange {
            protocol: Protocol::Http,
            result: result
                .as_ref()
                .map(|response| response.status.as_u16())
                .map_err(|error| error.class),
            phases: self.phases,
            written: self.written,
            reconnects: self.reconnects,
            connections: self.connections,
            body_bytes: self.body_bytes,
        };
        Sent { exchange, result, hops: Vec::new() }
    }
}
