//! One run, from the file to the exit code.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{anyhow, bail};
use swell_client::Client;
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::plan::Search;
use swell_core::record::Recorder;
use swell_engine::{Feed, GuestLimits, HookError, Pacing, Program, Run, RunOver, ScenarioFile, ScenarioInfo, User, Worker};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::args::{RunArgs, Settings};
use crate::check::load;
use crate::driver::{Outcome, drive};
use crate::exit::Exit;
use crate::judgement;
use crate::layers::with_lower_layers;
use crate::live::Live;
use crate::machine;
use crate::outputs::Outputs;
use crate::plan::RunPlan;
use crate::preflight;
use crate::report::{About, ControlReport, ExitReport, MachineReport, Part, Report, SCHEMA, SearchReport, UsersReport};
use crate::summary::Summary;

/// `host run`, and `host find` with how to search.
///
/// # Errors
/// Wrong usage, plan or scenario file, or a machine that does not give what is needed: nothing was sent.
pub(crate) fn run(typed: &[OsString], args: &RunArgs, search: Option<Search>) -> anyhow::Result<Exit> {
    let without_defaults = with_lower_layers(typed, args, "", &[])?;
    let limits = guest_limits(&without_defaults)?;
    let file = load(&args.file, limits)?;
    let (index, scenario) = choose(&file, without_defaults.scenario.as_deref())?;
    let settings = with_lower_layers(typed, args, &scenario.name, &scenario.defaults)?;
    let seed = settings.seed.unwrap_or_else(random_seed);
    let room = preflight::room(&file, index, limits)?;
    let plan = RunPlan::new(&settings, search, scenario, seed, room.users())?;
    room.check(&plan.plan)?;
    let outputs = Outputs::open(&settings.out)?;
    let program = file.program(index, plan.plan.most_users())?;
    let (requests, end_requests) = mpsc::channel(16);
    let mut shared = Run::new(run_id(seed), seed, requests);
    shared.variables = settings.env.iter().cloned().collect();
    shared.feeds = settings.data.iter().map(|(name, path)| Feed::read(name, Path::new(path))).collect::<Result<_, _>>()?;
    shared.wrap_feeds = settings.data_wrap;
    shared.limits = limits;
    shared.fresh_iterations = settings.fresh.is_some();
    let shared = Arc::new(shared);
    // Before anything is sent: whether the options can be used at all.
    let client = Client::new(plan.client.clone())?;

    let mut prepared = None;
    if scenario.has_setup {
        match prepare(&program, &shared, &client, |mut user| async move { user.set_up().await }) {
            Ok(data) => prepared = Some(data),
            Err(failure) => {
                eprint_line(&format!("error: `setup` of scenario {:?} {failure}; nothing was measured", scenario.name));
                return Ok(Exit::Trapped);
            }
        }
    }
    let start_data = prepared.clone().unwrap_or_default();
    if !settings.quiet {
        tracing::info!("{}: {}, {}; Ctrl-C ends it", scenario.name, plan.model(), plan.length());
    }
    let mut live = Live::new(settings.quiet, plan.plan.stop.measured.map(|measured| plan.plan.warm_up + measured));
    let outcome = drive(&plan, &program, Arc::clone(&shared), start_data, end_requests, &mut |look| live.show(look))?;
    live.finish();
    if let Some(data) = prepared
        && let Err(failure) = prepare(&program, &shared, &client, |mut user| async move { user.tear_down(&data).await })
    {
        eprint_line(&format!("warning: `teardown` of scenario {:?} {failure}", scenario.name));
    }

    let verdict = judgement::verdict(&outcome);
    let mut report = report(&plan, &file, args, scenario, &shared, &outcome);
    let (mut exit, reason) = judgement::exit(&outcome, &verdict, &report.thresholds);
    report.exit = ExitReport { code: exit.code(), reason: reason.clone() };
    let written = outputs.write(&report);
    if !settings.quiet && !outputs.takes_stdout() {
        // A reader that is gone, as `head` may be, needs no message.
        let _ = write!(std::io::stdout(), "{}", Summary(&report));
    }
    if exit != Exit::Passed {
        eprint_line(&format!("{reason} (exit code {})", exit.code()));
    }
    if let Err(error) = written {
        eprint_line(&format!("error: {error:#}"));
        exit = exit.min(Exit::Unwritten);
    }
    Ok(exit)
}

fn guest_limits(settings: &Settings) -> anyhow::Result<GuestLimits> {
    let defaults = GuestLimits::default();
    let memory = match settings.guest_memory {
        None => defaults.memory,
        Some(bytes @ 65_536..=4_294_967_296) => usize::try_from(bytes)?,
        Some(bytes) => bail!("--guest-memory {bytes}: a guest has from 64KiB to 4GiB"),
    };
    let cpu = settings.guest_cpu.unwrap_or(defaults.cpu);
    if cpu.as_millis() < 2 {
        bail!("--guest-cpu {cpu:?}: it is measured in milliseconds and must be at least 2ms");
    }
    Ok(GuestLimits { memory, cpu })
}

/// The scenario that is to run: the one named, or the only one.
fn choose<'a>(file: &'a ScenarioFile, name: Option<&str>) -> anyhow::Result<(u32, &'a ScenarioInfo)> {
    let names = || file.scenarios.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>().join(", ");
    let position = match name {
        Some(name) => file
            .scenarios
            .iter()
            .position(|scenario| scenario.name == name)
            .ok_or_else(|| anyhow!("there is no scenario {name:?}; the file has: {}", names()))?,
        None if file.scenarios.len() == 1 => 0,
        None => bail!("the file has several scenarios: {}\nhelp: choose one with --scenario NAME", names()),
    };
    Ok((u32::try_from(position)?, &file.scenarios[position]))
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's own source of randomness; short enough to be typed again.
    u64::from(std::hash::RandomState::new().build_hasher().finish() as u32)
}

fn run_id(seed: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_millis(), seed & 0xffff)
}

/// Calls `setup` or `teardown` on an instance of its own, outside all measurement.
fn prepare<T, F: Future<Output = Result<T, HookError>>>(
    program: &Arc<Program>,
    run: &Arc<Run>,
    client: &Rc<Client>,
    call: impl FnOnce(User) -> F,
) -> Result<T, String> {
    let worker = Rc::new(Worker {
        run: Arc::clone(run),
        client: Rc::clone(client),
        recorder: RefCell::new(Recorder::new(RunInstant::START)),
        pacing: Box::new(NotPaced),
        began: Instant::now(),
        measured_from: RunInstant::START,
        implicit: RefCell::default(),
    });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| format!("could not be called: {error}"))?;
    LocalSet::new().block_on(&runtime, async {
        let user = User::create_to_prepare(program, &worker).await.map_err(|trapped| format!("trapped: {}", trapped.0))?;
        call(user).await.map_err(|error| match error {
            HookError::Said(said) => format!("failed: {said}"),
            HookError::Trapped(trapped) => format!("trapped: {}", trapped.0),
        })
    })
}

/// For an instance that begins no transaction.
struct NotPaced;

impl Pacing for NotPaced {
    fn poll_start(&self, _: u32, _: bool, _: &mut TaskContext<'_>) -> Poll<Result<Start, RunOver>> {
        Poll::Ready(Err(RunOver::Stopped))
    }

    fn forget(&self, _: u32) {}

    fn poll_over(&self, _: u32, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Pending
    }
}

fn report(plan: &RunPlan, file: &ScenarioFile, args: &RunArgs, scenario: &ScenarioInfo, run: &Run, outcome: &Outcome) -> Report {
    let (measured, warm_up) = (outcome.measured.as_secs_f64(), outcome.warm_up.as_secs_f64());
    Report {
        schema: SCHEMA,
        run: About {
            id: run.id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            seed: run.seed,
            scenario: scenario.name.clone(),
            file: args.file.display().to_string(),
            file_hash: file.hash.clone(),
            target: plan.client.target.clone(),
            model: plan.model(),
            asked_per_second: plan.asked_per_second(),
            began_at: outcome.began_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            warm_up_seconds: warm_up,
            measured_seconds: measured,
        },
        verdict: judgement::verdict_report(&judgement::verdict(outcome)),
        exit: ExitReport { code: 0, reason: String::new() },
        measured: Part::of(&outcome.snapshot.measured, measured),
        warm_up: Part::of(&outcome.snapshot.warm_up, warm_up),
        requests_written: outcome.requests_written,
        users: UsersReport::of(&outcome.snapshot, outcome.users_at_once, run.lines_left_out()),
        thresholds: judgement::thresholds(plan, outcome),
        control: outcome.control.as_ref().filter(|control| control.found.is_none()).map(ControlReport::of),
        search: outcome.control.as_ref().and_then(|control| control.found.as_ref()).map(|found| SearchReport::of(found, plan)),
        machine: MachineReport {
            cores: machine::allowed_cores(),
            cpu_seconds: outcome.cpu.seconds,
            busy_windows: outcome.cpu.windows.saturated,
            windows: outcome.cpu.windows.windows,
            resident_mib: machine::resident_bytes().map(|bytes| bytes as f64 / (1 << 20) as f64),
            stolen: outcome.cpu.stolen,
        },
    }
}

/// A line for a person; a stderr that is closed is no reason to fail.
fn eprint_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
