#![deny(unused_must_use)]

use swell::prelude::*;

#[conduct]
fn night() -> Result<()> {
    runs::plan("browse").tps(100);
    Ok(())
}

fn main() {}
