//! Posts 1 KiB of JSON and reads that it was accepted: the benches measure this guest.

use swell::prelude::*;

#[scenario]
fn post_and_read() -> Result<()> {
    transaction("order", || {
        let order = json!({"item": "x".repeat(1_013)});
        let answer = http::post("/").json(&order).keep_body().send()?;
        ensure!(answer.text()?.contains("\"accepted\":true"), "the order was not accepted");
        Ok(())
    })
}
