//! Prints, reads the clock and hashes through the standard library. The host must give it these
//! parts of WASI, and show what it prints in the log.

use std::collections::HashMap;
use std::time::Instant;

use swell::prelude::*;

#[scenario]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what is tested")]
fn uses_std() -> Result<()> {
    let begun = Instant::now();
    transaction("page", || http::get("/").send())?;
    let words = HashMap::from([("printed", "hello from stdout"), ("warned", "hello from stderr")]);
    println!("{}", words["printed"]);
    eprintln!("{}", words["warned"]);
    ensure!(begun.elapsed().as_secs() < 3600, "the clock jumped");
    Ok(())
}
