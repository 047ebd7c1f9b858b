//! Logs in and relies on the cookie; before that it must not have one. The host must keep cookies
//! within an iteration, and forget them after it.

use swell::prelude::*;

#[scenario]
fn cookies() -> Result<()> {
    transaction("stranger", || http::get("/account").expect(401).send())?;
    transaction("log in", || {
        http::post("/login").json(&json!({"user": "ada", "password": "secret"})).send()
    })?;
    transaction("account", || http::get("/account").send())?;
    Ok(())
}
