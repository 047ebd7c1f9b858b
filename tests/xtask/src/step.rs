//! Running programs so that a reader of the log sees which, and why the whole stopped.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::Command;

use anyhow::{Context, ensure};

/// Says something to whoever watches. Standard output is left to the programs run.
pub(crate) fn say(text: &str) {
    // A log that nobody can read any more is no reason to stop.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Begins a new part of a long command.
pub(crate) fn title(text: &str) {
    say(&format!("\n== {text}"));
}

/// Shows the command and runs it to its end.
///
/// # Errors
/// It cannot be run, or it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = shown(command);
    say(&format!("$ {line}"));
    let status = command
        .status()
        .with_context(|| format!("can't run {}", command.get_program().display()))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// Runs a command without showing it and returns its standard output.
///
/// # Errors
/// It cannot be run, or it fails.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("can't run {}", command.get_program().display()))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` failed: {}\n{complaint}", shown(command), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program can be run at all and agrees to these arguments.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// A command as it would be typed.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
