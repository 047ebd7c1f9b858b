//! Finds where the blocks that `prepare` allocates are to lie.
//!
//! An interpreter that has functions for it counts the blocks, and says where each is
//! (`host/interpreters/javascript/src/memory.rs`). Rehearsals then show which of them a user
//! touches, as each access to the memory is noted ([`watched`](crate::watch::watched)).

use anyhow::ensure;

use crate::PREPARE;
use crate::places::{MemoryBlock, places_of};
use crate::run::LoneInstance;
use crate::watch::{MARKS, watched};

/// More blocks than are ever allocated.
const BLOCKS: u32 = 1 << 20;

/// Bytes of what is recorded of a block: its place and its size.
const RECORD: usize = 8;

/// What all scripts do, and what some do besides.
const REHEARSALS: [u32; 2] = [0, 1];

/// The place of each block, in the order in which they are allocated.
pub(crate) fn places(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stage = LoneInstance::new(&watched(module)?)?;
    let record: u32 = stage.call("prepare-record", BLOCKS)?;
    stage.call::<(), ()>(PREPARE, ())?;
    let count: u32 = stage.call("prepare-count", ())?;
    ensure!(count <= BLOCKS, "{count} blocks are more than were ever expected");
    let before = stage.bytes("memory")?.to_vec();
    let blocks: Vec<MemoryBlock> = before[record as usize..]
        .chunks_exact(RECORD)
        .take(count as usize)
        .map(|words| MemoryBlock { at: number(&words[..4]), size: number(&words[4..]) })
        .collect();
    stage.rehearse();
    let mut marks = Vec::new();
    for rehearsal in REHEARSALS {
        stage.set("memory", Some(&before))?;
        stage.set(MARKS, None)?;
        stage.call::<_, ()>("prepare-rehearse", rehearsal)?;
        marks.push(stage.bytes(MARKS)?.to_vec());
    }
    Ok(places_of(&blocks, &marks[0], &marks[1]))
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
