//! The smallest scenario: one page in one transaction.

use swell::prelude::*;

/// Looks at the front page.
#[scenario]
fn hello() -> Result<()> {
    let page = front_page()?;
    check!("has a title", page.text()?.contains("<title>"));
    Ok(())
}

#[transaction]
fn front_page() -> Result<Response> {
    http::get("/").keep_body().send()
}
