use swell::prelude::*;

#[scenario(start = log_in)]
fn browse(_token: &mut String) -> Result<()> {
    Ok(())
}

fn log_in() -> Result<u32> {
    Ok(7)
}

fn main() {}
