//! gRPC as data: calls of one message, streams, their messages, and all of it by method.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::exchange::Protocol;
use swell_core::grpc::status_name;
use swell_core::record::{Grpc, GrpcMessages, GrpcMethod, Requests};

use super::requests::per_second;
use super::times::Times;

/// All calls of gRPC together, and by their methods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrpcReport {
    /// Calls of one message that is answered by one.
    pub calls: GrpcCallsReport,
    /// Calls that are streams, counted when they have ended.
    pub streams: GrpcCallsReport,
    /// The messages of both.
    pub messages: GrpcMessagesReport,
    /// Both by their methods, in the order in which these were first met.
    pub by_method: IndexMap<String, GrpcMethodReport>,
}

/// Calls of one sort.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrpcCallsReport {
    /// Ended with a status that was expected.
    pub ok: u64,
    /// Ended with another, or without one.
    pub failed: u64,
    /// Were cut off before their end.
    pub interrupted: u64,
    /// Heads handed to the network, with those that were sent anew, by calls that ended.
    pub written: u64,
    /// Were sent anew, as the service had said that it did nothing with them.
    pub reconnects: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Ended, a second.
    pub per_second: f64,
    /// By the names of the statuses with which they ended.
    pub statuses: BTreeMap<String, u64>,
    /// Those without a status, by class.
    pub errors: BTreeMap<String, u64>,
    /// How long they took.
    pub service_ms: Times,
    /// Over the calls in which the phase took any time, one phase after the other.
    pub phases_ms: IndexMap<String, Times>,
}

/// Messages of gRPC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrpcMessagesReport {
    /// Those handed to the network.
    pub sent: u64,
    /// Those that were received.
    pub received: u64,
    /// Bytes of those that were sent.
    pub bytes_sent: u64,
    /// Bytes of those that were received.
    pub bytes_received: u64,
    /// Sent, a second.
    pub sent_per_second: f64,
    /// Received, a second.
    pub received_per_second: f64,
}

/// The calls of one method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrpcMethodReport {
    /// How they ended.
    #[serde(flatten)]
    pub calls: GrpcCallsReport,
    /// Their messages.
    pub messages: GrpcMessagesReport,
}

impl GrpcReport {
    /// What was counted in a part that lasted `seconds`; nothing where there was no call.
    pub(super) fn of(grpc: &Grpc, seconds: f64) -> Option<Self> {
        let method = |row: &GrpcMethod| GrpcMethodReport {
            calls: GrpcCallsReport::of(&row.calls, seconds),
            messages: GrpcMessagesReport::of(&row.messages, seconds),
        };
        (!grpc.is_empty()).then(|| Self {
            calls: GrpcCallsReport::of(&grpc.calls, seconds),
            streams: GrpcCallsReport::of(&grpc.streams, seconds),
            messages: GrpcMessagesReport::of(&grpc.messages, seconds),
            by_method: grpc
                .methods
                .iter()
                .map(|(name, row)| (name.to_owned(), method(row)))
                .collect(),
        })
    }
}

impl GrpcCallsReport {
    fn of(calls: &Requests, seconds: f64) -> Self {
        let statuses = calls.statuses.iter();
        let phases = Protocol::Grpc.row().phases.iter();
        Self {
            ok: calls.ok,
            failed: calls.failed,
            interrupted: calls.interrupted,
            written: calls.written,
            reconnects: calls.reconnects,
            connections: calls.connections,
            per_second: per_second(calls.ok + calls.failed, seconds),
            statuses: statuses.map(|(code, n)| (status_name(code).to_owned(), n)).collect(),
            errors: calls.errors.iter().map(|(class, n)| (class.name().to_owned(), n)).collect(),
            service_ms: Times::of_all(&calls.service.all()),
            phases_ms: phases
                .map(|&phase| (phase.name().to_owned(), Times::of(calls.phase(phase))))
                .collect(),
        }
    }

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.ok + self.failed + self.interrupted
    }
}

impl GrpcMessagesReport {
    fn of(messages: &GrpcMessages, seconds: f64) -> Self {
        let GrpcMessages { sent, received, bytes_sent, bytes_received } = *messages;
        Self {
            sent,
            received,
            bytes_sent,
            bytes_received,
            sent_per_second: per_second(sent, seconds),
            received_per_second: per_second(received, seconds),
        }
    }
}
