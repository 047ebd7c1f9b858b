//! Iteration numbers over several nodes: blocks, handed out as they are used up.
//!
//! What iteration i sends follows from (seed, i) alone. So it matters that each number is used once
//! and that small numbers are used first; it does not matter who uses them. They are handed out in
//! blocks and not dealt out in turn, because nodes differ in speed: each takes what it needs, a
//! node that comes later takes part at once, and rows of data that are used once are used once over
//! the whole cluster, without holes. Towards the end of a limited run blocks become small, so that
//! all nodes end together (guided self-scheduling: Polychronopoulos and Kuck, IEEE Transactions on
//! Computers C-36, 1987).

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The most numbers in a block: those of some seconds on a fast node.
const MAX_BLOCK: u64 = 1 << 20;

/// What a node asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumbersWanted {
    /// Blocks that the node has got so far.
    pub had: u64,
    /// How many numbers the node would like to have; zero for none.
    pub count: u64,
}

/// A block of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Which of the node's blocks it is, from 1.
    pub ordinal: u64,
    /// Its numbers.
    pub numbers: Range<u64>,
}

/// The numbers that the lead hands out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Numbers<N: Ord> {
    next: u64,
    limit: u64,
    /// The latest block of each node, in case that the answer with it got lost.
    latest: BTreeMap<N, Block>,
}

impl<N: Ord + Copy> Numbers<N> {
    /// The numbers from 0 up to a limit; without a limit there is no end to them.
    pub fn new(limit: Option<u64>) -> Self {
        Self { next: 0, limit: limit.unwrap_or(u64::MAX), latest: BTreeMap::new() }
    }

    /// The block for a node: the block that it was given last if it has not got that, or a new one
    /// if it wants one and there are numbers left.
    pub fn hand_out(&mut self, node: N, nodes: usize, wanted: NumbersWanted) -> Option<Block> {
        let latest = self.latest.get(&node);
        if let Some(block) = latest.filter(|block| block.ordinal > wanted.had) {
            return Some(block.clone());
        }
        let left = self.limit - self.next;
        let fair = left.div_ceil(2 * nodes.max(1) as u64);
        let count = wanted.count.min(fair).min(MAX_BLOCK);
        if count == 0 {
            return None;
        }
        let block =
            Block { ordinal: wanted.had.saturating_add(1), numbers: self.next..self.next + count };
        self.next += count;
        self.latest.insert(node, block.clone());
        Some(block)
    }

    /// Whether there are no numbers left.
    pub const fn are_exhausted(&self) -> bool {
        self.next == self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_got_lost_is_handed_out_again_and_no_other() {
        let mut numbers = Numbers::new(None);
        let first = numbers.hand_out('a', 2, NumbersWanted { had: 0, count: 10 }).unwrap();
        assert_eq!(first, Block { ordinal: 1, numbers: 0..10 });
        assert_eq!(
            numbers.hand_out('b', 2, NumbersWanted { had: 0, count: 5 }).unwrap().numbers,
            10..15
        );
        assert_eq!(numbers.hand_out('a', 2, NumbersWanted { had: 0, count: 99 }), Some(first));
        assert_eq!(
            numbers.hand_out('a', 2, NumbersWanted { had: 1, count: 10 }).unwrap().numbers,
            15..25
        );
        assert_eq!(numbers.hand_out('a', 2, NumbersWanted { had: 2, count: 0 }), None);
    }

    #[test]
    fn a_limited_run_hands_out_all_and_its_last_blocks_are_small() {
        let mut numbers = Numbers::new(Some(1_000));
        let mut had = [0; 4];
        let mut given = Vec::new();
        for turn in (0..4).cycle() {
            let Some(block) =
                numbers.hand_out(turn, 4, NumbersWanted { had: had[turn], count: 500 })
            else {
                break;
            };
            had[turn] += 1;
            given.push(block.numbers);
        }
        assert!(given.windows(2).all(|pair| pair[0].end == pair[1].start
            && pair[0].clone().count() >= pair[1].clone().count()));
        assert_eq!(given.last(), Some(&(999..1_000)));
        assert!(numbers.are_exhausted());
    }
}
