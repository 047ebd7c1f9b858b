use swell::prelude::*;

#[scenario(setup = prepare, start = log_in)]
fn browse() -> Result<()> {
    Ok(())
}

fn prepare() -> Result<u32> {
    Ok(7)
}

fn log_in() -> Result<()> {
    Ok(())
}

fn main() {}
