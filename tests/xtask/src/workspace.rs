//! Where things are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use crate::step;

/// The checkout and its target folder.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    crates: Vec<Crate>,
}

/// What the compiler makes of one root file.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its first file.
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// Asks cargo, which knows `CARGO_TARGET_DIR` and its own configuration.
    ///
    /// # Errors
    /// Cargo cannot read the workspace.
    pub(crate) fn find() -> anyhow::Result<Self> {
        // What cargo says as it runs us: what it said as it built us may have been in another clone
        // that shares the target folder.
        let folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder);
        let metadata: Value = serde_json::from_str(&step::output(&mut cargo)?)?;
        let folder = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata says no {key}"))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
            crates: crates(&metadata),
        })
    }

    /// The libraries, programs and components of the workspace.
    pub(crate) fn crates(&self) -> &[Crate] {
        &self.crates
    }

    /// The checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder or file under the target folder.
    pub(crate) fn built(&self, path: &str) -> PathBuf {
        self.target.join(path)
    }

    /// A `cargo` in the checkout, which builds what one called by hand builds: without what cargo
    /// says to us about our own package, since a build script that watches that (ring's does) would
    /// run anew at each change between the two, and most of the host after it.
    pub(crate) fn cargo<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args(args).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            }) {
                cargo.env_remove(name);
            }
        }
        cargo
    }
}

/// What is the product's or made for its tests: components are examples.
const KINDS: [&str; 5] = ["lib", "bin", "proc-macro", "cdylib", "example"];

fn crates(metadata: &Value) -> Vec<Crate> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let targets = list(&metadata["packages"]).into_iter().flat_map(|it| list(&it["targets"]));
    targets
        .filter(|target| {
            let kinds = list(&target["kind"]);
            kinds.iter().any(|kind| kind.as_str().is_some_and(|kind| KINDS.contains(&kind)))
        })
        .filter_map(|target| {
            let text = |key: &str| Some(target[key].as_str()?.to_owned());
            Some(Crate { name: text("name")?, root: text("src_path")?.into() })
        })
        .collect()
}
