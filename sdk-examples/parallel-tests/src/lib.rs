//! Two scenarios at once, each with its own load and its own goal, as the parts of a service are
//! used in life.

use std::time::Duration;

use swell::prelude::*;

/// Looks at the front page.
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
fn two_at_once() -> Result<()> {
    let length = length()?;
    let browsing = runs::plan("browse").tps(100).duration(length * 2).start()?;
    let listing = runs::plan("list_items")
        .latency("p90=250ms")
        .set("start-tps", 50)
        .set("tps", 100)
        .duration(length * 2)
        .start()?;

    // Half-way the shop becomes busier.
    think(length);
    browsing.set_tps(200.0)?;

    let (browsing, listing) = (browsing.wait()?, listing.wait()?);
    ensure!(browsing.goal_tps == Some(200.0), "the goal was not raised");
    ensure!(
        browsing.error_rate == Some(0.0) && listing.error_rate == Some(0.0),
        "some of it failed"
    );
    ensure!(
        listing.response.p90.is_none_or(|p90| p90 < millis(250)),
        "items are slow while others browse"
    );
    Ok(())
}

/// Half of how long it takes: `-e seconds=N`, or 30.
fn length() -> Result<Duration> {
    let seconds =
        context::variable("seconds").map_or(Ok(30), |text| text.parse()).map_err(Error::other)?;
    Ok(Duration::from_secs(seconds))
}
