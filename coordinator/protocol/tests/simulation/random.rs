//! Scenes drawn from seeds.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use swell_core::random::Random;

use crate::network::{Fates, Weather};
use crate::world::{Fault, MS, Record, Scene};
use crate::{assert_declared, cut_off};

/// The seeds to run: so many from 0, or what `SWELL_SEEDS` says: a number, or two with ".."
/// between.
#[expect(clippy::disallowed_methods, reason = "which seeds a test runs is no rule of the protocol")]
pub(crate) fn seeds(count: u64) -> Range<u64> {
    let Ok(asked) = std::env::var("SWELL_SEEDS") else { return 0..count };
    let number =
        |text: &str| text.parse::<u64>().expect("SWELL_SEEDS is a number or two with '..' between");
    match asked.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&asked)..number(&asked) + 1,
    }
}

/// A cluster of two to seven nodes, bad weather, up to four misfortunes.
pub(crate) fn scene(seed: u64) -> Scene {
    let mut random = Random::stream(seed, 7);
    let nodes = 2 + random.below(6) as usize;
    let lasts = 15 + random.below(15);
    let within = |random: &mut Random, longest: u64| {
        let at = (2_000 + random.below(lasts * 1_000)) * MS;
        (at, at + (100 + random.below(longest)) * MS)
    };
    let mut faults = Vec::new();
    for _ in 0..random.below(5) {
        let node = random.below(nodes as u64) as usize;
        match random.below(7) {
            0 if node != 0 => faults.push(Fault::Killed { node, at: within(&mut random, 1).0 }),
            1 => faults.push(Fault::Frozen { node, during: within(&mut random, 6_000) }),
            2 if node != 0 => faults.extend(cut_off(node, within(&mut random, 12_000))),
            3 if node != 0 => {
                let way = random.below(2) as usize;
                faults.push(cut_off(node, within(&mut random, 8_000))[way].clone());
            }
            4 => faults.push(Fault::Strained { node, during: within(&mut random, 5_000) }),
            5 => faults.push(Fault::Leaves { node, at: within(&mut random, 1).0 }),
            _ => {}
        }
    }
    let joins = if random.below(3) == 0 {
        BTreeMap::from([(nodes - 1, within(&mut random, 1).0)])
    } else {
        BTreeMap::new()
    };
    let mut courses: Vec<(u64, f64)> = (0..random.below(6))
        .map(|_| (within(&mut random, 1).0, 20.0 + 1_500.0 * random.unit()))
        .collect();
    courses.sort_by_key(|&(at, _)| at);
    let mut moments = Random::stream(seed, 8);
    let mut restores: Vec<u64> =
        (0..=moments.below(3)).map(|_| moments.below(lasts * 1_000) * MS).collect();
    restores.sort_unstable();
    Scene {
        seed,
        weights: (0..nodes).map(|_| 0.2 + 2.0 * random.unit()).collect(),
        joins,
        weather: Weather {
            loss: [0.0, 0.0, 0.05, 0.2][random.below(4) as usize],
            doubled: [0.0, 0.1][random.below(2) as usize],
            delay: Duration::from_micros(100 + random.below(20_000)),
            jitter: Duration::from_micros([500, 20_000, 100_000][random.below(3) as usize]),
        },
        faults,
        rate: 50.0 + 950.0 * random.unit(),
        poisson: random.below(3) == 0,
        courses,
        lasts: Duration::from_secs(lasts),
        iterations: (random.below(3) == 0).then(|| 1_000 + random.below(20_000)),
        restores,
        drift_ppm: 200.0 * random.unit(),
    }
}

/// What must be true at the end of any of them.
pub(crate) fn judge(seed: u64, scene: &Scene, record: &Record) {
    assert!(record.is_over, "seed {seed}: the run does not end");
    for node in 0..scene.weights.len() {
        let is_dead = scene
            .faults
            .iter()
            .any(|fault| matches!(fault, Fault::Killed { node: dead, .. } if *dead == node));
        if is_dead {
            assert_declared(record, node);
        } else {
            assert_eq!(
                record.merged_by[node], record.started_by[node],
                "seed {seed}: what host {node} started is not what was merged"
            );
        }
    }
}

/// What befell all of them together.
#[derive(Debug, Default)]
pub(crate) struct SceneTotals {
    scenes: u64,
    lost_messages: u64,
    doubled: u64,
    overtaken: u64,
    cut: u64,
    killed: u64,
    frozen: u64,
    lost_nodes: u64,
    returned: u64,
    joined: u64,
    relieved: u64,
    left: u64,
    restored: u64,
}

impl SceneTotals {
    pub(crate) fn add(&mut self, scene: &Scene, record: &Record, fates: &Fates) {
        let faults = |wanted: fn(&Fault) -> bool| {
            scene.faults.iter().filter(|fault| wanted(fault)).count() as u64
        };
        let Fates { lost, doubled, overtaken, cut } = fates;
        self.scenes += 1;
        self.lost_messages += lost;
        self.doubled += doubled;
        self.overtaken += overtaken;
        self.cut += cut;
        self.killed += faults(|fault| matches!(fault, Fault::Killed { .. }));
        self.frozen += faults(|fault| matches!(fault, Fault::Frozen { .. }));
        self.lost_nodes += record.lost.len() as u64;
        self.returned += record.back.len() as u64;
        self.joined += record.joined.len() as u64;
        self.relieved += record.relieved.len() as u64;
        self.left += record.left.len() as u64;
        self.restored += record.restored;
    }

    /// A simulation in which nothing goes wrong proves nothing. Not asked of a few seeds that are
    /// run by hand.
    pub(crate) fn assert_that_faults_happened(&self) {
        let Self {
            scenes,
            lost_messages,
            doubled,
            overtaken,
            cut,
            killed,
            frozen,
            lost_nodes,
            returned,
            joined,
            relieved,
            left,
            restored,
        } = *self;
        let each = [
            lost_messages,
            doubled,
            overtaken,
            cut,
            killed,
            frozen,
            lost_nodes,
            returned,
            joined,
            relieved,
            left,
            restored,
        ];
        assert!(scenes < 100 || each.iter().all(|&count| count * 20 >= scenes), "{self:?}");
    }
}
