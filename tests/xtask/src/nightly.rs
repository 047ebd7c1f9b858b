//! `cargo xtask nightly`: what is too long, or wants the machine too much for itself, to be a part
//! of each check.
//!
//! CI runs some of each part; here each runs at length, the one that measures first, while nothing
//! else has warmed or filled the machine. What fails stops the whole and names the command that
//! runs that part alone.

use anyhow::Context;
use clap::Args;

use crate::faults::{self, FaultsArgs};
use crate::fuzz::{self, FuzzArgs};
use crate::soak;
use crate::step::say;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct NightlyArgs {
    /// How often each fault of the load generator is tried
    #[arg(long, value_name = "N", default_value_t = 10)]
    rounds: usize,

    /// Which clusters to simulate, by their seeds: one, or two numbers with ".." between
    #[arg(long, value_name = "SEEDS", default_value = "0..10000")]
    seeds: String,

    /// Seconds for which each target is fuzzed
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

/// Runs all parts.
///
/// # Errors
/// One fails.
pub(crate) fn run(workspace: &Workspace, args: &NightlyArgs) -> anyhow::Result<()> {
    faults::run_rounds(workspace, &FaultsArgs { rounds: args.rounds })
        .context("again: cargo xtask faults")?;
    soak::run_seeds(workspace, &args.seeds).context("again: cargo xtask soak")?;
    fuzz::run_targets(workspace, &FuzzArgs { seconds: args.seconds, targets: Vec::new() })
        .context("again: cargo xtask fuzz")?;
    say("\nthe night was quiet");
    Ok(())
}
