//! Makes five iterations and ends its user, or ends it where `-e IN=` says: in `start`, or in
//! `setup`, where there is none. The host must call `stop` and count the reason.

use swell::prelude::*;

#[scenario(setup = set_up, start = come, stop = go)]
fn stop_user(made: &mut u64) -> Result<()> {
    transaction("page", || http::get("/").send())?;
    *made += 1;
    if *made == 5 {
        context::stop_user("has seen enough");
        context::stop_user("a second reason, which does not count");
    }
    Ok(())
}

fn set_up() -> Result<u64> {
    stop_in("setup");
    Ok(0)
}

fn come(made: &u64) -> Result<u64> {
    stop_in("start");
    Ok(*made)
}

fn go(made: u64) -> Result<()> {
    metrics::counter("stopped").add(1);
    metrics::counter("made").add(made as f64);
    stop_in("stop");
    Ok(())
}

fn stop_in(function: &str) {
    if context::variable("IN").as_deref() == Some(function) {
        context::stop_user("does not want to begin");
    }
}
