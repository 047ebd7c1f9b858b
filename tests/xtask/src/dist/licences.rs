//! The licences of what others wrote and we ship: crates in the host and the interpreters, and
//! packages in the page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::step;
use crate::workspace::Workspace;

/// The package of the host.
const HOST: &str = "swell-host";

/// Those of the interpreters. Each is an example of its package, and so what only it uses stands
/// there among what is for tests.
const INTERPRETERS: [&str; 2] = ["swell-javascript", "swell-steps"];

/// What interpreters are built for, where a machine has it; all that is for WebAssembly is in it.
const WASM: &str = "wasm32-wasip2";

/// A text with all of them: who wrote what under which licence, and each licence's words once.
///
/// # Errors
/// Cargo or npm do not say what there is.
pub(super) fn of_others(workspace: &Workspace) -> anyhow::Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut list = String::new();
    let mut noted = BTreeSet::new();
    let native = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    for (target, shipped) in [(native.as_str(), &[HOST][..]), (WASM, &INTERPRETERS)] {
        let mut cargo = workspace.cargo(["metadata", "--locked", "--format-version", "1"]);
        cargo.args(["--filter-platform", target]);
        let metadata: Value = serde_json::from_str(&step::output(&mut cargo)?)?;
        for id in reachable(&metadata, shipped) {
            let package = package(&metadata, id).filter(|package| !package["source"].is_null());
            let Some(package) = package.filter(|_| noted.insert(id.to_owned())) else { continue };
            let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
            note(package, manifest.parent(), &mut list, &mut texts)?;
        }
    }
    let modules = workspace.root().join("host/web/node_modules");
    let page = fs::read_to_string(workspace.root().join("host/web/package.json"))?;
    let page: Value = serde_json::from_str(&page)?;
    let used = page["dependencies"].as_object().context("the page has no dependencies")?;
    for name in used.keys() {
        let folder = modules.join(name);
        let package = fs::read_to_string(folder.join("package.json"));
        let package = package.with_context(|| format!("npm has not brought {name}"))?;
        note(&serde_json::from_str(&package)?, Some(&folder), &mut list, &mut texts)?;
    }
    let mut all = format!("What others wrote, and is part of this archive:\n\n{list}");
    for (text, users) in texts {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        write!(all, "\n{}\n{}\n\n{}\n", "=".repeat(80), users.join(", "), text.trim_end())?;
    }
    Ok(all)
}

/// Notes a package by its manifest, with the licences that lie in its folder.
fn note(
    package: &Value,
    folder: Option<&Path>,
    list: &mut String,
    texts: &mut BTreeMap<String, BTreeSet<String>>,
) -> anyhow::Result<()> {
    let text = |key: &str| package[key].as_str().unwrap_or("not named");
    let name = format!("{} {}", text("name"), text("version"));
    writeln!(list, "{name}: {}", text("license"))?;
    let Some(folder) = folder else { return Ok(()) };
    for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let path = entry?.path();
        let file = path.file_name().map(|name| name.to_string_lossy().to_uppercase());
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|begin| file.as_ref().is_some_and(|file| file.starts_with(begin)));
        if is_licence && path.is_file() {
            let words = String::from_utf8_lossy(&fs::read(&path)?).replace('\r', "");
            texts.entry(words).or_default().insert(name.clone());
        }
    }
    Ok(())
}

fn package<'a>(metadata: &'a Value, id: &str) -> Option<&'a Value> {
    metadata["packages"].as_array()?.iter().find(|package| package["id"] == id)
}

/// The packages that end up in what is shipped: not those that only build or test it.
fn reachable<'a>(metadata: &'a Value, names: &[&str]) -> BTreeSet<&'a str> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let shipped = packages.filter(|package| names.iter().any(|name| package["name"] == **name));
    let mut open: Vec<&str> = shipped.filter_map(|package| package["id"].as_str()).collect();
    let roots = open.clone();
    let has_examples = names.iter().all(|name| INTERPRETERS.contains(name));
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let nodes: BTreeMap<&str, &Value> =
        nodes.filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(node) = nodes.get(id) else { continue };
        for dependency in node["deps"].as_array().into_iter().flatten() {
            let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            let is_shipped = |kind: &Value| match kind.as_str() {
                None => true,
                Some(kind) => has_examples && kind == "dev" && roots.contains(&id),
            };
            if kinds.any(|kind| is_shipped(&kind["kind"])) {
                open.extend(dependency["pkg"].as_str());
            }
        }
    }
    seen
}
