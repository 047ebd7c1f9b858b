//! Loops inside one iteration until the run is over. The host must pace each transaction, and end
//! the run by answering `begin` with run-over.

use swell::prelude::*;

#[scenario]
fn get_in_loop() -> Result<()> {
    loop {
        page()?;
    }
}

#[transaction]
fn page() -> Result<Response> {
    http::get("/").send()
}
