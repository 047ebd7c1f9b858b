//! Compares the host with others on each kind of traffic, and weighs what it does when it does
//! next to nothing. Run it by `cargo xtask bench kinds`.
//!
//! nginx has a core to itself and so has the generator, and the tools take turns. What goes at a
//! rate is measured by slope, a long run less a short one, so that beginning and ending are left
//! out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Parser;
use swell_tests::statistics::{Estimate, median};
use swell_tests::turns::{
    Contender, SERVICE_CORE, Turn, cpu_ratio, machine, on_its_core, take_turns,
};
use swell_tests::{Host, Nginx, NginxKinds, guest};

const SEED: u64 = 2026;
const CONNECTIONS: &str = "64";

/// What of a run at a rate is measured: what the longer has more than the shorter, in seconds.
const LONG: u32 = 30;
const SHORT: u32 = 10;

/// What wrk does when it makes each request itself, as a scenario does.
const GET_LUA: &str = r#"
request = function()
  return wrk.format("GET", "/")
end
"#;

/// What wrk does with JSON, as the scenario does: makes it, and looks into what comes back.
const POST_LUA: &str = r#"
request = function()
  local headers = { ["Content-Type"] = "application/json" }
  return wrk.format("POST", "/", headers, '{"item":"' .. string.rep("x", 1013) .. '"}')
end
response = function(status, headers, body)
  if not string.find(body, '"accepted":true', 1, true) then error("not accepted") end
end
"#;

#[derive(Parser)]
struct Args {
    /// Runs of each tool
    #[arg(long, default_value_t = 15)]
    rounds: u32,

    /// Seconds for each run that goes as fast as it can
    #[arg(long, default_value_t = 3)]
    seconds: u32,

    /// What to measure, if not all
    #[arg(long)]
    only: Vec<String>,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A row of the table: two that are compared, and what is asked for.
struct Row<'a> {
    part: &'a str,
    what: &'a str,
    host: Contender<'a>,
    other: Contender<'a>,
    /// CPU of a request, to the other's.
    bound: f64,
    /// Whether it goes at a rate, and is measured by slope.
    paced: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { rounds, seconds, only, .. } = Args::parse();
    ensure!(rounds > 0 && seconds > 0, "give at least one round of one second");
    let wanted = |part: &str| only.is_empty() || only.iter().any(|only| only == part);
    let (nginx, kinds) = Nginx::of_all_kinds(SERVICE_CORE);
    let folder = tempfile::tempdir()?;
    let lua = |name: &str, text: &str| {
        let script = folder.path().join(name);
        std::fs::write(&script, text).map(|()| script.display().to_string())
    };
    let programs = Programs {
        host: std::env::var_os("SWELL_HOST_BIN").context("SWELL_HOST_BIN is not set")?.into(),
        oha: std::env::var_os("SWELL_OHA").context("SWELL_OHA is not set")?.into(),
        get_lua: lua("get.lua", GET_LUA)?,
        post_lua: lua("post.lua", POST_LUA)?,
    };
    let mut report = format!("{}\n", machine()?);
    let rows = programs.rows(&nginx, &kinds);
    let rows: Vec<&Row> = rows.iter().filter(|row| wanted(row.part)).collect();
    if !rows.is_empty() {
        report += "| | host | other | CPU of a request, to the other's (95 % interval) | bound \
            |\n|---|--:|--:|--:|--:|\n";
    }
    for row in rows {
        report += &compared(row, &nginx, rounds, seconds)?;
    }
    if wanted("pulse") {
        report += &pulse(&programs, &nginx, rounds)?;
    }
    if wanted("lag") {
        report += &lag(&nginx, rounds)?;
    }
    if wanted("calls") {
        report += &calls(&programs, &nginx)?;
    }
    writeln!(io::stdout(), "\n{report}")?;
    Ok(())
}

/// What is run, beside wrk and h2load, which stand in the path.
struct Programs {
    host: PathBuf,
    oha: PathBuf,
    /// Scripts for wrk.
    get_lua: String,
    post_lua: String,
}

impl Programs {
    fn rows<'a>(&'a self, nginx: &Nginx, kinds: &'a NginxKinds) -> Vec<Row<'a>> {
        let wrk = |args: Vec<String>| Contender {
            name: "wrk",
            command: Box::new(move |seconds| {
                let mut command = on_its_core("wrk");
                command.args(["-t", "1", "-c", CONNECTIONS, "-d", &format!("{seconds}s")]);
                command.args(&args);
                command
            }),
            ends_well_with: &[],
        };
        let slowly = |part, what, rate: &'static str| Row {
            part,
            what,
            host: self.host("plain-get", &nginx.url(), vec!["--tps", rate]),
            other: self.oha(&nginx.url(), vec!["-q", rate, "--latency-correction"]),
            bound: 1.3,
            paced: true,
        };
        let flat_out =
            |part, what, host, other, bound| Row { part, what, host, other, bound, paced: false };
        let users = vec!["--vus", CONNECTIONS];
        vec![
            flat_out(
                "lua",
                "as fast as it goes, wrk with Lua",
                self.host("plain-get", &nginx.url(), users.clone()),
                wrk(vec!["-s".to_owned(), self.get_lua.clone(), nginx.url()]),
                1.3,
            ),
            flat_out(
                "https",
                "HTTPS, kept alive, 64 connections, oha",
                self.host("plain-get", &kinds.https, [&users[..], &["--insecure"]].concat()),
                self.oha(&kinds.https, vec!["--insecure"]),
                1.2,
            ),
            flat_out(
                "http2",
                "HTTP/2, one connection of 64 streams, h2load",
                self.host("many-at-once", &kinds.http2, vec!["--vus", "1", "--insecure"]),
                h2load(&kinds.http2),
                1.2,
            ),
            flat_out(
                "bodies",
                "bodies of 1 MiB, not kept, wrk",
                self.host("plain-get", &kinds.bodies, users.clone()),
                wrk(vec![kinds.bodies.clone()]),
                1.0 / 0.95,
            ),
            flat_out(
                "posts",
                "1 KiB of JSON posted, and the answer read, wrk with Lua",
                self.host("post-and-read", &kinds.posts, users),
                wrk(vec!["-s".to_owned(), self.post_lua.clone(), kinds.posts.clone()]),
                1.5,
            ),
            slowly("slow", "500 a second, oha", "500"),
            slowly("headline", "5,000 a second, oha", "5000"),
        ]
    }

    /// This guest against this URL.
    fn host<'a>(&'a self, scenario: &str, url: &str, args: Vec<&'a str>) -> Contender<'a> {
        let (file, url) = (guest(&format!("lean/{scenario}")), url.to_owned());
        Contender {
            name: "host",
            command: Box::new(move |seconds| {
                let mut command = on_its_core(&self.host);
                command.arg("run").arg(&file).args(["--target", &url]).args(&args);
                command.args(["--duration", &format!("{seconds}s")]);
                command
            }),
            // One that goes flat out is its own limit, and says so.
            ends_well_with: &[111],
        }
    }

    fn oha<'a>(&'a self, url: &str, args: Vec<&'a str>) -> Contender<'a> {
        let url = url.to_owned();
        Contender {
            name: "oha",
            command: Box::new(move |seconds| {
                let mut command = on_its_core(&self.oha);
                command.args(["--no-tui", "-c", CONNECTIONS, "-z", &format!("{seconds}s")]);
                command.args(&args).arg(&url);
                command
            }),
            ends_well_with: &[],
        }
    }
}

fn h2load(url: &str) -> Contender<'static> {
    let url = format!("{url}/");
    Contender {
        name: "h2load",
        command: Box::new(move |seconds| {
            let mut command = on_its_core("h2load");
            command.args(["-c", "1", "-m", CONNECTIONS, "-D", &seconds.to_string(), &url]);
            command
        }),
        ends_well_with: &[],
    }
}

/// A row of the table.
fn compared(row: &Row, nginx: &Nginx, rounds: u32, seconds: u32) -> anyhow::Result<String> {
    writeln!(io::stderr(), "{}", row.what)?;
    let counted = || nginx.requests();
    let run = |contender: &Contender| {
        if row.paced {
            let shorter = contender.run(SHORT, &counted)?;
            Ok(contender.run(LONG, &counted)?.beyond(&shorter))
        } else {
            contender.run(seconds, &counted)
        }
    };
    let both = [&row.host, &row.other];
    let turns = take_turns(&both, rounds, &run)?;
    let cpu =
        |turns: &[Turn]| median(&turns.iter().map(Turn::cpu_us_per_request).collect::<Vec<f64>>());
    let (ours, theirs) = (&turns[0], &turns[1]);
    let ratio = cpu_ratio(ours, theirs, SEED);
    let mut text = String::new();
    writeln!(
        text,
        "| {} | {:.1} µs | {:.1} µs | {ratio} | {:.2}: {} |",
        row.what,
        cpu(ours),
        cpu(theirs),
        row.bound,
        ratio.judge(row.bound)
    )?;
    Ok(text)
}

/// What the host takes at one iteration a second, of a core.
fn pulse(programs: &Programs, nginx: &Nginx, rounds: u32) -> anyhow::Result<String> {
    let (url, counted) = (nginx.url(), || nginx.requests());
    let host = programs.host("plain-get", &url, vec!["--rate", "1"]);
    let mut cores = Vec::new();
    for _ in 0..rounds {
        let shorter = host.run(SHORT, &counted)?;
        cores.push(100.0 * host.run(LONG, &counted)?.beyond(&shorter).cores());
    }
    Ok(format!("\nAt 1 a second: {} % of a core; bound 0.3 %.\n", Estimate::of(&cores, SEED)))
}

/// The system calls of a request, counted by strace: what a longer run has more of than a shorter.
fn calls(programs: &Programs, nginx: &Nginx) -> anyhow::Result<String> {
    let mut text = String::from(
        "\nSystem calls of a request, those of which there are less than one in a hundred left \
        out:\n\n| | calls |\n|---|---|\n",
    );
    for (what, pace) in [
        ("as fast as it goes, 64 users", ["--vus", CONNECTIONS]),
        ("1,000 a second", ["--tps", "1000"]),
    ] {
        let count = |seconds: &str| {
            let before = nginx.requests();
            let calls =
                traced(programs, &nginx.url(), &[&pace[..], &["--duration", seconds]].concat());
            Ok::<_, anyhow::Error>((calls?, nginx.requests() - before))
        };
        let ((shorter, fewer), (longer, more)) = (count("2s")?, count("6s")?);
        let requests = (more - fewer) as f64;
        let mut each: Vec<(f64, &str)> = longer
            .iter()
            .map(|(name, calls)| {
                let beyond = calls.saturating_sub(shorter.get(name).copied().unwrap_or(0));
                (beyond as f64 / requests, name.as_str())
            })
            .filter(|(calls, _)| *calls >= 0.01)
            .collect();
        each.sort_by(|one, other| other.0.total_cmp(&one.0));
        let words: Vec<String> =
            each.iter().map(|(calls, name)| format!("{name} {calls:.2}")).collect();
        writeln!(text, "| {what} | {} |", words.join(", "))?;
    }
    Ok(text)
}

/// The system calls of a run of the host, by their names.
fn traced(programs: &Programs, url: &str, args: &[&str]) -> anyhow::Result<BTreeMap<String, u64>> {
    let table = tempfile::NamedTempFile::new()?;
    let ran = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(table.path())
        .arg(&programs.host)
        .arg("run")
        .arg(guest("lean/plain-get"))
        .args(["--accept", "invalid", "--target", url])
        .args(args)
        .output()
        .context("can't run strace")?;
    // A host that is traced may be late, or its own limit.
    let code = ran.status.code();
    ensure!(matches!(code, Some(0 | 111)), "{}", String::from_utf8_lossy(&ran.stderr));
    // The columns: share, seconds, microseconds a call, calls, errors if any, name.
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, calls) = (words.last()?, words.get(3)?.parse().ok()?);
        (words.len() >= 5 && *name != "total").then(|| ((*name).to_owned(), calls))
    };
    Ok(std::fs::read_to_string(table.path())?.lines().filter_map(row).collect())
}

/// How late starts are at 5,000 a second with the machine to itself.
fn lag(nginx: &Nginx, rounds: u32) -> anyhow::Result<String> {
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let finished = Host::run_file(&guest("lean/plain-get"))
            .target(nginx.url())
            .args("--tps 5000 --duration 10s")
            .finish()
            .expect_code(0);
        let lag = |percentile: &str| {
            let lag =
                finished.json_at(&format!("/measured/transactions/start_lag_ms/{percentile}"));
            lag.as_f64().context("the JSON has no start lag").map(|milliseconds| milliseconds * 1e3)
        };
        p50.push(lag("p50")?);
        p99.push(lag("p99")?);
    }
    Ok(format!(
        "\nStart lag at 5,000 a second: p50 {} µs, p99 {} µs; bounds 30 and 100 µs.\n",
        Estimate::of(&p50, SEED),
        Estimate::of(&p99, SEED)
    ))
}
