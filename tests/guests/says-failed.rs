//! Finds every second page wanting, though its status is 200. The host must count those
//! transactions as failed, with the scenario's words.

use swell::prelude::*;

#[scenario]
fn says_failed() -> Result<()> {
    let _judged = page();
    Ok(())
}

#[transaction]
fn page() -> Result<()> {
    http::get("/").send()?;
    ensure!(context::iteration().is_multiple_of(2), "the page is odd");
    Ok(())
}
