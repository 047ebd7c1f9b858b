//! What went over a WebSocket, in a line: who said it, what it was, and where it begins.

use swell_core::observer::{ObservedMessage, ObservedMessageKind};
use swell_core::plain::in_one_line;

use super::words::time;
use crate::sheet::{Piece, Tone};

/// The most characters of a message that are shown: a line on a wide terminal.
const SHOWN: usize = 160;

/// The line of a message.
pub(super) fn print(message: &ObservedMessage) -> Vec<Piece> {
    let arrow = if message.sent { "→ " } else { "← " };
    let size = message.size;
    let words = match message.kind {
        ObservedMessageKind::Text => format!("text of {size} bytes: {}", beginning(message)),
        ObservedMessageKind::Binary => format!("binary of {size} bytes"),
        ObservedMessageKind::Ping => "ping".to_owned(),
        ObservedMessageKind::Pong(after) => format!("pong after {}", time(after)),
        ObservedMessageKind::Close(code) => match beginning(message) {
            reason if reason.is_empty() => format!("close {code}"),
            reason => format!("close {code}: {reason}"),
        },
        ObservedMessageKind::Failure => {
            return vec![Tone::Bad.of("✗ "), beginning(message).into()];
        }
    };
    vec![arrow.into(), words.into()]
}

fn beginning(message: &ObservedMessage) -> String {
    let text = in_one_line(&String::from_utf8_lossy(&message.data)).to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(sent: bool, kind: ObservedMessageKind, data: &str) -> String {
        let pieces = print(&ObservedMessage::new(sent, kind, data.as_bytes()));
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn a_message_is_told_by_who_said_it_and_where_it_begins() {
        use ObservedMessageKind as Kind;
        for (sent, kind, data, expected) in [
            (true, Kind::Text, "hello", "→ text of 5 bytes: hello"),
            (false, Kind::Binary, "abc", "← binary of 3 bytes"),
            (true, Kind::Ping, "", "→ ping"),
            (false, Kind::Pong(Duration::from_millis(2)), "", "← pong after 2.0 ms"),
            (false, Kind::Close(1001), "going", "← close 1001: going"),
            (true, Kind::Close(1000), "", "→ close 1000"),
            (false, Kind::Failure, "closed", "✗ closed"),
        ] {
            assert_eq!(line(sent, kind, data), expected);
        }
        let long = line(false, ObservedMessageKind::Text, &"x".repeat(10_000));
        assert!(long.starts_with("← text of 10000 bytes: xxx") && long.ends_with("x…"), "{long}");
        assert_eq!(
            ObservedMessage::new(true, ObservedMessageKind::Text, &[0; 9_000]).data.len(),
            ObservedMessage::KEPT
        );
    }
}
