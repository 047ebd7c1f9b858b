//! Trace context as services read it (<https://www.w3.org/TR/trace-context/>): the header by which
//! the service's own traces of a transaction can be found.
//!
//! The trace follows from the seed and the number of the iteration, as all that an iteration draws
//! does. So it needs to be stored nowhere, a report can name it, and `host try` sends it again.

use std::fmt::{self, Display, Formatter};

use crate::random::Random;

/// The header's name.
pub const TRACEPARENT: &str = "traceparent";

/// Keeps these numbers apart from those that scenarios draw.
const OWN: u64 = 0x7472_6163_6570_6172;

/// The trace that all requests of one iteration are parts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// That of the iteration with this number under this seed.
    pub fn of(seed: u64, iteration: u64) -> Self {
        let mut random = Random::stream(seed ^ OWN, iteration);
        // Zero means none.
        Self((u128::from(random.next()) << 64 | u128::from(random.next())).max(1))
    }

    /// The header's value for the iteration's request with this number: version 0, and sampled, as
    /// whoever asks for it wants to see it.
    pub fn traceparent(self, request: u64) -> String {
        let span = Random::stream(self.0 as u64, request).next().max(1);
        format!("00-{self}-{span:016x}-01")
    }
}

impl Display for TraceId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_header_has_the_form_that_services_read() {
        let value = TraceId::of(42, 17).traceparent(1);
        let parts: Vec<&str> = value.split('-').collect();
        let [version, trace, span, flags] = parts[..] else { panic!("{value}") };
        assert_eq!((version, trace.len(), span.len(), flags), ("00", 32, 16, "01"));
        let is_hex =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        assert!(is_hex(trace) && is_hex(span), "{value}");
    }

    #[test]
    fn an_iteration_is_one_trace_and_each_of_its_requests_a_span() {
        assert_eq!(TraceId::of(42, 17), TraceId::of(42, 17));
        let ids: BTreeSet<String> = (0..100)
            .flat_map(|seed| (0..100).map(move |number| TraceId::of(seed, number).to_string()))
            .collect();
        assert_eq!(ids.len(), 10_000);
        let trace = TraceId::of(42, 17);
        let values: BTreeSet<String> = (0..1_000).map(|n| trace.traceparent(n)).collect();
        assert_eq!(values.len(), 1_000);
        assert!(values.iter().all(|value| value.contains(&trace.to_string())));
    }

    #[test]
    fn a_trace_gives_away_nothing_that_the_scenario_draws() {
        let first = Random::stream(42, 17).next();
        assert!(!TraceId::of(42, 17).to_string().contains(&format!("{first:016x}")));
    }
}
