use swell::prelude::*;

#[transaction]
fn page() {
    let _ = http::get("/").send();
}

fn main() {}
