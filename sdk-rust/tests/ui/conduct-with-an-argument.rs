use swell::prelude::*;

#[conduct]
fn night(tps: u32) -> Result<()> {
    runs::plan("browse").tps(tps).start()?;
    Ok(())
}

fn main() {}
