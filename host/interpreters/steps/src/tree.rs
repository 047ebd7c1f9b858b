//! A file as it stands: texts, numbers, lists and tables, each with its place. What they mean is
//! for [`read`](crate::read) to say.

use serde_json::Number;

/// A place in a file, both from 1; columns are counted in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilePlace {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl FilePlace {
    /// The place of a byte of a text.
    pub(crate) fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        Self { line: number(before.matches('\n').count()), column: number(line.chars().count()) }
    }
}

/// What is wrong with a file, for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What, and the cure.
    pub message: String,
    /// Where.
    pub at: FilePlace,
}

impl Wrong {
    pub(crate) fn new(at: FilePlace, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct FileNode {
    pub(crate) at: FilePlace,
    pub(crate) value: NodeValue,
}

#[derive(Clone, Debug)]
pub(crate) enum NodeValue {
    Null,
    Bool(bool),
    /// A number, and how it is written: where a text is wanted, that is the text.
    Number(Number, String),
    Text(String),
    List(Vec<FileNode>),
    /// In the file's order; no key is there twice.
    Table(Vec<NodeEntry>),
}

/// A key of a table, and what stands there.
#[derive(Clone, Debug)]
pub(crate) struct NodeEntry {
    pub(crate) key: String,
    pub(crate) at: FilePlace,
    pub(crate) node: FileNode,
}

impl FileNode {
    /// What it is, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::Null => "nothing",
            NodeValue::Bool(_) => "true or false",
            NodeValue::Number(..) => "a number",
            NodeValue::Text(_) => "a text",
            NodeValue::List(_) => "a list",
            NodeValue::Table(_) => "a table",
        }
    }

    pub(crate) fn wrong(&self, wanted: &str) -> Wrong {
        Wrong::new(self.at, format!("{wanted} is wanted here, and this is {}", self.kind()))
    }

    /// A text, or what is written so that it can be one.
    pub(crate) fn text(self, wanted: &str) -> Result<String, Wrong> {
        match self.value {
            NodeValue::Text(text) | NodeValue::Number(_, text) => Ok(text),
            NodeValue::Bool(value) => Ok(value.to_string()),
            _ => Err(self.wrong(wanted)),
        }
    }

    pub(crate) fn list(self, wanted: &str) -> Result<Vec<Self>, Wrong> {
        match self.value {
            NodeValue::List(list) => Ok(list),
            _ => Err(self.wrong(wanted)),
        }
    }

    pub(crate) fn entries(self, wanted: &str) -> Result<Vec<NodeEntry>, Wrong> {
        match self.value {
            NodeValue::Table(entries) => Ok(entries),
            _ => Err(self.wrong(wanted)),
        }
    }
}
