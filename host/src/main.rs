//! Swell's load-testing host: `host run scenario.wasm --tps 5000`.
//!
//! Modules know those below them, and none above; `cargo xtask house` counts circles.
//!
//! - **The command line** on top: `cli` says which commands there are and does what is typed.
//! - **Commands**: `run` (`host run`, `host find`), `attempt` (`host try`), `check`, `compare`,
//!   `merge`, `report` (`host report`), `view`, `history`, `k8s`, `new_project`, `new_script`,
//!   `new_steps`, `build_scenario` with `toolchain`; those of a cluster are in `cluster/`.
//! - **Several hosts**, in `cluster/`: an `executor` of runs.
//! - **What begins runs, or gives them orders**: `programme` (which runs a file stands for, and
//!   when each begins and ends), `conduct` (a file's own code), `control_api` (over HTTP: `access`
//!   says who may call, `servers` and `serve` answer), `live_page` (in a browser, by the rules of
//!   `page_access`), `tui` (keys of the view on the whole terminal). `conclusion` ends a command
//!   that did runs.
//! - **Runs**: `runs` is all that go on, `handle` one of them as others know it, `one_run` its way
//!   from `setup` to what it came to (`finished`), `run_record` what the outputs hear of it,
//!   `node_record` what one of several hosts keeps of it, `executor` who does it.
//! - **From a scenario and settings to a run that can begin**: `prepare`, with `plan`, `routes`,
//!   `signing` and `preflight`; `interpreters` has what runs a script, `quick` the script that a
//!   URL stands for; `outside` calls a scenario's `setup`, `teardown` and `conduct`.
//! - **Doing a run**: the crate `swell-driver` has the threads, timers and queues.
//! - **Results**: the crates `swell-report` (what a run came to) and `swell-outputs` (where it
//!   goes); `delivery` writes and shows them, or what a script makes of them (`own_summary`),
//!   `live` is the line while a run goes on.
//! - **Settings**, in `settings/`: the flags, the layers that they come from, and who may say what
//!   a run reaches.
//! - **The edges of the process** at the bottom: `terminal` and `stderr` (what leaves for a
//!   person), `stops` (signals), `notes`.

mod access;
mod aside;
mod attempt;
mod build_scenario;
mod check;
mod cli;
mod cluster;
mod compare;
mod conclusion;
mod conduct;
mod control_api;
mod delivery;
mod executor;
mod finished;
mod handle;
mod history;
mod hooks;
mod interpreters;
mod k8s;
mod live;
mod live_comparison;
mod live_history;
mod live_page;
mod merge;
mod new_project;
mod new_script;
mod new_steps;
mod node_record;
mod notes;
mod one_run;
mod outside;
mod own_summary;
mod own_use;
mod page_access;
mod page_runs;
mod plan;
mod preflight;
mod prepare;
mod programme;
mod quick;
mod report;
mod routes;
mod run;
mod run_identity;
mod run_record;
mod runs;
mod scenario_choice;
mod serve;
mod servers;
mod settings;
mod signing;
mod stderr;
mod stops;
mod terminal;
mod toolchain;
mod tui;
mod view;

use std::process::ExitCode;
use swell_report::Exit;

use crate::cli::CommandLine;

fn main() -> ExitCode {
    let line = match CommandLine::parse(std::env::args_os()) {
        Ok(line) => line,
        Err(error) => {
            // Help and version go to stdout and are no error; a reader that is gone needs no
            // message.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    terminal::log_to_stderr();
    let result = swell_driver::machine::require_descriptors(line.threads_with_a_runtime())
        .and_then(|()| line.execute());
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
