//! Keeps one WebSocket from iteration to iteration, and has 64 bytes come back in each; with
//! `THINK` it waits so many seconds between them.

use swell::prelude::*;
use swell::websocket::Connection;

#[scenario(start = nothing)]
fn websocket_echo(kept: &mut Option<Connection>) -> Result<()> {
    let chat = match kept {
        Some(chat) => chat,
        none => none.insert(transaction("join", || websocket::connect("/echo"))?),
    };
    transaction("echo", || chat.exchange([b'x'; 64].as_slice()).map(drop))?;
    if let Some(pause) = context::variable("THINK") {
        think(secs(pause.parse::<u64>()?));
    }
    Ok(())
}

fn nothing() -> Result<Option<Connection>> {
    Ok(None)
}
