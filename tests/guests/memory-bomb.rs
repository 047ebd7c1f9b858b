//! Allocates until there is no more. The host must refuse it memory beyond the limit, which traps
//! it, and stay small itself.

use std::hint::black_box;

use swell::prelude::*;

#[scenario]
fn memory_bomb() -> Result<()> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1u8; 1 << 20]));
    }
}
