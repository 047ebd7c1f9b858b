//! Holds scenarios that share a run, each with something of its own to prepare, and asks for other
//! paths in each. The host must deal users to them by weight, give each user what its own `setup`
//! made, and replace a user that traps by one of its scenario.

use swell::prelude::*;

/// Looks at what there is.
#[scenario(setup = open_shop, teardown = close_shop)]
fn browse(key: &u32) -> Result<()> {
    check!("who browses has the key of the shop", *key == 1);
    transaction("items", || http::get("/items").send())?;
    Ok(())
}

/// Orders something, and traps in each tenth iteration of the run.
#[scenario(setup = open_till, teardown = close_till)]
fn order(key: &u32) -> Result<()> {
    check!("who orders has the key of the till", *key == 2);
    transaction("order", || {
        http::post("/orders").send()?;
        assert!(context::iteration() % 10 != 9, "the one in ten");
        Ok(())
    })
}

/// Never begins.
#[scenario(setup = open_nothing)]
fn pay(_key: &u32) -> Result<()> {
    Ok(())
}

fn open_shop() -> Result<u32> {
    http::get("/bytes/1").send()?;
    Ok(1)
}

fn close_shop(key: u32) -> Result<()> {
    log::info!("closed with key {key}");
    http::get("/bytes/2").send()?;
    Ok(())
}

fn open_till() -> Result<u32> {
    http::get("/bytes/3").send()?;
    Ok(2)
}

fn close_till(key: u32) -> Result<()> {
    http::get("/bytes/4").send()?;
    bail!("key {key} is stuck")
}

fn open_nothing() -> Result<u32> {
    bail!("it is closed")
}
