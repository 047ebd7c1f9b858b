use swell::prelude::*;

#[scenario]
fn browse(_token: &mut String) -> Result<()> {
    Ok(())
}

fn main() {}
