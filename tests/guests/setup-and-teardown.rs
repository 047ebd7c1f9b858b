//! Makes something in `setup`, uses it in each iteration and takes it down at the end. The host
//! must call both once a run, and carry the value to all users.

use swell::prelude::*;

#[scenario(setup = prepare, teardown = clean)]
fn setup_and_teardown(order: &u32) -> Result<()> {
    transaction("page", || http::get("/").query("order", order).send())?;
    Ok(())
}

fn prepare() -> Result<u32> {
    http::post("/orders").send()?;
    log::info!("prepared");
    Ok(42)
}

fn clean(order: u32) -> Result<()> {
    log::info!("cleaned {order}");
    Ok(())
}
