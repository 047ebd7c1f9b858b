//! `host try`: one user does one iteration, and all that it does is shown.
//!
//! Nothing paces it, nothing is measured, and nobody else is there. What an iteration draws at
//! random and which rows of feeds it is given follow from the seed and its number, so it repeats
//! one that a report names.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::{Arg, Args, Command};
use swell_client::Client;
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::observer::{Function, Observer, UserEvent};
use swell_core::plain::{in_one_line, line};
use swell_core::record::Recorder;
use swell_core::run::EndRequest;
use swell_core::units;
use swell_engine::{
    HookError, IterationOutcome, Pacing, Program, RunOver, ScenarioRole, ScenarioSource, Trapped,
    User, Worker,
};
use swell_outputs::Aside;
use swell_report::{EventTally, Exit, Har, Piece, Printer, Secrets};
use tokio::task::LocalSet;

use crate::notes;
use crate::prepare::{EndRequests, Loaded, Single};
use crate::quick::{QuickArgs, QuickRun};
use crate::scenario_choice::ChosenScenario;
use crate::settings::flags::{LOAD, RESULTS, Settings};
use crate::settings::layer::Typed;
use crate::settings::layers::Layers;
use crate::settings::reach::consent;
use crate::stops::Stops;
use crate::terminal;

/// What stands under the flags.
const WHAT_REPEATS: &str = "\
With the seed and the numbers that a report names, the iteration draws the same random numbers \
and is given the same rows of feeds, and --traceparent sends the same trace. What is not repeated: \
what the user kept in memory from iterations before it, its open connections, the time of day, and \
whatever has changed in the service.

The exit code is 0 where the iteration went well, 99 where it, one of its transactions or `start` \
failed (a check fails nothing), 107 where the scenario trapped or `setup` failed, and otherwise as \
of `host run`.";

#[derive(Debug, Args)]
#[command(after_help = WHAT_REPEATS)]
pub(crate) struct TryArgs {
    /// The scenario file: a component, or a core module from wasm32-unknown-unknown or
    /// wasm32-wasip1, or a script. Or a URL.
    file: PathBuf,

    #[command(flatten)]
    quick: QuickArgs,

    /// The number of the iteration, which decides its random numbers and its rows of feeds.
    #[arg(
        long,
        value_name = "N",
        default_value = "0",
        allow_hyphen_values = true,
        value_parser = units::parse_count::<u64>
    )]
    iteration: u64,

    /// The number of the user, which decides rows that are picked by the user.
    #[arg(
        long,
        value_name = "N",
        default_value = "0",
        allow_hyphen_values = true,
        value_parser = units::parse_count::<u64>
    )]
    user: u64,

    /// Show bodies whole, and not only where they begin.
    #[arg(long)]
    full: bool,

    /// Write all requests and responses to this file as an HTTP Archive (HAR 1.2), which browsers'
    /// tools open. Secrets are left out: bodies, values of queries, and of headers but for those
    /// that are known to have none.
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,

    /// Have the archive hold secrets, too. Its owner alone can read it then.
    #[arg(long, requires = "har")]
    har_secrets: bool,

    /// A TOML file with settings, as of `host run`; those about load and results do nothing here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

/// The command without the flags that do nothing for a single iteration.
pub(crate) fn without_idle_flags(command: Command) -> Command {
    command.mut_args(|flag| if is_idle(&flag) { flag.hide(true) } else { flag })
}

/// Whether a setting does nothing for a single iteration: how much load there is, and how it is
/// judged.
fn is_idle(flag: &Arg) -> bool {
    matches!(flag.get_help_heading(), Some(LOAD | RESULTS))
}

/// Whether the setting with this key does nothing for a single iteration.
fn is_idle_key(key: &str) -> bool {
    let settings = Settings::augment_args(Command::new("settings"));
    settings.get_arguments().any(|flag| flag.get_long() == Some(key) && is_idle(flag))
}

/// Does what the command says.
///
/// # Errors
/// Wrong usage or scenario file, or a machine that does not give what is needed.
pub(crate) fn attempt(typed: &Typed<'_>, args: &TryArgs) -> anyhow::Result<Exit> {
    let mut layers = Layers::of_command(typed, args.config.as_deref(), false)?;
    if let Some(idle) = layers.typed().find(|key| is_idle_key(key)) {
        bail!(
            "--{idle}: `host try` has one user do one iteration, which nothing paces or \
            judges\nhelp: leave --{idle} out; `host run` takes it"
        );
    }
    notes::say(layers.found_file());
    let archive = args.har.as_deref().map(|path| {
        Aside::open(path).with_context(|| format!("--har {}: cannot write there", path.display()))
    });
    let archive = archive.transpose()?;
    let archive = if args.har_secrets { archive.map(Aside::for_owner_alone) } else { archive };
    let source = match args.quick.of(&args.file, &args.settings)? {
        Some(QuickRun { source, target, .. }) => {
            layers = layers.aimed_at(target)?;
            source
        }
        None => ScenarioSource::File(args.file.clone()),
    };
    layers = layers.of_source(&source);
    let single = prepare(source, &layers)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let (ended, mut shown) = LocalSet::new().block_on(&runtime, perform(args, single))?;
    let seen = shown.tally.exit();
    let mut exit = ended.exit.map_or(seen, |exit| exit.min(seen));
    let last = shown.tally.line(exit);
    shown.show(&[vec![], vec![last.into()]]);
    let Shown { har, unwritten, .. } = shown;
    // A reader that has ended, as `head` may have, needs no message.
    if let Err(error) = unwritten
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        terminal::say(format_args!("error: cannot write to stdout: {error}"));
        exit = exit.min(Exit::Unwritten);
    }
    for words in &ended.words {
        terminal::say(format_args!("error: {words} (exit code {})", exit.code()));
    }
    if let (Some(path), Some(archive), Some(har)) = (&args.har, &archive, har)
        && let Err(error) = archive.write(har.json().as_bytes(), &AtomicU64::new(0))
    {
        terminal::say(format_args!("error: cannot write {}: {error}", path.display()));
        exit = exit.min(Exit::Unwritten);
    }
    Ok(exit)
}

fn prepare(source: ScenarioSource, layers: &Layers) -> anyhow::Result<Single> {
    let loaded = Loaded::read(source.clone(), layers)?;
    let claims = loaded.claims(layers, false)?;
    // What does nothing here need not be given, and is not asked for.
    let (idle, wanted) = claims.into_iter().partition::<Vec<_>, _>(|claim| is_idle_key(&claim.key));
    let granted = consent(wanted)?;
    let layers = layers.granting(&granted).granting(&idle);
    if granted.is_empty() {
        return loaded.single(&layers);
    }
    // What it has of the machine may be among it.
    Loaded::read(source, &layers)?.single(&layers)
}

/// How the command ended, where that does not follow from what was seen.
#[derive(Default)]
struct End {
    exit: Option<Exit>,
    words: Vec<String>,
}

impl End {
    /// One more reason to end so.
    fn because(&mut self, exit: Exit, words: impl Into<String>) {
        self.exit = self.exit.into_iter().chain([exit]).min();
        let words = words.into();
        if !self.words.contains(&words) {
            self.words.push(words);
        }
    }
}

/// Where events go.
struct Shown {
    printer: Printer,
    tally: EventTally,
    har: Option<Har>,
    /// The first failure of stdout.
    unwritten: io::Result<()>,
}

impl Shown {
    fn take(&mut self, event: &UserEvent) {
        self.tally.count(event);
        if let (Some(har), UserEvent::Exchanged(exchanged)) = (&mut self.har, event) {
            har.add(exchanged);
        }
        let lines = self.printer.print(event);
        self.show(&lines);
    }

    fn show(&mut self, lines: &[Vec<Piece>]) {
        if self.unwritten.is_ok() {
            self.unwritten = terminal::show_lines(lines);
        }
    }
}

async fn perform(args: &TryArgs, single: Single) -> anyhow::Result<(End, Shown)> {
    let stops = Stops::listen()?;
    let began = Instant::now();
    let began_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let secrets = if args.har_secrets { Secrets::Kept } else { Secrets::LeftOut };
    let mut shown = Shown {
        printer: Printer::new(args.full),
        tally: EventTally::default(),
        har: args.har.as_ref().map(|_| Har::new(began_at, secrets)),
        unwritten: Ok(()),
    };
    let Single { scenario, program, run, end_requests, client } = single;
    let ChosenScenario { index, info: scenario, .. } = scenario;
    let (name, file) = (line(&scenario.name), args.file.display());
    let (iteration, user, seed) = (args.iteration, args.user, run.seed);
    let what = format!("{name} of {file}: iteration {iteration}, user {user}, seed {seed}");
    shown.show(&[vec![what.into()]]);
    run.number_users_from(args.user);
    let shown = Rc::new(RefCell::new(shown));
    let of_observer = Rc::clone(&shown);
    let observer = Observer::new(move |event| of_observer.borrow_mut().take(&event));
    let mut recorder = Recorder::new(RunInstant::START);
    recorder.observed_by(observer.clone());
    let worker = Rc::new(Worker {
        run: Arc::new(run),
        client: Client::new(client)?,
        recorder: RefCell::new(recorder),
        pacing: Box::new(Unpaced { began }),
        began,
        measured_from: Cell::new(RunInstant::START),
        implicit: RefCell::default(),
        observer: Some(observer.clone()),
    });
    let has_hooks = Hooks { setup: scenario.has_setup, start: scenario.has_start };
    let end = End::default();
    let attempt = Attempt { program, index, worker, observer, has_hooks, iteration, end, stops };
    let end = attempt.run(end_requests).await;
    let shown = Rc::into_inner(shown).context("somebody still looks on")?.into_inner();
    Ok((end, shown))
}

/// Which of its hooks a scenario has.
struct Hooks {
    setup: bool,
    start: bool,
}

/// The iteration with what goes before and after it.
struct Attempt {
    program: Arc<Program>,
    /// The scenario's index in its file.
    index: u32,
    worker: Rc<Worker>,
    observer: Observer,
    has_hooks: Hooks,
    iteration: u64,
    end: End,
    stops: Stops,
}

impl Attempt {
    /// Does all of it, and says how it ended.
    async fn run(mut self, end_requests: EndRequests) -> End {
        self.call_all().await;
        self.take_end_requests(end_requests);
        self.end
    }

    async fn call_all(&mut self) {
        let mut data = Vec::new();
        if self.has_hooks.setup {
            self.observer.tell(UserEvent::Called(Function::Setup));
            let setup = async {
                let mut user = User::create_to_prepare(&self.program, self.index, &self.worker)
                    .await
                    .map_err(HookError::Trapped)?;
                user.set_up().await
            };
            let Some(ended) = unless_stopped(&mut self.stops, setup).await else {
                return self.end.because(Exit::Signal, "stopped by a signal in `setup`");
            };
            match self.hook_ended("setup", ended) {
                Some(given) => data = given,
                None => return,
            }
        }
        self.live(&data).await;
        if self.has_hooks.setup {
            self.observer.tell(UserEvent::Called(Function::Teardown));
            let teardown = async {
                let mut user = User::create_to_prepare(&self.program, self.index, &self.worker)
                    .await
                    .map_err(HookError::Trapped)?;
                user.tear_down(&data).await
            };
            match unless_stopped(&mut self.stops, teardown).await {
                Some(ended) => _ = self.hook_ended("teardown", ended),
                None => self.end.because(Exit::Signal, "stopped by a signal in `teardown`"),
            }
        }
    }

    /// The life of the user. Cut off by a signal, it leaves what it has open to be told as such.
    async fn live(&mut self, data: &[u8]) {
        let (observer, iteration) = (self.observer.clone(), self.iteration);
        let has_start = self.has_hooks.start;
        let life = async {
            let mut user =
                User::create(&self.program, ScenarioRole::only(self.index), &self.worker, 0)
                    .await
                    .map_err(|trapped| ("the user", HookError::Trapped(trapped)))?;
            if has_start {
                observer.tell(UserEvent::Called(Function::Start));
            }
            user.start(data).await.map_err(|error| ("start", error))?;
            observer.tell(UserEvent::Called(Function::Iteration(iteration)));
            let outcome = user.iterate(iteration, None).await;
            if !matches!(outcome, Ok(IterationOutcome::Ok)) && !user.has_begun() {
                self.worker.run.end_for_want();
            }
            let outcome = outcome.map_err(|trapped| ("run", HookError::Trapped(trapped)))?;
            observer.tell(UserEvent::Returned(match &outcome {
                IterationOutcome::Failed(reason) => Err(format!("the iteration failed: {reason}")),
                _ => Ok(()),
            }));
            if let Some(reason) = user.stopped() {
                terminal::say(format_args!("in a run the user ends here, by stop-user: {reason}"));
            }
            if has_start {
                observer.tell(UserEvent::Called(Function::Stop));
                user.stop().await.map_err(|trapped| ("stop", HookError::Trapped(trapped)))?;
            }
            Ok(())
        };
        match unless_stopped(&mut self.stops, life).await {
            None => self.end.because(Exit::Signal, "stopped by a signal"),
            Some(Ok(())) => {}
            Some(Err((function, error))) => _ = self.hook_ended::<()>(function, Err(error)),
        }
    }

    /// Tells how one of the scenario's functions ended, and gives what it gave. That one says that
    /// it failed is what it is in a run: of `setup` the end, of `start` the failure of a user, of
    /// `teardown` a warning.
    fn hook_ended<T>(&mut self, function: &str, ended: Result<T, HookError>) -> Option<T> {
        let (words, exit) = match ended {
            Ok(given) => return Some(given),
            Err(HookError::Said(said)) => {
                let exit = match function {
                    "setup" => Some(Exit::Trapped),
                    "teardown" => None,
                    _ => Some(Exit::Threshold),
                };
                (format!("`{function}` failed: {said}"), exit)
            }
            Err(HookError::Trapped(Trapped(text))) => {
                (format!("`{function}` trapped: {text}"), Some(Exit::Trapped))
            }
        };
        if matches!(function, "setup" | "the user" | "start") {
            // What it was not given may be why.
            self.worker.run.end_for_want();
        }
        self.observer.tell(UserEvent::Returned(Err(words.clone())));
        let words = in_one_line(&words);
        match exit {
            Some(exit) => self.end.because(exit, words),
            None => terminal::say(format_args!("warning: {words}")),
        }
        None
    }

    /// Takes in what the scenario asked of its run.
    fn take_end_requests(&mut self, mut requests: EndRequests) {
        while let Ok(request) = requests.try_recv() {
            match request {
                EndRequest::Stop(reason) => self.end.because(
                    Exit::StoppedByScenario,
                    format!("the scenario stops the run: {reason}"),
                ),
                EndRequest::Fail(reason) => self.end.because(
                    Exit::FailedByScenario,
                    format!("the scenario fails the run: {reason}"),
                ),
                EndRequest::FeedExhausted(feed) => {
                    let iteration = self.iteration;
                    self.end.because(
                        Exit::Usage,
                        format!(
                            "feed {feed:?} has no row for iteration {iteration}, which wants one \
                            of its own: --data-wrap begins it anew after its last row"
                        ),
                    );
                }
                EndRequest::Lacks(what) => self.end.because(Exit::Usage, what),
            }
        }
    }
}

/// Waits for an end, or for a signal.
async fn unless_stopped<T>(stops: &mut Stops, end: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        ended = end => Some(ended),
        _ = stops.next() => None,
    }
}

/// What paces a single user: nothing. Its waits last.
struct Unpaced {
    began: Instant,
}

impl Pacing for Unpaced {
    fn poll_start(&self, _: u32, _: bool, _: &mut TaskContext<'_>) -> Poll<Result<Start, RunOver>> {
        let nanos = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let now = RunInstant::from_nanos(nanos);
        Poll::Ready(Ok(Start { slot: 0, intended: now, parked_at: now }))
    }

    fn forget(&self, _: u32) {}

    fn poll_over(&self, _: u32, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Pending
    }
}
