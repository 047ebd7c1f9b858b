//! Sends a request to a host that the plan does not allow. The host must answer `denied`, and no
//! packet may leave.

use swell::prelude::*;

#[scenario]
fn denied_host() -> Result<()> {
    transaction("elsewhere", || match http::get("http://192.0.2.1/").send() {
        Err(Error::Http(http::Error::Denied(_))) => Ok(()),
        Err(other) => Err(other),
        Ok(_) => bail!("a host that is not allowed answered"),
    })
}
