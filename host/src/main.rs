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
//! | all runs that go on; what each is told and where it is | `runs` |
//! | threads, timers, signals while it runs | `driver/` |
//! | the control API, metrics, the server under both | `control_api`, `servers`, `serve` |
//! | what a run came to: report, verdict, exit code, summary | the crate `swell-report` |
//! | where results go | the crate `swell-outputs`, `delivery` |
//! | a line for each run while it goes on | `live` |
//! | what leaves for a terminal, what may not, and who waits for it | `terminal`, `stderr` |
//! | the signals that end it | `stops` |
//! | hosts that share a run; their journals, and results made of them | `cluster`, `journal`, `merge` |
//! | manifests for Kubernetes | `k8s` |
//! | this machine's limits, and whether a plan fits them | `machine`, `preflight` |
//! | what is said before a run that may not be expected | `notes` |
//! | making and compiling scenarios | `new_project`, `build_scenario`, `toolchain` |

mod access;
mod build_scenario;
mod check;
mod cli;
mod cluster;
mod conclusion;
mod conduct;
mod control_api;
mod delivery;
mod driver;
mod executor;
mod finished;
mod handle;
mod journal;
mod k8s;
mod live;
mod machine;
mod merge;
mod new_project;
mod notes;
mod one_run;
mod plan;
mod preflight;
mod prepare;
mod programme;
mod run;
mod runs;
mod serve;
mod servers;
mod settings;
mod stderr;
mod stops;
mod terminal;
mod toolchain;

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
    let result =
        machine::require_descriptors(line.threads_with_a_runtime()).and_then(|()| line.execute());
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
