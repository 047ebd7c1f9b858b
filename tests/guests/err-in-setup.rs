//! Says in `setup` that it cannot prepare the run. The host must show why and end the run, without
//! a single iteration.

use swell::prelude::*;

#[scenario(setup = prepare)]
fn err_in_setup() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    Ok(())
}

fn prepare() -> Result<()> {
    bail!("the shop has no items");
}
