use swell::prelude::*;

#[transaction]
async fn page() -> Result<Response> {
    http::get("/").send()
}

fn main() {}
