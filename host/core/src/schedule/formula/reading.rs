//! How a formula is written, and what is wrong with one that was not understood.
//!
//! The order is that of mathematics: a power binds before a sign, so that `-2^2` is -4, and powers
//! are read from the right. `100`, `1.5`, `1e3`, `5k` and `1_000` are numbers.

use std::fmt;

use thiserror::Error;

use super::functions::{self, function, value};
use super::term::Term;
use crate::plain::line;
use crate::spelling;

/// The longest formula, in bytes: a reader goes down a step for each parenthesis.
const LONGEST: usize = 500;

/// Why a formula was not understood, with the place in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct FormulaError {
    what: String,
    /// The formula before the place, the place, and what comes after it; nothing where the whole is
    /// meant.
    parts: Option<[String; 3]>,
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let Some([before, place, after]) = &self.parts else { return Ok(()) };
        let (indent, width) = (before.chars().count(), place.chars().count().max(1));
        write!(f, "\n    {before}{place}{after}\n    {:indent$}{}", "", "^".repeat(width))
    }
}

/// Reads a formula that stands on one line.
pub(super) fn read(text: &str) -> Result<Term, FormulaError> {
    if text.len() > LONGEST {
        let what = format!("a formula has at most {LONGEST} bytes, and this one {}", text.len());
        return Err(FormulaError { what, parts: None });
    }
    let mut reader = FormulaReader { text, at: 0 };
    let term = reader.sum()?;
    match reader.peek() {
        None => Ok(term),
        Some(')') => Err(reader.wrong_here("there is no '(' before this ')'")),
        Some(next) => Err(reader.unexpected(next)),
    }
}

struct FormulaReader<'a> {
    text: &'a str,
    at: usize,
}

impl FormulaReader<'_> {
    fn sum(&mut self) -> Result<Term, FormulaError> {
        let mut sum = self.product()?;
        loop {
            if self.take('+') {
                sum = sum.and(|x, y| x + y, self.product()?);
            } else if self.take('-') {
                sum = sum.and(|x, y| x - y, self.product()?);
            } else {
                return Ok(sum);
            }
        }
    }

    fn product(&mut self) -> Result<Term, FormulaError> {
        let mut product = self.signed()?;
        loop {
            if self.take('*') {
                if self.peek() == Some('*') {
                    return Err(self.wrong_here("a power is written with ^, as t^2"));
                }
                product = product.and(|x, y| x * y, self.signed()?);
            } else if self.take('/') {
                product = product.and(|x, y| x / y, self.signed()?);
            } else if self.take('%') {
                product = product.and(|x, y| x % y, self.signed()?);
            } else {
                return Ok(product);
            }
        }
    }

    fn signed(&mut self) -> Result<Term, FormulaError> {
        if self.take('-') {
            return Ok(Term::One(|x| -x, Box::new(self.signed()?)));
        }
        if self.take('+') { self.signed() } else { self.power() }
    }

    fn power(&mut self) -> Result<Term, FormulaError> {
        let base = self.operand()?;
        if self.take('^') { Ok(base.and(libm::pow, self.signed()?)) } else { Ok(base) }
    }

    fn operand(&mut self) -> Result<Term, FormulaError> {
        match self.peek() {
            None => Err(self.wrong_here("the formula ends where a number, t or a function is due")),
            Some('(') => {
                self.take('(');
                let inside = self.sum()?;
                self.close()?;
                Ok(inside)
            }
            Some('0'..='9' | '.') => self.number(),
            Some(letter) if letter.is_alphabetic() || letter == '_' => self.name(),
            Some(_) => Err(self.wrong_here("a number, t or a function is due here")),
        }
    }

    fn number(&mut self) -> Result<Term, FormulaError> {
        let rest = &self.text[self.at..];
        let digits =
            |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
        let mut length =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(rest.len());
        if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits(unsigned) > 0 {
                length += 1 + (exponent.len() - unsigned.len()) + digits(unsigned);
            }
        }
        let number = rest[..length].replace('_', "").parse::<f64>();
        let Ok(number) = number else {
            return Err(self.wrong_at(self.at, length, "this is no number"));
        };
        let mut after = rest[length..].chars();
        let scale = match after.next() {
            Some('k' | 'K') => 1e3,
            Some('M') => 1e6,
            _ => 1.0,
        };
        // What goes on is a name that stands without an operator.
        let is_suffix =
            scale > 1.0 && !after.next().is_some_and(|next| next.is_alphanumeric() || next == '_');
        self.at += length + usize::from(is_suffix);
        Ok(Term::Number(if is_suffix { number * scale } else { number }))
    }

    fn name(&mut self) -> Result<Term, FormulaError> {
        let (from, rest) = (self.at, &self.text[self.at..]);
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..length];
        self.at += length;
        if let Some(value) = value(name) {
            return Ok(value);
        }
        let Some(function) = function(name) else {
            let meant = spelling::nearest(name, functions::names());
            let what = meant.map_or_else(
                || format!("there are {}", functions::names().collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean {meant:?}?"),
            );
            let what = format!("there is no {name:?}; {what}");
            return Err(self.wrong_at(from, length, &what));
        };
        let what = || format!("{name} is called as {}", function.form);
        if !self.take('(') {
            return Err(self.wrong_at(from, length, &what()));
        }
        let mut values = vec![self.sum()?];
        while self.take(',') {
            values.push(self.sum()?);
        }
        self.close()?;
        let length = self.at - from;
        function.of(values).ok_or_else(|| self.wrong_at(from, length, &what()))
    }

    /// Takes the parenthesis at the end.
    fn close(&mut self) -> Result<(), FormulaError> {
        if self.take(')') {
            return Ok(());
        }
        match self.peek() {
            None => Err(self.wrong_here("a ')' is missing")),
            Some(',') => Err(self.wrong_here("only functions of several values take a comma")),
            Some(next) => Err(self.unexpected(next)),
        }
    }

    /// Something follows where an operator is due.
    fn unexpected(&self, next: char) -> FormulaError {
        if next.is_alphanumeric() || matches!(next, '(' | '.' | '_') {
            let what = "an operator is missing here, as in 2*t; all times are seconds, as 60";
            return self.wrong_here(what);
        }
        self.wrong_here(&format!("{next:?} means nothing in a formula"))
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.at += wanted.len_utf8();
        }
        is_next
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        rest.trim_start().chars().next()
    }

    fn wrong_here(&self, what: &str) -> FormulaError {
        let next = self.text[self.at..].chars().next();
        self.wrong_at(self.at, next.map_or(0, char::len_utf8), what)
    }

    fn wrong_at(&self, from: usize, length: usize, what: &str) -> FormulaError {
        let (before, rest) = self.text.split_at(from);
        let (place, after) = rest.split_at(length);
        // An end of a part is no end of the line, at which a space would go.
        let shown = |text: &str| {
            let spaces = &text[text.trim_end().len()..];
            format!("{}{spaces}", line(text))
        };
        FormulaError { what: what.to_owned(), parts: Some([before, place, after].map(shown)) }
    }
}
