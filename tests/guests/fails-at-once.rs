//! Fails before it has begun anything, in the way that the variable `how` names. The host must
//! neither spin nor blame the service, and end the run.

use swell::prelude::*;

#[scenario(start = begin)]
fn fails_at_once() -> Result<()> {
    match context::variable("how").as_deref() {
        Some("trap") => panic!("nothing works"),
        Some("then works") if context::iteration() > 3 => {
            transaction("page", || http::get("/").send())?;
            Ok(())
        }
        _ => bail!("nothing works"),
    }
}

fn begin() -> Result<()> {
    if context::variable("how").as_deref() == Some("start") {
        bail!("nobody may start");
    }
    Ok(())
}
