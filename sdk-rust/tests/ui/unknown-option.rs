use swell::prelude::*;

#[scenario(tsp = 100)]
fn browse() -> Result<()> {
    Ok(())
}

#[transaction(tps = 100)]
fn page() -> Result<()> {
    Ok(())
}

fn main() {}
