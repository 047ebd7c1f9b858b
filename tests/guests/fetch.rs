//! Gets what `-e PATH=…` says, a path or a URL, in a transaction named "fetch". The host must put
//! whatever happens to it into its class.

use swell::prelude::*;

#[scenario]
fn fetch() -> Result<()> {
    let path = context::variable("PATH").ok_or("give -e PATH=…")?;
    transaction("fetch", || http::get(&path).send())?;
    Ok(())
}
