//! Somebody's words where XML is to hold them.

use swell_core::plain::line;

/// The text without characters that XML 1.0 cannot hold even in an entity: they are made visible,
/// as on a terminal. Those that are markup are the writer's concern.
pub(crate) fn xml_text(text: &str) -> String {
    let text = line(text).to_string();
    // These two are no characters to XML, and to everybody else they are.
    text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_brings_in_a_character_that_xml_cannot_hold() {
        let is_allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..);
        for character in '\0'..=char::MAX {
            assert!(xml_text(&character.to_string()).chars().all(is_allowed), "{character:?}");
        }
    }
}
