//! From a scenario file and its settings to a run that can begin. All that can go wrong before
//! anything is sent goes wrong here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail};
use swell_client::Client;
use swell_core::plan::{Search, WeightedScenario};
use swell_core::run::EndRequest;
use swell_driver::RunPlan;
use swell_engine::{
    Compiler, Conductor, Feed, GuestLimits, Program, Run, ScenarioFile, ScenarioInfo,
    ScenarioSource, ScriptSource,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::interpreters::{steps_of, with_interpreter};
use crate::outside::{HookFailure, Outside, Waiting};
use crate::plan::{client_options, run_plan};
use crate::preflight;
use crate::run_identity::RunIdentity;
use crate::scenario_choice::{ChosenScenario, chosen, short_name, title};
use crate::settings::flags::{CookiesArg, Settings};
use crate::settings::keys::{file_of, is_of_a_script, with_file};
use crate::settings::layers::Layers;
use crate::settings::reach::{Claim, NotGiven};

/// Where a scenario sends its wishes about its run.
pub(crate) type EndRequests = mpsc::Receiver<EndRequest>;

/// A scenario file that was read and compiled, ready to be used again and again.
pub(crate) struct Loaded {
    source: ScenarioSource,
    file: ScenarioFile,
    limits: GuestLimits,
    read: Vec<PathBuf>,
}

impl Loaded {
    /// Reads and compiles a file, which takes as long as compiling does.
    ///
    /// # Errors
    /// Wrong settings or a wrong scenario file.
    pub(crate) fn read(source: ScenarioSource, layers: &Layers) -> anyhow::Result<Arc<Self>> {
        // Without its interpreter a script would be refused for what it is not.
        let lacking = layers.claims(None)?.into_iter().filter(|claim| is_of_a_script(&claim.key));
        let lacking: Vec<_> = lacking.collect();
        if !lacking.is_empty() {
            bail!(NotGiven(lacking));
        }
        let settings = layers.undisputed()?;
        let limits = guest_limits(&settings)?;
        let source = of_settings(source, &settings)?;
        let mut file = load(&source, limits, &settings.env.iter().cloned().collect())?;
        name_files_from_here(&source, &mut file.scenarios);
        let read = files_of(&source, &file);
        Ok(Arc::new(Self { source: file.fixed(&source), file, limits, read }))
    }

    /// The files of this machine that it was read from.
    pub(crate) fn read_files(&self) -> &[PathBuf] {
        &self.read
    }

    /// Whether the file's `conduct` decides what runs and when.
    pub(crate) const fn has_conduct(&self) -> bool {
        self.file.has_conduct
    }

    /// Whether the file ends runs in its own words.
    pub(crate) const fn has_summary(&self) -> bool {
        self.file.has_summary
    }

    /// What a call of the file's `summarize` needs.
    ///
    /// # Errors
    /// Wrong settings, or a machine that does not give what is needed.
    pub(crate) fn to_summarize(&self, layers: &Layers) -> anyhow::Result<Outside> {
        let settings = layers.settings(None)?;
        let (unheard, _) = mpsc::channel(1);
        let seed = settings.seed.unwrap_or_else(random_seed);
        let run = run_without_feeds(&settings, seed, self.limits, unheard);
        let program = self.file.program(1)?;
        Ok(Outside { program, scenario: 0, run: Arc::new(run), client: client_options(&settings)? })
    }

    /// What the scenarios that the layers choose ask for and nobody has given; where the file
    /// conducts its runs itself, what all of its scenarios ask for.
    ///
    /// # Errors
    /// The layers choose no scenario; or a default is no setting.
    pub(crate) fn claims(&self, layers: &Layers, conducts: bool) -> anyhow::Result<Vec<Claim>> {
        if !conducts {
            let chosen = self.choose(&layers.undisputed()?.scenario)?;
            return layers.claims(chosen.iter().map(|scenario| &scenario.info));
        }
        let claims = self.file.scenarios.iter().map(|scenario| layers.claims(Some(scenario)));
        Ok(claims.collect::<anyhow::Result<Vec<_>>>()?.concat())
    }

    /// What a call of the file's `conduct` needs; `conduct` sends its wishes to the conductor.
    ///
    /// # Errors
    /// Wrong settings, or a machine that does not give what is needed.
    pub(crate) fn outside(
        &self,
        layers: &Layers,
        conductor: Arc<dyn Conductor>,
    ) -> anyhow::Result<Outside> {
        let settings = layers.settings(None)?;
        let program = self.file.program(1)?;
        // Only a user of a run may ask for the run's end.
        let (mut run, _) =
            new_run(&settings, settings.seed.unwrap_or_else(random_seed), self.limits)?;
        run.conductor = Some(conductor);
        Ok(Outside { program, scenario: 0, run: Arc::new(run), client: client_options(&settings)? })
    }

    /// What it takes to do a single iteration of the scenario that the layers choose.
    ///
    /// # Errors
    /// Wrong settings, or a machine that does not give what is needed.
    pub(crate) fn single(&self, layers: &Layers) -> anyhow::Result<Single> {
        let mut chosen = self.choose(&layers.undisputed()?.scenario)?;
        let (Some(scenario), None) = (chosen.pop(), chosen.pop()) else {
            bail!(
                "--scenario: `host try` has one user do one iteration, of one scenario\nhelp: \
                choose one with --scenario NAME"
            );
        };
        let settings = layers.settings([&scenario.info])?;
        let seed = settings.seed.unwrap_or_else(random_seed);
        let (run, end_requests) = new_run(&settings, seed, self.limits)?;
        let client = client_options(&settings)?;
        Client::new(client.clone())?;
        if !settings.no_preflight {
            preflight::look_at_target(&client)?;
        }
        let program = self.file.program(1)?;
        Ok(Single { scenario, program, run, end_requests, client })
    }

    /// Refuses steps that need variables which nobody gives: no user could begin.
    fn refuse_lacking_variables(
        &self,
        chosen: &[ChosenScenario],
        settings: &Settings,
    ) -> anyhow::Result<()> {
        let Some(steps) = steps_of(&self.file) else { return Ok(()) };
        let needs = chosen.iter().filter_map(|one| steps.scenarios.get(one.index as usize));
        let needs: BTreeSet<&String> = needs.flat_map(|one| &one.needs).collect();
        let is_given = |name: &str| settings.env.iter().any(|(given, _)| given == name);
        let lacking =
            needs.into_iter().filter(|name| !is_given(name)).map(|name| format!("-e {name}=..."));
        let flags = lacking.collect::<Vec<_>>().join(" ");
        if !flags.is_empty() {
            bail!("{}: its steps need {flags}\nhelp: add {flags}", self.source.name());
        }
        Ok(())
    }

    /// The scenarios that settings want, or the only one.
    fn choose(&self, wanted: &[String]) -> anyhow::Result<Vec<ChosenScenario>> {
        let scenarios = &self.file.scenarios;
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        chosen(wanted, &names)?.into_iter().map(|(at, weight)| self.chosen(at, weight)).collect()
    }

    /// The scenarios that somebody chose before.
    fn these(&self, wanted: &[WeightedScenario]) -> anyhow::Result<Vec<ChosenScenario>> {
        let position = |name: &str| self.file.scenarios.iter().position(|one| one.name == name);
        let one = |wanted: &WeightedScenario| match position(&wanted.name) {
            Some(position) => self.chosen(position, wanted.weight),
            // Says what there is.
            None => self.choose(std::slice::from_ref(&wanted.name)).map(|mut one| one.remove(0)),
        };
        wanted.iter().map(one).collect()
    }

    fn chosen(&self, position: usize, weight: f64) -> anyhow::Result<ChosenScenario> {
        let (index, info) = (u32::try_from(position)?, self.file.scenarios[position].clone());
        Ok(ChosenScenario { index, info, weight })
    }
}

/// Files that a script's settings ask for stand beside the script: they get the names that they
/// have from the current folder, as flags have them.
fn name_files_from_here(source: &ScenarioSource, scenarios: &mut [ScenarioInfo]) {
    let ScenarioSource::Script { script: ScriptSource::File { path, .. }, .. } = source else {
        return;
    };
    let Some(folder) = path.parent() else { return };
    for (key, value) in scenarios.iter_mut().flat_map(|scenario| &mut scenario.defaults) {
        let Some(asked) = file_of(key, Some(value)).map(str::to_owned) else { continue };
        *value = with_file(key, value, &folder.join(asked).to_string_lossy());
    }
}

/// The files of this machine that a source consists of.
fn files_of(source: &ScenarioSource, file: &ScenarioFile) -> Vec<PathBuf> {
    match source {
        ScenarioSource::File(path) => vec![path.clone()],
        ScenarioSource::Bytes { .. } => Vec::new(),
        ScenarioSource::Script { interpreter, script } => {
            let mut files = files_of(interpreter, file);
            if let ScriptSource::File { path, .. } = script {
                let real = path.canonicalize().unwrap_or_else(|_| path.clone());
                let folder = real.parent().unwrap_or(Path::new("/"));
                // As it asked for them, which is from its folder.
                let asked = file.script_files().unwrap_or_default().iter().skip(1);
                files.extend(asked.map(|file| folder.join(&file.path)));
                files.push(path.clone());
            }
            files
        }
    }
}

/// The source as another node may be sent it: a script with all its files, which its interpreter
/// knows once it was loaded. And the files of this machine that it was read from.
///
/// # Errors
/// As [`Loaded::read`], of a script; nothing else is read.
pub(crate) fn fixed(
    source: ScenarioSource,
    layers: &Layers,
) -> anyhow::Result<(ScenarioSource, Vec<PathBuf>)> {
    Ok(match of_settings(source.clone(), &layers.undisputed()?)? {
        ScenarioSource::Script { .. } => {
            let loaded = Loaded::read(source, layers)?;
            if loaded.has_summary() {
                tracing::warn!(
                    "{}: its own summary is not asked for where a cluster does the run",
                    loaded.source.name()
                );
            }
            (loaded.source.clone(), loaded.read.clone())
        }
        component => {
            let file = PathBuf::from(component.name());
            (component, vec![file])
        }
    })
}

fn of_settings(source: ScenarioSource, settings: &Settings) -> anyhow::Result<ScenarioSource> {
    with_interpreter(source, settings.interpreter.as_deref(), &settings.allow_file)
}

/// The hidden command by which the host starts itself to compile.
pub(crate) const COMPILE_CHILD: &str = "compile-child";

/// Reads and compiles a scenario file, with this program as the compiler's child.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn load(
    source: &ScenarioSource,
    limits: GuestLimits,
    variables: &BTreeMap<String, String>,
) -> anyhow::Result<ScenarioFile> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let compiler = Compiler::new(program, COMPILE_CHILD);
    ScenarioFile::load(source, &compiler, limits, variables).with_context(|| source.name())
}

/// A run that can begin.
pub(crate) struct Prepared {
    /// The name by which it is known beside other runs.
    pub(crate) name: String,
    pub(crate) source: ScenarioSource,
    pub(crate) file_hash: String,
    /// What its users act; at least one.
    pub(crate) scenarios: Vec<ChosenScenario>,
    pub(crate) plan: RunPlan,
    pub(crate) program: Arc<Program>,
    pub(crate) run: Arc<Run>,
    /// What was said about the run, for another node to follow.
    pub(crate) settings: Vec<Pair>,
    /// Where its files came from, if not from this machine.
    pub(crate) origin: Option<FilesOrigin>,
    /// How many nodes of a cluster are to share it; without it all that are free.
    pub(crate) hosts: Option<usize>,
}

/// A scenario of which one user is to do one iteration.
pub(crate) struct Single {
    pub(crate) scenario: ChosenScenario,
    pub(crate) program: Arc<Program>,
    pub(crate) run: Run,
    pub(crate) end_requests: EndRequests,
    pub(crate) client: swell_client::Options,
}

/// A setting, as a flag and its value.
pub(crate) type Pair = (String, Option<String>);

/// A scenario that another node sent, with its settings and the files that they name: all of them
/// are here.
#[derive(Debug)]
pub(crate) struct ReceivedScenario {
    pub(crate) source: ScenarioSource,
    /// What the settings say, with the names that files have here.
    pub(crate) settings: Vec<Pair>,
    pub(crate) origin: FilesOrigin,
}

/// Files of settings that came from another machine: what each was called there, and the folder in
/// which they are as long as this value lives.
#[derive(Debug)]
pub(crate) struct FilesOrigin {
    names: BTreeMap<String, String>,
    _folder: TempDir,
}

impl FilesOrigin {
    /// `names` are the names on the other machine, by the names that the files have here.
    pub(crate) const fn new(names: BTreeMap<String, String>, folder: TempDir) -> Self {
        Self { names, _folder: folder }
    }

    /// What files were called where they came from, by their paths here.
    pub(crate) const fn names(&self) -> &BTreeMap<String, String> {
        &self.names
    }

    /// A setting as it was said where its file came from.
    fn as_said(&self, (key, value): Pair) -> Pair {
        let there = |text: &String| {
            let name = self.names.get(file_of(&key, Some(text))?)?;
            Some(with_file(&key, text, name))
        };
        let said = value.as_ref().and_then(there).or(value);
        (key, said)
    }
}

impl Prepared {
    /// Checks whether scenarios of the file can run as the layers say: these, or those that the
    /// layers choose. Without a `name` the run gets theirs.
    ///
    /// # Errors
    /// Wrong settings, or a machine that does not give what is needed.
    pub(crate) fn of(
        name: Option<&str>,
        loaded: &Loaded,
        layers: &Layers,
        scenarios: Option<&[WeightedScenario]>,
        search: Option<Search>,
    ) -> anyhow::Result<(Self, EndRequests)> {
        let scenarios = match scenarios {
            Some(these) => loaded.these(these)?,
            None => loaded.choose(&layers.undisputed()?.scenario)?,
        };
        let infos = || scenarios.iter().map(|scenario| &scenario.info);
        let settings = layers.settings(infos())?;
        loaded.refuse_lacking_variables(&scenarios, &settings)?;
        let seed = settings.seed.unwrap_or_else(random_seed);
        let client = client_options(&settings)?;
        let rehearsal = || {
            let (unheard, _) = mpsc::channel(1);
            run_without_feeds(&settings, seed, loaded.limits, unheard)
        };
        let room = preflight::room(&loaded.file, &scenarios, rehearsal, &client)
            .with_context(|| loaded.source.name())?;
        let mut plan = run_plan(&settings, search, &scenarios, seed, room.users(), client)?;
        plan.make_users_ahead(room.making());
        room.check(&plan)?;
        let program = loaded.file.program(plan.plan.most_users())?;
        let (mut run, end_requests) = new_run(&settings, seed, loaded.limits)?;
        run.scenarios = u32::try_from(scenarios.len())?;
        // This checks whether the options can be used at all.
        Client::new(plan.client.clone())?;
        if !settings.no_preflight {
            preflight::look_at_target(&plan.client)?;
        }
        let name = name.map_or_else(|| short_name(&scenarios), str::to_owned);
        let (source, file_hash) = (loaded.source.clone(), loaded.file.hash.clone());
        let pairs = layers.pairs(infos())?;
        let prepared = Self {
            name,
            source,
            file_hash,
            scenarios,
            plan,
            program,
            run: Arc::new(run),
            settings: pairs,
            origin: None,
            hosts: None,
        };
        Ok((prepared, end_requests))
    }

    /// The same for a file that has not been read.
    ///
    /// # Errors
    /// As [`Loaded::read`] and [`Prepared::of`].
    pub(crate) fn new(
        name: Option<&str>,
        source: ScenarioSource,
        layers: &Layers,
    ) -> anyhow::Result<(Self, EndRequests)> {
        Self::of(name, &*Loaded::read(source, layers)?, layers, None, None)
    }

    /// Its scenarios and their weights.
    pub(crate) fn weighted(&self) -> Vec<WeightedScenario> {
        self.scenarios.iter().map(ChosenScenario::weighted).collect()
    }

    /// What its scenarios are called together.
    pub(crate) fn title(&self) -> String {
        title(&self.weighted())
    }

    /// What the run is known by. Files that were sent along have the names that they had before.
    pub(crate) fn subject(&self) -> RunIdentity {
        let as_said = |pair: &Pair| match &self.origin {
            Some(origin) => origin.as_said(pair.clone()),
            None => pair.clone(),
        };
        RunIdentity {
            run: self.run.id.clone(),
            name: self.name.clone(),
            seed: self.run.seed,
            scenario: self.title(),
            scenarios: self.weighted(),
            file: self.source.name(),
            file_hash: self.file_hash.clone(),
            settings: self.settings.iter().map(as_said).collect(),
        }
    }

    /// Gives the run the identity that it has on other nodes. To be called before the run begins.
    pub(crate) fn known_as(&mut self, id: &str) {
        if let Some(run) = Arc::get_mut(&mut self.run) {
            run.id = id.to_owned();
        }
    }

    /// Calls the `setup` of a scenario, where there is one, and returns the bytes that its users
    /// receive.
    ///
    /// # Errors
    /// `setup` did not end well.
    pub(crate) async fn set_up(
        &self,
        scenario: &ChosenScenario,
    ) -> Result<Option<Vec<u8>>, HookFailure> {
        if !scenario.info.has_setup {
            return Ok(None);
        }
        self.outside(scenario)
            .call(
                Waiting::until(std::future::pending()),
                |mut user| async move { user.set_up().await },
            )
            .await
            .map(Some)
    }

    /// Calls the `teardown` of a scenario with the bytes of its `setup`. Once it is `asked_to_end`
    /// its waits end early.
    ///
    /// # Errors
    /// `teardown` did not end well.
    pub(crate) async fn tear_down(
        &self,
        scenario: &ChosenScenario,
        data: Vec<u8>,
        asked_to_end: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), HookFailure> {
        self.outside(scenario)
            .call(
                Waiting::until(asked_to_end),
                |mut user| async move { user.tear_down(&data).await },
            )
            .await
    }

    fn outside(&self, scenario: &ChosenScenario) -> Outside {
        Outside {
            program: Arc::clone(&self.program),
            scenario: scenario.index,
            run: Arc::clone(&self.run),
            client: self.plan.client.clone(),
        }
    }
}

fn new_run(
    settings: &Settings,
    seed: u64,
    limits: GuestLimits,
) -> anyhow::Result<(Run, EndRequests)> {
    let (requests, end_requests) = mpsc::channel(16);
    let mut run = run_without_feeds(settings, seed, limits, requests);
    run.feeds = settings
        .data
        .iter()
        .map(|(name, path)| Feed::read(name, Path::new(path)))
        .collect::<Result<_, _>>()?;
    Ok((run, end_requests))
}

fn run_without_feeds(
    settings: &Settings,
    seed: u64,
    limits: GuestLimits,
    end_requests: mpsc::Sender<EndRequest>,
) -> Run {
    let mut run = Run::new(run_id(seed), seed, end_requests);
    run.variables = settings.env.iter().cloned().collect();
    run.wrap_feeds = settings.data_wrap;
    run.limits = limits;
    run.fresh_iterations = settings.fresh.is_some();
    run.keeps_cookies = settings.cookies == Some(CookiesArg::Keep);
    run.sends_trace_context = settings.traceparent;
    run
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

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's own source of randomness; short enough to be typed again.
    u64::from(std::hash::RandomState::new().build_hasher().finish() as u32)
}

fn run_id(seed: u64) -> String {
    // Runs of one plan may have one seed and be prepared within a millisecond.
    static LATEST: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = now.as_millis() as u64;
    let before = LATEST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| Some(now.max(latest + 1)));
    let at = before.map_or(now, |latest| now.max(latest + 1));
    format!("{at:x}-{:x}", seed & 0xffff)
}
