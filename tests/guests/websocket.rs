//! Joins over a WebSocket, says five things that come back, and leaves: at the path of `PATH`,
//! which decides what comes of it.

use swell::prelude::*;

#[scenario]
fn websocket() -> Result<()> {
    let path = context::variable("PATH").unwrap_or_else(|| "/echo".to_owned());
    let chat = transaction("join", || websocket::connect(&path))?;
    for _ in 0..5 {
        transaction("say", || chat.exchange_within("hello", millis(500)).map(drop))?;
    }
    transaction("leave", || chat.close())
}
