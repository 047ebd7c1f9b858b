//! Spins for ever in one of 250 iterations, after its page. The host must cut it at `--guest-cpu`,
//! and the others must hardly notice.

use std::hint::black_box;

use swell::prelude::*;

#[scenario]
fn spins_now_and_then() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    if context::iteration() % 250 == 100 {
        while black_box(true) {}
    }
    Ok(())
}
