//! What scripts cost beside the Rust scenario that does the same: processor time of a request, and
//! memory of a user. Run it by `cargo xtask bench scripts`.
//!
//! nginx has a core to itself and so has the generator, and the kinds take turns. Both figures are
//! slopes: a long run less a short one, and many users less a few, so that what a run or a process
//! takes once is left out.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use clap::Parser;
use swell_tests::statistics::median;
use swell_tests::turns::{
    Contender, SERVICE_CORE, Turn, cpu_ratio, machine, on_its_core, take_turns,
};
use swell_tests::{Nginx, guest, private_memory, wait_until};

const SEED: u64 = 2026;
const CONNECTIONS: &str = "64";

/// CPU of a request and KB of a user, at the most, as the documentation has them.
const BOUND_TO_RUST: f64 = 1.8;
const BOUND_OF_JAVASCRIPT: f64 = 280.0;

/// How long a host may take until all its users are there and its memory stays as it is.
const PATIENCE: Duration = Duration::from_secs(120);
/// For how long it then has to stay.
const SETTLED: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Args {
    /// Runs of each kind
    #[arg(long, default_value_t = 9)]
    rounds: u32,

    /// Seconds of the longer run of each pair; the shorter has a third
    #[arg(long, default_value_t = 9)]
    seconds: u32,

    /// Users of the larger host whose memory is looked at; the smaller has a tenth
    #[arg(long, default_value_t = 2_000)]
    users: u32,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A way to say what a user does.
struct ScriptKind {
    name: &'static str,
    /// What is run, flat out and by users who send one request and wait.
    busy: PathBuf,
    idle: PathBuf,
    /// What runs it, if it is a script.
    interpreter: Option<PathBuf>,
    /// Where the host finds what runs a URL.
    data: PathBuf,
    /// The most KB that one of its users may take, if there is a goal.
    bound: Option<f64>,
}

fn main() -> anyhow::Result<()> {
    let Args { rounds, seconds, users, .. } = Args::parse();
    ensure!(rounds > 0 && seconds > 1 && users > 9, "give at least one round of 2 s, and 10 users");
    let host = std::env::var_os("SWELL_HOST_BIN").context("SWELL_HOST_BIN is not set")?;
    let (host, folder) = (PathBuf::from(host), tempfile::tempdir()?);
    let kinds = kinds(folder.path())?;
    let nginx = Nginx::start(Some(SERVICE_CORE));
    let mut report = format!("{}\n", machine()?);
    report += &speed(&host, &kinds, &nginx, (rounds, seconds))?;
    report += &memory(&host, &kinds, &nginx, users)?;
    writeln!(io::stdout(), "\n{report}")?;
    Ok(())
}

/// The same scenario in each way, the one in Rust first.
fn kinds(folder: &Path) -> anyhow::Result<Vec<ScriptKind>> {
    let write = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let script = |wait: &str, types: [&str; 2]| {
        format!(
            "import http from 'k6/http';\nimport {{ sleep }} from 'k6';\n\
             export default function (){} {{\n  const status{} = http.get('/').status;\n  \
             if (status !== 200) throw new Error('no page');\n  {wait}\n}}\n",
            types[0], types[1]
        )
    };
    let steps =
        |think: &str| format!("[[step]]\nget = \"/\"\nexpect = {{ status = 200 }}\n{think}");
    let data = folder.join("data");
    let kept = data.join("swell/interpreters");
    std::fs::create_dir_all(&kept)?;
    std::fs::copy(guest("steps"), kept.join("steps.wasm"))?;
    let (plain, typed) = (["", ""], [": void", ": number"]);
    let idle = "sleep(3600);";
    Ok(vec![
        ScriptKind {
            name: "Rust",
            busy: guest("lean/plain-get"),
            idle: guest("lean/sleeper-connected"),
            interpreter: None,
            data: data.clone(),
            bound: None,
        },
        ScriptKind {
            name: "JavaScript",
            busy: write("busy.js", &script("", plain))?,
            idle: write("idle.js", &script(idle, plain))?,
            interpreter: Some(guest("javascript")),
            data: data.clone(),
            bound: Some(BOUND_OF_JAVASCRIPT),
        },
        ScriptKind {
            name: "TypeScript",
            busy: write("busy.ts", &script("", typed))?,
            idle: write("idle.ts", &script(idle, typed))?,
            interpreter: Some(guest("javascript")),
            data: data.clone(),
            bound: Some(BOUND_OF_JAVASCRIPT),
        },
        ScriptKind {
            name: "steps",
            busy: write("busy.toml", &steps(""))?,
            idle: write("idle.toml", &steps("think = \"1h\"\n"))?,
            interpreter: Some(guest("steps")),
            data: data.clone(),
            bound: None,
        },
        ScriptKind {
            name: "a URL",
            busy: PathBuf::new(),
            idle: PathBuf::new(),
            interpreter: None,
            data: data.clone(),
            bound: None,
        },
    ])
}

impl ScriptKind {
    /// The host with what it is to run.
    fn command(&self, host: &Path, url: &str, file: &Path) -> Command {
        let mut command = on_its_core(host);
        command.env("XDG_DATA_HOME", &self.data);
        command.arg("run").args(["--no-record", "--no-preflight"]);
        if file.as_os_str().is_empty() {
            command.arg(format!("{url}/"));
        } else {
            command.arg(file).args(["--target", url]);
        }
        if let Some(interpreter) = &self.interpreter {
            command.arg("--interpreter").arg(interpreter);
        }
        command
    }

    /// The same as fast as it goes, for a while.
    fn flat_out<'a>(&'a self, host: &'a Path, url: &'a str) -> Contender<'a> {
        Contender {
            name: self.name,
            command: Box::new(move |seconds| {
                let mut command = self.command(host, url, &self.busy);
                command.args(["--vus", CONNECTIONS, "--duration", &format!("{seconds}s")]);
                command
            }),
            // It is its own limit, and says so.
            ends_well_with: &[111],
        }
    }
}

/// CPU of a request, by slope, as a table.
fn speed(
    host: &Path,
    kinds: &[ScriptKind],
    nginx: &Nginx,
    (rounds, seconds): (u32, u32),
) -> anyhow::Result<String> {
    let (url, counted) = (nginx.url(), || nginx.requests());
    let contenders: Vec<Contender> = kinds.iter().map(|kind| kind.flat_out(host, &url)).collect();
    let run = |contender: &Contender| {
        let shorter = contender.run((seconds / 3).max(1), &counted)?;
        Ok(contender.run(seconds, &counted)?.beyond(&shorter))
    };
    let turns = take_turns(&contenders.iter().collect::<Vec<_>>(), rounds, &run)?;
    let mut text = format!(
        "As fast as it goes, {CONNECTIONS} users, medians of {rounds} pairs of runs:\n\n\
         | | CPU µs of a request | to Rust (95 % interval) | bound |\n|---|--:|--:|---|\n"
    );
    for (kind, its) in kinds.iter().zip(&turns) {
        let cpu: Vec<f64> = its.iter().map(Turn::cpu_us_per_request).collect();
        let ratio = cpu_ratio(its, &turns[0], SEED);
        let (name, cpu) = (kind.name, median(&cpu));
        let judged = ratio.judge(BOUND_TO_RUST);
        writeln!(text, "| {name} | {cpu:.1} | {ratio} | {BOUND_TO_RUST}: {judged} |")?;
    }
    Ok(text + "\n")
}

/// Private memory of a user, by slope, as a table.
fn memory(host: &Path, kinds: &[ScriptKind], nginx: &Nginx, users: u32) -> anyhow::Result<String> {
    let few = users / 10;
    let mut text = format!(
        "Private memory of a user who has sent a request and waits, from {few} users to \
         {users}:\n\n\
         | | KB each | bound |\n|---|--:|---|\n"
    );
    for kind in kinds {
        let held = |users: u32| -> anyhow::Result<f64> {
            let before = nginx.requests();
            let mut command = kind.command(host, &nginx.url(), &kind.idle);
            command.args(["--vus", &users.to_string(), "--duration", "10m"]);
            // A URL has no pause: its users take turns, and have all been asked for after a while.
            if kind.idle.as_os_str().is_empty() {
                command.args(["--tps", &(users / 10).max(1).to_string()]);
            }
            let mut host = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
            let kilobytes = settled(&mut host.0, || nginx.requests() - before >= u64::from(users))?;
            writeln!(io::stderr(), "{}: {users} users, {kilobytes:.0} KB", kind.name)?;
            Ok(kilobytes)
        };
        let each = (held(users)? - held(few)?) / f64::from(users - few);
        let judged = kind.bound.map_or("none".to_owned(), |bound| {
            format!("{bound:.0} KB: {}", if each <= bound { "reached" } else { "missed" })
        });
        writeln!(text, "| {} | {each:.0} | {judged} |", kind.name)?;
    }
    Ok(text)
}

/// A host that ends with the value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the host holds once its users are there and that has changed by less than 0.1 % for a
/// while.
fn settled(host: &mut Child, ready: impl Fn() -> bool) -> anyhow::Result<f64> {
    let mut last = (0.0, Instant::now());
    wait_until(PATIENCE, "the host's memory to settle", || {
        match host.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Some(Err(anyhow!("the host ended too soon: {status}"))),
            Err(error) => return Some(Err(error.into())),
        }
        // taskset becomes the host, under the same number.
        let now = private_memory(host.id())?;
        if !ready() || (now - last.0).abs() > last.0 * 0.001 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() >= SETTLED).then_some(Ok(now))
    })
}
