//! Where slots lie: at even distances, or as independent users would come.
//!
//! Poisson arrivals are drawn as *positions*, with one expected start a unit, so that they need not
//! know the rate; the timeline turns positions into instants. Each block of 256 is drawn by itself
//! from (seed, block): the count from the Poisson distribution, then that many uniform positions,
//! sorted, which is the process itself (Kingman, *Poisson Processes*, section 2.4). So any node
//! finds any slot without drawing all slots before it; it needs only their counts. Only additions,
//! multiplications and divisions are used: every machine rounds them alike, which is not true of a
//! logarithm.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How starts are spread around the profile's rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arrivals {
    /// At even distances.
    #[default]
    Uniform,
    /// Independently of each other.
    Poisson {
        /// The seed from which they are drawn.
        seed: u64,
    },
}

/// The expected number of starts in a block: some 20 standard deviations fit below it, and the draw
/// of a block stays in the first cache.
const BLOCK: u64 = 256;
/// e⁻²⁵⁶: the probability that a block is empty, from which the probabilities of all other counts
/// follow.
const NONE_IN_BLOCK: f64 = 6.616_261_056_709_485e-112;
/// The most starts that a block holds: the probability of more is under 10⁻⁴⁰, and the sum of
/// probabilities has long stopped growing.
const MAX_IN_BLOCK: u64 = 2 * BLOCK;

/// The position of each slot, cheap in increasing order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "BlockInForce", into = "BlockInForce")]
pub(super) struct Positions {
    arrivals: Arrivals,
    block: u64,
    /// Slots in the blocks before this one.
    before: u64,
    points: Vec<f64>,
}

/// What has to be kept of positions: the points of the block are drawn again.
#[derive(Serialize, Deserialize)]
struct BlockInForce {
    arrivals: Arrivals,
    block: u64,
    before: u64,
}

impl From<Positions> for BlockInForce {
    fn from(Positions { arrivals, block, before, points: _ }: Positions) -> Self {
        Self { arrivals, block, before }
    }
}

impl From<BlockInForce> for Positions {
    fn from(BlockInForce { arrivals, block, before }: BlockInForce) -> Self {
        let mut positions = Self { arrivals, block, before, points: Vec::new() };
        positions.draw();
        positions
    }
}

impl Positions {
    pub(super) fn new(arrivals: Arrivals) -> Self {
        let mut positions = Self { arrivals, block: 0, before: 0, points: Vec::new() };
        positions.draw();
        positions
    }

    /// The position of a slot. Cheap near the slot that was asked for before, expensive far from
    /// it.
    pub(super) fn of(&mut self, slot: u64) -> f64 {
        if self.arrivals == Arrivals::Uniform {
            return slot as f64;
        }
        while slot < self.before {
            self.block -= 1;
            self.draw();
            self.before -= self.points.len() as u64;
        }
        while slot - self.before >= self.points.len() as u64 {
            self.before += self.points.len() as u64;
            self.block += 1;
            self.draw();
        }
        self.points[(slot - self.before) as usize]
    }

    /// The first slot, from `slot` on, whose position is not before `position`.
    pub(super) fn first_at(&mut self, slot: u64, position: f64) -> u64 {
        if self.arrivals == Arrivals::Uniform {
            return slot.max(position.ceil() as u64);
        }
        let mut slot = slot;
        while self.of(slot) < position {
            // Skips whole blocks where the position lies beyond them.
            let block_ends = ((self.block + 1) * BLOCK) as f64;
            slot = if block_ends <= position {
                self.before + self.points.len() as u64
            } else {
                slot + 1
            };
        }
        slot
    }

    fn draw(&mut self) {
        let Arrivals::Poisson { seed } = self.arrivals else { return };
        let mut random = Random::stream(seed, self.block);
        let start = (self.block * BLOCK) as f64;
        let count = poisson_count(random.unit());
        self.points.clear();
        self.points.extend((0..count).map(|_| start + random.unit() * BLOCK as f64));
        self.points.sort_unstable_by(f64::total_cmp);
    }
}

/// The count whose cumulative probability first exceeds `unit`.
fn poisson_count(unit: f64) -> u64 {
    let (mut count, mut probability, mut cumulative) = (0, NONE_IN_BLOCK, NONE_IN_BLOCK);
    while cumulative <= unit && count < MAX_IN_BLOCK {
        count += 1;
        probability *= BLOCK as f64 / count as f64;
        cumulative += probability;
    }
    count
}
