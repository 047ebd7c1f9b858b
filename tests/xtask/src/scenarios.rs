//! Compiles the examples and the guests, each to a file of its own name.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::machine::scenario_compiler;
use crate::step::say;
use crate::toolchain::{Artifact, Library};
use crate::workspace::Workspace;

/// Builds each example of the SDK as `out/NAME.wasm`.
///
/// # Errors
/// No compiler, code that does not compile, or files that can't be written.
pub(crate) fn examples(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    let names = example_packages(workspace)?;
    let select: Vec<&str> = names.iter().flat_map(|name| ["--package", name]).collect();
    let built = compile(workspace, Library::Wasi, &select, out)?;
    ensure!(
        built.len() == names.len(),
        "{} of {} examples are scenarios: each folder of sdk-examples must be a package of its name",
        built.len(),
        names.len()
    );
    Ok(())
}

/// The packages of the examples: each folder of `sdk-examples` is one of its name.
///
/// # Errors
/// There is none.
pub(crate) fn example_packages(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let folder = workspace.root().join("sdk-examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))? {
        let path = entry?.path();
        if path.join("Cargo.toml").exists() {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    ensure!(!names.is_empty(), "there is no example in {}", folder.display());
    names.sort();
    Ok(names)
}

/// Builds one example as `out/NAME.wasm`.
///
/// # Errors
/// As [`examples`].
pub(crate) fn example(workspace: &Workspace, name: &str, out: &Path) -> anyhow::Result<()> {
    compile(workspace, Library::Wasi, &["--package", name], out).map(drop)
}

/// Builds each guest of the test suites as `out/NAME.wasm`.
///
/// # Errors
/// As [`examples`].
pub(crate) fn guests(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    let built = compile(workspace, Library::Wasi, &["--package", "swell-guests", "--examples"], out)?;
    ensure!(!built.is_empty(), "swell-guests has no example that is a scenario");
    Ok(())
}

/// Builds these guests as `out/NAME.wasm`.
///
/// # Errors
/// As [`examples`].
pub(crate) fn some_guests(workspace: &Workspace, library: Library, names: &[&str], out: &Path) -> anyhow::Result<()> {
    let examples = names.iter().flat_map(|name| ["--example", name]);
    let select: Vec<&str> = ["--package", "swell-guests"].into_iter().chain(examples).collect();
    compile(workspace, library, &select, out).map(drop)
}

fn compile(workspace: &Workspace, library: Library, select: &[&str], out: &Path) -> anyhow::Result<Vec<Artifact>> {
    let toolchain = scenario_compiler(workspace, library)?;
    let built = toolchain.compile(workspace.root(), &workspace.built("scenarios"), select)?;
    std::fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))?;
    for artifact in &built {
        let file = out.join(format!("{}.wasm", artifact.name));
        std::fs::copy(&artifact.file, &file).with_context(|| format!("can't write {}", file.display()))?;
    }
    say(&format!("{} scenarios for {} in {}", built.len(), toolchain.target(), out.display()));
    Ok(built)
}
