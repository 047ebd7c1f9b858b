//! Selectors of CSS: which elements of a page are meant.
//!
//! There are names, `*`, `#id`, `.class`, `[attribute]` with all its comparisons, the four
//! combinators, lists, and of pseudo-classes those that can be told of a page at rest.

use thiserror::Error;

use super::tree::{HtmlPage, PageNodeId};

/// Why a selector was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the selector {text:?} is not understood at {rest:?}")]
pub struct SelectorError {
    text: String,
    rest: String,
}

/// A selector that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// One of these is to match.
    chains: Vec<Chain>,
}

/// Parts that are joined by combinators, the last one first.
#[derive(Clone, Debug, PartialEq)]
struct Chain {
    last: Vec<Requirement>,
    before: Vec<(Combinator, Vec<Requirement>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combinator {
    /// Anywhere within.
    Within,
    /// A child of it.
    Child,
    /// Right after it.
    Next,
    /// Somewhere after it, in the same parent.
    After,
}

#[derive(Clone, Debug, PartialEq)]
enum Requirement {
    Name(String),
    Attribute {
        name: String,
        comparison: AttributeTest,
        value: String,
    },
    /// Child number `step` times any number, plus `first`, from 1.
    Nth {
        step: i64,
        first: i64,
        from_end: bool,
    },
    Empty,
    Contains(String),
    Not(Selector),
    Has(Selector),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttributeTest {
    Exists,
    Equals,
    Differs,
    Word,
    Begins,
    Ends,
    Contains,
    Language,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// It is not understood from some place on.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut reader = SelectorReader { rest: text };
        let selector = reader.selector();
        match selector {
            Some(selector) if reader.rest.is_empty() => Ok(selector),
            _ => Err(SelectorError { text: text.to_owned(), rest: reader.rest.to_owned() }),
        }
    }

    /// The elements within a node that it means, in the order of the page.
    pub fn find(&self, page: &HtmlPage, within: PageNodeId) -> Vec<PageNodeId> {
        let mut found = Vec::new();
        page.walk(within, &mut |node| {
            if self.matches(page, node) {
                found.push(node);
            }
        });
        found
    }

    /// Whether it means this node.
    pub fn matches(&self, page: &HtmlPage, node: PageNodeId) -> bool {
        page.name(node).is_some() && self.chains.iter().any(|chain| chain.matches(page, node))
    }
}

impl Chain {
    fn matches(&self, page: &HtmlPage, node: PageNodeId) -> bool {
        hold(&self.last, page, node) && precedes(&self.before, page, node)
    }
}

fn hold(conditions: &[Requirement], page: &HtmlPage, node: PageNodeId) -> bool {
    conditions.iter().all(|condition| condition.holds(page, node))
}

/// Whether what stands before and around a node is as these parts say.
fn precedes(parts: &[(Combinator, Vec<Requirement>)], page: &HtmlPage, node: PageNodeId) -> bool {
    let Some(((combinator, conditions), rest)) = parts.split_first() else { return true };
    let fits = |node: PageNodeId| {
        page.name(node).is_some() && hold(conditions, page, node) && precedes(rest, page, node)
    };
    match combinator {
        Combinator::Child => page.parent(node).is_some_and(fits),
        Combinator::Within => {
            std::iter::successors(page.parent(node), |&node| page.parent(node)).any(fits)
        }
        Combinator::Next => earlier(page, node).next().is_some_and(fits),
        Combinator::After => earlier(page, node).any(fits),
    }
}

/// The elements before a node in the same parent, the nearest first.
fn earlier(page: &HtmlPage, node: PageNodeId) -> impl Iterator<Item = PageNodeId> {
    let siblings = page.parent(node).map_or(&[][..], |parent| page.children(parent));
    let before = siblings.iter().copied().take_while(move |&other| other != node);
    before.filter(|&other| page.name(other).is_some()).collect::<Vec<_>>().into_iter().rev()
}

impl Requirement {
    fn holds(&self, page: &HtmlPage, node: PageNodeId) -> bool {
        match self {
            Self::Name(name) => page.name(node) == Some(name),
            Self::Attribute { name, comparison, value } => {
                comparison.holds(page.attribute(node, name), value)
            }
            Self::Nth { step, first, from_end } => {
                let before = if *from_end {
                    let siblings = page.parent(node).map_or(&[][..], |it| page.children(it));
                    let after = siblings.iter().rev().take_while(|&&other| other != node);
                    after.filter(|&&other| page.name(other).is_some()).count()
                } else {
                    earlier(page, node).count()
                };
                let beyond = (before as i64 + 1).saturating_sub(*first);
                if *step == 0 { beyond == 0 } else { beyond % step == 0 && beyond / step >= 0 }
            }
            Self::Empty => page.children(node).is_empty(),
            Self::Contains(text) => page.text(node).contains(text),
            Self::Not(selector) => !selector.matches(page, node),
            Self::Has(selector) => !selector.find(page, node).is_empty(),
        }
    }
}

impl AttributeTest {
    fn holds(self, found: Option<&str>, value: &str) -> bool {
        let Some(found) = found else { return self == Self::Differs };
        match self {
            Self::Exists => true,
            Self::Equals => found == value,
            Self::Differs => found != value,
            Self::Word => found.split_ascii_whitespace().any(|word| word == value),
            Self::Begins => !value.is_empty() && found.starts_with(value),
            Self::Ends => !value.is_empty() && found.ends_with(value),
            Self::Contains => !value.is_empty() && found.contains(value),
            Self::Language => {
                let rest = found.strip_prefix(value);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
        }
    }
}

struct SelectorReader<'a> {
    rest: &'a str,
}

impl<'a> SelectorReader<'a> {
    fn selector(&mut self) -> Option<Selector> {
        let mut chains = Vec::new();
        loop {
            chains.push(self.chain()?);
            self.skip_spaces();
            if !self.take(",") {
                return Some(Selector { chains });
            }
        }
    }

    fn chain(&mut self) -> Option<Chain> {
        self.skip_spaces();
        let mut last = self.part()?;
        let mut before = Vec::new();
        loop {
            let had_spaces = self.skip_spaces();
            let combinator = match self.rest.chars().next() {
                None | Some(',' | ')') => break,
                Some('>') => Combinator::Child,
                Some('+') => Combinator::Next,
                Some('~') => Combinator::After,
                Some(_) if had_spaces => Combinator::Within,
                Some(_) => return None,
            };
            if combinator != Combinator::Within {
                self.rest = &self.rest[1..];
                self.skip_spaces();
            }
            before.insert(0, (combinator, std::mem::replace(&mut last, self.part()?)));
        }
        Some(Chain { last, before })
    }

    fn part(&mut self) -> Option<Vec<Requirement>> {
        let mut conditions = Vec::new();
        let is_any = self.take("*");
        if !is_any && let Some(name) = self.word() {
            conditions.push(Requirement::Name(name.to_ascii_lowercase()));
        }
        let mut is_empty = !is_any && conditions.is_empty();
        while let Some(condition) = self.condition()? {
            conditions.push(condition);
            is_empty = false;
        }
        (!is_empty).then_some(conditions)
    }

    /// A condition, or that there is no further one; nothing for what is not understood.
    fn condition(&mut self) -> Option<Option<Requirement>> {
        let attribute = |name: &str, comparison, value: &str| {
            let (name, value) = (name.to_ascii_lowercase(), value.to_owned());
            Some(Some(Requirement::Attribute { name, comparison, value }))
        };
        if self.take("#") {
            return attribute("id", AttributeTest::Equals, self.word()?);
        }
        if self.take(".") {
            return attribute("class", AttributeTest::Word, self.word()?);
        }
        if self.take("[") {
            self.skip_spaces();
            let name = self.word()?;
            self.skip_spaces();
            if self.take("]") {
                return attribute(name, AttributeTest::Exists, "");
            }
            let comparison = self.comparison()?;
            self.skip_spaces();
            let value = self.value()?;
            self.skip_spaces();
            return if self.take("]") { attribute(name, comparison, value) } else { None };
        }
        let before = self.rest;
        if self.take(":") {
            let condition = self.pseudo_class();
            if condition.is_none() {
                self.rest = before;
            }
            return condition.map(Some);
        }
        Some(None)
    }

    fn comparison(&mut self) -> Option<AttributeTest> {
        let known = [
            ("=", AttributeTest::Equals),
            ("!=", AttributeTest::Differs),
            ("~=", AttributeTest::Word),
            ("^=", AttributeTest::Begins),
            ("$=", AttributeTest::Ends),
            ("*=", AttributeTest::Contains),
            ("|=", AttributeTest::Language),
        ];
        known.into_iter().find(|(sign, _)| self.take(sign)).map(|(_, comparison)| comparison)
    }

    fn pseudo_class(&mut self) -> Option<Requirement> {
        let nth = |step, first, from_end| Some(Requirement::Nth { step, first, from_end });
        match self.word()? {
            "first-child" => nth(0, 1, false),
            "last-child" => nth(0, 1, true),
            "empty" => Some(Requirement::Empty),
            "checked" => Some(Self::exists("checked")),
            "disabled" => Some(Self::exists("disabled")),
            "selected" => Some(Self::exists("selected")),
            name @ ("nth-child" | "nth-last-child") => {
                let (step, first) = self.in_brackets(Self::formula)?;
                nth(step, first, name == "nth-last-child")
            }
            "contains" => self
                .in_brackets(|reader| reader.value().map(str::to_owned))
                .map(Requirement::Contains),
            "not" => self.in_brackets(Self::selector).map(Requirement::Not),
            "has" => self.in_brackets(Self::selector).map(Requirement::Has),
            _ => None,
        }
    }

    fn exists(name: &str) -> Requirement {
        let (name, value) = (name.to_owned(), String::new());
        Requirement::Attribute { name, comparison: AttributeTest::Exists, value }
    }

    fn in_brackets<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<T> {
        if !self.take("(") {
            return None;
        }
        self.skip_spaces();
        let inside = read(self)?;
        self.skip_spaces();
        self.take(")").then_some(inside)
    }

    /// "odd", "even", "3", "2n", "-n+3": the step and the first.
    fn formula(&mut self) -> Option<(i64, i64)> {
        let end = self.rest.find(')')?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        match text.as_str() {
            "odd" => return Some((2, 1)),
            "even" => return Some((2, 0)),
            _ => {}
        }
        let Some((step, first)) = text.split_once('n') else {
            return text.parse().ok().map(|first| (0, first));
        };
        let step = match step {
            "" | "+" => 1,
            "-" => -1,
            step => step.parse().ok()?,
        };
        let first = if first.is_empty() { 0 } else { first.parse().ok()? };
        Some((step, first))
    }

    /// A word, or a text in quotes.
    fn value(&mut self) -> Option<&'a str> {
        for quote in ["\"", "'"] {
            if self.take(quote) {
                let (value, rest) = self.rest.split_once(quote)?;
                self.rest = rest;
                return Some(value);
            }
        }
        let end = self.rest.find(|letter| "]) \t\n".contains(letter))?;
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!value.is_empty()).then_some(value)
    }

    fn word(&mut self) -> Option<&'a str> {
        let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        let end = self.rest.find(|letter| !is_of_word(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn take(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_spaces(&mut self) -> bool {
        let rest = self.rest.trim_start();
        let had_spaces = rest.len() < self.rest.len();
        self.rest = rest;
        had_spaces
    }
}
