//! Writes 1,000 lines an iteration, with escape sequences, line ends and one of 8 KiB. The host
//! must neutralise, cut and limit them, and count the rest.

use swell::prelude::*;

#[scenario]
fn log_flood() -> Result<()> {
    log::warn!("{}", "long ".repeat(1_700));
    for line in 0..999 {
        log::error!("\x1b[2J\x1b]0;owned\x07 line {line}\r\nforged: all is well\0");
    }
    Ok(())
}
