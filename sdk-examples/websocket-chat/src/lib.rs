//! A chat over WebSockets: join a room, say something, hear it come back, leave.

use serde::Deserialize;
use swell::prelude::*;
use swell::websocket::{Connection, Message};

/// What the room says.
#[derive(Deserialize)]
struct Said {
    text: String,
}

/// Has a room of its own, so that nobody else is heard in it.
#[scenario]
fn chat() -> Result<()> {
    let room = format!("/chat?room={}", context::user());
    let chat = transaction("join", || websocket::connect(&room))?;
    for number in 1..=3 {
        say(&chat, &format!("message {number}"))?;
        think(millis(100..=300));
    }
    transaction("leave", || chat.close())
}

/// The room sends each message to everybody in it, also to who said it: a round trip.
#[transaction]
fn say(chat: &Connection, text: &str) -> Result<()> {
    let answer = chat.exchange(Message::json(&json!({ "text": text }))?)?;
    let said: Said = answer.parse()?;
    check!("heard what was said", said.text == text);
    Ok(())
}
