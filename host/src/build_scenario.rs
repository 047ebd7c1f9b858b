//! `host build`: compiles a scenario written in Rust.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use anyhow::{Context, bail};

use crate::terminal;
use crate::toolchain::{Artifact, LEAN, Toolchain, WITH_WASI};
use swell_outputs::Aside;

/// Compile a scenario written in Rust to WebAssembly
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Folder of the scenario's cargo package
    #[arg(default_value = ".")]
    path: PathBuf,

    /// Where to put the result [default: PACKAGE.wasm here]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Which package, in a workspace of several
    #[arg(short, long, value_name = "NAME")]
    package: Option<String>,

    /// Build this example of the package instead of its library
    #[arg(long, value_name = "NAME")]
    example: Option<String>,

    /// Do without WASI: 64 KB less memory for each user, but no standard clocks, no println!
    #[arg(long)]
    lean: bool,
}

/// Compiles, copies the result to where it was asked for, prints that place and the size, and
/// returns it.
///
/// # Errors
/// No cargo package there; no compiler, with what to install; code that does not compile; no
/// scenario or several of them; a result that can't be written.
pub(crate) fn run(args: BuildArgs) -> anyhow::Result<PathBuf> {
    let BuildArgs { path, output, package, example, lean } = args;
    if !path.join("Cargo.toml").exists() {
        bail!(
            "there is no Cargo.toml in {}\nhelp: name the scenario's folder, or make one with \
            `host new NAME`",
            path.display()
        );
    }
    let targets = if lean { LEAN } else { WITH_WASI };
    let mut tell = |text: &str| terminal::say(text);
    let toolchain = Toolchain::find(&path, targets, &mut tell)?;
    let target_folder = build_folder()?;
    if matches!(toolchain, Toolchain::Distribution { .. })
        && !target_folder.join(toolchain.target()).exists()
    {
        tell("building Rust's library once for this machine, which takes some minutes");
    }

    let mut select: Vec<&str> = Vec::new();
    if let Some(package) = &package {
        select.extend(["--package", package]);
    }
    match &example {
        Some(example) => select.extend(["--example", example]),
        None => select.push("--lib"),
    }
    let artifact = only(toolchain.compile(&path, &target_folder, select)?, &path)?;
    let output = output.unwrap_or_else(|| PathBuf::from(format!("{}.wasm", artifact.name)));
    let built = std::fs::read(&artifact.file)
        .with_context(|| format!("can't read {}", artifact.file.display()))?;
    let written = Aside::open(&output).and_then(|place| place.write(&built, &AtomicU64::new(0)));
    written.with_context(|| format!("can't write {}", output.display()))?;
    terminal::show(format_args!("{} ({} KB)\n", output.display(), built.len().div_ceil(1000)))?;
    Ok(output)
}

/// The one scenario that was built.
fn only(mut artifacts: Vec<Artifact>, path: &Path) -> anyhow::Result<Artifact> {
    match artifacts.len() {
        1 => Ok(artifacts.remove(0)),
        0 => bail!(
            "{} builds no scenario\nhelp: a scenario's Cargo.toml has `[lib] crate-type = \
            [\"cdylib\"]`",
            path.display()
        ),
        _ => {
            let names: Vec<_> = artifacts.iter().map(|artifact| artifact.name.as_str()).collect();
            bail!(
                "{} builds several scenarios: {}\nhelp: choose one with --package or --example",
                path.display(),
                names.join(", ")
            )
        }
    }
}

/// The folder where scenarios are built: one for all, so that what they share is built once.
fn build_folder() -> anyhow::Result<PathBuf> {
    let variable = |name| {
        std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute())
    };
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let folder = cache
        .context(
            "there is no place for built files: HOME is not set\nhelp: set HOME or XDG_CACHE_HOME",
        )?
        .join("swell/build");
    std::fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(name: &str) -> Artifact {
        Artifact { name: name.into(), file: format!("/t/{name}.wasm").into() }
    }

    #[test]
    fn a_package_without_a_scenario_is_told_what_makes_one() {
        let error = only(vec![], Path::new("p")).expect_err("there is none");
        assert!(error.to_string().contains("cdylib"), "{error}");
    }

    #[test]
    fn several_scenarios_are_named_and_none_is_guessed() {
        let error =
            only(vec![artifact("a"), artifact("b")], Path::new("p")).expect_err("there are two");
        assert!(error.to_string().contains("a, b"), "{error}");
        assert_eq!(only(vec![artifact("a")], Path::new("p")).expect("there is one"), artifact("a"));
    }
}
