//! TOML.

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::tree::{FileNode, FilePlace, NodeEntry, NodeValue, Wrong};

pub(super) fn tree(text: &str) -> Result<FileNode, Wrong> {
    let lines = LineStarts::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Wrong::new(FilePlace::of(text, at), error.message())
    })?;
    let at = FilePlace { line: 1, column: 1 };
    Ok(FileNode { at, value: lines.table(table.into_inner())? })
}

/// Where the lines of a text begin, so that thousands of places are found at once.
struct LineStarts<'a> {
    text: &'a str,
    begin: Vec<usize>,
}

impl<'a> LineStarts<'a> {
    fn of(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        Self { text, begin: std::iter::once(0).chain(after.map(|(at, _)| at + 1)).collect() }
    }

    fn place(&self, byte: usize) -> FilePlace {
        let line = self.begin.partition_point(|&begin| begin <= byte);
        let before = self.text.get(self.begin[line - 1]..byte).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        FilePlace { line: number(line), column: number(before.chars().count() + 1) }
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Result<FileNode, Wrong> {
        let at = self.place(value.span().start);
        let value = match value.into_inner() {
            DeValue::String(text) => NodeValue::Text(text.into_owned()),
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                let parsed = i64::from_str_radix(&digits, number.radix());
                let parsed = parsed.map_err(|_| Wrong::new(at, "this number is too large"))?;
                NodeValue::Number(parsed.into(), parsed.to_string())
            }
            DeValue::Float(number) => {
                let digits = number.as_str().replace('_', "");
                let parsed = digits.parse().ok().and_then(Number::from_f64);
                let parsed = parsed.ok_or_else(|| Wrong::new(at, "this is no finite number"))?;
                NodeValue::Number(parsed, digits)
            }
            DeValue::Boolean(value) => NodeValue::Bool(value),
            DeValue::Datetime(time) => NodeValue::Text(time.to_string()),
            DeValue::Array(list) => {
                let nodes = list.into_iter().map(|value| self.node(value));
                NodeValue::List(nodes.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => self.table(table)?,
        };
        Ok(FileNode { at, value })
    }

    fn table(&self, table: DeTable<'_>) -> Result<NodeValue, Wrong> {
        let mut entries: Vec<(usize, NodeEntry)> = table
            .into_iter()
            .map(|(key, value)| {
                let begin = key.span().start;
                let (at, key) = (self.place(begin), key.into_inner().into_owned());
                Ok((begin, NodeEntry { key, at, node: self.node(value)? }))
            })
            .collect::<Result<_, Wrong>>()?;
        // A table has its keys in the order of the alphabet.
        entries.sort_by_key(|(begin, _)| *begin);
        Ok(NodeValue::Table(entries.into_iter().map(|(_, entry)| entry).collect()))
    }
}
