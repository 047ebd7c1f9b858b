use swell::prelude::*;

#[scenario]
fn browse(_page: u32) -> Result<()> {
    Ok(())
}

fn main() {}
