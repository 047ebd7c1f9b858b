//! What is counted of exchanges: of requests over HTTP, and of each other thing that asks once and
//! is answered once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::histogram::Histogram;
use super::split::Split;
use super::sum::{Summand as _, sums};
use crate::exchange::{ErrorClass, Exchange, Phase};
use crate::travel;

/// All exchanges of one protocol together, as requests and their answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// How many had an answer that was expected.
    #[serde(deserialize_with = "travel::count")]
    pub ok: u64,
    /// How many had no answer, or one that was not expected.
    #[serde(deserialize_with = "travel::count")]
    pub failed: u64,
    /// How many were cut off at the end of the run, or with their user.
    #[serde(deserialize_with = "travel::count")]
    pub interrupted: u64,
    /// Request heads handed to the network, redirects and retries included: what the service may
    /// have counted.
    #[serde(deserialize_with = "travel::count")]
    pub written: u64,
    /// Requests sent anew because their reused connection had closed.
    #[serde(deserialize_with = "travel::count")]
    pub reconnects: u64,
    /// Connections opened.
    #[serde(deserialize_with = "travel::count")]
    pub connections: u64,
    /// Bytes of bodies as received.
    #[serde(deserialize_with = "travel::bytes")]
    pub body_bytes: u64,
    /// Answers by status.
    pub statuses: Counts<u16>,
    /// Requests without an answer, by class.
    pub errors: Counts<ErrorClass>,
    /// The time of each exchange, all phases together.
    pub service: Split,
    /// The time of each phase, over the exchanges in which the phase took any time.
    pub phases: [Histogram; Phase::ALL.len()],
}

sums! {
    Requests {
        ok, failed, interrupted, written, reconnects, connections, body_bytes, statuses, errors,
        service, phases,
    }
}

impl Requests {
    /// How many began and ended, in whatever way.
    pub const fn count(&self) -> u64 {
        self.ok + self.failed + self.interrupted
    }

    /// Counts one that has ended by itself: whether it did as it should, an answer with a status
    /// that is expected.
    pub(super) fn ended(&mut self, exchange: &Exchange, expected: bool) {
        let is_ok = match exchange.result {
            Ok(status) => {
                self.statuses.add(status, 1);
                expected
            }
            Err(class) => {
                self.errors.add(class, 1);
                false
            }
        };
        let (count, side) = if is_ok {
            (&mut self.ok, &mut self.service.ok)
        } else {
            (&mut self.failed, &mut self.service.failed)
        };
        *count += 1;
        side.record(exchange.phases.total());
        self.written += u64::from(exchange.written);
        self.reconnects += u64::from(exchange.reconnects);
        self.connections += u64::from(exchange.connections);
        self.body_bytes += exchange.body_bytes;
        for &phase in exchange.protocol.row().phases {
            let time = exchange.phases.get(phase);
            if !time.is_zero() {
                self.phases[phase as usize].record(time);
            }
        }
    }

    /// Counts one that was cut off at this age, with what it had sent and opened until then.
    pub(super) fn cut_off(&mut self, age: Duration, written: u32, connections: u32) {
        self.interrupted += 1;
        self.service.interrupted.record(age);
        self.written += u64::from(written);
        self.connections += u64::from(connections);
    }

    /// How long one phase took, over the exchanges in which it took any time: with a reused
    /// connection there is no connecting.
    pub const fn phase(&self, phase: Phase) -> &Histogram {
        &self.phases[phase as usize]
    }

    /// Whether both together can still be read where they are sent as one.
    pub(super) fn can_travel_with(&self, other: &Self) -> bool {
        self.body_bytes.saturating_add(other.body_bytes) <= travel::MAX_BYTES
            && self.written.saturating_add(other.written) <= travel::MAX_COUNT
    }
}
