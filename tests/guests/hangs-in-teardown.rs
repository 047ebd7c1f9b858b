//! Cleans up for ever. The host must keep the results whatever becomes of that, and let Ctrl-C end
//! it.

use swell::prelude::*;

#[scenario(setup = prepare, teardown = clean)]
fn hangs_in_teardown() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    Ok(())
}

fn prepare() -> Result<()> {
    Ok(())
}

fn clean(_: ()) -> Result<()> {
    log::info!("cleaning");
    loop {
        think(secs(3_600));
    }
}
