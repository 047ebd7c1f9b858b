//! `host check`: what a scenario file is, before anybody runs it.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use swell_core::plain::line;
use swell_core::units::counted;
use swell_engine::{
    Compiled, GuestLimits, ScenarioFile, ScenarioInfo, ScenarioSource, ScriptFile, WIT_VERSION,
};
use swell_steps::StepsScenario;

use crate::interpreters::{steps_of, with_interpreter};
use crate::prepare::load;
use crate::quick::is_url;
use crate::settings::flags::parse_pair;
use crate::settings::reach::is_reach;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The scenario file: a component, or a core module from wasm32-unknown-unknown or
    /// wasm32-wasip1.
    pub(crate) file: PathBuf,

    /// What runs the file, if it is a script, as of `host run`.
    #[arg(long, value_name = "FILE")]
    interpreter: Option<PathBuf>,

    /// A folder, or a file, that a script may read beside what is below its own folder; repeatable.
    #[arg(long = "allow-file", value_name = "DIR")]
    allow_file: Vec<PathBuf>,

    /// A variable for the script, as of `host run`; repeatable.
    #[arg(long, short = 'e', value_name = "KEY=VALUE", value_parser = parse_pair)]
    env: Vec<(String, String)>,
}

/// Loads the file as `host run` would, and prints what it finds.
///
/// # Errors
/// The file is no scenario that this host could run.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<()> {
    if let Some(url) = args.file.to_str().filter(|typed| is_url(typed)) {
        bail!("{url} is a URL and no file\nhelp: `host try` asks for it once");
    }
    let source = with_interpreter(
        ScenarioSource::File(args.file.clone()),
        args.interpreter.as_deref(),
        &args.allow_file,
    )?;
    let variables = args.env.iter().cloned().collect();
    let file = load(&source, GuestLimits::default(), &variables)?;
    // Whether there can be a user of it.
    file.program(1).with_context(|| source.name())?;
    let mut out = String::new();
    describe(&mut out, &source, &file)?;
    Ok(terminal::show(out)?)
}

fn describe(out: &mut String, source: &ScenarioSource, file: &ScenarioFile) -> fmt::Result {
    writeln!(out, "{}", line(&source.name()))?;
    if let ScenarioSource::Script { interpreter, .. } = source {
        writeln!(out, "  script     run by {}", line(&interpreter.name()))?;
        for ScriptFile { path, content } in file.script_files().unwrap_or_default() {
            writeln!(
                out,
                "  file       {}, {}",
                line(path),
                counted(content.len() as u64, "byte")
            )?;
        }
    }
    writeln!(out, "  kind       {}, {}", file.kind.describe(), counted(file.size, "byte"))?;
    writeln!(out, "  blake3     {}", file.hash)?;
    writeln!(out, "  contract   swell:scenario@{WIT_VERSION}")?;
    match file.compiled {
        Compiled::Now(time) => writeln!(out, "  compiled   in {:.1} s", time.as_secs_f64())?,
        Compiled::Cached => writeln!(out, "  compiled   before, from the cache")?,
    }
    writeln!(out, "  imports    {}", line(&file.imports.join(", ")))?;
    let wasi = file.imports.iter().any(|import| import.starts_with("wasi:"));
    writeln!(
        out,
        "  may reach  the run's --target and --allow-host; what it wants beyond is for whoever \
        runs it to give{}",
        if wasi { "; of WASI: clocks, random, stdio to the log" } else { "" }
    )?;
    if file.has_conduct {
        writeln!(out, "  conducts   its own runs, unless one scenario is chosen with --scenario")?;
    }
    let steps = steps_of(file);
    for (index, scenario) in file.scenarios.iter().enumerate() {
        describe_scenario(out, scenario)?;
        let steps = steps.as_ref().and_then(|steps| steps.scenarios.get(index));
        for (depth, words) in steps.map(StepsScenario::explained).unwrap_or_default() {
            writeln!(out, "  {}{}", "  ".repeat(depth), line(&words))?;
        }
    }
    Ok(())
}

fn describe_scenario(out: &mut String, scenario: &ScenarioInfo) -> fmt::Result {
    writeln!(out, "\nscenario {}", line(&scenario.name))?;
    if !scenario.description.is_empty() {
        writeln!(out, "  {}", line(&scenario.description.replace('\n', " ")))?;
    }
    let hooks =
        [("setup and teardown", scenario.has_setup), ("start and stop", scenario.has_start)];
    let hooks = hooks.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect::<Vec<_>>();
    writeln!(
        out,
        "  hooks      {}",
        if hooks.is_empty() { "none".to_owned() } else { hooks.join(", ") }
    )?;
    for (key, value) in &scenario.defaults {
        let kind = if is_reach(key) { "wants    " } else { "default  " };
        writeln!(out, "  {kind}  --{} {}", line(key), line(value))?;
    }
    for host in &scenario.hosts {
        writeln!(out, "  wants      {}", line(host))?;
    }
    Ok(())
}
