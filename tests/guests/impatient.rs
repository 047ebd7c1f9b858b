//! Gets what `-e PATH=…` says and gives up after 300 ms. The host must end the request then, in
//! whichever phase it is.

use swell::prelude::*;

#[scenario]
fn impatient() -> Result<()> {
    let path = context::variable("PATH").ok_or("give -e PATH=…")?;
    transaction("fetch", || http::get(&path).timeout(millis(300)).send())?;
    Ok(())
}
