//! Gets one page, then sleeps for an hour. The host must hold very many of it, each with an open
//! connection, in little memory.

use swell::prelude::*;

#[scenario]
fn sleeper_connected() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    think(secs(3600));
    Ok(())
}
