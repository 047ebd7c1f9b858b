//! Stops the run in iteration 100. The host must let the others finish, begin nothing more and end
//! with 108.

use swell::prelude::*;

#[scenario]
fn stop_run() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    if context::iteration() == 100 {
        context::stop_run("seen enough");
    }
    Ok(())
}
