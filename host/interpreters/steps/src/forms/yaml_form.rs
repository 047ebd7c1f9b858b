//! YAML 1.2, and so JSON: `no` is a text there, and `true` alone is true.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Number;

use crate::tree::{FileNode, FilePlace, NodeEntry, NodeValue, Wrong};

/// How deep lists and tables may stand within each other: far more than a person writes.
const DEEPEST: u32 = 64;

/// Values that a file may have once all its aliases stand for what they mean: an alias of an alias
/// of an alias is the whole of a small file that fills the memory.
const MOST_NODES: usize = 100_000;

pub(super) fn tree(text: &str) -> Result<FileNode, Wrong> {
    let mut reading =
        Reading { events: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, depth: 0 };
    let mut root = None;
    loop {
        let (event, at) = reading.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            _ if root.is_some() => {
                return Err(Wrong::new(at, "a file has one document: leave out what follows ---"));
            }
            event => root = Some(reading.node(event, at)?),
        }
    }
    let empty = FileNode { at: FilePlace { line: 1, column: 1 }, value: NodeValue::Null };
    Ok(root.unwrap_or(empty))
}

struct Reading<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, FileNode>,
    nodes: usize,
    depth: u32,
}

impl<'a> Reading<'a> {
    fn next(&mut self) -> Result<(Event<'a>, FilePlace), Wrong> {
        match self.events.next_event() {
            None => Ok((Event::StreamEnd, FilePlace::default())),
            Some(Ok((event, Span { start, .. }))) => Ok((event, at(start.line(), start.col()))),
            Some(Err(error)) => {
                let mark = error.marker();
                Err(Wrong::new(at(mark.line(), mark.col()), error.info()))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, at: FilePlace) -> Result<FileNode, Wrong> {
        self.count(1, at)?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                // An alias within what it stands for has no end.
                let node = node.ok_or_else(|| Wrong::new(at, "this alias stands for itself"))?;
                self.count(size(&node), at)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => (anchor, scalar(text, style, tag, at)?),
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                (anchor, NodeValue::List(self.within(at, Self::list)?))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                (anchor, NodeValue::Table(self.within(at, Self::table)?))
            }
            _ => return Err(Wrong::new(at, "a value is missing here")),
        };
        let node = FileNode { at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn within<T>(
        &mut self,
        at: FilePlace,
        read: impl FnOnce(&mut Self) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Wrong::new(at, format!("this stands more than {DEEPEST} levels deep")));
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn list(&mut self) -> Result<Vec<FileNode>, Wrong> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(list),
                (event, at) => list.push(self.node(event, at)?),
            }
        }
    }

    fn table(&mut self) -> Result<Vec<NodeEntry>, Wrong> {
        let mut entries: Vec<NodeEntry> = Vec::new();
        let mut keys = HashSet::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, at)?.text("a key")?;
            if key == "<<" {
                return Err(Wrong::new(at, "merged keys (<<) are not known: write them out"));
            }
            if !keys.insert(key.clone()) {
                return Err(Wrong::new(at, format!("{key} is there twice: leave one out")));
            }
            let (event, value_at) = self.next()?;
            entries.push(NodeEntry { key, at, node: self.node(event, value_at)? });
        }
    }

    fn count(&mut self, more: usize, at: FilePlace) -> Result<(), Wrong> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MOST_NODES {
            let message = format!("with its aliases this is more than {MOST_NODES} values");
            return Err(Wrong::new(at, message));
        }
        Ok(())
    }
}

fn at(line: usize, column: usize) -> FilePlace {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    FilePlace { line: number(line), column: number(column).saturating_add(1) }
}

fn size(node: &FileNode) -> usize {
    match &node.value {
        NodeValue::List(list) => 1 + list.iter().map(size).sum::<usize>(),
        NodeValue::Table(entries) => {
            1 + entries.iter().map(|entry| 1 + size(&entry.node)).sum::<usize>()
        }
        _ => 1,
    }
}

fn refuse_tag(tag: Option<&Tag>, at: FilePlace) -> Result<(), Wrong> {
    match tag {
        None => Ok(()),
        Some(tag) => {
            let Tag { handle, suffix } = tag;
            Err(Wrong::new(at, format!("{handle}{suffix}: tags are not known here")))
        }
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<Cow<'_, Tag>>,
    at: FilePlace,
) -> Result<NodeValue, Wrong> {
    match tag.as_deref() {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
            return Ok(NodeValue::Text(text.into_owned()));
        }
        tag => refuse_tag(tag, at)?,
    }
    if style != ScalarStyle::Plain {
        return Ok(NodeValue::Text(text.into_owned()));
    }
    Ok(match &*text {
        "" | "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Bool(true),
        "false" | "False" | "FALSE" => NodeValue::Bool(false),
        plain => match number(plain, at)? {
            Some(number) => NodeValue::Number(number, plain.to_owned()),
            None => NodeValue::Text(text.into_owned()),
        },
    })
}

/// A number of the core schema.
///
/// # Errors
/// It is whole and has no room in 64 bits: what is near to it would be another number.
fn number(text: &str, at: FilePlace) -> Result<Option<Number>, Wrong> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(None);
    }
    let too_large = || Wrong::new(at, "this number is too large: write it as a text, in quotes");
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        // There are no signs before them.
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_digit(radix))
        {
            let whole = u64::from_str_radix(digits, radix).map_err(|_| too_large())?;
            return Ok(Some(whole.into()));
        }
    }
    if digits.chars().all(|c| c.is_ascii_digit()) {
        let whole = text.parse::<i64>().map(Number::from);
        let whole = whole.or_else(|_| text.parse::<u64>().map(Number::from));
        return whole.map(Some).map_err(|_| too_large());
    }
    match text.parse::<f64>() {
        Ok(number) => Number::from_f64(number).map(Some).ok_or_else(too_large),
        Err(_) => Ok(None),
    }
}
