use swell::prelude::*;

#[scenario]
fn browse() {
    think(secs(1));
}

fn main() {}
