//! Calls itself until the stack ends. The host must survive it as a trap.

use std::hint::black_box;

use swell::prelude::*;

#[scenario]
fn recurses() -> Result<()> {
    ensure!(deeper(black_box(1)) > 0, "the stack did not end");
    Ok(())
}

fn deeper(depth: u64) -> u64 {
    if black_box(depth) == 0 { 0 } else { deeper(depth + 1) + black_box(depth) }
}
