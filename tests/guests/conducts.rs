//! Conducts itself as the variable `do` says, well or badly.

use swell::prelude::*;

/// Gets the front page; with `do` as "in-iteration" it tries to begin a run, which only the
/// conductor may.
#[scenario]
fn page() -> Result<()> {
    if context::variable("do").as_deref() == Some("in-iteration") {
        runs::plan("page").tps(1).start()?;
    }
    transaction("page", || http::get("/").send())?;
    Ok(())
}

/// Cannot be set up.
#[scenario(setup = refuses)]
fn unprepared(_: &()) -> Result<()> {
    Ok(())
}

fn refuses() -> Result<()> {
    bail!("not today")
}

#[conduct]
fn as_told() -> Result<()> {
    let page = || runs::plan("page").tps(50).duration(secs(1));
    match context::variable("do").as_deref() {
        None | Some("well") => {
            let stats = page().start()?.wait()?;
            ensure!(
                stats.ok == 50 && stats.goal_tps == Some(50.0) && stats.tps_limited.is_none(),
                "{stats:?}"
            );
        }
        Some("errs") => bail!("not as it should be"),
        Some("panics") => panic!("on purpose"),
        Some("begins nobody") => drop(runs::plan("nobody").tps(1).start()?),
        Some("mistypes") => drop(page().set("tsp", 1).start()?),
        Some("writes") => drop(page().set("out", "json=x").start()?),
        Some("twice") => {
            page().start()?;
            page().start()?;
        }
        Some("same name") => {
            page().name("one").start()?;
            page().name("one").start()?;
        }
        Some("waits for what cannot be set up") => {
            drop(runs::plan("unprepared").tps(1).start()?.wait()?)
        }
        Some("sleeps") => {
            runs::plan("page").tps(50).start()?;
            think(secs(600));
            ensure!(runs::plan("page").tps(1).start().is_err(), "nothing begins after the signal");
        }
        Some("transacts") => transaction("page", || http::get("/").send()).map(drop)?,
        Some("in-iteration") => drop(page().start()?.wait()?),
        Some(other) => bail!("{other:?} is nothing that it can do"),
    }
    Ok(())
}
