//! Does the list of items stay quick while many others browse? Measured alone first, then beside a
//! background load.

use std::time::Duration;

use swell::prelude::*;

/// Looks at the front page, as most visitors do.
#[scenario]
fn browse() -> Result<()> {
    transaction("front page", || http::get("/").send())?;
    Ok(())
}

/// Asks for the list of items.
#[scenario]
fn list_items() -> Result<()> {
    transaction("items", || http::get("/items").send())?;
    Ok(())
}

#[conduct]
fn beside_a_background_load() -> Result<()> {
    let length = length()?;
    let alone = runs::plan("list_items").name("alone").tps(50).duration(length).start()?.wait()?;

    let background = runs::plan("browse").name("background").tps(500).start()?;
    let beside =
        runs::plan("list_items").name("beside").tps(50).duration(length).start()?.wait()?;
    background.stop();
    let others = background.wait()?;

    ensure!(others.failed == 0, "the background load was refused");
    ensure!(beside.error_rate == Some(0.0), "items fail while others browse");
    if let (Some(alone), Some(beside)) = (alone.service.p90, beside.service.p90) {
        log::info!("items, p90: {alone:?} alone, {beside:?} beside others");
        ensure!(
            beside < alone * 10 + Duration::from_millis(50),
            "items are slow while others browse"
        );
    }
    Ok(())
}

/// How long each part takes: `-e seconds=N`, or 30.
fn length() -> Result<Duration> {
    let seconds =
        context::variable("seconds").map_or(Ok(30), |text| text.parse()).map_err(Error::other)?;
    Ok(Duration::from_secs(seconds))
}
