//! Sends a request outside any transaction. The host must pace it as a transaction of its own, so
//! that no load escapes the rate.

use swell::prelude::*;

#[scenario]
fn request_outside() -> Result<()> {
    http::get("/items").send()?;
    Ok(())
}
