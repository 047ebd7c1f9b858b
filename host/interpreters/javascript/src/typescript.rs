//! TypeScript as JavaScript: what is of types becomes spaces.
//!
//! A word that stays keeps its line and its column. So errors show the script as it was written,
//! and no user keeps a second text, or a map between two, in its memory. Types are not checked:
//! that is for the author's editor. What is more than a type becomes code in its own place (enums,
//! properties that a constructor's parameters declare), or is a fault (decorators, namespaces, what
//! only CommonJS has).

mod edits;
mod enums;
mod names;
mod types;

use oxc_allocator::Allocator;
use oxc_ast_visit::Visit as _;
use oxc_parser::Parser;
use oxc_span::SourceType;

use self::names::UsedNames;
use self::types::Types;

/// Why a text is no JavaScript, and where.
pub(crate) struct Untranslated {
    pub(crate) message: String,
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
}

/// The JavaScript of a file of TypeScript.
pub(crate) fn javascript(text: &str) -> Result<String, Untranslated> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::ts()).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        let at = error.labels.first().map_or(0, |label| label.offset() as usize);
        let message = match &error.help {
            Some(help) => format!("SyntaxError: {}; {help}", error.message),
            None => format!("SyntaxError: {}", error.message),
        };
        return Err(untranslated(text, message, at));
    }
    let names = UsedNames::of(&parsed.program);
    let mut types = Types::new(text, &names);
    types.visit_program(&parsed.program);
    types.finish().map_err(|(message, at)| untranslated(text, message, at))
}

fn untranslated(text: &str, message: String, at: usize) -> Untranslated {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Untranslated {
        message,
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}
