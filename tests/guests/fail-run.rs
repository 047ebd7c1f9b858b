//! Fails the run in iteration 100. The host must let the others finish, begin nothing more and end
//! with 110.

use swell::prelude::*;

#[scenario]
fn fail_run() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    if context::iteration() == 100 {
        context::fail_run("the shop is closed");
    }
    Ok(())
}
