//! `cargo xtask bench`: gets the tools that the bench compares with, builds what it measures, and
//! runs it.
//!
//! The measuring itself is in `tests/benches`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::machine::{program, program_of, program_of_crates_io};
use crate::step::{run as run_step, say, title};
use crate::toolchain::{LEAN, WITH_WASI};
use crate::workspace::Workspace;
use crate::{binaries, instructions, page, scenarios};

/// What of the bench to run.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    which: Option<Which>,

    /// Pairs of runs to compare; intervals need at least 15
    #[arg(long, default_value_t = 15)]
    rounds: u32,

    /// Seconds for each run
    #[arg(long, default_value_t = 3)]
    seconds: u32,

    /// An earlier build of the host, which takes its turns with the others
    #[arg(long, value_name = "HOST")]
    against: Option<PathBuf>,
}

/// What `bench kinds` measures, in the order in which it does.
const KINDS: [&str; 10] =
    ["lua", "https", "http2", "bodies", "posts", "slow", "headline", "pulse", "lag", "calls"];

/// What `bench cluster` measures, in the order in which it does.
const PARTS: [&str; 7] = ["steady", "crowds", "starts", "kills", "stops", "joins", "losses"];

#[derive(Debug, clap::Subcommand)]
enum Which {
    /// How fast and how well a goal is reached and held, beside Balter, as a table and as plots
    Control {
        /// Folder for the plots
        #[arg(long, value_name = "DIR", default_value = "tests/benches/plots")]
        plots: PathBuf,
    },
    /// What each kind of traffic costs, beside oha, h2load and wrk, as a table; 500 and 5,000 a
    /// second by slope; what the host takes when it does next to nothing; how late starts are; and
    /// the system calls of a request
    Kinds {
        /// Pairs of runs to compare; intervals need at least 15
        #[arg(long, default_value_t = 15)]
        rounds: u32,

        /// What to measure, if not all; may be given again
        #[arg(long = "only", value_name = "PART", value_parser = KINDS)]
        parts: Vec<String>,
    },
    /// What JavaScript, TypeScript, steps and a URL cost beside the Rust scenario that does the
    /// same: processor time of a request and private memory of a user, by slope, as tables
    Scripts {
        /// Pairs of runs of each kind; intervals need at least 9
        #[arg(long, default_value_t = 9)]
        rounds: u32,

        /// Seconds of the longer run of a pair
        #[arg(long, default_value_t = 9)]
        seconds: u32,

        /// Users of the larger of two hosts whose memory is looked at
        #[arg(long, default_value_t = 2_000)]
        users: u32,

        /// A host that is built already, in place of one that is built for this
        #[arg(long, value_name = "HOST")]
        host: Option<PathBuf>,
    },
    /// How often `host compare` says that equal runs of one nginx differ
    Compare {
        /// Pairs of runs
        #[arg(long, default_value_t = 40)]
        pairs: u32,

        /// Seconds for each run, ten at least
        #[arg(long, default_value_t = 12)]
        seconds: u32,
    },
    /// What the page of an hour at 5,000 transactions a second weighs, and how soon a browser has
    /// it on the screen and a selection reckoned
    Page {
        /// Where the page is written, to be looked at
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// What the record of a long run takes: bytes, processor time of its writer, memory
    Record {
        /// Hours of the run
        #[arg(long, default_value_t = 24)]
        hours: u32,
    },
    /// How well five hosts share a load, and how soon they bear it again when one is killed, as a
    /// table
    Cluster {
        /// Transactions a second, of all hosts together
        #[arg(long, default_value_t = 5_000)]
        tps: u32,

        /// How often each misfortune is tried
        #[arg(long, default_value_t = 5)]
        rounds: u32,

        /// What to measure, if not all; may be given again
        #[arg(long = "only", value_name = "PART", value_parser = PARTS)]
        parts: Vec<String>,
    },
}

/// Measures and prints a table for the README.
///
/// # Errors
/// A tool that is missing and can't be installed, or anything that can't be built or run. A figure
/// that is missed is a result, not an error.
pub(crate) fn run(workspace: &Workspace, args: &BenchArgs) -> anyhow::Result<()> {
    match &args.which {
        None => comparison(workspace, args),
        Some(Which::Control { plots }) => control(workspace, plots),
        Some(Which::Compare { pairs, seconds }) => compare(workspace, *pairs, *seconds),
        Some(Which::Kinds { rounds, parts }) => kinds(workspace, *rounds, parts),
        Some(Which::Scripts { rounds, seconds, users, host }) => {
            scripts(workspace, [*rounds, *seconds, *users], host.as_deref())
        }
        Some(Which::Page { out }) => page_of_an_hour(workspace, out.as_deref()),
        Some(Which::Record { hours }) => record(workspace, *hours),
        Some(Which::Cluster { tps, rounds, parts }) => cluster(workspace, *tps, *rounds, parts),
    }
}

/// A run of so many hours, written down as fast as it goes.
fn record(workspace: &Workspace, hours: u32) -> anyhow::Result<()> {
    title("the measuring");
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "record", "--"]);
    run_step(bench.args(["--hours", &hours.to_string()]))
}

/// A page of an hour, in a browser.
fn page_of_an_hour(workspace: &Workspace, out: Option<&Path>) -> anyhow::Result<()> {
    // The host carries what was built of the page before it.
    page::build(workspace)?;
    page::browser()?;
    binaries::build(workspace)?;

    title("the measuring");
    let mut bench = workspace.cargo(["bench", "--locked", "--workspace", "--bench", "page", "--"]);
    if let Some(out) = out {
        // The bench itself runs in another folder.
        bench.arg("--out").arg(std::path::absolute(out)?);
    }
    run_step(bench.env("SWELL_HOST_BIN", workspace.built("release/host")))
}

/// Five hosts on networks of this machine's own.
fn cluster(workspace: &Workspace, tps: u32, rounds: u32, parts: &[String]) -> anyhow::Result<()> {
    title("what the bench needs");
    program_of("iproute2", "ip", &["-Version"], "what makes a network for each host")?;
    let guests = workspace.built("guests/lean");
    scenarios::some_guests(workspace, LEAN, &["plain-get"], &guests)?;
    binaries::build(workspace)?;

    title("the measuring");
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "cluster", "--"]);
    bench.args(["--tps", &tps.to_string(), "--rounds", &rounds.to_string()]);
    bench.args(parts.iter().flat_map(|part| ["--only", part]));
    run_step(
        bench.env("SWELL_GUESTS", guests).env("SWELL_HOST_BIN", workspace.built("release/host")),
    )
}

/// Equal runs against each other.
fn compare(workspace: &Workspace, pairs: u32, seconds: u32) -> anyhow::Result<()> {
    title("what the bench needs");
    program("nginx", &["-v"], "the service under load")?;
    let guests = workspace.built("guests/lean");
    scenarios::some_guests(workspace, LEAN, &["plain-get"], &guests)?;
    binaries::build(workspace)?;

    title("the measuring");
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "compare", "--"]);
    bench.args(["--pairs", &pairs.to_string(), "--seconds", &seconds.to_string()]);
    run_step(
        bench.env("SWELL_GUESTS", guests).env("SWELL_HOST_BIN", workspace.built("release/host")),
    )
}

/// Against Balter, on services whose law is known.
fn control(workspace: &Workspace, plots: &Path) -> anyhow::Result<()> {
    title("what the bench needs");
    say("building a scenario with Balter 0.8.2 from crates.io, to compare with");
    let (balter, build) =
        (workspace.root().join("tests/benches/balter/Cargo.toml"), workspace.built("tools/balter"));
    run_step(
        Command::new("cargo")
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(balter)
            .env("CARGO_TARGET_DIR", &build),
    )?;
    let guests = workspace.built("guests/lean");
    scenarios::some_guests(workspace, LEAN, &["plain-get"], &guests)?;
    binaries::build(workspace)?;

    title("the measuring");
    let plots = workspace.root().join(plots);
    std::fs::create_dir_all(&plots).with_context(|| format!("can't make {}", plots.display()))?;
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "control", "--"]);
    bench
        .arg("--plots")
        .arg(plots)
        .env("SWELL_GUESTS", guests)
        .env("SWELL_HOST_BIN", workspace.built("release/host"));
    run_step(bench.env("SWELL_BALTER", build.join("release/balter-rig")))
}

/// Each kind of traffic against whoever is best at it.
fn kinds(workspace: &Workspace, rounds: u32, parts: &[String]) -> anyhow::Result<()> {
    title("what the bench needs");
    program("nginx", &["-v"], "the service under load")?;
    program("wrk", &["-v"], "a load generator to compare with")?;
    program_of("nghttp2-client", "h2load", &["--version"], "one that speaks HTTP/2")?;
    program("strace", &["--version"], "what counts system calls")?;
    let oha = program_of_crates_io(workspace, "oha", "a load generator to compare with")?;

    title("what is measured");
    let guests = workspace.built("guests");
    let measured = ["plain-get", "many-at-once", "post-and-read"];
    scenarios::some_guests(workspace, LEAN, &measured, &guests.join("lean"))?;
    binaries::build(workspace)?;

    title("the measuring");
    let mut bench = workspace.cargo(["bench", "--locked", "--workspace", "--bench", "kinds", "--"]);
    bench.args(["--rounds", &rounds.to_string()]);
    bench.args(parts.iter().flat_map(|part| ["--only", part]));
    run_step(
        bench
            .env("SWELL_GUESTS", guests)
            .env("SWELL_HOST_BIN", workspace.built("release/host"))
            .env("SWELL_OHA", oha),
    )
}

/// Each kind of script beside Rust.
fn scripts(workspace: &Workspace, numbers: [u32; 3], host: Option<&Path>) -> anyhow::Result<()> {
    title("what the bench needs");
    program("nginx", &["-v"], "the service under load")?;

    title("what is measured");
    let guests = workspace.built("guests");
    let measured = ["plain-get", "sleeper-connected"];
    scenarios::some_guests(workspace, LEAN, &measured, &guests.join("lean"))?;
    scenarios::interpreters(workspace, &guests)?;
    // The bench itself runs in another folder.
    let host = match host {
        Some(host) => std::path::absolute(host)?,
        None => {
            binaries::build(workspace)?;
            workspace.built("release/host")
        }
    };

    title("the measuring");
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "scripts", "--"]);
    for (flag, number) in ["--rounds", "--seconds", "--users"].into_iter().zip(numbers) {
        bench.args([flag, &number.to_string()]);
    }
    run_step(bench.env("SWELL_GUESTS", guests).env("SWELL_HOST_BIN", host))
}

/// Against wrk and oha, on nginx.
fn comparison(workspace: &Workspace, args: &BenchArgs) -> anyhow::Result<()> {
    // The bench itself runs in another folder.
    let earlier = args.against.as_ref().map(std::path::absolute).transpose()?;
    if let Some(missing) = earlier.as_ref().filter(|earlier| !earlier.is_file()) {
        bail!("--against {}: there is no such program", missing.display());
    }
    title("what the bench needs");
    program("nginx", &["-v"], "the service under load")?;
    program("wrk", &["-v"], "a load generator to compare with")?;
    let oha = program_of_crates_io(workspace, "oha", "a load generator to compare with")?;

    title("what is measured");
    let (guests, lean) = (workspace.built("guests"), workspace.built("guests/lean"));
    let measured = ["plain-get", "sleeper", "sleeper-connected"];
    scenarios::some_guests(workspace, WITH_WASI, &measured, &guests)?;
    scenarios::some_guests(workspace, LEAN, &measured, &lean)?;
    binaries::build(workspace)?;

    title("instructions of the measuring path");
    let each = instructions::of_a_transaction(workspace)?;
    say(&format!(
        "recording a transaction with its request, check and metric: {each} instructions"
    ));

    title("the measuring");
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "comparison", "--"]);
    bench.args(["--rounds", &args.rounds.to_string(), "--seconds", &args.seconds.to_string()]);
    if let Some(earlier) = earlier {
        bench.env("SWELL_EARLIER_HOST_BIN", earlier);
    }
    run_step(
        bench
            .env("SWELL_GUESTS", guests)
            .env("SWELL_HOST_BIN", workspace.built("release/host"))
            .env("SWELL_OHA", oha),
    )
}
