//! Compares equal runs of one nginx, and counts how often `host compare` says that they differ. Run
//! it by `cargo xtask bench compare`.
//!
//! Nothing is changed between any two runs, so each difference that is told is a false one: of a
//! pair of runs it may be true of these two, and what is told of five runs a side is said of the
//! service.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Parser;
use serde_json::Value;
use swell_tests::{Host, Nginx, guest};

/// Where nginx runs; the generator has the other cores.
const NGINX_CORE: u32 = 1;
/// Runs of a side, of which something is said of the service.
const SIDE: usize = 5;

#[derive(Parser)]
struct Args {
    /// Pairs of runs
    #[arg(long, default_value_t = 40)]
    pairs: usize,

    /// Seconds for each run
    #[arg(long, default_value_t = 12)]
    seconds: u32,

    /// Transactions a second
    #[arg(long, default_value_t = 500)]
    tps: u32,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { pairs, seconds, tps, .. } = Args::parse();
    ensure!(pairs > 0 && seconds >= 10, "give at least one pair of runs of ten seconds");
    let folder = tempfile::tempdir()?;
    let nginx = Nginx::start(Some(NGINX_CORE));
    let run = |number: usize| -> anyhow::Result<PathBuf> {
        let record = folder.path().join(format!("{number}.swell"));
        let ran = Host::run_file(&guest("plain-get"))
            .target(nginx.url())
            .args(&format!("--tps {tps} --duration {seconds}s --warmup 2s --accept invalid"))
            .arg("--record")
            .arg(&record)
            .finish()
            .expect_code(0);
        let p95 = ran.number("/measured/transactions/response_ms/p95");
        writeln!(io::stderr(), "run {}: p95 {p95:.3} ms", number + 1)?;
        Ok(record)
    };
    let records: Vec<PathBuf> = (0..pairs * 2).map(run).collect::<anyhow::Result<_>>()?;
    let mut out = io::stdout();
    // The runs of a pair followed one another, and so did those of two sides in turn.
    let of_pairs = records.chunks_exact(2).map(|pair| (&pair[..1], &pair[1..]));
    tell(&mut out, "one run against one", of_pairs)?;
    let sides: Vec<(Vec<PathBuf>, Vec<PathBuf>)> = records
        .chunks_exact(2 * SIDE)
        .map(|some| {
            let side = |first| some.iter().skip(first).step_by(2).cloned().collect();
            (side(0), side(1))
        })
        .collect();
    let sides = sides.iter().map(|(a, b)| (&a[..], &b[..]));
    tell(&mut out, "five runs against five, taken in turn", sides)
}

/// How many comparisons say of any figure, and of p95, that it differs.
fn tell<'a>(
    out: &mut impl io::Write,
    what: &str,
    sides: impl Iterator<Item = (&'a [PathBuf], &'a [PathBuf])>,
) -> anyhow::Result<()> {
    let (mut all, mut any, mut p95) = (0, 0, 0);
    for (a, b) in sides {
        let said = compared(a, b);
        let rows = said["figures"].as_array().expect("a comparison has figures");
        let differs = |row: &&Value| row["finding"] == "differs";
        all += 1;
        any += u32::from(rows.iter().any(|row| differs(&row)));
        let leads = rows.iter().find(|row| row["figure"] == "response.p95");
        p95 += u32::from(leads.filter(differs).is_some());
    }
    writeln!(
        out,
        "{what}: of {all} comparisons {any} say that a figure differs, {p95} that p95 does"
    )?;
    Ok(())
}

fn compared(a: &[PathBuf], b: &[PathBuf]) -> Value {
    let side = |runs: &[PathBuf]| {
        runs.iter().map(|run: &PathBuf| shown(run)).collect::<Vec<_>>().join(",")
    };
    let said = Host::new("compare").arg(side(a)).arg(side(b)).args("--out json=-").finish();
    serde_json::from_str(&said.expect_code(0).stdout).expect("stdout has JSON alone")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
