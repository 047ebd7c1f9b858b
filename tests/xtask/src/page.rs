//! `cargo xtask page`: the page that reports are made of, and its tests; `cargo xtask install`: a
//! host that carries it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::machine::program_of;
use crate::scenarios::interpreters;
use crate::step::{run, say, succeeds, title};
use crate::workspace::Workspace;

/// Checks and builds the page, and tries it in a browser.
///
/// # Errors
/// A check fails, or what this machine lacks cannot be installed.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    build(workspace)?;
    title("tests of the page");
    run(&mut npm(workspace, &["run", "--silent", "test"]))?;
    browser()?;
    run(&mut npm(workspace, &["run", "--silent", "browser"]))
}

/// The browser in which the page is tried.
///
/// # Errors
/// It cannot be installed.
pub(crate) fn browser() -> anyhow::Result<()> {
    program_of(
        "chromium",
        "chromium",
        &["--version"],
        "a browser, in which the page of a run is tested",
    )
}

/// Checks its types and builds it: whatever is built of the host afterwards carries it.
///
/// # Errors
/// It cannot be built.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    title("page");
    program_of("nodejs", "node", &["--version"], "what builds the page of a run")?;
    program_of("npm", "npm", &["--version"], "what brings the libraries of the page")?;
    // Exactly what the lock file names; nothing of it is kept here but what was built of it.
    run(&mut npm(workspace, &["ci", "--no-audit", "--no-fund"]))?;
    run(&mut npm(workspace, &["run", "--silent", "check"]))?;
    run(&mut npm(workspace, &["run", "--silent", "build"]))
}

/// The same where Node.js is there already, and whether it was: a first look is worth no more
/// programs than it needs.
///
/// # Errors
/// It cannot be built.
pub(crate) fn build_if_possible(workspace: &Workspace) -> anyhow::Result<bool> {
    let is_there = ["node", "npm"].iter().all(|name| succeeds(name, &["--version"]));
    if is_there {
        build(workspace)?;
    } else {
        say("without Node.js there will be no report to open: `cargo xtask page` brings both");
    }
    Ok(is_there)
}

/// Builds the page, and puts a host that carries it into the user's path, and the interpreters
/// where it looks for them.
///
/// # Errors
/// One of them cannot be built.
pub(crate) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    build(workspace)?;
    title("interpreters");
    let data =
        std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let data = data.or_else(home).context("there is no HOME to put the interpreters into")?;
    interpreters(workspace, &data.join("swell/interpreters"))?;
    title("host");
    run(workspace.cargo(["install", "--locked", "--path"]).arg(workspace.root().join("host")))
}

fn npm(workspace: &Workspace, args: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(args).current_dir(workspace.root().join("host/web"));
    npm
}
