//! Sleeps for an hour and never connects. The host must hold very many of it in little memory, and
//! wake all of them at the end.

use swell::prelude::*;

#[scenario]
fn sleeper() -> Result<()> {
    think(secs(3600));
    Ok(())
}
