//! Expects a 404, then gets one that it does not expect. The host must count the first transaction
//! as a success and the second as failed.

use swell::prelude::*;

#[scenario]
fn expects_404() -> Result<()> {
    transaction("expected", || http::get("/status/404").expect(404).send())?;
    transaction("unexpected", || http::get("/status/404").send())?;
    Ok(())
}
