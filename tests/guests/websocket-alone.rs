//! Opens a WebSocket outside any transaction, asks and is told there too, and keeps it from one
//! iteration to the next; at the end of the run it waits for what never comes.

use swell::prelude::*;
use swell::websocket::Connection;

#[scenario(start = nothing)]
fn websocket_alone(kept: &mut Option<Connection>) -> Result<()> {
    let Some(chat) = kept else {
        *kept = Some(websocket::connect("/echo")?);
        return Ok(());
    };
    let answer = chat.exchange("hello")?;
    ensure!(answer.text()? == "hello", "it comes back");
    chat.send(vec![1, 2, 3])?;
    ensure!(chat.receive()?.bytes() == [1, 2, 3], "that too");
    chat.ping()?;
    if context::iteration() >= 9 {
        // Outside a transaction this ends with the run.
        chat.receive_within(secs(600))?;
    }
    Ok(())
}

fn nothing() -> Result<Option<Connection>> {
    Ok(None)
}
