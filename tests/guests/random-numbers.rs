//! Sends three random numbers to the service. The host must give the same ones for the same seed
//! and iteration, on however many hosts.

use swell::prelude::*;

#[scenario]
fn random_numbers() -> Result<()> {
    let drawn = [random::next(), random::next(), random::next()].map(|number| number.to_string());
    let (iteration, numbers) = (context::iteration(), drawn.join("-"));
    transaction("numbers", || {
        http::get("/").query("iteration", iteration).query("numbers", numbers).send()
    })?;
    Ok(())
}
