//! What is counted of WebSockets: how they were opened, what went over them, how they ended.
//!
//! A handshake is an exchange, and counted as one. Each WebSocket that it opened has one end, so
//! those that were opened are those that have ended and those that are open, at any moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::histogram::Histogram;
use super::requests::Requests;
use super::sum::{Summand as _, sums};
use crate::exchange::ErrorClass;
use crate::travel;

/// All WebSockets together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WebSockets {
    /// The handshakes; those that ended well each opened a WebSocket.
    pub handshakes: Requests,
    /// How WebSockets ended.
    pub ends: Counts<WebSocketEnd>,
    /// For how long they had been open then.
    pub sessions: Histogram,
    /// What the scenario did with open WebSockets and what failed, by class: messages that were not
    /// sent, waits in which nothing came.
    pub errors: Counts<ErrorClass>,
    /// Messages handed to the network.
    #[serde(deserialize_with = "travel::count")]
    pub messages_sent: u64,
    /// Messages that came, whether the scenario received them or not.
    #[serde(deserialize_with = "travel::count")]
    pub messages_received: u64,
    /// Bytes of the messages that were sent, without their framing.
    #[serde(deserialize_with = "travel::bytes")]
    pub bytes_sent: u64,
    /// Bytes of the messages that came, without their framing.
    #[serde(deserialize_with = "travel::bytes")]
    pub bytes_received: u64,
    /// From a message to its answer, where the scenario paired them.
    pub round_trips: Histogram,
    /// From a ping to its pong.
    pub pings: Histogram,
}

sums! {
    WebSockets {
        handshakes, ends, sessions, errors, messages_sent, messages_received, bytes_sent,
        bytes_received, round_trips, pings,
    }
}

/// How a WebSocket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WebSocketEnd {
    /// The scenario closed it.
    Scenario,
    /// The service closed it with this code; 1005 where it gave none.
    Service(u16),
    /// It failed in this way.
    Failed(ErrorClass),
    /// It was cut off with its user, at the end of the run or by a trap.
    CutOff,
}

impl WebSocketEnd {
    /// The name in reports and JSON.
    pub fn name(self) -> String {
        match self {
            Self::Scenario => "scenario".into(),
            Self::Service(code) => format!("service {code}"),
            Self::Failed(class) => class.name().into(),
            Self::CutOff => "cut off".into(),
        }
    }
}

/// What went over one WebSocket since somebody last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSocketTraffic {
    /// Messages handed to the network.
    pub messages_sent: u64,
    /// Messages that came.
    pub messages_received: u64,
    /// Bytes of the messages that were sent.
    pub bytes_sent: u64,
    /// Bytes of the messages that came.
    pub bytes_received: u64,
    /// How long each pong took that came.
    pub pings: Vec<Duration>,
}

impl WebSockets {
    /// How many were opened and have not ended. In a single window it may be less than zero, as
    /// WebSockets end that were opened before; merged over a run it is exact.
    pub fn open(&self) -> i64 {
        self.handshakes.ok as i64 - self.ends.total() as i64
    }

    /// Whether anything was counted.
    pub fn are_used(&self) -> bool {
        self.handshakes.count() > 0 || self.ends.total() > 0
    }

    /// Counts what went over one of them.
    pub fn count(&mut self, traffic: &WebSocketTraffic) {
        let WebSocketTraffic {
            messages_sent,
            messages_received,
            bytes_sent,
            bytes_received,
            pings,
        } = traffic;
        self.messages_sent += messages_sent;
        self.messages_received += messages_received;
        self.bytes_sent += bytes_sent;
        self.bytes_received += bytes_received;
        pings.iter().for_each(|time| self.pings.record(*time));
    }

    /// Counts one that has ended after this time.
    pub fn ended(&mut self, end: WebSocketEnd, open_for: Duration) {
        self.ends.add(end, 1);
        self.sessions.record(open_for);
    }

    /// Whether both together can still be read where they are sent as one.
    pub(super) fn can_travel_with(&self, other: &Self) -> bool {
        let fits = |one: u64, other: u64, most| one.saturating_add(other) <= most;
        fits(self.bytes_sent, other.bytes_sent, travel::MAX_BYTES)
            && fits(self.bytes_received, other.bytes_received, travel::MAX_BYTES)
            && fits(self.messages_sent, other.messages_sent, travel::MAX_COUNT)
            && fits(self.messages_received, other.messages_received, travel::MAX_COUNT)
            && self.handshakes.can_travel_with(&other.handshakes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_were_opened_have_ended_or_are_open() {
        let mut window = WebSockets::default();
        window.handshakes.ok = 3;
        window.ended(WebSocketEnd::Scenario, Duration::from_secs(1));
        let mut later = WebSockets::default();
        later.ended(WebSocketEnd::Service(1001), Duration::from_secs(5));
        assert_eq!((window.open(), later.open()), (2, -1));
        window.merge(&later);
        assert_eq!((window.open(), window.sessions.count()), (1, 2));
        assert!(window.are_used() && later.are_used() && !WebSockets::default().are_used());
    }

    #[test]
    fn what_went_over_one_is_added_to_what_went_over_all() {
        let mut all = WebSockets::default();
        let traffic = WebSocketTraffic {
            messages_sent: 2,
            messages_received: 1,
            bytes_sent: 20,
            bytes_received: 7,
            pings: vec![Duration::from_millis(3)],
        };
        all.count(&traffic);
        all.count(&traffic);
        assert_eq!((all.messages_sent, all.messages_received), (4, 2));
        assert_eq!((all.bytes_sent, all.bytes_received, all.pings.count()), (40, 14, 2));
    }

    #[test]
    fn ends_are_named_by_who_ended_it() {
        let names = [
            WebSocketEnd::Scenario,
            WebSocketEnd::Service(1011),
            WebSocketEnd::Failed(ErrorClass::Reset),
            WebSocketEnd::CutOff,
        ];
        assert_eq!(names.map(WebSocketEnd::name), ["scenario", "service 1011", "reset", "cut off"]);
    }
}
