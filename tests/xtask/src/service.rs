//! The service that demonstrations and trials send to.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::workspace::Workspace;

/// The controllable target as a process, ended when dropped.
pub(crate) struct TargetService {
    process: Child,
    pub(crate) url: String,
}

impl TargetService {
    /// Starts it on a port that is free.
    ///
    /// # Errors
    /// It was not built, or does not start.
    pub(crate) fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let program = workspace.built("release/target");
        let mut process = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("can't run the target")?;
        let mut line = String::new();
        let said = process.stdout.take().context("the target has no output")?;
        BufReader::new(said).read_line(&mut line)?;
        let url = line.split(' ').nth(1).map(str::to_owned);
        let mut service = Self { process, url: String::new() };
        service.url = url.context("the target ended before it said where it is")?;
        Ok(service)
    }
}

impl Drop for TargetService {
    fn drop(&mut self) {
        // It fails only if the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
