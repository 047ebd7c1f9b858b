//! Keeps a body of 1,000 bytes, and fails unless it has all of them. With `-e LIMIT=N` it keeps at
//! most N: below 1,000 the host must answer `too-large`.

use swell::prelude::*;

#[scenario]
fn kept_body() -> Result<()> {
    let limit = context::variable("LIMIT").map_or(Ok(1_000), |limit| limit.parse())?;
    transaction("bytes", || {
        let response = http::get("/bytes/1000").keep_body_up_to(limit).send()?;
        ensure!(
            response.bytes()?.len() == 1_000 && response.body_size() == 1_000,
            "the body is not whole"
        );
        ensure!(response.header("Content-Length")? == "1000", "the headers are not those sent");
        Ok(())
    })
}
