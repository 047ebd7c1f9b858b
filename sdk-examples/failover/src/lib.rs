//! What becomes of a service when a part of it is switched off between two runs, and when it is
//! switched on again.

use std::time::Duration;

use swell::prelude::*;

/// Looks at the front page.
#[scenario]
fn browse() -> Result<()> {
    transaction("front page", || http::get("/").send())?;
    Ok(())
}

#[conduct]
fn while_a_part_is_off() -> Result<()> {
    let whole = browse_for("whole")?;
    ensure!(whole.error_rate == Some(0.0), "it fails without any help of ours");

    // The demo service calls it a capacity; yours may stop a container.
    switch(&json!({ "capacity": 50 }))?;
    let part = browse_for("a part off");
    switch(&json!({}))?;
    let part = part?;
    ensure!(
        part.error_rate.is_some_and(|rate| rate > 0.5 && rate < 1.0),
        "what is left is to serve as much as it can, and refuse the rest"
    );

    let again = browse_for("whole again")?;
    ensure!(again.error_rate == Some(0.0), "it does not recover");
    Ok(())
}

fn browse_for(name: &str) -> Result<runs::Stats> {
    let seconds =
        context::variable("seconds").map_or(Ok(30), |text| text.parse()).map_err(Error::other)?;
    runs::plan("browse")
        .name(name)
        .tps(200)
        .warmup(secs(1))
        .duration(Duration::from_secs(seconds))
        .start()?
        .wait()
}

/// Tells the service how to behave, at the address given with `-e admin=…`.
fn switch(behaviour: &serde_json::Value) -> Result<()> {
    let admin = context::variable("admin")
        .ok_or("give the address of the service's control port with -e admin=http://…")?;
    http::post(format!("{admin}/control")).json(behaviour).send()?;
    Ok(())
}
