//! From the text of a file to its tree: TOML and YAML, of which JSON is a part.

mod toml_form;
mod yaml_form;

use serde_json::Value;

use std::borrow::Cow;

use crate::tree::{FileNode, FilePlace, NodeValue, Wrong};

/// The tree of a file with this name.
///
/// # Errors
/// It is no text, or breaks the rules of its form.
pub(crate) fn tree(name: &str, content: &[u8]) -> Result<FileNode, Wrong> {
    let text = std::str::from_utf8(content).map_err(|error| {
        let before = String::from_utf8_lossy(&content[..error.valid_up_to()]);
        Wrong::new(
            FilePlace::of(&before, before.len()),
            "this is not UTF-8: save the file as UTF-8",
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_toml(name) { toml_form::tree(text) } else { yaml_form::tree(&joined(text)) }
}

/// What a file with this name says, without places: for those who read YAML of other kinds.
///
/// # Errors
/// It is no text, or breaks the rules of its form.
pub fn json_of(name: &str, content: &[u8]) -> Result<Value, Wrong> {
    Ok(plain(tree(name, content)?))
}

fn plain(node: FileNode) -> Value {
    match node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(value) => Value::Bool(value),
        NodeValue::Number(number, _) => Value::Number(number),
        NodeValue::Text(text) => Value::String(text),
        NodeValue::List(list) => Value::Array(list.into_iter().map(plain).collect()),
        NodeValue::Table(entries) => {
            entries.into_iter().map(|entry| (entry.key, plain(entry.node))).collect()
        }
    }
}

/// Whether a file with this name is TOML; else it is YAML or JSON.
pub(crate) fn is_toml(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}

/// The text with letters in place of the pairs of escapes that JSON writes for them: YAML knows no
/// such pairs.
fn joined(text: &str) -> Cow<'_, str> {
    let half = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut joined = String::new();
    let mut from = 0;
    let mut escapes = text.match_indices('\\').map(|(at, _)| at).peekable();
    while let Some(at) = escapes.next() {
        if text[at + 1..].starts_with('\\') {
            // A backslash that stands for itself.
            escapes.next();
            continue;
        }
        let pair = half(at).zip(half(at + 6));
        let pair = pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        if let Some(letter) = pair.filter(|letter| letter.len_utf16() == 2) {
            joined.push_str(&text[from..at]);
            joined.push(letter);
            from = at + 12;
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    joined.push_str(&text[from..]);
    Cow::Owned(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_escapes_are_joined_and_all_else_stays() {
        for (text, expected) in [
            (r#"{"a": "\ud83d\ude00!"}"#, "{\"a\": \"\u{1f600}!\"}"),
            (r#"\\ud83d\ude00"#, r#"\\ud83d\ude00"#),
            (r#"\u00e4\u00f6 \ud83d x \ude00"#, r#"\u00e4\u00f6 \ud83d x \ude00"#),
            ("ends with \\", "ends with \\"),
            ("\\ud83\u{e4}\\ude00", "\\ud83\u{e4}\\ude00"),
        ] {
            assert_eq!(joined(text), expected, "{text}");
        }
    }
}
