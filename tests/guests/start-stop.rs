//! Logs in once a user and out at its end, and counts its iterations in between. The host must call
//! both once a user, at the spawn rate.

use swell::prelude::*;

struct Visitor {
    iterations: u64,
}

#[scenario(start = log_in, stop = log_out)]
fn start_stop(visitor: &mut Visitor) -> Result<()> {
    transaction("page", || http::get("/").send())?;
    visitor.iterations += 1;
    Ok(())
}

fn log_in() -> Result<Visitor> {
    http::post("/login").json(&json!({"user": "ada", "password": "secret"})).send()?;
    metrics::counter("started").add(1);
    Ok(Visitor { iterations: 0 })
}

fn log_out(visitor: Visitor) -> Result<()> {
    metrics::counter("stopped").add(1);
    metrics::trend("iterations of a user").add(visitor.iterations as f64);
    Ok(())
}
