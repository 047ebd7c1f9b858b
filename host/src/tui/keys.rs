//! Bytes from a terminal as keys.

use ratatui::termion::event::{Event, Key as TerminalKey, parse_event};
use swell_tui::Key;

/// The keys that these bytes are, which were read at once; what the view does not know is left out.
pub(crate) fn keys_of(bytes: &[u8]) -> Vec<Key> {
    let (mut keys, mut rest) = (Vec::new(), bytes.iter().map(|byte| Ok(*byte)));
    while let Some(Ok(first)) = rest.next() {
        match parse_event(first, &mut rest) {
            Ok(Event::Key(key)) => keys.extend(known(key)),
            Ok(Event::Mouse(_) | Event::Unsupported(_)) => {}
            // Nothing follows: the key itself was pressed.
            Err(_) if first == b'\x1b' => keys.push(Key::Escape),
            Err(_) => {}
        }
    }
    keys
}

const fn known(key: TerminalKey) -> Option<Key> {
    Some(match key {
        TerminalKey::Char('\t') => Key::Tab,
        TerminalKey::Char(character) => Key::Char(character),
        TerminalKey::Up => Key::Up,
        TerminalKey::Down => Key::Down,
        TerminalKey::Left => Key::Left,
        TerminalKey::Right => Key::Right,
        TerminalKey::PageUp => Key::PageUp,
        TerminalKey::PageDown => Key::PageDown,
        TerminalKey::Home => Key::Home,
        TerminalKey::End => Key::End,
        TerminalKey::Esc => Key::Escape,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_arrows_and_escape_are_known_and_other_keys_are_nothing() {
        let letters = [Key::Char('p'), Key::Char('+'), Key::Char('é'), Key::Tab, Key::Char(' ')];
        assert_eq!(keys_of("p+é\t ".as_bytes()), letters);
        assert_eq!(
            keys_of(b"\x1b[A\x1b[D\x1b[5~q"),
            [Key::Up, Key::Left, Key::PageUp, Key::Char('q')]
        );
        assert_eq!(keys_of(b"\x1b"), [Key::Escape]);
        assert_eq!(keys_of(b"\x1bOP\x01"), []);
    }
}
