//! Compares the host with wrk and oha against one nginx, and weighs its virtual users. Run it by
//! `cargo xtask bench`.
//!
//! nginx has a core to itself and so has the generator, which is then what is slow. The tools take
//! turns, in an order that rotates, and are compared round by round. An earlier build of the host,
//! if one is given, is one of the tools.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use swell_tests::statistics::{Estimate, median};
use swell_tests::turns::{
    Contender, SERVICE_CORE, Turn, cpu_ratio, machine, on_its_core, take_turns,
};
use swell_tests::{Host, Nginx, Running, guest, wait_until};

const CONNECTIONS: &str = "64";
const FIXED_RATE: &str = "5000";
const SEED: u64 = 2024;

/// CPU of a scenario with its transaction, to wrk's without a script.
const BOUND_TO_WRK: f64 = 1.6;
/// CPU at a fixed rate, to oha's.
const BOUND_TO_OHA: f64 = 1.0;
/// Resident KB of a lean user, asleep without a connection and with one.
const BOUND_ASLEEP: f64 = 50.0;
const BOUND_CONNECTED: f64 = 75.0;

#[derive(Parser)]
struct Args {
    /// Runs of each tool
    #[arg(long, default_value_t = 15)]
    rounds: u32,

    /// Seconds for each run
    #[arg(long, default_value_t = 3)]
    seconds: u32,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { rounds, seconds, .. } = Args::parse();
    ensure!(rounds > 0 && seconds > 0, "give at least one round of one second");
    let mut report = format!("{}\n", machine()?);
    report += &speed(rounds, seconds)?;
    report += &memory()?;
    writeln!(io::stdout(), "\n{report}")?;
    Ok(())
}

/// A load generator that is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Wrk,
    Oha,
    Host,
    /// The same, with starts that go together within a millisecond, as oha's do.
    CoalescingHost,
    /// Another build of it.
    EarlierHost,
}

/// Where the other build of the host is, if there is one to compare with.
const EARLIER_HOST: &str = "SWELL_EARLIER_HOST_BIN";

/// How fast a tool should go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ToolPace {
    /// As fast as it can.
    FlatOut,
    /// At [`FIXED_RATE`].
    Fixed,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::Host => "host",
            Self::CoalescingHost => "host --coalesce 1ms",
            Self::EarlierHost => "earlier host",
        }
    }

    /// Whether it is the build that is judged.
    fn is_ours(self) -> bool {
        matches!(self, Self::Host | Self::CoalescingHost)
    }

    fn is_host(self) -> bool {
        self.is_ours() || self == Self::EarlierHost
    }

    /// Where it is. All but wrk come from `cargo xtask bench`.
    fn program(self) -> anyhow::Result<std::ffi::OsString> {
        let of = |variable: &str| {
            std::env::var_os(variable)
                .with_context(|| format!("{variable} is not set\nhelp: run `cargo xtask bench`"))
        };
        match self {
            Self::Wrk => Ok("wrk".into()),
            Self::Oha => of("SWELL_OHA"),
            Self::Host | Self::CoalescingHost => of("SWELL_HOST_BIN"),
            Self::EarlierHost => of(EARLIER_HOST),
        }
    }

    /// It at this pace. wrk has no fixed rate: it goes flat out.
    fn at(self, pace: ToolPace, url: &str) -> anyhow::Result<Contender<'static>> {
        let (program, url) = (self.program()?, url.to_owned());
        let command = move |seconds: u32| {
            let (mut command, duration) = (on_its_core(&program), format!("{seconds}s"));
            match self {
                Self::Wrk => command.args(["-t", "1", "-c", CONNECTIONS, "-d", &duration, &url]),
                Self::Oha => {
                    let rate: &[&str] =
                        if pace == ToolPace::Fixed { &["-q", FIXED_RATE] } else { &[] };
                    let args = ["--no-tui", "-c", CONNECTIONS, "-z", &duration];
                    command.args(args).args(rate).arg(&url)
                }
                Self::Host | Self::CoalescingHost | Self::EarlierHost => {
                    let model: &[&str] = match (self, pace) {
                        (Self::CoalescingHost, _) => &["--tps", FIXED_RATE, "--coalesce", "1ms"],
                        (_, ToolPace::Fixed) => &["--tps", FIXED_RATE],
                        (_, ToolPace::FlatOut) => &["--vus", CONNECTIONS],
                    };
                    let args = ["--target", &url, "--duration", &duration];
                    command.arg("run").arg(lean("plain-get")).args(args).args(model)
                }
            };
            command
        };
        // A host that goes flat out is its own limit, and says so by 111.
        let ends_well_with: &[i32] = if self.is_host() { &[111] } else { &[] };
        Ok(Contender { name: self.name(), command: Box::new(command), ends_well_with })
    }
}

/// A guest built without WASI, as those are whose memory counts.
fn lean(name: &str) -> PathBuf {
    guest(&format!("lean/{name}"))
}

/// Both comparisons of speed, as tables.
fn speed(rounds: u32, seconds: u32) -> anyhow::Result<String> {
    let nginx = Nginx::start(Some(SERVICE_CORE));
    let mut text = String::new();
    for (pace, mut tools, bound) in [
        (ToolPace::FlatOut, vec![Tool::Wrk, Tool::Host, Tool::Oha], BOUND_TO_WRK),
        (ToolPace::Fixed, vec![Tool::Oha, Tool::Host, Tool::CoalescingHost], BOUND_TO_OHA),
    ] {
        tools.extend(std::env::var_os(EARLIER_HOST).map(|_| Tool::EarlierHost));
        let url = nginx.url();
        let contenders: Vec<Contender> =
            tools.iter().map(|tool| tool.at(pace, &url)).collect::<anyhow::Result<_>>()?;
        let run = |contender: &Contender| contender.run(seconds, &|| nginx.requests());
        let turns = take_turns(&contenders.iter().collect::<Vec<_>>(), rounds, &run)?;
        let each = |of: fn(&Turn) -> f64| -> Vec<Vec<f64>> {
            turns.iter().map(|turns| turns.iter().map(of).collect()).collect()
        };
        let (cpu, rate) = (each(Turn::cpu_us_per_request), each(Turn::requests_per_second));
        let reference = tools[0].name();
        match pace {
            ToolPace::FlatOut => writeln!(
                text,
                "As fast as it goes, {CONNECTIONS} connections, medians of {rounds} runs of \
                {seconds} s:\n"
            )?,
            ToolPace::Fixed => writeln!(
                text,
                "At {FIXED_RATE} requests/s, medians of {rounds} runs of {seconds} s:\n"
            )?,
        }
        writeln!(
            text,
            "| tool | CPU µs/request | to {reference} (95 % interval) | requests/s | to \
            {reference} (95 % interval) |\n|---|--:|--:|--:|--:|"
        )?;
        for (i, tool) in tools.iter().enumerate() {
            let to_cpu = cpu_ratio(&turns[i], &turns[0], SEED);
            let to_rate = Estimate::of_ratios(&rate[i], &rate[0], SEED);
            writeln!(
                text,
                "| {} | {:.1} | {to_cpu} | {:.0} | {to_rate} |",
                tool.name(),
                median(&cpu[i]),
                median(&rate[i]),
            )?;
        }
        text.push('\n');
        for (i, tool) in tools.iter().enumerate().filter(|(_, tool)| tool.is_ours()) {
            let judgement = cpu_ratio(&turns[i], &turns[0], SEED).judge(bound);
            let tool = tool.name();
            writeln!(
                text,
                "CPU per request of {tool} at most {bound} × {reference}: {judgement}."
            )?;
        }
        if let Some(earlier) = tools.iter().position(|tool| *tool == Tool::EarlierHost) {
            let ratio = cpu_ratio(&turns[1], &turns[earlier], SEED);
            writeln!(text, "CPU per request to that of the earlier host: {ratio}.")?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// What a virtual user weighs, as a table. Where the machine does not let the host have that many,
/// the host's own words stand beneath.
///
/// The resident set counts a page once for every place it is mapped to, so what all users share of
/// the scenario's data counts for each of them; the proportional set, beside it, divides such a
/// page by how many share it, and is what the machine really spends.
fn memory() -> anyhow::Result<String> {
    let nginx = Nginx::start(Some(SERVICE_CORE));
    let kinds = [
        ("asleep", lean("sleeper"), false, Some(BOUND_ASLEEP)),
        ("asleep, connected", lean("sleeper-connected"), true, Some(BOUND_CONNECTED)),
        ("asleep, with WASI", guest("sleeper"), false, None),
        ("asleep, connected, with WASI", guest("sleeper-connected"), true, None),
    ];
    let mut text =
        String::from("Resident memory of a virtual user, beyond what the host needs for one:\n\n");
    text += "| user | KB each of 1,000 | KB each of 10,000 | of them not shared | bound \
    |\n|---|--:|--:|--:|---|\n";
    let mut refusals = BTreeSet::new();
    for (name, file, connected, bound) in kinds {
        let mut held = |users: u32| -> anyhow::Result<Option<Memory>> {
            let before = nginx.requests();
            let mut host = Host::run_file(&file)
                .target(nginx.url())
                .args(&format!("--vus {users} --duration 10m"))
                .start();
            let all_connected = || !connected || nginx.requests() - before >= u64::from(users);
            let memory = settled_memory(&mut host, all_connected);
            match memory {
                Some(memory) => {
                    writeln!(io::stderr(), "{name}: {users} users, {:.0} KB", memory.resident)?
                }
                None => _ = refusals.insert(host.stderr()),
            }
            Ok(memory)
        };
        let one = held(1)?.context("the host does not run a single user")?;
        let mut each = |users: u32| {
            Ok::<_, anyhow::Error>(held(users)?.map(|all| all.beyond(one, f64::from(users - 1))))
        };
        let (of_1000, of_10_000) = (each(1000)?, each(10_000)?);
        let cell = |kilobytes: Option<f64>| {
            kilobytes.map_or("does not fit".to_owned(), |kilobytes| format!("{kilobytes:.1}"))
        };
        let resident = |each: Option<Memory>| each.map(|each| each.resident);
        let verdict = match (bound, resident(of_10_000)) {
            (None, _) => "none".to_owned(),
            (Some(bound), None) => format!("{bound:.0} KB: undecided"),
            (Some(bound), Some(each)) => {
                format!("{bound:.0} KB: {}", if each <= bound { "reached" } else { "missed" })
            }
        };
        let cells =
            [resident(of_1000), resident(of_10_000), of_10_000.map(|each| each.proportional)]
                .map(cell);
        writeln!(text, "| {name} | {} | {verdict} |", cells.join(" | "))?;
    }
    for refusal in refusals {
        writeln!(text, "\n```text\n{}\n```", refusal.trim())?;
    }
    Ok(text)
}

/// What a process holds, in KB of 1,024 bytes.
#[derive(Clone, Copy)]
struct Memory {
    resident: f64,
    proportional: f64,
}

impl Memory {
    /// Nothing for a process that has no memory any more.
    fn of(pid: u32) -> Option<Self> {
        let sums = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let sum = |name: &str| {
            sums.lines()
                .find_map(|line| line.strip_prefix(name))?
                .trim()
                .trim_end_matches(" kB")
                .parse()
                .ok()
        };
        Some(Self { resident: sum("Rss:")?, proportional: sum("Pss:")? })
    }

    /// What each of this many users adds to a host that has `one`.
    fn beyond(self, one: Self, users: f64) -> Self {
        Self {
            resident: (self.resident - one.resident) / users,
            proportional: (self.proportional - one.proportional) / users,
        }
    }
}

/// The host's memory once the users are `ready` and it has changed by less than 0.1 % for 2 s, for
/// then all are created; nothing if the host has ended instead.
fn settled_memory(host: &mut Running, ready: impl Fn() -> bool) -> Option<Memory> {
    let mut settled = (0.0, Instant::now());
    let settle = || {
        if host.has_ended() {
            return Some(None);
        }
        // Between the two looks it may have ended all the same; the next turn tells.
        let now = Memory::of(host.pid())?;
        if !ready() || (now.resident - settled.0).abs() > settled.0 * 0.001 {
            settled = (now.resident, Instant::now());
        }
        (settled.1.elapsed() >= Duration::from_secs(2)).then_some(Some(now))
    };
    wait_until(Duration::from_secs(60), "the host's memory to settle", settle)
}
