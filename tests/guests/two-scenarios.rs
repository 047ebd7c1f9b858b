//! Holds two scenarios with settings of their own. The host must list both, run the one that is
//! asked for, and refuse to guess.

use swell::prelude::*;

/// Looks at the front page.
#[scenario(tps = 20, duration = "2s", hosts("images.example.com", "api.example.com:8443"))]
fn browse() -> Result<()> {
    transaction("front page", || http::get("/").send())?;
    Ok(())
}

/// Orders something, and then
/// some more.
///
/// This paragraph is not part of the description.
#[scenario(name = "buy things", vus = 2, stage("1s:10", "2s:20"))]
fn buy() -> Result<()> {
    transaction("order", || http::post("/orders").send())?;
    Ok(())
}
