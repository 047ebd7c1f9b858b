//! How well five hosts share a load, and how soon they bear it again when one is lost, stopped or
//! added. Run it by `cargo xtask bench cluster`.
//!
//! Each host is in a place of its own on a network of this machine, the target in another. What is
//! judged is what the target saw: who asked when. All share the cores that there are, so figures of
//! time are those of a crowded machine, and upper bounds of what hosts on machines of their own
//! show.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use rustix::process::Signal;
use swell_tests::{
    ArrivalTimes, Behaviour, Finished, Host, ProvingGround, Relay, RelayWeather, Running, Target,
    TargetSettings, alone, free_address,
};

#[derive(Parser)]
struct Args {
    /// Transactions a second, of all hosts together
    #[arg(long, default_value_t = 5_000)]
    tps: u32,

    /// How often each misfortune is tried
    #[arg(long, default_value_t = 5)]
    rounds: u32,

    /// What to measure, if not all
    #[arg(long = "only", value_enum)]
    parts: Vec<BenchPart>,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum BenchPart {
    Steady,
    Crowds,
    Starts,
    Kills,
    Stops,
    Joins,
    Losses,
}

const HOSTS: usize = 5;
/// The place of the host to which things happen.
const VICTIM: usize = 4;
/// Of each host where many are led: few enough for one machine to bear all of them.
const TPS_IN_CROWD: usize = 20;
const SECOND: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let Args { tps, rounds, parts, .. } = Args::parse();
    ensure!(tps > 0 && rounds > 0, "there is nothing to measure");
    let mut table = Printout {
        text: format!("| {HOSTS} hosts, {tps}/s in all | goal | measured |\n|---|--:|--:|\n"),
        verdicts: Vec::new(),
    };
    for part in if parts.is_empty() { BenchPart::value_variants() } else { &parts } {
        match part {
            BenchPart::Steady => steady(tps, &mut table)?,
            BenchPart::Crowds => crowds(&mut table)?,
            BenchPart::Starts => starts(rounds, &mut table)?,
            BenchPart::Kills => kills(tps, rounds, &mut table)?,
            BenchPart::Stops => stops(tps, rounds, &mut table)?,
            BenchPart::Joins => joins(tps, rounds, &mut table)?,
            BenchPart::Losses => losses(rounds, &mut table)?,
        }
    }
    let invalid = table.verdicts.iter().filter(|verdict| *verdict == "INVALID").count();
    let of = format!("{invalid} of {}", table.verdicts.len());
    table.add(
        "runs in which this machine, by the hosts' own verdict, was too slow for the load",
        "0",
        &of,
    );
    writeln!(io::stdout(), "\n{}", table.text)?;
    Ok(())
}

/// What is printed in the end, and what hosts said of their own runs.
struct Printout {
    text: String,
    verdicts: Vec<String>,
}

impl Printout {
    /// Takes note of a run that is over, and tells those who watch the bench.
    fn saw(&mut self, what: &str, finished: &Finished) {
        let stamp = finished.json_at("/verdict/stamp").as_str().unwrap_or_default().to_owned();
        say(&format!("{what}; {stamp}, exit code {:?}", finished.code));
        self.verdicts.push(stamp);
    }

    fn add(&mut self, what: &str, goal: &str, measured: &str) {
        let row = format!("| {what} | {goal} | {measured} |");
        say(&row);
        self.text.extend([&row, "\n"]);
    }
}

fn ground() -> anyhow::Result<ProvingGround> {
    ProvingGround::start(HOSTS, Behaviour::constant(1.0)).context("a bench of hosts needs networks")
}

/// Says how a run is going to those who watch the bench.
fn say(text: &str) {
    // That nobody can read it is no reason to stop.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A run without misfortune.
fn steady(tps: u32, table: &mut Printout) -> anyhow::Result<()> {
    let ground = ground()?;
    let (lead, nodes) = ground.share("plain-get", &format!("--tps {tps} --duration 12s"));
    ground.wait_for_requests(u64::from(tps));
    let hosts: Vec<&Running> = std::iter::once(&lead).chain(&nodes).collect();
    let before = hosts.iter().map(|host| CpuTime::of(host)).collect::<anyhow::Result<Vec<_>>>()?;
    let began = Instant::now();
    ground.wait(10 * SECOND);
    let looked_on = began.elapsed();
    let after = hosts.iter().map(|host| CpuTime::of(host)).collect::<anyhow::Result<Vec<_>>>()?;
    let shares: Vec<f64> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| after.cluster_share_since(before))
        .collect();
    let finished = lead.wait();
    nodes.into_iter().for_each(|node| drop(node.wait()));
    table.saw("steady", &finished);

    let arrivals = ground.arrivals();
    let began = arrivals.first();
    let seconds: Vec<f64> = (1..11)
        .map(|second| arrivals.rate(began + second * SECOND..began + (second + 1) * SECOND))
        .collect();
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let (least, most) = range(&seconds);
    table.add(
        "rate at the target over ten seconds",
        &format!("{tps}/s"),
        &format!("{mean:.0}/s ({:+.2} %)", percent_off(mean, tps)),
    );
    let single = format!("{:+.1} to {:+.1} %", percent_off(least, tps), percent_off(most, tps));
    table.add("single seconds", "", &single);
    let (merged, came) = (finished.count("/requests_written"), ground.target.requests());
    table.add("requests: merged, and counted by the target", "equal", &format!("{merged}, {came}"));
    let (_, most) = range(&shares[1..]);
    let of_core = (after[0].cluster_ns - before[0].cluster_ns) / looked_on.as_nanos() as f64;
    let measured = format!(
        "{:.1} %; {:.1} % on the first host, of a core {:.1} %",
        most * 100.0,
        shares[0] * 100.0,
        of_core * 100.0
    );
    table.add("the cluster's thread, of a host's processor time, at most", "3 %", &measured);
    Ok(())
}

/// What it takes to lead few hosts and many, for one that does nothing else.
fn crowds(table: &mut Printout) -> anyhow::Result<()> {
    for hosts in [4, 16, 64] {
        let ground = ground()?;
        let tps = hosts * TPS_IN_CROWD;
        let args = format!("--tps {tps} --duration 20s --weight 0 --hosts {}", hosts + 1);
        let (lead, invitation) = ground.lead("plain-get", &args);
        let place = |number: usize| number % (HOSTS - 1) + 1;
        let nodes: Vec<Running> = (0..hosts)
            .map(|number| ground.host(place(number), Host::new("node").args(&invitation)))
            .collect();
        ground.wait_for_requests(5 * tps as u64);
        let (before, bytes, began) = (CpuTime::of(&lead)?, received(&lead)?, Instant::now());
        ground.wait(10 * SECOND);
        let (after, bytes, seconds) =
            (CpuTime::of(&lead)?, received(&lead)? - bytes, began.elapsed().as_secs_f64());
        let finished = lead.wait();
        nodes.into_iter().for_each(|node| drop(node.wait()));
        table.saw(&format!("{hosts} hosts"), &finished);
        let of_core = (after.cluster_ns - before.cluster_ns) / 1e9 / seconds;
        let measured =
            format!("{:.1} %, {:.1} kB/s", of_core * 100.0, bytes as f64 / 1e3 / seconds);
        table.add(
            &format!("to lead {hosts} hosts of {TPS_IN_CROWD}/s each: of a core; what comes"),
            "",
            &measured,
        );
    }
    Ok(())
}

/// Bytes that have come to a host's place from others.
fn received(host: &Running) -> anyhow::Result<u64> {
    let devices = std::fs::read_to_string(format!("/proc/{}/net/dev", host.pid()))?;
    let others = devices
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(device, _)| device.trim() != "lo");
    let first = |figures: &str| {
        figures.split_whitespace().next().and_then(|bytes| bytes.parse::<u64>().ok())
    };
    others
        .map(|(_, figures)| first(figures))
        .sum::<Option<u64>>()
        .context("the kernel counts no bytes")
}

/// How far apart hosts begin: in the closed model all have something to start at once.
fn starts(rounds: u32, table: &mut Printout) -> anyhow::Result<()> {
    let mut spreads = Vec::new();
    for _ in 0..rounds {
        let ground = ProvingGround::start(HOSTS, Behaviour::constant(50.0))
            .context("a bench of hosts needs networks")?;
        let (lead, nodes) = ground.share("plain-get", &format!("--vus {HOSTS} --duration 1s"));
        lead.wait();
        nodes.into_iter().for_each(|node| drop(node.wait()));
        let firsts: Vec<f64> = (0..HOSTS)
            .map(|place| ground.arrivals_from(place).first().as_secs_f64() * 1e3)
            .collect();
        let (first, last) = range(&firsts);
        say(&format!("start: {:.1} ms", last - first));
        spreads.push(last - first);
    }
    table.add(
        "first requests of all hosts come within",
        "5 ms",
        &median_and_most(&spreads, 1, " ms"),
    );
    Ok(())
}

/// A host is killed.
fn kills(tps: u32, rounds: u32, table: &mut Printout) -> anyhow::Result<()> {
    let (mut recovered, mut peaks, mut widths, mut contained) =
        (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let ground = ground()?;
        let (lead, mut nodes) = ground.share("plain-get", &format!("--tps {tps} --duration 12s"));
        settle(&ground, tps);
        let victim = nodes.remove(VICTIM - 1);
        let killed = ground.target.age();
        victim.signal(Signal::KILL);
        let finished = lead.wait();
        nodes.into_iter().for_each(|node| drop(node.wait()));
        let arrivals = ground.arrivals();
        recovered.push(full_again(&arrivals, killed, tps).as_secs_f64());
        peaks.push(arrivals.since(killed).most_in(SECOND) as f64 / f64::from(tps) * 100.0);
        let (least, most) = unknown(&finished);
        let (merged, came) =
            (finished.count("/measured/transactions/started"), ground.target.requests());
        widths.push((most - least) as f64);
        contained += u32::from((merged + least..=merged + most).contains(&came));
        let seconds = recovered.last().copied().unwrap_or_default();
        table.saw(
            &format!(
                "kill: full again after {seconds:.2} s; {merged} merged + {least} to \
        {most}, {came} came"
            ),
            &finished,
        );
    }
    table.add(
        "a host is killed: the rate is full again after",
        "2 s",
        &median_and_most(&recovered, 2, " s"),
    );
    table.add(
        "most in any second from then on, of the rate",
        "101 %",
        &median_and_most(&peaks, 1, " %"),
    );
    let widest = f64::from(tps) / HOSTS as f64 * 1.7;
    table.add(
        "width of the interval that is declared unknown",
        &format!("{widest:.0}"),
        &median_and_most(&widths, 0, ""),
    );
    table.add(
        "it contains what the target counted",
        &format!("{rounds} of {rounds}"),
        &format!("{contained} of {rounds}"),
    );
    Ok(())
}

/// A host is stopped for five seconds.
fn stops(tps: u32, rounds: u32, table: &mut Printout) -> anyhow::Result<()> {
    let (mut early, mut exact) = (Vec::new(), 0);
    for _ in 0..rounds {
        let ground = ground()?;
        let (lead, nodes) = ground.share("plain-get", &format!("--tps {tps} --duration 16s"));
        settle(&ground, tps);
        nodes[VICTIM - 1].signal(Signal::STOP);
        ground.wait(5 * SECOND);
        let woken = ground.target.age();
        nodes[VICTIM - 1].signal(Signal::CONT);
        let finished = lead.wait();
        nodes.into_iter().for_each(|node| drop(node.wait()));
        // Shares that come back are announced longer than this before they are in force.
        let starts = ground.arrivals_from(VICTIM).count(woken..woken + Duration::from_millis(300));
        early.push(starts as f64);
        exact += u32::from(finished.count("/requests_written") == ground.target.requests());
        table.saw(&format!("stop: {starts} starts right after waking"), &finished);
    }
    table.add(
        "a host is stopped for 5 s: starts without a lease when it wakes",
        "0",
        &median_and_most(&early, 0, ""),
    );
    table.add(
        "merged is what the target counted",
        &format!("{rounds} of {rounds}"),
        &format!("{exact} of {rounds}"),
    );
    Ok(())
}

/// A host comes while the run goes on.
fn joins(tps: u32, rounds: u32, table: &mut Printout) -> anyhow::Result<()> {
    let mut waited = Vec::new();
    for _ in 0..rounds {
        let ground = ground()?;
        let (lead, invitation) =
            ground.lead("plain-get", &format!("--tps {tps} --duration 9s --hosts {}", HOSTS - 1));
        let start = |place: usize| ground.host(place, Host::new("node").args(&invitation));
        let mut nodes: Vec<Running> = (1..HOSTS - 1).map(start).collect();
        ground.wait_for_requests(2 * u64::from(tps));
        let began = ground.target.age();
        nodes.push(start(VICTIM));
        let finished = lead.wait();
        nodes.into_iter().for_each(|node| drop(node.wait()));
        let seconds = (ground.arrivals_from(VICTIM).first() - began).as_secs_f64();
        table.saw(&format!("join: {seconds:.2} s"), &finished);
        waited.push(seconds);
    }
    table.add(
        "a host is started in the midst of a run: its first request after",
        "3 s",
        &median_and_most(&waited, 2, " s"),
    );
    Ok(())
}

/// Hosts whose packets are lost, one in twenty, both ways: for ten minutes in thirty rounds. They
/// are on loopback, where the relays are that lose them.
fn losses(rounds: u32, table: &mut Printout) -> anyhow::Result<()> {
    let _alone = alone();
    let target = Target::start(TargetSettings {
        behaviour: Behaviour::constant(1.0),
        ..TargetSettings::default()
    })?;
    let lasts = 20 * rounds;
    let deadline = SECOND * (lasts + 120);
    let listen = free_address();
    let args = format!("--tps 500 --duration {lasts}s --listen {listen} --hosts {HOSTS}");
    let lead =
        Host::run_guest("plain-get").target(target.url()).args(&args).deadline(deadline).start();
    let invitation = lead.invitation();
    let (_, token) = invitation.split_once(" --token ").context("nobody is invited")?;
    let weather = || RelayWeather {
        loss: 0.05,
        doubled: 0.0,
        delay: Duration::from_millis(1),
        jitter: Duration::from_millis(100),
    };
    let join = |seed: usize| {
        let relay = Relay::start(listen, weather(), seed as u64);
        let node =
            Host::new("node").args(&format!("--coordinator {} --token {token}", relay.addr()));
        (relay, node.deadline(deadline).start())
    };
    let nodes: Vec<(Relay, Running)> = (1..HOSTS).map(join).collect();
    let finished = lead.wait();
    let mut lost = 0;
    for (relay, node) in nodes {
        node.wait();
        lost += relay.fates().lost;
    }
    table.saw(&format!("{lost} packets lost"), &finished);
    let hosts = finished.json_at("/hosts").as_array().map(Vec::as_slice).unwrap_or_default();
    let times: u64 = hosts.iter().filter_map(|host| host["times_lost"].as_u64()).sum();
    table.add(
        &format!("{lost} packets in {lasts} s are lost, one in twenty: hosts are taken for lost"),
        "0",
        &format!("{times} times"),
    );
    let (merged, came) = (finished.count("/requests_written"), target.seen().requests);
    table.add("requests: merged, and counted by the target", "equal", &format!("{merged}, {came}"));
    Ok(())
}

/// Waits, for some seconds at most, until a second has gone as it should. On a crowded machine
/// beginnings are rough: users that are made by thousands, and requests that are still under way
/// when a host is stopped.
fn settle(ground: &ProvingGround, tps: u32) {
    let piece = SECOND / 10;
    ground.wait_for_requests(2 * u64::from(tps));
    for _ in 0..40 {
        let (arrivals, now) = (ground.arrivals(), ground.target.age());
        let is_smooth = |back: u32| {
            percent_off(arrivals.rate(now - piece * (back + 1)..now - piece * back), tps).abs()
                < 10.0
        };
        if (0..10).all(is_smooth) {
            return;
        }
        ground.wait(piece);
    }
}

/// The longest piece of time whose count tells a missing host from chance.
const PIECE: Duration = Duration::from_millis(200);

/// The time from an instant to when the rate is whole again: the middle of the last piece of time,
/// within four seconds, in which half a host is missing.
fn full_again(arrivals: &ArrivalTimes, since: Duration, tps: u32) -> Duration {
    let wanted = f64::from(tps) * (1.0 - 0.5 / HOSTS as f64);
    let mut latest_first = (0..400).rev().map(|step| Duration::from_millis(step * 10));
    let lacks = |from: &Duration| arrivals.rate(since + *from..since + *from + PIECE) < wanted;
    latest_first.find(lacks).map_or(Duration::ZERO, |from| from + PIECE / 2)
}

/// What is declared unknown, of all hosts together.
fn unknown(finished: &Finished) -> (u64, u64) {
    let hosts = finished.json_at("/hosts").as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |key: &str| hosts.iter().filter_map(|host| host[key].as_u64()).sum();
    (sum("unknown_least"), sum("unknown_most"))
}

/// Processor time of a process' living threads.
struct CpuTime {
    cluster_ns: f64,
    all_ns: f64,
}

impl CpuTime {
    fn of(host: &Running) -> anyhow::Result<Self> {
        let mut time = Self { cluster_ns: 0.0, all_ns: 0.0 };
        for task in std::fs::read_dir(format!("/proc/{}/task", host.pid()))? {
            let folder = task?.path();
            // The first number is nanoseconds on a processor.
            let stat = std::fs::read_to_string(folder.join("schedstat"))
                .context("the kernel tells no times of threads")?;
            let ns: f64 = stat.split_whitespace().next().unwrap_or_default().parse()?;
            time.all_ns += ns;
            if std::fs::read_to_string(folder.join("comm"))?.trim() == "swell-cluster" {
                time.cluster_ns += ns;
            }
        }
        Ok(time)
    }

    fn cluster_share_since(&self, before: &Self) -> f64 {
        (self.cluster_ns - before.cluster_ns) / (self.all_ns - before.all_ns)
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    (
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    )
}

fn percent_off(rate: f64, tps: u32) -> f64 {
    (rate / f64::from(tps) - 1.0) * 100.0
}

fn median_and_most(values: &[f64], digits: usize, unit: &str) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (median, most) = (sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    format!("{median:.digits$}{unit} (most {most:.digits$}{unit})")
}
