//! Text that somebody else wrote, made fit for a terminal: names and failures of a scenario, words
//! of a service, a file or another node.
//!
//! What reaches a terminal can move its cursor, hide a line that was printed before, turn the
//! reading direction around or forge a line of ours. So whatever is not ours is shown with such
//! characters made visible, as `\u{1b}`: within a line as a [`line()`], and all that leaves the
//! program once more as a [`page`], where only the ends of lines still do something. Nothing is
//! dropped, so that what tried to hide is seen.

use std::fmt::{self, Display, Formatter, Write};

/// Bytes of a line of somebody else's that are shown.
const MAX_LINE: usize = 4 << 10;

/// The text as a part of one line: see [`PlainLine`].
pub const fn line(text: &str) -> PlainLine<'_> {
    PlainLine(text)
}

/// The lines of a text as parts of one, with semicolons between them unless a colon leads on: see
/// [`PlainLine`].
pub fn in_one_line(text: &str) -> String {
    line(&text.lines().map(str::trim).collect::<Vec<_>>().join("; ").replace(":; ", ": "))
        .to_string()
}

/// The text as one word of a command for a shell, which takes it as it is.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", line(text).to_string().replace('\'', r"'\''"))
}

/// The text as lines: see [`Page`].
pub const fn page<T: Display>(text: T) -> Page<T> {
    Page(text)
}

/// Shows a text as a part of one line, without its tail of white space and cut to 4 KiB. Width,
/// alignment and precision are those of a `str`.
#[derive(Clone, Copy, Debug)]
pub struct PlainLine<'a>(&'a str);

impl Display for PlainLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0.trim_end();
        if text.len() <= MAX_LINE && !text.contains(acts) {
            return f.pad(text);
        }
        let mut shown = String::with_capacity(text.len().min(MAX_LINE));
        for character in text.chars() {
            if shown.len() >= MAX_LINE {
                shown.push('…');
                break;
            }
            push(&mut shown, character)?;
        }
        f.pad(&shown)
    }
}

/// Shows a text with nothing in it that does anything but end a line.
#[derive(Clone, Copy, Debug)]
pub struct Page<T>(T);

impl<T: Display> Display for Page<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(PlainLines(f), "{}", self.0)
    }
}

/// Passes on what is written to it as a [`Page`] does.
struct PlainLines<'a, 'b>(&'a mut Formatter<'b>);

impl Write for PlainLines<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(|character| character != '\n' && acts(character)) {
            match piece.chars().next_back().filter(|last| *last != '\n' && acts(*last)) {
                Some(last) => {
                    self.0.write_str(&piece[..piece.len() - last.len_utf8()])?;
                    push(self.0, last)?;
                }
                None => self.0.write_str(piece)?,
            }
        }
        Ok(())
    }
}

/// JSON that means the same and has nothing in it that acts on a terminal: what `serde_json` leaves
/// as it is can only stand in strings, where it may be escaped.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && acts(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

fn push(shown: &mut impl Write, character: char) -> fmt::Result {
    if acts(character) {
        write!(shown, "{}", character.escape_default())
    } else {
        shown.write_char(character)
    }
}

/// Whether a terminal, or who reads there, may take a character for something other than itself:
/// control characters, what reorders the text around it, ends of lines other than our own, and what
/// is not seen at all. Joiners stay, as words of some languages and many emoji have them.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str =
        "a\x1b[2Jb\nc\u{202e}d\t\r\x7f\u{9b}31m\u{2028}e\0f\u{200b}\u{2066}g\u{e0041}";

    #[test]
    fn a_line_has_nothing_left_that_acts_and_all_that_was_said() {
        let shown = line(EVIL).to_string();
        assert_eq!(
            shown,
            "a\\u{1b}[2Jb\\nc\\u{202e}d\\t\\r\\u{7f}\\u{9b}31m\\u{2028}e\\u{0}f\\u{200b}\\u{2066}\
            g\\u{e0041}"
        );
        assert!(!shown.contains(acts));
        assert_eq!(line("grüße 日本 👩‍🚀\n").to_string(), "grüße 日本 👩‍🚀");
    }

    #[test]
    fn several_lines_in_one_are_parted_by_semicolons() {
        assert_eq!(
            in_one_line("no such host:\n  b\nhelp: add it\x1b[2J\r\n"),
            "no such host: b; help: add it\\u{1b}[2J"
        );
    }

    #[test]
    fn a_page_keeps_its_lines_and_nothing_else() {
        let shown = page(format!("{EVIL}\nnext")).to_string();
        assert_eq!(shown.matches('\n').count(), 2);
        assert!(!shown.replace('\n', "").contains(acts), "{shown:?}");
        assert_eq!(shown.replace('\n', "\\n"), format!("{}\\nnext", line(EVIL)));
    }

    #[test]
    fn every_character_that_acts_is_made_visible_and_no_other() {
        for character in '\0'..=char::MAX {
            let text = format!("x{character}x");
            let is_seen = line(&text).to_string() == text;
            assert_eq!(is_seen, !acts(character), "{character:?}");
            let escaped = serde_json::to_string(&text).expect("a text is JSON");
            if acts(character) {
                let shown = json(&escaped);
                assert!(!shown.contains(acts), "{shown:?}");
                assert_eq!(serde_json::from_str::<String>(&shown).expect("it is JSON still"), text);
            }
        }
    }

    #[test]
    fn a_long_line_is_cut_and_a_short_one_is_padded_as_a_text_is() {
        assert!(line(&"x".repeat(1 << 20)).to_string().len() <= MAX_LINE + '…'.len_utf8());
        assert!(line(&"\x1b".repeat(1 << 20)).to_string().len() <= MAX_LINE + 16);
        assert_eq!(
            format!("{:<6}|{:>6}|{:.2}", line("ab"), line("a\n b"), line("abc")),
            "ab    | a\\n b|ab"
        );
    }
}
