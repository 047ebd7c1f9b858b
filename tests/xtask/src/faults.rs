//! `cargo xtask faults`: what the host says of itself where it was stopped, starved, or left alone.
//! Needs a machine that does nothing else.

use clap::Args;

use crate::step::{run, title};
use crate::workspace::Workspace;
use crate::{binaries, scenarios};

#[derive(Args)]
pub(crate) struct FaultsArgs {
    /// How often each fault is tried
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) rounds: usize,
}

/// Tries all faults and prints a line for each.
///
/// # Errors
/// A run is not called what it is, or somebody else is blamed.
pub(crate) fn run_rounds(workspace: &Workspace, args: &FaultsArgs) -> anyhow::Result<()> {
    let guests = workspace.built("guests");
    scenarios::guests(workspace, &guests)?;
    title("the host");
    binaries::build(workspace)?;
    title("faults of the load generator");
    let mut test = workspace.cargo(["test", "--locked", "--workspace", "--test", "alone"]);
    test.args(binaries::but_scenarios(workspace)?).args([
        "--",
        "faults::",
        "--ignored",
        "--nocapture",
    ]);
    test.env("SWELL_GUESTS", guests).env("SWELL_HOST_BIN", workspace.built("release/host"));
    run(test.env("SWELL_FAULTS_ROUNDS", args.rounds.to_string()))
}
