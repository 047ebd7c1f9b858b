//! From a scenario file and its settings to a run that can begin: all that can go wrong before anything is sent goes wrong here.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
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
use swell_engine::{EndRequest, Feed, GuestLimits, HookError, Pacing, Program, Run, RunOver, ScenarioFile, ScenarioInfo, User, Worker};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::args::Settings;
use crate::check::load;
use crate::layers::Layers;
use crate::plan::RunPlan;
use crate::preflight;

/// What a scenario asks of its run.
pub(crate) type EndRequests = mpsc::Receiver<EndRequest>;

/// A run that can begin.
pub(crate) struct Prepared {
    /// By which it is known beside others.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) file_hash: String,
    pub(crate) scenario: ScenarioInfo,
    pub(crate) plan: RunPlan,
    pub(crate) program: Arc<Program>,
    pub(crate) run: Arc<Run>,
}

impl Prepared {
    /// Loads the file and looks whether it can run as the layers say. Without a `name` it has the scenario's. Takes as long as compiling does.
    ///
    /// # Errors
    /// Wrong settings or a wrong scenario file, or a machine that does not give what is needed.
    pub(crate) fn new(name: Option<&str>, file: &Path, layers: &Layers, search: Option<Search>) -> anyhow::Result<(Self, EndRequests)> {
        let without_defaults = layers.settings("", &[])?;
        let limits = guest_limits(&without_defaults)?;
        let loaded = load(file, limits)?;
        let (index, scenario) = choose(&loaded, without_defaults.scenario.as_deref())?;
        let settings = layers.settings(&scenario.name, &scenario.defaults)?;
        let seed = settings.seed.unwrap_or_else(random_seed);
        let room = preflight::room(&loaded, index, limits)?;
        let plan = RunPlan::new(&settings, search, scenario, seed, room.users())?;
        room.check(&plan.plan)?;
        let program = loaded.program(index, plan.plan.most_users())?;
        let (requests, end_requests) = mpsc::channel(16);
        let mut run = Run::new(run_id(seed), seed, requests);
        run.variables = settings.env.iter().cloned().collect();
        run.feeds = settings.data.iter().map(|(name, path)| Feed::read(name, Path::new(path))).collect::<Result<_, _>>()?;
        run.wrap_feeds = settings.data_wrap;
        run.limits = limits;
        run.fresh_iterations = settings.fresh.is_some();
        // Whether the options can be used at all.
        Client::new(plan.client.clone())?;
        let name = name.unwrap_or(&scenario.name).to_owned();
        let scenario = scenario.clone();
        let (file, file_hash) = (file.to_owned(), loaded.hash);
        Ok((Self { name, file, file_hash, scenario, plan, program, run: Arc::new(run) }, end_requests))
    }

    /// Calls `setup`, where there is one, and gives what the users receive.
    ///
    /// # Errors
    /// It said so or trapped, in words.
    pub(crate) async fn set_up(&self) -> Result<Option<Vec<u8>>, String> {
        if !self.scenario.has_setup {
            return Ok(None);
        }
        self.call(|mut user| async move { user.set_up().await }).await.map(Some)
    }

    /// Calls `teardown` with what `setup` gave.
    ///
    /// # Errors
    /// It said so or trapped, in words.
    pub(crate) async fn tear_down(&self, data: Vec<u8>) -> Result<(), String> {
        self.call(|mut user| async move { user.tear_down(&data).await }).await
    }

    /// Calls a hook on an instance of its own, on a thread of its own, outside all measurement.
    async fn call<T: Send + 'static, F: Future<Output = Result<T, HookError>>>(
        &self,
        hook: impl FnOnce(User) -> F + Send + 'static,
    ) -> Result<T, String> {
        let (program, run, options) = (Arc::clone(&self.program), Arc::clone(&self.run), self.plan.client.clone());
        let (answer, answered) = oneshot::channel();
        let thread = std::thread::Builder::new().name("swell-hook".to_owned());
        let called = thread.spawn(move || {
            // Nobody waits for the answer any more if the run was given up meanwhile.
            let _ = answer.send(on_this_thread(&program, &run, options, hook));
        });
        called.map_err(|error| format!("could not be called: {error}"))?;
        answered.await.unwrap_or_else(|_| Err("broke down".to_owned()))
    }
}

fn on_this_thread<T, F: Future<Output = Result<T, HookError>>>(
    program: &Arc<Program>,
    run: &Arc<Run>,
    options: swell_client::Options,
    hook: impl FnOnce(User) -> F,
) -> Result<T, String> {
    let could_not = |error: &dyn std::fmt::Display| format!("could not be called: {error}");
    let worker = Rc::new(Worker {
        run: Arc::clone(run),
        client: Client::new(options).map_err(|error| could_not(&error))?,
        recorder: RefCell::new(Recorder::new(RunInstant::START)),
        pacing: Box::new(NotPaced),
        began: Instant::now(),
        measured_from: RunInstant::START,
        implicit: RefCell::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| could_not(&error))?;
    LocalSet::new().block_on(&runtime, async {
        let user = User::create_to_prepare(program, &worker).await.map_err(|trapped| format!("trapped: {}", trapped.0))?;
        hook(user).await.map_err(|error| match error {
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
