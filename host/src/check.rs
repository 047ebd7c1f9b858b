//! `host check`: what a scenario file is, before anybody runs it.

use std::io::Write as _;

use anyhow::Context as _;
use swell_core::units::counted;
use swell_engine::{Compiled, Compiler, GuestLimits, ScenarioFile, ScenarioInfo, WIT_VERSION};

use crate::args::{COMPILE_CHILD, CheckArgs};

/// Loads the file as `host run` would, and prints what it finds.
///
/// # Errors
/// The file is no scenario that this host could run.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let file = load(&args.file, GuestLimits::default())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", args.file.display())?;
    writeln!(out, "  kind       {}, {}", file.kind.describe(), counted(file.size, "byte"))?;
    writeln!(out, "  blake3     {}", file.hash)?;
    writeln!(out, "  contract   swell:scenario@{WIT_VERSION}")?;
    match file.compiled {
        Compiled::Now(time) => writeln!(out, "  compiled   in {:.1} s", time.as_secs_f64())?,
        Compiled::Cached => writeln!(out, "  compiled   before, from the cache")?,
    }
    writeln!(out, "  imports    {}", file.imports.join(", "))?;
    let wasi = file.imports.iter().any(|import| import.starts_with("wasi:"));
    writeln!(
        out,
        "  may reach  the run's --target, --allow-host, and what is listed below{}",
        if wasi { "; of WASI: clocks, random, stdio to the log" } else { "" }
    )?;
    if file.has_conduct {
        writeln!(out, "  conducts   its own runs, unless one scenario is chosen with --scenario")?;
    }
    for scenario in &file.scenarios {
        print_scenario(&mut out, scenario)?;
    }
    Ok(())
}

fn print_scenario(out: &mut impl std::io::Write, scenario: &ScenarioInfo) -> std::io::Result<()> {
    writeln!(out, "\nscenario {}", scenario.name)?;
    if !scenario.description.is_empty() {
        writeln!(out, "  {}", scenario.description.replace('\n', " "))?;
    }
    let hooks = [("setup and teardown", scenario.has_setup), ("start and stop", scenario.has_start)];
    let hooks = hooks.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect::<Vec<_>>();
    writeln!(out, "  hooks      {}", if hooks.is_empty() { "none".to_owned() } else { hooks.join(", ") })?;
    for (key, value) in &scenario.defaults {
        writeln!(out, "  default    --{key} {value}")?;
    }
    for host in &scenario.hosts {
        writeln!(out, "  wants      {host}")?;
    }
    Ok(())
}

/// Reads and compiles a scenario file, with this program as the compiler's child.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn load(file: &std::path::Path, limits: GuestLimits) -> anyhow::Result<ScenarioFile> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let compiler = Compiler::new(program, COMPILE_CHILD);
    ScenarioFile::load(file, &compiler, limits).with_context(|| file.display().to_string())
}
