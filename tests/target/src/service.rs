//! The state behind both ports: the law in force, the stall, what was seen, and the shop.
//!
//! One mutex holds it. Everything that serves runs on one thread, so it is free but for the moment
//! in which a test asks.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;

use crate::behaviour::{Behaviour, Connections};
use crate::law::{RequestFate, ServiceLaw};
use crate::seen::{Passage, TargetCounts};
use crate::shop::Shop;

#[derive(Debug)]
pub(crate) struct TargetService {
    started: Instant,
    log: bool,
    state: Mutex<ServiceState>,
}

#[derive(Debug)]
struct ServiceState {
    law: ServiceLaw,
    stalled_until: Duration,
    seen: TargetCounts,
    /// Counts the resets, so that a request that arrived before one does not leave after it.
    era: u64,
    shop: Shop,
}

/// A request on its way through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    at: Duration,
    from: IpAddr,
    era: u64,
    pub(crate) admission: RequestFate,
}

impl TargetService {
    pub(crate) fn new(behaviour: Behaviour, log: bool) -> Self {
        let law = ServiceLaw::new(behaviour, Duration::ZERO);
        let state = ServiceState {
            law,
            stalled_until: Duration::ZERO,
            seen: TargetCounts::default(),
            era: 0,
            shop: Shop::default(),
        };
        Self { started: Instant::now(), log, state: Mutex::new(state) }
    }

    /// Counts a connection and says what is to become of it.
    pub(crate) fn connected(&self) -> Connections {
        let mut state = self.state();
        state.seen.connections += 1;
        state.law.behaviour().connections
    }

    /// Counts a request whose head was read, and asks the law about it.
    pub(crate) fn arrived(&self, from: IpAddr, path: &str) -> Arrival {
        let at = self.started.elapsed();
        let mut state = self.state();
        state.seen.arrived(path);
        Arrival { at, from, era: state.era, admission: state.law.admit(at) }
    }

    pub(crate) fn body_arrived(&self, bytes: usize) {
        self.state().seen.body_bytes += bytes as u64;
    }

    /// Waits until this time since the start, and to the end of a stall, of one that begins
    /// meanwhile too.
    pub(crate) async fn wait_until(&self, at: Duration) {
        loop {
            let until = at.max(self.state().stalled_until);
            if self.started.elapsed() >= until {
                return;
            }
            tokio::time::sleep_until((self.started + until).into()).await;
        }
    }

    /// Counts an answer that is about to be given to the network.
    pub(crate) fn left(&self, arrival: Arrival, path: &str, status: StatusCode) {
        let now = self.started.elapsed();
        let mut state = self.state();
        if state.era != arrival.era {
            return;
        }
        state.seen.left(path, status.as_u16());
        if self.log {
            let (arrival_ns, departure_ns) = (nanoseconds(arrival.at), nanoseconds(now));
            state.seen.log.push(Passage {
                arrival_ns,
                departure_ns,
                status: status.as_u16(),
                from: arrival.from,
            });
        }
    }

    pub(crate) fn with_shop<T>(&self, act: impl FnOnce(&mut Shop) -> T) -> T {
        act(&mut self.state().shop)
    }

    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.state().seen.requests
    }

    pub(crate) fn seen(&self, with_log: bool) -> TargetCounts {
        let mut state = self.state();
        let log = std::mem::take(&mut state.seen.log);
        let mut seen = state.seen.clone();
        if with_log {
            seen.log = log.clone();
        }
        state.seen.log = log;
        seen
    }

    pub(crate) fn reset(&self) {
        let mut state = self.state();
        state.seen = TargetCounts::default();
        state.era += 1;
    }

    pub(crate) fn stall(&self, time: Duration) {
        let until = self.started.elapsed() + time;
        self.state().stalled_until = until;
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.state().law.behaviour()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) -> Result<(), String> {
        behaviour.check()?;
        let now = self.started.elapsed();
        self.state().law = ServiceLaw::new(behaviour, now);
        Ok(())
    }

    /// The state is whole between any two of its operations, so a panic elsewhere does not spoil
    /// it.
    fn state(&self) -> MutexGuard<'_, ServiceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 584 years of nanoseconds fit.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
