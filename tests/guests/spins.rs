//! Spins for ever when it is user 0, 100, 200 and so on. The host must cut it at `--guest-cpu`, and
//! its thread must go on serving the others.

use std::hint::black_box;

use swell::prelude::*;

#[scenario]
fn spins() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    if context::user().is_multiple_of(100) {
        while black_box(true) {}
    }
    Ok(())
}
