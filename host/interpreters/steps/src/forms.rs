//! From the text of a file to its tree: TOML and YAML, of which JSON is a part.

mod toml_form;
mod yaml_form;

use crate::tree::{FileNode, FilePlace, Wrong};

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

/// Whether a file with this name is TOML; else it is YAML or JSON.
pub(crate) fn is_toml(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}
