//! `cargo xtask soak`: what CI runs some of, run long.

use crate::step::{run, title};
use crate::workspace::Workspace;

/// Simulates clusters from these seeds, each with its own misfortunes.
///
/// # Errors
/// A seed fails; it is named.
pub(crate) fn run_seeds(workspace: &Workspace, seeds: &str) -> anyhow::Result<()> {
    title("clusters on virtual time");
    let mut test = workspace.cargo([
        "test",
        "--release",
        "--locked",
        "--workspace",
        "--test",
        "simulation",
        "whatever",
    ]);
    run(test.args(crate::binaries::but_scenarios(workspace)?).env("SWELL_SEEDS", seeds))
}
