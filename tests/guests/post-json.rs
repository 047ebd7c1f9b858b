//! Posts JSON. The host must send the body whole, with its length and the type that the scenario
//! gave.

use swell::prelude::*;

#[scenario]
fn post_json() -> Result<()> {
    transaction("order", || {
        http::post("/orders").json(&json!({"items": [1, 2, 3]})).expect(201).send()
    })?;
    Ok(())
}
