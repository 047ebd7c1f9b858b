//! From the text of a file to its tree: TOML and YAML, of which JSON is a part.

mod toml_form;
mod yaml_form;

use serde_json::Value;

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
    if is_toml(name) { toml_form::tree(text) } else { yaml_form::tree(text) }
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
