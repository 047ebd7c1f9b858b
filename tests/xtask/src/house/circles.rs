//! Which files of a crate name each other's items, and the circles that they make.
//!
//! A re-export is a door, and not a use: whoever names `parent::Thing`, which `parent` has from
//! `child`, uses `child`. So a module may show what its parts make; it stands in a circle with them
//! only if it uses them and they use what it defines itself.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Import, Module, Modules};

/// For each file, by index, the files that it uses.
pub(super) type Uses = BTreeMap<usize, BTreeSet<usize>>;

/// How many imports of imports are followed. Two modules may import everything of each other.
const MAX_STEPS: usize = 24;

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Module(usize),
    /// Something that this module defines.
    ItemOf(usize),
}

/// The files that each file uses.
pub(super) fn uses(modules: &Modules) -> Uses {
    let mut uses = Uses::new();
    for (index, module) in modules.all.iter().enumerate() {
        let globs_use = |path: &&Vec<String>| path.len() > 1 || !module.globs.is_empty();
        let paths = module.paths.iter().filter(globs_use);
        let imports = module.imports.iter().filter(|import| is_used(module, import));
        for path in paths.chain(imports.map(|import| &import.path)) {
            if let Some(Destination::ItemOf(other)) = place(modules, index, path, 0) {
                let (from, to) = (module.file, modules.all[other].file);
                if from != to {
                    uses.entry(from).or_default().insert(to);
                }
            }
        }
    }
    uses
}

/// Whether an import is for the module itself: the compiler sees to that of all but public ones.
fn is_used(module: &Module, import: &Import) -> bool {
    !import.is_public || module.paths.iter().any(|path| path[0] == import.name)
}

/// Where this path leads from this module; nowhere if to another crate.
fn place(modules: &Modules, from: usize, path: &[String], steps: usize) -> Option<Destination> {
    let (first, rest) = path.split_first()?;
    let start = match first.as_str() {
        "crate" => Destination::Module(0),
        "self" => Destination::Module(from),
        "super" => Destination::Module(modules.all[from].parent?),
        name => named(modules, from, name, steps)?,
    };
    rest.iter().try_fold(start, |place, name| match place {
        // A variant or a function of a type.
        Destination::ItemOf(_) => Some(place),
        Destination::Module(module) if name == "super" => {
            modules.all[module].parent.map(Destination::Module)
        }
        // What a macro makes there is not seen; that it is there is known.
        Destination::Module(module) => {
            Some(named(modules, module, name, steps).unwrap_or(Destination::ItemOf(module)))
        }
    })
}

/// What a name means in this module.
fn named(modules: &Modules, within: usize, name: &str, steps: usize) -> Option<Destination> {
    if steps > MAX_STEPS {
        return None;
    }
    let module = &modules.all[within];
    if let Some(child) = module.children.get(name) {
        return Some(Destination::Module(*child));
    }
    if module.items.contains(name) {
        return Some(Destination::ItemOf(within));
    }
    if let Some(import) = module.imports.iter().find(|import| import.name == name) {
        // `use http;` and `use http::…` of another crate's name lead out of this one.
        let is_itself = import.path.len() == 1 && import.path[0] == name;
        let is_foreign = is_itself || import.path.first().is_some_and(|it| it == name);
        return if is_foreign { None } else { place(modules, within, &import.path, steps + 1) };
    }
    module.globs.iter().find_map(|path| match place(modules, within, path, steps + 1)? {
        Destination::Module(other) if other != within => named(modules, other, name, steps + 1),
        _ => None,
    })
}

/// The circles, each with all files that reach each other, in the order of their indices.
pub(super) fn circles(uses: &Uses) -> Vec<Vec<usize>> {
    let reach: BTreeMap<usize, BTreeSet<usize>> =
        uses.keys().map(|&file| (file, reached(uses, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reach {
        if others.contains(file) {
            let back = |other: &&usize| reach.get(other).is_some_and(|its| its.contains(file));
            circles.insert(others.iter().filter(back).copied().collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}

/// The files that this one uses, or that those use, and so on.
fn reached(uses: &Uses, from: usize) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for &other in uses.get(&file).into_iter().flatten() {
            if reached.insert(other) {
                open.push(other);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::modules::read;
    use super::*;

    /// The circles of a crate of these files, named without their ending.
    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let text = |path: &Path| {
            let text = files.iter().find(|(name, _)| path == Path::new(&format!("{name}.rs")));
            text.map(|(_, text)| (*text).to_owned())
        };
        let modules = read(Path::new("lib.rs"), &text).unwrap();
        let name = |file: usize| modules.files[file].with_extension("").display().to_string();
        let circles = circles(&uses(&modules));
        circles.into_iter().map(|circle| circle.into_iter().map(name).collect()).collect()
    }

    const LIB: &str = "mod a; mod b; mod c;";

    #[test]
    fn files_that_name_each_other_are_a_circle_and_others_are_not() {
        let files = [
            ("lib", LIB),
            ("a", "use crate::b::{self, B}; pub(crate) struct A(B);"),
            ("b", "pub(crate) struct B; fn f(a: &crate::a::A) {}"),
            ("c", "use super::{a::A, b::B}; fn f(a: A, b: B) {}"),
        ];
        assert_eq!(circles_of(&files), [["a", "b"]]);
    }

    #[test]
    fn a_circle_has_all_its_files_however_long_it_is() {
        let files = [
            ("lib", LIB),
            ("a", "pub fn f() { crate::b::f() }"),
            ("b", "use crate::c; pub fn f() { c::f() }"),
            ("c", "pub fn f() { super::a::f() }"),
        ];
        assert_eq!(circles_of(&files), [["a", "b", "c"]]);
    }

    #[test]
    fn an_item_is_where_it_is_defined_whoever_shows_it() {
        let files = [
            ("lib", "mod a; mod b; mod c; pub use a::A; pub(crate) use b::*;"),
            ("a", "pub struct A;"),
            ("b", "use crate::A; pub struct B(A);"),
            ("c", "use crate::{A as Of, B}; struct C(Of, B);"),
        ];
        assert_eq!(circles_of(&files), Vec::<Vec<String>>::new());
        let files = [
            ("lib", "mod a; mod b; mod c; pub use a::A; pub(crate) use b::*;"),
            ("a", "use crate::B; pub struct A(B);"),
            ("b", "use crate::A; pub struct B(A);"),
            ("c", ""),
        ];
        assert_eq!(circles_of(&files), [["a", "b"]]);
    }

    #[test]
    fn a_module_and_its_part_are_a_circle_if_each_uses_what_the_other_defines() {
        let part = ("a/part", "use super::Whole; pub(crate) struct Part(Option<Box<Whole>>);");
        let door = ("a", "mod part; pub(crate) use part::Part; pub(crate) struct Whole;");
        let user = ("a", "mod part; pub(crate) use part::Part; pub(crate) struct Whole(Part);");
        let rest = [("lib", LIB), ("b", ""), ("c", "")];
        assert!(circles_of(&[rest[0], door, part, rest[1], rest[2]]).is_empty());
        assert_eq!(circles_of(&[rest[0], user, part, rest[1], rest[2]]), [["a", "a/part"]]);
    }

    #[test]
    fn tests_may_know_everything() {
        let files = [
            ("lib", LIB),
            ("a", "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"),
            ("b", "#[cfg(test)] use crate::c::C; pub struct B(crate::a::A);"),
            ("c", "pub struct C { b: crate::b::B, #[cfg(test)] a: u8, c: crate::b::B }"),
        ];
        assert!(circles_of(&files).is_empty());
    }

    #[test]
    fn modules_in_braces_belong_to_their_file_and_attributes_say_where_one_is() {
        let files = [
            ("lib", "#[path = \"c.rs\"] mod other; mod a { pub mod inner { pub mod b; } }"),
            ("a/inner/b", "use super::super::super::other::C; pub struct B(C);"),
            ("c", "pub struct C(Option<Box<crate::a::inner::b::B>>);"),
        ];
        assert_eq!(circles_of(&files), [["c", "a/inner/b"]]);
    }

    #[test]
    fn other_crates_and_methods_are_of_no_account() {
        let files = [
            ("lib", LIB),
            ("a", "use ::c::C; use b::B as Theirs; use std::b; fn f() { x.b(); serde::b::f() }"),
            ("b", "use crate::a::f;"),
            ("c", "use crate::a::f;"),
        ];
        assert!(circles_of(&files).is_empty());
    }
}
