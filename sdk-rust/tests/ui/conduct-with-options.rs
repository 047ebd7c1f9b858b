use swell::prelude::*;

#[conduct(tps = 100)]
fn night() -> Result<()> {
    Ok(())
}

fn main() {}
