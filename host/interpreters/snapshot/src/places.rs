//! Which blocks lie together, by what rehearsals have shown.

use crate::watch::{GRAIN, READ, WRITTEN};

/// A block of memory.
pub(crate) struct MemoryBlock {
    pub(crate) at: usize,
    pub(crate) size: usize,
}

/// The place of each block, as the interpreter has them: 3 if all users write to it, 2 if some do,
/// 1 if they read it, else 0.
pub(crate) fn places_of(blocks: &[MemoryBlock], all: &[u8], some: &[u8]) -> Vec<u8> {
    // Memory that was freed is given again, and then belongs to the block that was there last.
    let mut owners = vec![None; all.len()];
    for (number, block) in blocks.iter().enumerate() {
        owners[grains(block)].fill(Some(number));
    }
    let mut places = vec![0; blocks.len()];
    for (grain, owner) in owners.into_iter().enumerate() {
        let Some(number) = owner else { continue };
        let place: &mut u8 = &mut places[number];
        let touched = match (all[grain], some[grain]) {
            (all, _) if all & WRITTEN != 0 => 3,
            (_, some) if some & WRITTEN != 0 => 2,
            (all, some) if (all | some) & READ != 0 => 1,
            _ => 0,
        };
        *place = touched.max(*place);
    }
    places
}

fn grains(block: &MemoryBlock) -> std::ops::Range<usize> {
    block.at / GRAIN..(block.at + block.size).div_ceil(GRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_lies_with_those_that_are_used_as_it_is() {
        let blocks: Vec<_> =
            (0..4).map(|number| MemoryBlock { at: 8 + 16 * number, size: 12 }).collect();
        let (mut all, mut some) = (vec![0; 16], vec![0; 16]);
        all[1] = READ | WRITTEN;
        some[3] = WRITTEN;
        all[3] = READ;
        some[6] = READ;
        assert_eq!(places_of(&blocks, &all, &some), [3, 2, 1, 0]);
    }

    #[test]
    fn memory_that_was_given_twice_is_that_of_the_second_block() {
        let blocks = [MemoryBlock { at: 8, size: 12 }, MemoryBlock { at: 8, size: 12 }];
        let all = [WRITTEN; 4];
        assert_eq!(places_of(&blocks, &all, &all), [0, 3]);
    }
}
