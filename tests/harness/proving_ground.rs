//! Where hosts that share a run are tried: a place of a [`Network`] for each, and one for a target
//! that writes down who asked when.
//!
//! What the target wrote down is what judges: which host was active until when, and how much came
//! in all, by one clock that no host knows.

use std::ops::Range;
use std::time::Duration;

use crate::{
    Behaviour, Host, MeasureLock, Network, Passage, Running, Target, TargetSettings, alone,
    wait_until,
};

/// The place of the host that leads is 0, the others follow, and the target's is the last.
#[derive(Debug)]
pub struct ProvingGround {
    /// What lies between them.
    pub network: Network,
    /// The service.
    pub target: Target,
    hosts: usize,
    _alone: MeasureLock,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl ProvingGround {
    /// Makes one for so many hosts, when nobody else measures; nothing where the machine gives no
    /// network of its own, which is said on standard error.
    ///
    /// # Panics
    /// The target cannot be started.
    pub fn start(hosts: usize, behaviour: Behaviour) -> Option<Self> {
        let alone = alone();
        let network = Network::start(hosts + 1)?;
        let settings = TargetSettings {
            listen: Network::socket_address(hosts, 80),
            behaviour,
            log: true,
            ..TargetSettings::default()
        };
        let target = network.within(hosts, || Target::start(settings)).expect("its place is empty");
        Some(Self { network, target, hosts, _alone: alone })
    }

    /// Starts a host in a place.
    pub fn host(&self, place: usize, host: Host) -> Running {
        self.network.within(place, || host.start())
    }

    /// Has a guest's run led from place 0, shared by as many hosts as there are places unless the
    /// arguments say otherwise; gives it with the arguments by which others join.
    ///
    /// # Panics
    /// It does not invite others.
    pub fn lead(&self, guest: &str, args: &str) -> (Running, String) {
        let hosts = if args.contains("--hosts") {
            String::new()
        } else {
            format!("--hosts {}", self.hosts)
        };
        let listen = format!("--listen {} {hosts}", Network::socket_address(0, 7_600));
        let lead =
            self.host(0, Host::run_guest(guest).target(self.target.url()).args(&listen).args(args));
        let invitation = lead.invitation();
        (lead, invitation)
    }

    /// Has a guest run by a host in each place.
    ///
    /// # Panics
    /// As [`ProvingGround::lead`].
    pub fn share(&self, guest: &str, args: &str) -> (Running, Vec<Running>) {
        let (lead, invitation) = self.lead(guest, args);
        let nodes = (1..self.hosts)
            .map(|place| self.host(place, Host::new("node").args(&invitation)))
            .collect();
        (lead, nodes)
    }

    /// Waits until the target has seen so many requests.
    ///
    /// # Panics
    /// It does not within a minute.
    pub fn wait_for_requests(&self, count: u64) {
        wait_until(PATIENCE, "the load", || (self.target.requests() >= count).then_some(()));
    }

    /// Lets some time pass.
    pub fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// What has come so far.
    pub fn arrivals(&self) -> ArrivalTimes {
        let log = self.target.seen().log;
        ArrivalTimes::new((0..self.hosts).flat_map(|place| of_place(&log, place)))
    }

    /// What has come so far from one place.
    pub fn arrivals_from(&self, place: usize) -> ArrivalTimes {
        ArrivalTimes::new(of_place(&self.target.seen().log, place))
    }
}

fn of_place(log: &[Passage], place: usize) -> impl Iterator<Item = Duration> {
    let from = Network::address(place);
    log.iter()
        .filter(move |passage| passage.from == from)
        .map(|passage| Duration::from_nanos(passage.arrival_ns))
}

/// When requests came, by the age of the target ([`Target::age`]).
#[derive(Clone, Debug)]
pub struct ArrivalTimes(Vec<Duration>);

impl ArrivalTimes {
    fn new(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        Self(times)
    }

    /// Those from an instant on.
    #[must_use]
    pub fn since(&self, from: Duration) -> Self {
        Self::new(self.0.iter().copied().filter(|at| *at >= from))
    }

    /// The first.
    ///
    /// # Panics
    /// There is none.
    pub fn first(&self) -> Duration {
        *self.0.first().expect("something came")
    }

    /// The last.
    ///
    /// # Panics
    /// There is none.
    pub fn last(&self) -> Duration {
        *self.0.last().expect("something came")
    }

    /// How many came in a time.
    pub fn count(&self, time: Range<Duration>) -> usize {
        self.0.partition_point(|at| *at < time.end) - self.0.partition_point(|at| *at < time.start)
    }

    /// How many came a second in a time.
    pub fn rate(&self, time: Range<Duration>) -> f64 {
        self.count(time.clone()) as f64 / (time.end - time.start).as_secs_f64()
    }

    /// The most that came in any time of this length.
    pub fn most_in(&self, length: Duration) -> usize {
        (0..self.0.len())
            .map(|first| self.count(self.0[first]..self.0[first] + length))
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_counted_in_any_order_and_with_open_ends() {
        let ms = Duration::from_millis;
        let arrivals = ArrivalTimes::new([500, 0, 100, 1_100, 1_099].into_iter().map(ms));
        assert_eq!((arrivals.first(), arrivals.last()), (ms(0), ms(1_100)));
        assert_eq!((arrivals.count(ms(100)..ms(1_100)), arrivals.rate(ms(0)..ms(500))), (3, 4.0));
        assert_eq!(
            (arrivals.most_in(ms(1_000)), arrivals.most_in(ms(1_001)), arrivals.most_in(ms(1))),
            (3, 4, 1)
        );
        assert_eq!(
            (arrivals.since(ms(500)).first(), arrivals.since(ms(500)).most_in(ms(700))),
            (ms(500), 3)
        );
    }
}
