//! Counts under 1,000 new tag values in each iteration. The host must keep a bounded number of
//! series, and its memory.

use swell::prelude::*;

#[scenario]
fn tags_flood() -> Result<()> {
    let first = context::iteration() * 1_000;
    for value in first..first + 1_000 {
        metrics::counter("flood").with("value", value.to_string()).add(1);
    }
    Ok(())
}
