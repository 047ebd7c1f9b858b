//! The modules of a crate: what each defines, imports and names.
//!
//! Tests are left out: what has `#[cfg(test)]` may know everything. What a macro makes is not
//! seen, nor which type a method belongs to; whoever uses a type names it somewhere, mostly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::tokens::{CodeToken, TokenKind, after_group, tokens};

/// A crate, its root first.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) all: Vec<Module>,
    pub(super) files: Vec<PathBuf>,
}

/// A module: a file, or a part of one.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Its index among the files.
    pub(super) file: usize,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    /// The names of what it defines.
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Paths of which everything is imported.
    pub(super) globs: Vec<Vec<String>>,
    /// Paths in its code, also those of one name.
    pub(super) paths: BTreeSet<Vec<String>>,
}

/// A name that `use` brings, and where it is from.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) path: Vec<String>,
    /// It is meant for others: the module alone does not need it.
    pub(super) is_public: bool,
}

/// Reads the crate of this root file. `read` returns a file's text, if there is one.
///
/// # Errors
/// A module has no file.
pub(super) fn read(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> anyhow::Result<Modules> {
    let mut modules = Modules::default();
    let folder = root.parent().unwrap_or(Path::new("")).to_owned();
    modules.read_file(root.to_owned(), None, &folder, read)?;
    Ok(modules)
}

impl Modules {
    /// Adds the module of this file, whose own modules are in this folder, and returns its index.
    fn read_file(
        &mut self,
        file: PathBuf,
        parent: Option<usize>,
        folder: &Path,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> anyhow::Result<usize> {
        let text = read(&file).with_context(|| format!("can't read {}", file.display()))?;
        self.files.push(file);
        let own = self.begin(self.files.len() - 1, parent);
        let tokens = tokens(&text);
        let mut awaited = Vec::new();
        Walk { modules: self, tokens: &tokens, awaited: &mut awaited }.module(own, folder, 0);
        for Awaited { name, of, folder, given } in awaited {
            let beside = folder.join(format!("{name}.rs"));
            let inside = folder.join(&name).join("mod.rs");
            let file = given.unwrap_or(if read(&beside).is_some() { beside } else { inside });
            let child = self.read_file(file, Some(of), &folder.join(&name), read)?;
            self.all[of].children.insert(name, child);
        }
        Ok(own)
    }

    fn begin(&mut self, file: usize, parent: Option<usize>) -> usize {
        self.all.push(Module { file, parent, ..Module::default() });
        self.all.len() - 1
    }
}

/// A module that is in a file of its own.
struct Awaited {
    name: String,
    of: usize,
    folder: PathBuf,
    /// What its attribute `path` says.
    given: Option<PathBuf>,
}

/// Goes through the tokens of one file.
struct Walk<'a, 'b> {
    modules: &'b mut Modules,
    tokens: &'b [CodeToken<'a>],
    awaited: &'b mut Vec<Awaited>,
}

impl Walk<'_, '_> {
    /// Reads from this token to the end of the module, and returns the index after it.
    fn module(&mut self, own: usize, folder: &Path, mut at: usize) -> usize {
        let mut depth = 0usize;
        let (mut given, mut is_public) = (None, false);
        while let Some(token) = self.tokens.get(at) {
            let was_public = std::mem::replace(&mut is_public, token.is("pub"));
            if token.is("#") {
                let (after, attribute) = self.attribute(at);
                if is_for_tests(attribute) {
                    at = after_item(self.tokens, after);
                } else {
                    given = path_in(attribute).map(|path| folder.join(path)).or(given);
                    at = after;
                }
            } else if token.is("mod") && self.is_word(at + 1) {
                at = self.submodule(own, folder, at + 1, given.take());
            } else if token.is("use") && token.is_word() {
                at = self.tree(own, &mut Vec::new(), at + 1, was_public) + 1;
            } else if token.is("pub") && self.tokens.get(at + 1).is_some_and(|it| it.is("(")) {
                at = after_group(self.tokens, at + 1);
            } else if token.is_word() {
                if depth == 0 && defines(token.text) && self.is_word(at + 1) {
                    self.modules.all[own].items.insert(self.tokens[at + 1].text.to_owned());
                }
                at = self.path(own, at);
            } else if token.is("}") && depth == 0 {
                return at + 1;
            } else {
                depth = if token.is("{") { depth + 1 } else { depth - usize::from(token.is("}")) };
                at += 1;
            }
        }
        at
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(CodeToken::is_word)
    }

    /// The index after an attribute, and what is in its brackets.
    fn attribute(&self, at: usize) -> (usize, &[CodeToken<'_>]) {
        let open = at + 1 + usize::from(self.tokens.get(at + 1).is_some_and(|it| it.is("!")));
        if !self.tokens.get(open).is_some_and(|token| token.is("[")) {
            return (at + 1, &[]);
        }
        let after = after_group(self.tokens, open);
        (after, &self.tokens[open + 1..after - 1])
    }

    /// Reads a module that is named at this token, or leaves it to its own file.
    fn submodule(&mut self, of: usize, folder: &Path, at: usize, given: Option<PathBuf>) -> usize {
        let name = self.tokens[at].text.to_owned();
        if self.tokens.get(at + 1).is_some_and(|token| token.is("{")) {
            let own = self.modules.begin(self.modules.all[of].file, Some(of));
            self.modules.all[of].children.insert(name.clone(), own);
            return self.module(own, &folder.join(name), at + 2);
        }
        self.awaited.push(Awaited { name, of, folder: folder.to_owned(), given });
        at + 1
    }

    /// Reads what `use` imports, a name or a tree of them below `stem`, and returns the index
    /// after it.
    fn tree(&mut self, own: usize, stem: &mut Vec<String>, at: usize, is_public: bool) -> usize {
        let (length, mut at) = (stem.len(), at);
        while let Some(token) = self.tokens.get(at) {
            if token.is_word() {
                stem.push(token.text.to_owned());
                at += 1;
            } else if token.is("::") {
                if stem.is_empty() {
                    // It is another crate's, whatever a module here is called.
                    stem.push("::".to_owned());
                }
                at += 1;
            } else if token.is("*") {
                self.modules.all[own].globs.push(stem.clone());
                stem.truncate(length);
                return at + 1;
            } else if token.is("{") {
                at += 1;
                while self.tokens.get(at).is_some_and(|token| !token.is("}")) {
                    let after = self.tree(own, stem, at, is_public);
                    // A comma, or what no tree has, is passed over.
                    at = if after == at { at + 1 } else { after };
                }
                stem.truncate(length);
                return at + 1;
            } else {
                break;
            }
            if self.tokens.get(at).is_some_and(|token| token.is("as")) {
                let name = self.tokens.get(at + 1).map_or("_", |token| token.text).to_owned();
                self.import(own, name, stem, is_public);
                stem.truncate(length);
                return at + 2;
            }
        }
        if stem.len() > length {
            let name = stem.last().filter(|name| *name != "self");
            let name = name.or(stem.iter().nth_back(1)).cloned().unwrap_or_default();
            self.import(own, name, stem, is_public);
        }
        stem.truncate(length);
        at
    }

    fn import(&mut self, own: usize, name: String, path: &[String], is_public: bool) {
        let mut path = path.to_vec();
        if path.len() > 1 {
            path.pop_if(|last| last == "self");
        }
        self.modules.all[own].imports.push(Import { name, path, is_public });
    }

    /// Notes the path that begins at this token, and returns the index after it.
    fn path(&mut self, own: usize, at: usize) -> usize {
        let mut path = vec![self.tokens[at].text.to_owned()];
        let mut end = at + 1;
        while self.tokens.get(end).is_some_and(|token| token.is("::")) && self.is_word(end + 1) {
            path.push(self.tokens[end + 1].text.to_owned());
            end += 2;
        }
        let before = at.checked_sub(1).map(|before| self.tokens[before]);
        // After `::` another crate's path goes on, or one of a generic type; after `.` a method.
        if !before.is_some_and(|token| token.is("::") || token.is(".")) {
            self.modules.all[own].paths.insert(path);
        }
        end
    }
}

/// Whether a name follows that others may import.
fn defines(keyword: &str) -> bool {
    matches!(keyword, "struct" | "enum" | "union" | "trait" | "type" | "fn" | "static" | "const")
}

fn is_for_tests(attribute: &[CodeToken<'_>]) -> bool {
    let words: Vec<&str> = attribute.iter().take(5).map(|token| token.text).collect();
    words.starts_with(&["cfg", "(", "test", ")"])
        || words.starts_with(&["cfg", "(", "all", "(", "test"])
        || words == ["test"]
}

fn path_in(attribute: &[CodeToken<'_>]) -> Option<String> {
    match attribute {
        [key, sign, value] if key.is("path") && sign.is("=") && value.kind == TokenKind::Text => {
            Some(value.text.trim_matches('"').to_owned())
        }
        _ => None,
    }
}

/// The index after the item, field or statement that begins at this token, or before what closes
/// the group that it is in.
fn after_item(tokens: &[CodeToken<'_>], mut at: usize) -> usize {
    let mut is_field = true;
    while let Some(token) = tokens.get(at) {
        is_field &= !begins_item(token);
        if token.is(";") || (token.is(",") && is_field) {
            return at + 1;
        }
        if token.closes() {
            return at;
        }
        let after = if token.opens() { after_group(tokens, at) } else { at + 1 };
        if token.is("{") && !is_field {
            return after;
        }
        at = after;
    }
    at
}

fn begins_item(token: &CodeToken<'_>) -> bool {
    defines(token.text) || matches!(token.text, "impl" | "mod" | "use" | "macro_rules")
}
