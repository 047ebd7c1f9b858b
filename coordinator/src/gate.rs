//! How often connections may be tried.
//!
//! A handshake costs a signature and some memory before the other side has proven anything, and
//! each refusal writes a line. So each source has a bucket of attempts that fills slowly, and there
//! is one bucket for all sources together. An attempt that ends well is given back, so that a
//! thousand nodes behind one address may join, and only a source that keeps failing is refused.
//! Source addresses of UDP are easily forged: once a bucket runs low or half of the connections are
//! taken, an attempt counts only when it has proven its address by QUIC's Retry, which costs the
//! node one packet and no memory. So nobody can use up another source's attempts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

/// Attempts from one source, at once and a second: the nodes of a whole cluster may share an
/// address behind NAT.
const OF_ONE: BucketRate = BucketRate { burst: 256.0, each_second: 4.0 };
/// Attempts from all sources.
const OF_ALL: BucketRate = BucketRate { burst: 1024.0, each_second: 128.0 };
/// How many sources are told apart: some hundred kilobytes. Further sources share a bucket.
const MAX_SOURCES: usize = 4096;

/// How much of something is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BucketRate {
    /// At once.
    pub(crate) burst: f64,
    /// In the long run.
    pub(crate) each_second: f64,
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: BucketRate,
    left: f64,
    at: Instant,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Let the attempt in.
    Enter,
    /// Let the attempt prove its address first.
    ProveAddress,
    /// Refuse the attempt.
    Refuse,
}

/// The attempts that all sources have left.
#[derive(Debug)]
pub(crate) struct Gate {
    all: Bucket,
    others: Bucket,
    sources: HashMap<IpAddr, Bucket>,
}

impl Bucket {
    pub(crate) const fn full(rate: BucketRate, now: Instant) -> Self {
        Self { rate, left: rate.burst, at: now }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let there = self.left >= 1.0;
        if there {
            self.left -= 1.0;
        }
        there
    }

    fn give_back(&mut self) {
        self.left = (self.left + 1.0).min(self.rate.burst);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate.each_second).min(self.rate.burst);
        self.at = self.at.max(now);
    }

    fn is_low(&self) -> bool {
        self.left < self.rate.burst / 2.0
    }

    fn is_full(&self) -> bool {
        self.left >= self.rate.burst
    }
}

impl Gate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            all: Bucket::full(OF_ALL, now),
            others: Bucket::full(OF_ONE, now),
            sources: HashMap::new(),
        }
    }

    /// Decides about an attempt; an attempt that is let in is counted. `proven` says whether its
    /// address is proven, `crowded` whether there is little room left for others.
    pub(crate) fn rule(
        &mut self,
        now: Instant,
        source: IpAddr,
        proven: bool,
        crowded: bool,
    ) -> Ruling {
        self.make_room(now, source);
        let bucket = Self::bucket(&mut self.sources, &mut self.others, now, source);
        bucket.fill(now);
        self.all.fill(now);
        if !proven && (crowded || bucket.is_low() || self.all.is_low()) {
            return Ruling::ProveAddress;
        }
        if bucket.left < 1.0 || !self.all.take(now) {
            return Ruling::Refuse;
        }
        bucket.take(now);
        Ruling::Enter
    }

    /// Gives an attempt back that ended well.
    pub(crate) fn give_back(&mut self, source: IpAddr) {
        self.all.give_back();
        if let Some(bucket) = self.sources.get_mut(&network_of(source)) {
            bucket.give_back();
        } else {
            self.others.give_back();
        }
    }

    /// Forgets the sources whose buckets are full again, when there are too many.
    fn make_room(&mut self, now: Instant, source: IpAddr) {
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&network_of(source)) {
            self.sources.retain(|_, bucket| {
                bucket.fill(now);
                !bucket.is_full()
            });
        }
    }

    fn bucket<'a>(
        sources: &'a mut HashMap<IpAddr, Bucket>,
        others: &'a mut Bucket,
        now: Instant,
        source: IpAddr,
    ) -> &'a mut Bucket {
        let network = network_of(source);
        if sources.len() >= MAX_SOURCES && !sources.contains_key(&network) {
            return others;
        }
        sources.entry(network).or_insert_with(|| Bucket::full(OF_ONE, now))
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 host has to itself (RFC
/// 4291, section 2.5.4).
fn network_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    #[test]
    fn who_keeps_failing_is_turned_away_and_others_are_not() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        let entered =
            (0..1000).filter(|_| gate.rule(now, SOURCE, true, false) == Ruling::Enter).count();
        assert_eq!(entered as f64, OF_ONE.burst);
        assert_eq!(gate.rule(now, SOURCE, true, false), Ruling::Refuse);
        assert_eq!(gate.rule(now, "10.0.0.2".parse().unwrap(), true, false), Ruling::Enter);
        assert_eq!(gate.rule(now + Duration::from_secs(1), SOURCE, true, false), Ruling::Enter);
    }

    #[test]
    fn in_a_crowd_an_address_is_proven_first() {
        let mut gate = Gate::new(Instant::now());
        assert_eq!(gate.rule(Instant::now(), SOURCE, false, true), Ruling::ProveAddress);
        assert_eq!(gate.rule(Instant::now(), SOURCE, true, true), Ruling::Enter);
    }

    #[test]
    fn attempts_that_end_well_cost_nothing() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        for _ in 0..10_000 {
            assert_eq!(gate.rule(now, SOURCE, false, false), Ruling::Enter);
            gate.give_back(SOURCE);
        }
    }

    #[test]
    fn a_forged_address_uses_up_half_of_its_attempts_at_most() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        let entered =
            (0..1000).filter(|_| gate.rule(now, SOURCE, false, false) == Ruling::Enter).count();
        assert!(entered as f64 <= OF_ONE.burst / 2.0 + 1.0, "{entered}");
        assert_eq!(gate.rule(now, SOURCE, false, false), Ruling::ProveAddress);
        assert_eq!(gate.rule(now, SOURCE, true, false), Ruling::Enter);
    }

    #[test]
    fn a_hundred_thousand_sources_stay_bounded_and_are_refused_together() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        let entered = (0..100_000u32)
            .filter(|n| gate.rule(now, IpAddr::V4((*n).into()), true, false) == Ruling::Enter)
            .count();
        assert_eq!(entered as f64, OF_ALL.burst);
        assert!(gate.sources.len() <= MAX_SOURCES);
        let later = now + Duration::from_secs(3600);
        assert_eq!(gate.rule(later, SOURCE, true, false), Ruling::Enter);
        assert!(gate.sources.len() < MAX_SOURCES);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        assert_eq!(
            network_of("2001:db8::1".parse().unwrap()),
            network_of("2001:db8::ffff:2".parse().unwrap())
        );
        assert_eq!(network_of("::ffff:10.0.0.1".parse().unwrap()), SOURCE);
    }
}
