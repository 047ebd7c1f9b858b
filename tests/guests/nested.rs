//! Opens transactions inside a transaction. The host must measure all three, and pace the outermost
//! alone.

use swell::prelude::*;

#[scenario]
fn nested() -> Result<()> {
    transaction("visit", || {
        transaction("front page", || http::get("/").send())?;
        transaction("items", || http::get("/items").send())?;
        Ok(())
    })
}
