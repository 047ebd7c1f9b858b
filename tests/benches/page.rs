//! The page of a made-up hour at 5,000 transactions a second with three names: what it weighs, how
//! soon a browser has it on the screen, and how soon a selection is reckoned. Run it by
//! `cargo xtask bench page`.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Parser;
use serde_json::json;
use swell_core::RunInstant;
use swell_core::exchange::{Exchange, Phase, Phases, Protocol};
use swell_core::random::Random;
use swell_core::record::{
    Cause, KindId, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
};
use swell_report::record::{
    Entry, FIRST_BYTES, Frame, Mark, MarkKind, Moment, RecordHeader, to_bytes,
};
use swell_report::{RunState, Status};
use swell_tests::Host;

const NAMES: [&str; 3] = ["front page", "search", "checkout"];

#[derive(Parser)]
struct Args {
    /// Seconds of the run
    #[arg(long, default_value_t = 3_600)]
    seconds: u64,

    /// Transactions a second
    #[arg(long, default_value_t = 5_000)]
    tps: u64,

    /// Where the page is written; by default nowhere for long
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { seconds, tps, out, .. } = Args::parse();
    ensure!(seconds > 0 && tps > 0, "a run takes a second and does something");
    let folder = tempfile::tempdir()?;
    let record = folder.path().join("hour.swell");
    write_record(&record, seconds, tps).context("cannot write the record")?;
    let page = out.unwrap_or_else(|| folder.path().join("hour.html"));
    let told = Host::new("report")
        .arg(&record)
        .arg("--out")
        .arg(format!("html={}", page.display()))
        .deadline(Duration::from_secs(600))
        .finish()
        .expect_code(0);
    ensure!(page.is_file(), "no page was written: {}", told.stderr);
    let mut stdout = io::stdout();
    let megabytes = |path: &Path| path.metadata().map(|file| file.len() as f64 / 1e6);
    writeln!(stdout, "record: {:.1} MB", megabytes(&record)?)?;
    writeln!(stdout, "report: {:.1} MB, to be at most 12", megabytes(&page)?)?;
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/web");
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "measure", "--"]).arg(page.canonicalize()?).current_dir(web);
    let measured = npm.status().context("`cargo xtask page` has not installed npm")?;
    ensure!(measured.success(), "the page could not be measured");
    Ok(())
}

fn write_record(path: &Path, seconds: u64, tps: u64) -> anyhow::Result<()> {
    let header: RecordHeader = serde_json::from_value(json!({
        "schema": "swell.record/1",
        "name": "hour",
        "id": "hour",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": 1,
        "scenario": "shop",
        "file": "shop.wasm",
        "file_hash": "none",
        "target": "http://shop.example",
        "model": format!("open model, {tps}/s transactions, at most 10,000 users"),
        "asked_per_second": tps,
        "grace_seconds": 30.0,
        "timeout_seconds": 60.0,
        "traceparent": false,
        "hold_seconds": null,
        "began_at": 1_795_000_000.0,
        "command": ["host", "run", "shop.wasm", "--tps", tps.to_string()],
        "settings": [],
        "warm_up_seconds": 0.0,
        "measured_seconds": seconds,
        "thresholds": [],
        "objectives": [],
        "host": { "name": "made-up", "cores": 4, "system": "linux x86_64" },
    }))?;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(FIRST_BYTES)?;
    file.write_all(&to_bytes(&Entry::Header(Box::new(header))))?;
    let mut recorder = Recorder::new(RunInstant::START);
    let names = NAMES.map(|name| recorder.define(name).expect("a legal name"));
    let mut random = Random::stream(14, 1);
    for second in 0..seconds {
        let frame = frame(&mut recorder, names, &mut random, (second, seconds), tps);
        file.write_all(&to_bytes(&Entry::Frame(Box::new(frame))))?;
        if second == seconds * 3 / 5 {
            let text = "by the service: all users are under way".to_owned();
            let mark = Mark { at: at(second), kind: MarkKind::Limited, text };
            file.write_all(&to_bytes(&Entry::Mark(mark)))?;
        }
    }
    file.flush()?;
    Ok(())
}

fn at(second: u64) -> RunInstant {
    RunInstant::START + Duration::from_secs(second)
}

/// A second of a service that saturates for a while: waiting grows, and some requests fail.
fn frame(
    recorder: &mut Recorder,
    names: [KindId; 3],
    random: &mut Random,
    (second, seconds): (u64, u64),
    tps: u64,
) -> Frame {
    let place = second as f64 / seconds as f64;
    let knee = ((place - 0.6) / 0.15 * std::f64::consts::PI).sin();
    let knee = if (0.6..0.75).contains(&place) { knee } else { 0.0 };
    for number in 0..tps {
        let kind = (number % 3) as usize;
        let intended = at(second) + Duration::from_nanos(number * 1_000_000_000 / tps);
        let lag = Duration::from_nanos(20_000 + random.below(60_000));
        let waits = Duration::from_secs_f64(knee * 2.0 * (0.5 + 0.5 * random.unit()));
        let law = (0.5 * normal(random)).exp() * (1.0 + 4.0 * knee);
        let base = 0.006 * [1.0, 2.8, 5.2][kind];
        let started = intended + lag + waits;
        let ended = started + Duration::from_secs_f64(base * law);
        recorder.begun(names[kind], intended, true);
        let fails = random.unit() < 0.0005 + 0.02 * knee;
        let cause = Cause::Status(503);
        let end = if fails { TransactionEnd::Failed(&cause) } else { TransactionEnd::Ok };
        let times = TransactionTimes { intended, parked_at: intended, started, ended };
        recorder.ended(names[kind], &times, true, end);
        let mut phases = Phases::default();
        phases.add(Phase::Sending, Duration::from_nanos(20_000 + random.below(9_000)));
        phases.add(Phase::Waiting, Duration::from_secs_f64(base * law * 0.9));
        phases.add(Phase::Receiving, Duration::from_nanos(40_000 + random.below(90_000)));
        let exchange = Exchange {
            protocol: Protocol::Http,
            result: Ok(if fails { 503 } else { 200 }),
            phases,
            written: 1,
            reconnects: 0,
            connections: 0,
            body_bytes: 4_096,
        };
        recorder.exchange(RunPhase::Measured, &exchange, !fails);
    }
    recorder.loop_delay(at(second), Duration::from_micros(20 + random.below(200)));
    let users = 300 + (knee * 3_000.0) as u64;
    let status = Status { phase: RunState::Measuring, users, ..Status::default() };
    Frame {
        from: at(second),
        until: at(second + 1),
        counted: recorder.take_window(at(second + 1), Snapshot::default()),
        moment: Moment::of(&status),
    }
}

/// A number of the normal law, by Box and Muller.
fn normal(random: &mut Random) -> f64 {
    let (one, other) = (random.unit(), random.unit());
    (-2.0 * (1.0 - one).ln()).sqrt() * (2.0 * std::f64::consts::PI * other).cos()
}
