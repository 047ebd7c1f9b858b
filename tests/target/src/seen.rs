//! What a target saw: the count that a load tester's own is compared with.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Counts since the target's start or since they were last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCounts {
    /// Connections accepted, whatever became of them.
    pub connections: u64,
    /// Requests whose head was read.
    pub requests: u64,
    /// Answers given to the network, errors included.
    pub answers: u64,
    /// Bytes of the requests' bodies.
    pub body_bytes: u64,
    /// By path, without the query. After 1,000 paths, further ones are counted together as
    /// [`OTHER_PATHS`].
    pub paths: BTreeMap<String, PathSeen>,
    /// When each answered request came and left, in the order of leaving; empty unless the target
    /// keeps a log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Passage>,
}

/// Counts of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathSeen {
    /// Requests whose head was read.
    pub requests: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
}

/// One answered request, in nanoseconds since the target's start
/// ([`Target::age`](crate::Target::age)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// When its head had been read.
    pub arrival_ns: u64,
    /// When its answer, or the head of one that comes slowly, was given to the network.
    pub departure_ns: u64,
    /// As 200.
    pub status: u16,
    /// Who asked.
    pub from: IpAddr,
}

/// The name under which paths are counted once there are too many of them.
pub const OTHER_PATHS: &str = "(other)";
const MAX_PATHS: usize = 1000;

impl TargetCounts {
    /// How many answers had this status.
    pub fn status(&self, status: u16) -> u64 {
        self.paths.values().filter_map(|path| path.statuses.get(&status)).sum()
    }

    /// How many requests came for this path.
    pub fn path(&self, path: &str) -> u64 {
        self.paths.get(path).map_or(0, |seen| seen.requests)
    }

    pub(crate) fn arrived(&mut self, path: &str) {
        self.requests += 1;
        self.at(path).requests += 1;
    }

    pub(crate) fn left(&mut self, path: &str, status: u16) {
        self.answers += 1;
        *self.at(path).statuses.entry(status).or_default() += 1;
    }

    /// Allocates only for a path's first request.
    fn at(&mut self, path: &str) -> &mut PathSeen {
        if !self.paths.contains_key(path) {
            let name = if self.paths.len() < MAX_PATHS { path } else { OTHER_PATHS };
            return self.paths.entry(name.to_owned()).or_default();
        }
        self.paths.get_mut(path).expect("contains_key said so")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_beyond_the_thousandth_are_counted_together() {
        let mut seen = TargetCounts::default();
        for i in 0..1500 {
            let path = format!("/{i}");
            seen.arrived(&path);
            seen.left(&path, 200);
        }
        assert_eq!(seen.requests, 1500);
        assert_eq!(seen.path(OTHER_PATHS), 500);
        assert_eq!(seen.status(200), 1500);
    }
}
