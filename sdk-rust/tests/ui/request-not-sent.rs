#![deny(unused_must_use)]
use swell::prelude::*;

#[transaction]
fn page() -> Result<()> {
    http::get("/").keep_body();
    Ok(())
}

fn main() {}
