use swell::prelude::*;

#[scenario]
async fn browse() -> Result<()> {
    Ok(())
}

fn main() {}
