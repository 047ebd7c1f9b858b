use swell::prelude::*;

#[transaction]
fn page() -> Option<Response> {
    http::get("/").send().ok()
}

fn main() {}
