//! Writes the record of a run as fast as it goes, and tells for each hour of the run what that
//! took: bytes of the file, processor time of the thread that writes, memory of the process. Run it
//! by `cargo xtask bench record`.
//!
//! Seconds of ten minutes are made beforehand and come again, each in its time: making them costs
//! far more than writing them down.

#[path = "../../host/outputs/tests/record/second.rs"]
mod second;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use swell_core::RunInstant;
use swell_core::record::{Extent, Snapshot};
use swell_outputs::Outputs;
use swell_report::record::{Entry, Frame, Moment, RecordReader};
use swell_report::{RunState, Status};

/// Seconds that differ from each other.
const DIFFERENT: u64 = 600;
/// Seconds of an hour.
const HOUR: u64 = 3_600;
/// How long the thread that writes may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Args {
    /// Hours of the run
    #[arg(long, default_value_t = 24)]
    hours: u64,

    /// Transactions a second
    #[arg(long, default_value_t = 5_000)]
    tps: u64,

    /// Names of transactions
    #[arg(long, default_value_t = 20)]
    names: u64,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { hours, tps, names, .. } = Args::parse();
    ensure!(hours > 0 && tps > 0 && names > 0, "give at least one hour, transaction and name");
    let seconds: Vec<Snapshot> = (0..DIFFERENT)
        .map(|number| packed(&second::second(number, tps, names)))
        .collect::<anyhow::Result<_>>()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("run.swell");
    let own = [("record", path.display().to_string())];
    let outputs = Outputs::open(&[], &own, &[], |_| Ok(()))?;
    let run = Arc::new(second::header());
    outputs.begin(&run);
    let writer = writer()?;
    let mut out = io::stdout();
    writeln!(out, "| after | file | its frames | writer, of a core | resident |")?;
    writeln!(out, "|--:|--:|--:|--:|--:|")?;
    let mut resident = Vec::new();
    for hour in 0..hours {
        let before = processor_nanos(&writer)?;
        for number in hour * HOUR..(hour + 1) * HOUR {
            outputs.wait_for_room();
            let counted = seconds[(number % DIFFERENT) as usize].clone();
            outputs.frame(&run, &Arc::new(frame(number, counted)));
        }
        let of_a_core = (processor_nanos(&writer)? - before) as f64 / (HOUR as f64 * 1e9);
        resident.push(resident_mib()?);
        writeln!(
            out,
            "| {} h | {:.1} MiB | {} | {:.2} % | {:.1} MiB |",
            hour + 1,
            fs::metadata(&path)?.len() as f64 / f64::from(1 << 20),
            frames(&path)?,
            of_a_core * 100.0,
            resident[hour as usize]
        )?;
    }
    outputs.over(&run, None);
    outputs.end_without_results(&AtomicU64::new(0))?;
    if let Some(slope) = slope(&resident[1..]) {
        writeln!(out, "\nresident memory grows by {slope:.2} MiB an hour from the second hour on")?;
    }
    Ok(())
}

/// The same as another thread or node sent it, which takes less memory.
fn packed(counted: &Snapshot) -> anyhow::Result<Snapshot> {
    Ok(postcard::from_bytes(&postcard::to_stdvec(counted)?)?)
}

fn frame(number: u64, mut counted: Snapshot) -> Frame {
    let (from, until) = (at(number), at(number + 1));
    counted.extent = Some(Extent { from, until });
    let status = Status { phase: RunState::Measuring, users: 60, ..Status::default() };
    Frame { from, until, counted, moment: Moment::of(&status) }
}

fn at(seconds: u64) -> RunInstant {
    RunInstant::START + Duration::from_secs(seconds)
}

/// The folder of the kernel about the thread that writes, which gives itself its name as it begins.
fn writer() -> anyhow::Result<PathBuf> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        for thread in fs::read_dir("/proc/self/task")? {
            let thread = thread?.path();
            if fs::read_to_string(thread.join("comm"))?.trim() == "record" {
                return Ok(thread);
            }
        }
        std::thread::yield_now();
    }
    anyhow::bail!("no thread writes")
}

/// Nanoseconds that this thread has been on a processor.
fn processor_nanos(thread: &Path) -> anyhow::Result<u64> {
    let times = fs::read_to_string(thread.join("schedstat"))?;
    Ok(times.split_whitespace().next().context("the kernel says nothing")?.parse()?)
}

fn resident_mib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    Ok(kib.context("the kernel says nothing")?.parse::<f64>()? / 1024.0)
}

fn frames(path: &Path) -> anyhow::Result<usize> {
    let (mut reader, _) = RecordReader::open(io::BufReader::new(fs::File::open(path)?))?;
    let mut frames = 0;
    while let Ok(Some(entry)) = reader.entry() {
        frames += usize::from(matches!(entry, Entry::Frame(_)));
    }
    Ok(frames)
}

/// By how much a figure grows from one to the next, by least squares; nothing of fewer than three.
fn slope(figures: &[f64]) -> Option<f64> {
    let count = figures.len() as f64;
    let (mean_place, mean) = ((count - 1.0) / 2.0, figures.iter().sum::<f64>() / count);
    let off = |place: usize| place as f64 - mean_place;
    let rises = figures.iter().enumerate().map(|(place, figure)| off(place) * (figure - mean));
    let spread: f64 = (0..figures.len()).map(|place| off(place).powi(2)).sum();
    (figures.len() > 2).then(|| rises.sum::<f64>() / spread)
}
