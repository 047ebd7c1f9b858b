//! Names of types that stand for two things.
//!
//! A reader who meets `Window` looks it up once. Where two types have that name, in whichever
//! crates, each place at which one of them is used must be read twice, and a search finds both.

use std::collections::BTreeMap;

use super::tokens::{CodeToken, tokens};

/// Folders of the product. Scenarios' authors have names of their own, and tests may call things
/// as they like.
pub(super) const PRODUCT: [&str; 2] = ["host/", "coordinator/"];

/// Names that several types have, as all of them are the same thing of different places.
const SHARED: [(&str, &str); 1] =
    [("World", "what a simulation simulates: nodes, a service, a network; each has its own")];

/// A type, a trait or an alias, and where it is declared.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
}

/// Where each name is declared, as `file:line`.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Vec<String>>);

impl Names {
    /// Adds what this file declares.
    pub(super) fn add(&mut self, file: &str, text: &str) {
        for Declared { name, line } in declared(text) {
            self.0.entry(name.to_owned()).or_default().push(format!("{file}:{line}"));
        }
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The names that more than one type has without a reason, and reasons that nothing needs.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults_but(&SHARED)
    }

    fn faults_but(&self, shared: &[(&str, &str)]) -> Vec<String> {
        let is_shared = |name: &str| shared.iter().any(|&(one, _)| one == name);
        let twice = self.0.iter().filter(|(name, places)| places.len() > 1 && !is_shared(name));
        let twice = twice.map(|(name, places)| {
            format!("the name {name} has {} meanings: {}", places.len(), places.join(", "))
        });
        let unneeded = shared
            .iter()
            .filter(|&&(name, _)| self.0.get(name).is_none_or(|places| places.len() < 2));
        let unneeded = unneeded.map(|(name, why)| {
            format!("no two types are called {name}; take it off the list ({why})")
        });
        twice.chain(unneeded).collect()
    }
}

/// What a brace opens, as far as names go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brace {
    /// A trait or an implementation: `type` in it belongs to the trait.
    OfTrait,
    Other,
}

/// All types that a file declares, those within functions too.
fn declared(text: &str) -> Vec<Declared<'_>> {
    let tokens = tokens(text);
    let (mut found, mut blocks) = (Vec::new(), Vec::new());
    // What the next brace opens: the first keyword since the last item decides, so that a function
    // that returns `impl Trait` is a function.
    let mut next = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") {
            blocks.push(next.take().unwrap_or(Brace::Other));
        } else if token.is("}") {
            blocks.pop();
            next = None;
        } else if token.is(";") {
            next = None;
        } else if token.is("fn") {
            next = next.or(Some(Brace::Other));
        } else if token.is("impl") || token.is("trait") {
            next = next.or(Some(Brace::OfTrait));
        }
        let in_trait = blocks.last() == Some(&Brace::OfTrait);
        if !names_type(token) || (token.is("type") && in_trait) {
            continue;
        }
        if let Some(name) = tokens.get(at + 1).filter(|name| name.is_word()) {
            found.push(Declared { name: name.text, line: name.line });
        }
    }
    found
}

fn names_type(keyword: &CodeToken<'_>) -> bool {
    let keywords = ["struct", "enum", "union", "trait", "type"];
    keyword.is_word() && keywords.contains(&keyword.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        declared(text).iter().map(|declared| declared.name).collect()
    }

    fn of_files(files: &[(&str, &str)]) -> Names {
        let mut names = Names::default();
        files.iter().for_each(|(file, text)| names.add(file, text));
        names
    }

    #[test]
    fn types_are_found_wherever_they_are_declared() {
        let text = "
            pub(crate) struct A<'a>(&'a u8);
            enum B { C, D(u8) }
            trait E { type F; fn g(); }
            type H = Vec<u8>;
            impl E for A<'_> {
                type F = u8;
                fn g() { #[derive(Debug)] struct I; type J = u8; let _ = \"struct K\"; }
            }
            fn l() -> impl E { type M = u8; }
            mod tests { struct N { r#type: u8 } }
        ";
        assert_eq!(names(text), ["A", "B", "E", "H", "I", "J", "M", "N"]);
    }

    #[test]
    fn a_name_of_two_types_is_a_fault_and_says_where_they_are() {
        let files =
            [("host/a.rs", "struct A;\n\nstruct B;"), ("host/b.rs", "\nenum A {}"), ("c.rs", "")];
        let faults = of_files(&files).faults_but(&[]);
        assert_eq!(faults, ["the name A has 2 meanings: host/a.rs:1, host/b.rs:2"]);
    }

    #[test]
    fn a_shared_name_is_no_fault_and_must_be_shared() {
        let shared = [("A", "each simulation has one")];
        let twice = of_files(&[("a.rs", "struct A;"), ("b.rs", "struct A;")]);
        assert!(twice.faults_but(&shared).is_empty());
        for once in [of_files(&[("a.rs", "struct A;")]), Names::default()] {
            let faults = once.faults_but(&shared);
            let told = "no two types are called A; take it off the list (each simulation has one)";
            assert_eq!(faults, [told]);
        }
    }
}
