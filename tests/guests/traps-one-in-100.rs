//! Traps in iterations 99, 199, 299 and so on, inside their transaction. The host must count each,
//! replace the user and leave the others alone.

use swell::prelude::*;

#[scenario]
fn traps_one_in_100() -> Result<()> {
    page()
}

#[transaction]
fn page() -> Result<()> {
    http::get("/").send()?;
    assert!(context::iteration() % 100 != 99, "the one in a hundred");
    Ok(())
}
