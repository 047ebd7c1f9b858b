//! Swell's load-testing host: `host run scenario.wasm --tps 5000`.
//!
//! | to find | look in |
//! |---|---|
//! | what may be typed; the layers under it | `args`, `layers` |
//! | which settings say what a run reaches, and who may give them | `reach` |
//! | from what was typed to what can run | `plan` |
//! | one command from file to exit code | `run` |
//! | which runs it stands for, and when each begins and ends | `programme` |
//! | a file's own code that begins and judges runs | `conduct` |
//! | a scenario file and its settings as a run that can begin | `prepare` |
//! | all runs that go on; what each is told and where it is | `runs`, `status` |
//! | threads, timers, signals while it runs | `driver/` |
//! | the control API, metrics for Prometheus, and the server under both | `control_api`, `metrics`, `servers`, `serve` |
//! | what a run came to: verdict, thresholds, exit code | `judgement`, `exit` |
//! | the results as data, on a page, on a line | `report`, `summary`, `live` |
//! | where they go | `outputs`, `aside` |
//! | what leaves for a terminal, what may not, and who waits for it | `terminal`, `stderr` |
//! | the signals that end it | `stops` |
//! | hosts that share a run; their journals, and results made of them | `cluster`, `journal`, `merge` |
//! | manifests for Kubernetes | `k8s` |
//! | this machine's limits, and whether a plan fits them | `machine`, `preflight` |
//! | what is said before a run that may not be expected | `notes` |
//! | making and compiling scenarios | `new_project`, `build_scenario`, `toolchain` |

mod args;
mod aside;
mod build_scenario;
mod check;
mod cluster;
mod conduct;
mod control_api;
mod driver;
mod exit;
mod journal;
mod judgement;
mod k8s;
mod layers;
mod live;
mod machine;
mod merge;
mod metrics;
mod mistyped;
mod new_project;
mod notes;
mod outputs;
mod plan;
mod preflight;
mod prepare;
mod programme;
mod reach;
mod report;
mod run;
mod runs;
mod serve;
mod servers;
mod status;
mod stderr;
mod stops;
mod summary;
mod terminal;
mod toolchain;

use std::process::ExitCode;

use clap::Parser as _;
use swell_core::plan::Search;

use crate::args::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&typed) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no error; a reader that is gone needs no
            // message.
            let error = mistyped::without_secrets(mistyped::with_suggestion(error));
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    terminal::log_to_stderr();
    let result = machine::require_descriptors(threads_with_a_runtime(&cli.command))
        .and_then(|()| execute(&typed, cli.command));
    let code = match result {
        Ok(exit) => exit.into(),
        // Whoever read our output has enough; that is no error.
        Err(error)
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let text = format!("{error:#}");
            terminal::say(format_args!(
                "error: {}",
                swell_cluster::without_tokens(&text).unwrap_or(text)
            ));
            Exit::Usage.into()
        }
    };
    stderr::flush();
    code
}

fn execute(typed: &[std::ffi::OsString], command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => run::run(typed, &args, None),
        Command::Find(args) => {
            run::run(typed, &args.run, Some(Search { hold: args.hold, budget: args.budget }))
        }
        Command::Node(args) => cluster::node(args),
        Command::Runs(args) => cluster::runs(args),
        Command::Attach(args) => cluster::attach(args),
        Command::Stop(args) => cluster::stop(args),
        Command::Token(args) => cluster::token(&args).map(|()| Exit::Passed),
        Command::K8s(args) => k8s::k8s(&args).map(|()| Exit::Passed),
        Command::Merge(args) => merge::merge(&args),
        Command::Check(args) => check::check(&args).map(|()| Exit::Passed),
        Command::Schema => print_schema().map(|()| Exit::Passed),
        Command::New(args) => new_project::run(args).map(|()| Exit::Passed),
        Command::Build(args) => build_scenario::run(args).map(|_| Exit::Passed),
        Command::CompileChild { arguments } => {
            std::process::exit(swell_engine::compile_child(&arguments))
        }
    }
}

/// How many threads a command has that cannot be without descriptors.
fn threads_with_a_runtime(command: &Command) -> usize {
    match command {
        Command::Run(_) | Command::Find(_) | Command::Node(_) => machine::allowed_cores() + 1,
        Command::Runs(_) | Command::Attach(_) | Command::Stop(_) => 1,
        _ => 0,
    }
}

fn print_schema() -> anyhow::Result<()> {
    let schema = schemars::schema_for!(report::Written);
    Ok(terminal::show(format_args!("{}\n", serde_json::to_string_pretty(&schema)?))?)
}
