//! Templates: texts with `{{values}}` in them, read once and filled in for each request.

mod functions;
mod scope;

use swell_core::spelling::nearest;

use self::functions::{FUNCTIONS, TemplateFunction};
pub(crate) use self::scope::Scope;
use crate::tree::{FilePlace, Wrong};

/// How deep calls may stand within each other.
const DEEPEST: u32 = 16;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueTemplate(Vec<TemplatePiece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePiece {
    Text(String),
    Value(Expression),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Text(String),
    Variable(String),
    Column { feed: String, column: String },
    User,
    Iteration,
    Call(TemplateFunction, Vec<Self>),
}

impl ValueTemplate {
    /// Reads a template that stands at `at`.
    ///
    /// # Errors
    /// What stands between braces is no value.
    pub(crate) fn parse(text: &str, at: FilePlace) -> Result<Self, Wrong> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find("{{") {
            if begin > 0 {
                pieces.push(TemplatePiece::Text(rest[..begin].to_owned()));
            }
            let mut words = BraceWords { rest: &rest[begin + 2..], at, depth: 0 };
            let value = words.expression()?;
            words.expect("}}")?;
            rest = words.rest;
            pieces.push(TemplatePiece::Value(value));
        }
        if !rest.is_empty() {
            pieces.push(TemplatePiece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The text, if nothing is to be filled in.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [TemplatePiece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What stands before the first value.
    pub(crate) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(TemplatePiece::Text(text)) => text,
            _ => "",
        }
    }

    /// How it is written where names are wanted: `{id}` for a value.
    pub(crate) fn in_short(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                TemplatePiece::Text(text) => text.clone(),
                TemplatePiece::Value(Expression::Variable(name)) => format!("{{{name}}}"),
                TemplatePiece::Value(Expression::Column { column, .. }) => format!("{{{column}}}"),
                TemplatePiece::Value(Expression::User) => "{user}".to_owned(),
                TemplatePiece::Value(Expression::Iteration) => "{iteration}".to_owned(),
                TemplatePiece::Value(_) => "{}".to_owned(),
            })
            .collect()
    }

    /// Whether it is one call of `number`, whose value stands in JSON as it is.
    pub(crate) fn is_number(&self) -> bool {
        matches!(&*self.0, [TemplatePiece::Value(Expression::Call(TemplateFunction::Number, _))])
    }

    /// Calls `see` with each variable, and with each feed and column, that it asks for.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(TemplateWant<'_>)) {
        for piece in &self.0 {
            if let TemplatePiece::Value(value) = piece {
                value.visit(see);
            }
        }
    }

    /// The text with all values filled in.
    ///
    /// # Errors
    /// A value is missing, or is not what a function takes.
    pub(crate) fn fill(&self, scope: &mut dyn Scope) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                TemplatePiece::Text(text) => filled.push_str(text),
                TemplatePiece::Value(value) => filled.push_str(&value.value(scope)?),
            }
        }
        Ok(filled)
    }
}

/// What a template asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TemplateWant<'a> {
    Variable(&'a str),
    Feed(&'a str),
    /// What is to be given with `-e`.
    Given(&'a str),
}

impl Expression {
    fn visit(&self, see: &mut dyn FnMut(TemplateWant<'_>)) {
        match self {
            Self::Variable(name) => see(TemplateWant::Variable(name)),
            Self::Column { feed, .. } => see(TemplateWant::Feed(feed)),
            Self::Call(TemplateFunction::Env, arguments) => {
                if let [Self::Text(name)] = &**arguments {
                    see(TemplateWant::Given(name));
                }
            }
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.visit(see)),
            Self::Text(_) | Self::User | Self::Iteration => {}
        }
    }

    fn value(&self, scope: &mut dyn Scope) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Variable(name) => scope.value(name).ok_or_else(|| {
                format!("{name} has no value yet: no step before this one has set it")
            }),
            Self::Column { feed, column } => scope.column(feed, column),
            Self::User => Ok(scope.user().to_string()),
            Self::Iteration => Ok(scope.iteration().to_string()),
            Self::Call(function, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(argument.value(scope)?);
                }
                function.call(&values, scope)
            }
        }
    }
}

/// What is left to be read between braces.
struct BraceWords<'a> {
    rest: &'a str,
    at: FilePlace,
    depth: u32,
}

impl BraceWords<'_> {
    fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong::new(self.at, message)
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expect(&mut self, sign: &str) -> Result<(), Wrong> {
        self.skip_blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => self.rest = rest,
            None if self.rest.is_empty() => {
                return Err(self.wrong("a template is never closed: }} is missing"));
            }
            None => {
                let found: String = self.rest.chars().take(12).collect();
                return Err(self.wrong(format!("in a template {sign} is wanted before {found:?}")));
            }
        }
        Ok(())
    }

    fn expression(&mut self) -> Result<Expression, Wrong> {
        self.skip_blanks();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("calls stand too deep within each other here"));
        }
        let read = self.one();
        self.depth -= 1;
        read
    }

    fn one(&mut self) -> Result<Expression, Wrong> {
        if let Some(rest) = self.rest.strip_prefix(['"', '\'']) {
            let quote = &self.rest[..1];
            let end = rest.find(quote);
            let end = end.ok_or_else(|| self.wrong("a text in a template is never closed"))?;
            self.rest = &rest[end + 1..];
            return Ok(Expression::Text(rest[..end].to_owned()));
        }
        let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let end = self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() {
            return Err(self.wrong("a name, a \"text\", a number or a call is missing in {{ }}"));
        }
        if let Some(arguments) = rest.strip_prefix('(') {
            self.rest = arguments;
            return self.call(word);
        }
        if word.parse::<f64>().is_ok() {
            return Ok(Expression::Text(word.to_owned()));
        }
        Ok(match (word, word.split_once('.')) {
            ("user", _) => Expression::User,
            ("iteration", _) => Expression::Iteration,
            (_, Some((feed, column))) => {
                Expression::Column { feed: feed.to_owned(), column: column.to_owned() }
            }
            (name, None) => Expression::Variable(name.to_owned()),
        })
    }

    fn call(&mut self, name: &str) -> Result<Expression, Wrong> {
        let known = FUNCTIONS.iter().find(|form| form.name == name).ok_or_else(|| {
            let near = nearest(name, FUNCTIONS.iter().map(|form| form.name));
            let meant = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            self.wrong(format!("no such function: {name}{meant}"))
        })?;
        let mut arguments = Vec::new();
        self.skip_blanks();
        while !self.rest.starts_with(')') {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression()?);
            self.skip_blanks();
            if self.rest.is_empty() {
                return Err(self.wrong(format!("{name}( is never closed")));
            }
        }
        self.rest = &self.rest[1..];
        let (least, most) = known.arguments;
        if !(least..=most).contains(&arguments.len()) {
            return Err(self.wrong(format!("{name} is called as {}", known.example)));
        }
        // A variable of the command line is named, with quotes or without.
        if known.function == TemplateFunction::Env {
            for argument in &mut arguments {
                if let Expression::Variable(name) = argument {
                    *argument = Expression::Text(std::mem::take(name));
                }
            }
        }
        Ok(Expression::Call(known.function, arguments))
    }
}

#[cfg(test)]
mod tests;
