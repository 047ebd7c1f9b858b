//! The keys of one table, each taken once.

use swell_core::spelling::nearest;

use crate::keys::TableForm;
use crate::tree::{FileNode, FilePlace, NodeEntry, Wrong};

/// A table whose keys are known.
pub(super) struct Fields {
    pub(super) at: FilePlace,
    entries: Vec<NodeEntry>,
}

impl Fields {
    /// The keys of a table of this form.
    ///
    /// # Errors
    /// It is no table, or has a key that is not known.
    pub(super) fn of(node: FileNode, form: &'static TableForm) -> Result<Self, Wrong> {
        let at = node.at;
        let entries = node.entries("a table")?;
        for entry in &entries {
            if form.keys.iter().all(|key| key.name != entry.key) {
                return Err(unknown(entry, form));
            }
        }
        Ok(Self { at, entries })
    }

    /// What stands at a key.
    pub(super) fn take(&mut self, key: &str) -> Option<FileNode> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index).node)
    }

    /// What stands at the first of these keys, with the key.
    ///
    /// # Errors
    /// Two of them are there.
    pub(super) fn take_one<'a>(
        &mut self,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<(&'a str, FileNode)>, Wrong> {
        let mut found = None;
        for key in keys {
            let Some(node) = self.take(key) else { continue };
            match &found {
                None => found = Some((key, node)),
                Some((first, _)) => {
                    let message =
                        format!("{first} and {key} cannot both be: leave one of them out");
                    return Err(Wrong::new(node.at, message));
                }
            }
        }
        Ok(found)
    }

    /// The first key that was not taken.
    pub(super) fn rest(&self) -> Option<(&str, FilePlace)> {
        self.entries.first().map(|entry| (&*entry.key, entry.at))
    }
}

fn unknown(entry: &NodeEntry, form: &TableForm) -> Wrong {
    let names = || form.keys.iter().map(|key| key.name);
    let cure = match nearest(&entry.key, names()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("it may have {}", names().collect::<Vec<_>>().join(", ")),
    };
    Wrong::new(entry.at, format!("{} has no key {:?}; {cure}", form.what, entry.key))
}
