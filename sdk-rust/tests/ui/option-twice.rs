use swell::prelude::*;

#[scenario(tps = 100, duration = "30s", tps = 200)]
fn browse() -> Result<()> {
    Ok(())
}

fn main() {}
