//! Panics before the first user exists. The host must show the message and end with 107, without a
//! single iteration.

use swell::prelude::*;

#[scenario(setup = prepare)]
fn panics_in_setup() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    Ok(())
}

fn prepare() -> Result<()> {
    panic!("no such tenant");
}
