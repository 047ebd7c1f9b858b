use swell::prelude::*;

#[scenario(start = log_in)]
fn browse(_token: &mut String, _again: &mut String) -> Result<()> {
    Ok(())
}

fn log_in() -> Result<String> {
    Ok(String::new())
}

fn main() {}
