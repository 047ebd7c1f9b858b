//! Compares the host with wrk and oha against one nginx, and weighs its virtual users. Run it by
//! `cargo xtask bench`.
//!
//! nginx has a core to itself and so has the generator, which is then what is slow. CPU is user and
//! system time of the generator's process, by request that nginx counted: nobody's own count is
//! believed. The tools take turns, in an order that rotates, and are compared round by round. An
//! earlier build of the host, if one is given, is one of the tools.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use nix::sys::resource::{UsageWho, getrusage};
use swell_tests::statistics::{Estimate, Judgement, median};
use swell_tests::{Host, Nginx, Running, guest, wait_until};

/// Where the generator runs, and where nginx does.
const GENERATOR_CORE: u32 = 0;
const NGINX_CORE: u32 = 1;
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

/// What one run came to.
struct Sample {
    cpu_us_per_request: f64,
    requests_per_second: f64,
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

    /// Its command on its core. wrk has no fixed rate: it goes flat out.
    fn command(self, pace: ToolPace, url: &str, seconds: u32) -> anyhow::Result<Command> {
        let program = match self {
            Self::Wrk => "wrk".into(),
            Self::Oha => std::env::var_os("SWELL_OHA")
                .context("SWELL_OHA is not set\nhelp: run `cargo xtask bench`")?,
            Self::Host | Self::CoalescingHost => std::env::var_os("SWELL_HOST_BIN")
                .context("SWELL_HOST_BIN is not set\nhelp: run `cargo xtask bench`")?,
            Self::EarlierHost => std::env::var_os(EARLIER_HOST)
                .with_context(|| format!("{EARLIER_HOST} is not set"))?,
        };
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &GENERATOR_CORE.to_string()]).arg(program);
        let duration = format!("{seconds}s");
        match self {
            Self::Wrk => command.args(["-t", "1", "-c", CONNECTIONS, "-d", &duration]).arg(url),
            Self::Oha => {
                let rate: &[&str] = if pace == ToolPace::Fixed { &["-q", FIXED_RATE] } else { &[] };
                command.args(["--no-tui", "-c", CONNECTIONS, "-z", &duration]).args(rate).arg(url)
            }
            Self::Host | Self::CoalescingHost | Self::EarlierHost => {
                let model: &[&str] = match (self, pace) {
                    (Self::CoalescingHost, _) => &["--tps", FIXED_RATE, "--coalesce", "1ms"],
                    (_, ToolPace::Fixed) => &["--tps", FIXED_RATE],
                    (_, ToolPace::FlatOut) => &["--vus", CONNECTIONS],
                };
                command
                    .arg("run")
                    .arg(lean("plain-get"))
                    .args(["--target", url, "--duration", &duration])
                    .args(model)
            }
        };
        Ok(command)
    }

    fn run(self, pace: ToolPace, nginx: &Nginx, seconds: u32) -> anyhow::Result<Sample> {
        let mut command = self.command(pace, &nginx.url(), seconds)?;
        let (requests_before, cpu_before) = (nginx.requests(), cpu_of_children()?);
        let output = command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("can't run {}", self.name()))?;
        let (cpu, requests) = (cpu_of_children()? - cpu_before, nginx.requests() - requests_before);
        // A host that goes flat out is its own limit, and says so by 111.
        let ended_well =
            output.status.success() || (self.is_host() && output.status.code() == Some(111));
        ensure!(
            ended_well,
            "{} failed: {}\n{}",
            self.name(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(requests > 0, "{} sent no request", self.name());
        Ok(Sample {
            cpu_us_per_request: cpu.as_secs_f64() * 1e6 / requests as f64,
            requests_per_second: requests as f64 / f64::from(seconds),
        })
    }
}

/// A guest built without WASI, as those are whose memory counts.
fn lean(name: &str) -> PathBuf {
    guest(&format!("lean/{name}"))
}

/// User and system time of all children that have ended and been waited for.
fn cpu_of_children() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(u64::try_from(microseconds.iter().sum::<i64>())?))
}

/// Both comparisons of speed, as tables.
fn speed(rounds: u32, seconds: u32) -> anyhow::Result<String> {
    let nginx = Nginx::start(Some(NGINX_CORE));
    let mut text = String::new();
    for (pace, mut tools, bound) in [
        (ToolPace::FlatOut, vec![Tool::Wrk, Tool::Host, Tool::Oha], BOUND_TO_WRK),
        (ToolPace::Fixed, vec![Tool::Oha, Tool::Host, Tool::CoalescingHost], BOUND_TO_OHA),
    ] {
        tools.extend(std::env::var_os(EARLIER_HOST).map(|_| Tool::EarlierHost));
        let samples = take_turns(pace, &tools, &nginx, rounds, seconds)?;
        let cpu: Vec<Vec<f64>> = samples
            .iter()
            .map(|runs| runs.iter().map(|run| run.cpu_us_per_request).collect())
            .collect();
        let rate: Vec<Vec<f64>> = samples
            .iter()
            .map(|runs| runs.iter().map(|run| run.requests_per_second).collect())
            .collect();
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
            let (to_cpu, to_rate) = (
                Estimate::of_ratios(&cpu[i], &cpu[0], SEED),
                Estimate::of_ratios(&rate[i], &rate[0], SEED),
            );
            writeln!(
                text,
                "| {} | {:.1} | {} | {:.0} | {} |",
                tool.name(),
                median(&cpu[i]),
                shown(to_cpu),
                median(&rate[i]),
                shown(to_rate)
            )?;
        }
        text.push('\n');
        for (i, tool) in tools.iter().enumerate().filter(|(_, tool)| tool.is_ours()) {
            let judgement = Estimate::of_ratios(&cpu[i], &cpu[0], SEED).judge(bound);
            let (tool, reached) = (tool.name(), word(judgement));
            writeln!(text, "CPU per request of {tool} at most {bound} × {reference}: {reached}.")?;
        }
        if let Some(earlier) = tools.iter().position(|tool| *tool == Tool::EarlierHost) {
            let ratio = Estimate::of_ratios(&cpu[1], &cpu[earlier], SEED);
            writeln!(text, "CPU per request to that of the earlier host: {}.", shown(ratio))?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// For each tool, its samples by round. The first of each is thrown away: it fills caches, the
/// host's compiled scenario among them.
fn take_turns(
    pace: ToolPace,
    tools: &[Tool],
    nginx: &Nginx,
    rounds: u32,
    seconds: u32,
) -> anyhow::Result<Vec<Vec<Sample>>> {
    let mut samples: Vec<Vec<Sample>> = tools.iter().map(|_| Vec::new()).collect();
    for tool in tools {
        tool.run(pace, nginx, 1)?;
    }
    for round in 0..rounds as usize {
        for turn in 0..tools.len() {
            let i = (round + turn) % tools.len();
            let sample = tools[i].run(pace, nginx, seconds)?;
            let Sample { cpu_us_per_request, requests_per_second } = sample;
            writeln!(
                io::stderr(),
                "round {}: {:>12} {cpu_us_per_request:6.2} µs/request {requests_per_second:8.0}/s",
                round + 1,
                tools[i].name()
            )?;
            samples[i].push(sample);
        }
    }
    Ok(samples)
}

/// What a virtual user weighs, as a table. Where the machine does not let the host have that many,
/// the host's own words stand beneath.
///
/// The resident set counts a page once for every place it is mapped to, so what all users share of
/// the scenario's data counts for each of them; the proportional set, beside it, divides such a
/// page by how many share it, and is what the machine really spends.
fn memory() -> anyhow::Result<String> {
    let nginx = Nginx::start(Some(NGINX_CORE));
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

/// The machine and the day, for the table's head.
fn machine() -> anyhow::Result<String> {
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let names: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim())
        .collect();
    let date = Command::new("date").arg("+%Y-%m-%d").output()?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    Ok(format!(
        "Measured on {date}: {} × {}, nginx on core {NGINX_CORE}, the generator on core \
        {GENERATOR_CORE}.\n",
        names.len(),
        names.first().unwrap_or(&"unknown")
    ))
}

fn shown(estimate: Estimate) -> String {
    let Estimate { median, low, high } = estimate;
    format!("{median:.2} ({low:.2} to {high:.2})")
}

fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Reached => "reached",
        Judgement::Missed => "missed",
        Judgement::Undecided => "undecided",
    }
}
