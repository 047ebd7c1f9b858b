//! Gets one small page in one transaction. The host must spend as little on it as it can: the
//! benches measure this guest.

use swell::prelude::*;

#[scenario]
fn plain_get() -> Result<()> {
    page()?;
    Ok(())
}

#[transaction]
fn page() -> Result<Response> {
    http::get("/").send()
}
