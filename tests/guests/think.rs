//! Gets a page, then thinks for `-e MS=…` milliseconds. The host must keep the time of thinking out
//! of all it measures, and end it when the run ends.

use swell::prelude::*;

#[scenario]
fn thinks() -> Result<()> {
    let pause = context::variable("MS").ok_or("give -e MS=…")?.parse::<u64>()?;
    transaction("page", || http::get("/").send())?;
    think(millis(pause));
    Ok(())
}
