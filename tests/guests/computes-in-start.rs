//! Computes in `start`, for as long as `-e work=` says in milliseconds of the clock, as an
//! interpreter does that reads a large script. Its iterations compute nothing.

use std::hint::black_box;

use swell::prelude::*;
use swell::raw::clock;

#[scenario(start = come)]
fn computes_in_start(_sum: &mut u64) -> Result<()> {
    http::get("/").send()?;
    Ok(())
}

fn come() -> Result<u64> {
    let work: u64 = context::variable("work").unwrap_or_default().parse()?;
    let until = clock::now() + work * 1_000_000;
    let mut sum = 0_u64;
    while clock::now() < until {
        sum = (0..1_000).fold(sum, |sum, number| black_box(sum.wrapping_add(number)));
    }
    Ok(sum)
}
