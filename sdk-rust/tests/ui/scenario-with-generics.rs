use swell::prelude::*;

#[scenario]
fn browse<T: Default>() -> Result<()> {
    Ok(())
}

fn main() {}
