//! What is counted of gRPC: calls of one message and streams, each with its end, and the messages
//! that went with them; all together, and by method.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counts::{NamedRow, NamedRows};
use super::names::{MAX_NAME_LEN, MAX_NAMES, OTHER};
use super::requests::Requests;
use super::sum::{Summand as _, sums};
use crate::exchange::Exchange;
use crate::travel;

/// All calls together. The statuses of their [`Requests`] are those of gRPC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grpc {
    /// Calls of one message that is answered by one.
    pub calls: Requests,
    /// Calls that are streams. Each is counted when it has ended.
    pub streams: Requests,
    /// The messages of both.
    pub messages: GrpcMessages,
    /// Both by their methods.
    pub methods: NamedRows<GrpcMethod>,
}

/// The calls of one method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrpcMethod {
    /// How they ended.
    pub calls: Requests,
    /// Their messages.
    pub messages: GrpcMessages,
}

/// Messages, in number and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrpcMessages {
    /// Those handed to the network.
    #[serde(deserialize_with = "travel::count")]
    pub sent: u64,
    /// Those that were received.
    #[serde(deserialize_with = "travel::count")]
    pub received: u64,
    /// The bytes of those that were sent, without their framing.
    #[serde(deserialize_with = "travel::bytes")]
    pub bytes_sent: u64,
    /// The bytes of those that were received, without their framing.
    #[serde(deserialize_with = "travel::bytes")]
    pub bytes_received: u64,
}

sums! {
    Grpc { calls, streams, messages, methods }
    GrpcMethod { calls, messages }
    GrpcMessages { sent, received, bytes_sent, bytes_received }
}

impl Grpc {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.calls.count() + self.streams.count() == 0
            && self.messages == GrpcMessages::default()
            && self.methods.iter().next().is_none()
    }

    /// Counts a call of a method beside what is counted of all.
    pub fn ended(&mut self, method: &str, exchange: &Exchange, is_ok: bool) {
        self.method(method).calls.ended(exchange, is_ok);
    }

    /// Counts a call of a method that was cut off at this age, beside what is counted of all.
    pub fn interrupted(&mut self, method: &str, age: Duration) {
        self.method(method).calls.cut_off(age, 0, 0);
    }

    /// Counts messages, of all and of a method.
    pub fn messaged(&mut self, method: &str, messages: &GrpcMessages) {
        if *messages != GrpcMessages::default() {
            self.messages.merge(messages);
            self.method(method).messages.merge(messages);
        }
    }

    /// The row of a method; of one with a longer name than rows have, that of all others.
    fn method(&mut self, method: &str) -> &mut GrpcMethod {
        let method = if method.len() > MAX_NAME_LEN { OTHER } else { method };
        let place = self.methods.place_or_other(method, MAX_NAMES, OTHER);
        self.methods.at(place)
    }

    /// Whether both together can still be read where they are sent as one.
    pub(super) fn can_travel_with(&self, other: &Self) -> bool {
        let fits = |one: u64, other: u64, most| one.saturating_add(other) <= most;
        let (mine, theirs) = (&self.messages, &other.messages);
        fits(mine.bytes_sent, theirs.bytes_sent, travel::MAX_BYTES)
            && fits(mine.bytes_received, theirs.bytes_received, travel::MAX_BYTES)
            && fits(mine.sent, theirs.sent, travel::MAX_COUNT)
            && fits(mine.received, theirs.received, travel::MAX_COUNT)
            && self.calls.can_travel_with(&other.calls)
            && self.streams.can_travel_with(&other.streams)
    }
}

impl NamedRow for GrpcMethod {
    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn clear(&mut self) {
        Self::clear(self);
    }

    fn is_empty(&self) -> bool {
        self.calls.count() == 0 && self.messages == GrpcMessages::default()
    }
}

/// How they travel: where there were none, as one byte.
pub(super) mod sent {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Grpc;

    pub(in crate::record) fn serialize<S: Serializer>(
        grpc: &Grpc,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (!grpc.is_empty()).then_some(grpc).serialize(serializer)
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Grpc, D::Error> {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Phases, Protocol};

    #[test]
    fn what_a_method_counts_is_counted_of_all_too() {
        let mut grpc = Grpc::default();
        assert!(grpc.is_empty());
        let exchange = Exchange {
            protocol: Protocol::Grpc,
            result: Ok(crate::grpc::UNAVAILABLE),
            phases: Phases::default(),
            written: 1,
            reconnects: 0,
            connections: 1,
            body_bytes: 0,
        };
        grpc.calls.ended(&exchange, false);
        grpc.ended("/a.B/C", &exchange, false);
        let messages = GrpcMessages { sent: 1, received: 0, bytes_sent: 7, bytes_received: 0 };
        grpc.messaged("/a.B/C", &messages);
        grpc.interrupted("/a.B/D", Duration::from_secs(1));
        let mut twice = grpc.clone();
        twice.merge(&grpc);
        let row = twice.methods.row("/a.B/C").expect("it was counted");
        assert_eq!((row.calls.failed, row.calls.statuses.of(14)), (2, 2));
        assert_eq!((row.messages.bytes_sent, twice.messages.sent), (14, 2));
        assert_eq!(twice.methods.row("/a.B/D").map(|row| row.calls.interrupted), Some(2));
        twice.clear();
        assert!(twice.is_empty());
    }

    #[test]
    fn a_method_with_an_endless_name_has_the_row_of_others() {
        let mut grpc = Grpc::default();
        grpc.interrupted(&format!("/{}", "x".repeat(MAX_NAME_LEN)), Duration::ZERO);
        assert_eq!(grpc.methods.row(OTHER).map(|row| row.calls.interrupted), Some(1));
    }
}
