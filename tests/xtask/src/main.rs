//! The house's own commands, run as `cargo xtask …` (an alias in `.cargo/config.toml`).
//!
//! They work from a bare clone: what a machine lacks is installed, and said before it is. They
//! depend on little, so that they start within seconds.

mod bench;
mod binaries;
mod checks;
mod demo;
mod dependencies;
mod dist;
mod faults;
mod fuzz;
mod house;
mod instructions;
mod machine;
mod nightly;
mod page;
mod scenarios;
mod service;
mod slowest;
mod soak;
mod step;
/// The host's own search for a compiler, so that whatever CI builds is built as users build it.
#[path = "../../../host/src/toolchain.rs"]
mod toolchain;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use workspace::Workspace;

/// The commands of this house
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum XtaskCommand {
    /// Build everything and run an example at 5,000 transactions a second against a service started
    /// for it
    Demo,
    /// Every check that CI has, in order of speed
    Test {
        /// Only what says most in three minutes: format, the house, and lints and tests of the pure
        /// crates
        #[arg(long)]
        quick: bool,
    },
    /// Count what the house does without: modules in circles, lines over 100 columns, functions
    /// over 79 lines, files over 700, names that two types have
    House,
    /// Check and build the page that `--out html=FILE` writes, and try it in a browser
    Page,
    /// Build that page, a host that carries it, and the interpreters; put the host into your path,
    /// and them where it looks for them
    Install,
    /// Make one archive of that page, a stripped host and the interpreters, with all licences: for
    /// machines without a compiler
    Dist,
    /// Build each example of the SDK as OUT/NAME.wasm
    Examples {
        /// Folder for the results
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Build each guest of the test suites as OUT/NAME.wasm
    Guests {
        /// Folder for the results
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Simulate 10,000 clusters, each with misfortunes of its own
    Soak {
        /// Which seeds: one, or two numbers with ".." between
        #[arg(long, value_name = "SEEDS", default_value = "0..10000")]
        seeds: String,
    },
    /// Stop the host, starve it, and leave it alone, and check what it says of each: minutes of a
    /// machine that does nothing else
    Faults(faults::FaultsArgs),
    /// Breed inputs for what bytes of other hosts reach, in search of one that breaks it
    Fuzz(fuzz::FuzzArgs),
    /// What is too long for CI: faults, soak and fuzz, one after another
    Nightly(nightly::NightlyArgs),
    /// Compare the host with wrk and oha against nginx, and measure the memory of a virtual user;
    /// `bench control` compares its control with Balter's, `bench compare` equal runs with each
    /// other, `bench cluster` measures five hosts that share a load, `bench page` the page of an
    /// hour, and `bench record` what the record of a day takes
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let done = Workspace::find().and_then(|workspace| match XtaskCommand::parse() {
        XtaskCommand::Demo => demo::run(&workspace),
        XtaskCommand::Test { quick: true } => checks::quick(&workspace).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Test { quick: false } => checks::test(&workspace).map(|()| ExitCode::SUCCESS),
        XtaskCommand::House => house::check(&workspace).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Page => page::check(&workspace).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Install => page::install(&workspace).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Dist => dist::make(&workspace).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Examples { out } => {
            scenarios::examples(&workspace, &out).map(|()| ExitCode::SUCCESS)
        }
        XtaskCommand::Guests { out } => {
            scenarios::guests(&workspace, &out).map(|()| ExitCode::SUCCESS)
        }
        XtaskCommand::Soak { seeds } => {
            soak::run_seeds(&workspace, &seeds).map(|()| ExitCode::SUCCESS)
        }
        XtaskCommand::Faults(args) => {
            faults::run_rounds(&workspace, &args).map(|()| ExitCode::SUCCESS)
        }
        XtaskCommand::Fuzz(args) => {
            fuzz::run_targets(&workspace, &args).map(|()| ExitCode::SUCCESS)
        }
        XtaskCommand::Nightly(args) => nightly::run(&workspace, &args).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Bench(args) => bench::run(&workspace, &args).map(|()| ExitCode::SUCCESS),
    });
    done.unwrap_or_else(|error| {
        step::say(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
