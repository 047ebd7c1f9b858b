//! What we depend on: its licences, where it is from, and whether anybody has warned of it.
//!
//! The rules are in `tests/deny.toml`.

use std::process::Command;

use crate::machine::program_of_crates_io;
use crate::step::{run, say, title};
use crate::workspace::Workspace;

/// A newer one may know rules that this house does not meet yet.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Where warnings of faults in crates are collected.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

/// Checks licences, forbidden crates and sources; and advisories, where they can be fetched.
///
/// # Errors
/// Something is not as `tests/deny.toml` says.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    title("dependencies");
    let program = program_of_crates_io(workspace, CARGO_DENY, "what checks licences and sources")?;
    let deny = |what: &[&str]| {
        let mut deny = Command::new(&program);
        deny.args(["--locked", "--log-level", "error", "--config", "tests/deny.toml", "check"]);
        run(deny.args(what).current_dir(workspace.root()))
    };
    deny(&["licenses", "bans", "sources"])?;
    if can_fetch_advisories() {
        deny(&["advisories"])
    } else {
        say(&format!("skipped: warnings of faults in crates, as {ADVISORIES} can't be reached"));
        Ok(())
    }
}

fn can_fetch_advisories() -> bool {
    let mut git = Command::new("git");
    git.args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=10", "ls-remote", "--quiet"]);
    git.args([ADVISORIES, "HEAD"]).env("GIT_TERMINAL_PROMPT", "0");
    git.output().is_ok_and(|output| output.status.success())
}
