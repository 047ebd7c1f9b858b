//! The house's own check: no module in a circle with others, no line too wide, no function and no
//! file that is too long, no name for two types. `cargo xtask house` shows the counts, and
//! `cargo xtask test` fails at them.
//!
//! Circles are counted over files: where two files use each other, neither can be read, tested or
//! moved without the other, and the compiler allows it within a crate. Tests may know everything.

mod circles;
mod measure;
mod modules;
mod names;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::step::{say, title};
use crate::workspace::{Crate, Workspace};
use measure::{LONG_FILE_LINES, MAX_COLUMNS, MAX_FILE_LINES, MAX_FUNCTION_LINES};
use names::{Names, PRODUCT};

/// What cargo puts into each folder of things that it has built.
const MARK_OF_BUILT: &str = "CACHEDIR.TAG";

/// Counts everything and shows it.
///
/// # Errors
/// There is a circle, something too wide or too long, or a name for two types; or a file cannot be
/// read.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    title("the house: circles, widths, lengths, names");
    let mut faults = Vec::new();
    for of in workspace.crates() {
        faults.extend(closed(workspace.root(), of)?);
    }
    let (crates, circles) = (workspace.crates().len(), faults.len());
    say(&format!("{circles} circles of files in {crates} crates"));
    let mut files = Vec::new();
    collect(workspace.root(), &mut files)?;
    faults.extend(too_long(workspace.root(), &files)?);
    faults.extend(named_twice(workspace.root(), &files)?);
    faults.iter().for_each(|fault| say(fault));
    ensure!(faults.is_empty(), "{} faults of the house, named above", faults.len());
    Ok(())
}

/// The circles of a crate, each with who uses whom.
fn closed(root: &Path, of: &Crate) -> anyhow::Result<Vec<String>> {
    let modules = modules::read(&of.root, &|file| fs::read_to_string(file).ok())
        .with_context(|| format!("can't follow the modules of {}", of.name))?;
    let uses = circles::uses(&modules);
    let circles = circles::circles(&uses);
    let file = |index: usize| shown(root, &modules.files[index]);
    let told = circles.iter().map(|circle| {
        let lines = circle.iter().map(|&user| {
            let others = circle.iter().filter(|&other| uses[&user].contains(other));
            let others: Vec<String> = others.map(|&other| file(other)).collect();
            format!("\n    {} uses {}", file(user), others.join(", "))
        });
        let lines: String = lines.collect();
        format!("{}: {} files in a circle:{lines}", of.name, circle.len())
    });
    Ok(told.collect())
}

/// Shows the longest function and the long files, and returns what may not be.
fn too_long(root: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let (mut faults, mut long_files) = (Vec::new(), Vec::new());
    let mut longest = (0, String::new());
    for file in files {
        let text =
            fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        let name = shown(root, file);
        for line in measure::wide_lines(&text) {
            faults.push(format!("{name}:{line}: more than {MAX_COLUMNS} columns"));
        }
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for function in measure::functions(&text) {
            let told = format!("{name}:{}: {}", function.line, function.name);
            if function.lines > MAX_FUNCTION_LINES {
                faults.push(format!("{told} has {} lines", function.lines));
            }
            longest = longest.max((function.lines, told));
        }
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            faults.push(format!("{name}: {lines} lines"));
        } else if lines > LONG_FILE_LINES {
            long_files.push(format!("{name} {lines}"));
        }
    }
    say(&format!("{} files; longest function: {} lines, {}", files.len(), longest.0, longest.1));
    let (long, count) = (long_files.join(", "), long_files.len());
    say(&format!("{count} files of more than {LONG_FILE_LINES} lines: {long}"));
    Ok(faults)
}

/// Counts the types of the product, and returns the names that several of them have.
fn named_twice(root: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut names = Names::default();
    for file in files {
        let name = shown(root, file);
        if name.ends_with(".rs") && PRODUCT.iter().any(|folder| name.starts_with(folder)) {
            let text = fs::read_to_string(file).with_context(|| format!("can't read {name}"))?;
            names.add(&name, &text);
        }
    }
    let faults = names.faults();
    say(&format!("{} names of types; {} of them for two things", names.count(), faults.len()));
    Ok(faults)
}

/// All files of Rust and WIT below this folder, in the order of their names.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("can't read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            let is_hidden =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden && !path.join(MARK_OF_BUILT).exists() {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|it| it == "rs" || it == "wit") {
            files.push(path);
        }
    }
    Ok(())
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}
