//! The control API over HTTP: which runs there are and how they go, another goal, pause, resume,
//! stop, a further run.

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::bail;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::json;
use swell_core::plan::Search;
use swell_core::run::Refusal;
use swell_core::units::Rate;
use swell_engine::ScenarioSource;
use swell_report::{Ended, Status, Summary};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::finished::Done;
use crate::handle::Handle;
use crate::prepare::{EndRequests, Loaded, Prepared, ReceivedScenario};
use crate::runs::Runs;
use crate::serve::HttpAnswer;
use crate::settings::keys::{names_files, refuse_process_settings};
use crate::settings::layers::Layers;

/// The calls that exist, for somebody who asks for another one.
const CALLS: &str = "GET /v1/runs, GET /v1/runs/NAME, GET /v1/runs/NAME/report and /summary, GET \
/v1/scenarios, POST /v1/runs, PUT /v1/runs/NAME/goal, POST \
                     /v1/runs/NAME/pause, /resume, /stop and /interrupt";

/// How many calls may wait at a time for the end of a run, or for the compilation of a scenario.
/// They take long, so they have places of their own.
const MAX_WAITING: usize = 64;

/// How a file of scenarios ends.
const SCENARIO: &str = "wasm";

/// See the module's documentation.
pub(crate) struct ControlApi {
    runs: Rc<Runs>,
    layers: Layers,
    /// The folder of scenarios that may be named.
    scenarios: Option<PathBuf>,
    waiting: Semaphore,
}

/// Where a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// From this machine: it may name files of this machine.
    Here,
    /// From another node of the cluster.
    Member,
    /// From the live page in somebody's browser. It has the rank of another machine.
    Page,
}

impl Caller {
    /// Who asks, as the record of a run tells it.
    const fn words(self) -> &'static str {
        match self {
            Self::Here | Self::Member => "over the control API",
            Self::Page => "on the page",
        }
    }
}

/// The body of `PUT …/goal`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NewGoal {
    /// Starts a second: transactions, or iterations in a run with `rate`.
    #[serde(alias = "rate")]
    tps: f64,
}

impl ControlApi {
    /// The API to these runs. `layers` are the settings of the command; they also hold for further
    /// runs, except for load and length. `scenarios` is a folder whose files may be run by their
    /// names.
    pub(crate) fn new(runs: &Rc<Runs>, layers: &Layers, scenarios: Option<PathBuf>) -> Self {
        Self {
            runs: Rc::clone(runs),
            layers: layers.clone(),
            scenarios,
            waiting: Semaphore::new(MAX_WAITING),
        }
    }

    /// Carries out a call.
    pub(crate) async fn answer(
        &self,
        caller: Caller,
        method: &Method,
        path: &str,
        body: &[u8],
    ) -> HttpAnswer {
        let mut parts = path
            .trim_matches('/')
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        let (version, of) = (parts.next(), parts.next());
        let (name, act, rest) = (parts.next(), parts.next(), parts.next());
        match (version.as_deref(), of.as_deref(), &name) {
            (Some("v1"), Some("runs"), Some(name)) => {
                self.of_run(caller, name, method, path, (act.as_deref(), rest.as_deref()), body)
                    .await
            }
            (Some("v1"), Some("runs"), None) => match *method {
                Method::GET => {
                    let runs: Vec<_> = self.runs.all().iter().map(|run| shown(run)).collect();
                    HttpAnswer::json(StatusCode::OK, &json!({ "runs": runs }))
                }
                Method::POST => match self.place(caller) {
                    Ok(_place) => self.add(caller, body).await,
                    Err(full) => full,
                },
                _ => HttpAnswer::error(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "GET lists the runs, POST adds one",
                ),
            },
            (Some("v1"), Some("scenarios"), None) if *method == Method::GET => {
                match self.stored() {
                    Ok(names) => HttpAnswer::json(StatusCode::OK, &json!({ "scenarios": names })),
                    Err(reason) => HttpAnswer::error(StatusCode::NOT_FOUND, &reason),
                }
            }
            _ => HttpAnswer::error(
                StatusCode::NOT_FOUND,
                &format!("there is no {path}; there are: {CALLS}"),
            ),
        }
    }

    async fn of_run(
        &self,
        caller: Caller,
        name: &str,
        method: &Method,
        path: &str,
        act: (Option<&str>, Option<&str>),
        body: &[u8],
    ) -> HttpAnswer {
        let run = match self.run(name) {
            Ok(run) => run,
            Err(missing) => return missing,
        };
        match (method, act) {
            (&Method::GET, (None, _)) => HttpAnswer::json(StatusCode::OK, &shown(&run)),
            (&Method::GET, (Some(page @ ("report" | "summary")), None)) => {
                let _place = match self.place(caller) {
                    Ok(place) => place,
                    Err(full) => return full,
                };
                match &*run.done().await {
                    Done::Finished(finished) if page == "report" => {
                        HttpAnswer::json(StatusCode::OK, &finished.report)
                    }
                    Done::Finished(finished) => HttpAnswer::text(
                        &Summary { report: &finished.report, is_alone: true }.to_string(),
                    ),
                    Done::Failed(_, reason) => HttpAnswer::error(StatusCode::CONFLICT, reason),
                }
            }
            (&Method::PUT, (Some("goal"), None)) => set_goal(&run, caller, body).await,
            (&Method::POST, (Some("pause"), None)) => {
                obeyed(&run, run.pause(true, caller.words()).await)
            }
            (&Method::POST, (Some("resume"), None)) => {
                obeyed(&run, run.pause(false, caller.words()).await)
            }
            (&Method::POST, (Some("stop"), None)) => {
                run.stop();
                HttpAnswer::json(StatusCode::ACCEPTED, &shown(&run))
            }
            (&Method::POST, (Some("interrupt"), None)) => {
                run.interrupt();
                HttpAnswer::json(StatusCode::ACCEPTED, &shown(&run))
            }
            _ => HttpAnswer::error(
                StatusCode::METHOD_NOT_ALLOWED,
                &format!("there is no {method} {path}; there are: {CALLS}"),
            ),
        }
    }

    /// The run of this name.
    ///
    /// # Errors
    /// There is none; the answer says which there are.
    pub(crate) fn run(&self, name: &str) -> Result<Rc<Handle>, HttpAnswer> {
        self.runs.named(name).ok_or_else(|| {
            let names: Vec<String> = self.runs.all().iter().map(|run| run.name.clone()).collect();
            HttpAnswer::error(
                StatusCode::NOT_FOUND,
                &format!("there is no run {name:?}; there are: {}", names.join(", ")),
            )
        })
    }

    /// A place for a call that may take long, if it needs one. Calls of members are limited where
    /// they arrive.
    fn place(&self, caller: Caller) -> Result<Option<SemaphorePermit<'_>>, HttpAnswer> {
        let full = || {
            HttpAnswer::error(
                StatusCode::SERVICE_UNAVAILABLE,
                &format!("{MAX_WAITING} calls wait already; ask again later"),
            )
        };
        (caller != Caller::Member)
            .then(|| self.waiting.try_acquire().map_err(|_| full()))
            .transpose()
    }

    /// The names of the stored scenarios, or why there are none.
    fn stored(&self) -> Result<Vec<String>, String> {
        let Some(folder) = &self.scenarios else {
            return Err(
                "no scenarios are stored here: begin the coordinator with --scenarios FOLDER"
                    .to_owned(),
            );
        };
        let entries = std::fs::read_dir(folder)
            .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        let paths = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == SCENARIO));
        let mut names: Vec<String> =
            paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
        names.sort();
        Ok(names)
    }

    /// Where a stored scenario comes from.
    fn stored_scenario(&self, name: &str) -> Result<ScenarioSource, String> {
        let names = self.stored()?;
        match self.scenarios.as_ref().filter(|_| names.iter().any(|one| one == name)) {
            Some(folder) => Ok(ScenarioSource::File(folder.join(format!("{name}.{SCENARIO}")))),
            None => Err(format!(
                "there is no stored scenario {name:?}; there are: {}",
                names.join(", ")
            )),
        }
    }

    /// Begins a run beside the others. The body has its file or stored scenario, a name if the run
    /// is to have one of its own, and settings by the names of the flags.
    async fn add(&self, caller: Caller, body: &[u8]) -> HttpAnswer {
        let unfit = |words: &str| HttpAnswer::error(StatusCode::UNPROCESSABLE_ENTITY, words);
        let mut settings: toml::Table = match serde_json::from_slice(body) {
            Ok(settings) => settings,
            Err(error) => {
                return HttpAnswer::error(
                    StatusCode::BAD_REQUEST,
                    &format!("the body is no JSON object of settings: {error}"),
                );
            }
        };
        let name = match settings.remove("name") {
            None => None,
            Some(toml::Value::String(name))
                if (1..=128).contains(&name.len())
                    && !name.contains(char::is_control)
                    // No address of this API could name it.
                    && !matches!(name.as_str(), "." | "..") =>
            {
                Some(name)
            }
            Some(_) => {
                return unfit(
                    "`name` is a text of 1 to 128 bytes in one line, and neither . nor ..",
                );
            }
        };
        let hosts = match settings.remove("hosts") {
            None => None,
            Some(toml::Value::Integer(hosts @ 1..=1_000)) => usize::try_from(hosts).ok(),
            Some(_) => return unfit("`hosts` is a number from 1 to 1000"),
        };
        let source = match self.source_asked(caller, &mut settings) {
            Ok(source) => source,
            Err(refusal) => return refusal,
        };
        let named_file =
            settings.keys().find(|key| names_files(key)).filter(|_| caller != Caller::Here);
        if let Some(key) = named_file {
            return HttpAnswer::error(
                StatusCode::FORBIDDEN,
                &format!("`{key}` names a file of the coordinator's machine; call it there"),
            );
        }
        if let Some(taken) = name.as_ref().filter(|name| self.runs.named(name).is_some()) {
            return HttpAnswer::error(
                StatusCode::CONFLICT,
                &format!("there is a run {taken:?} already; give another `name`"),
            );
        }
        let place = "the request".to_owned();
        let layers = refuse_process_settings(&place, &settings)
            .and_then(|()| self.layers.above_all(place, settings))
            .map(|layers| layers.of_source(&source));
        match layers {
            Ok(layers) => match self
                .begin(name, hosts, move || Prepared::new(None, source, &layers), || true)
                .await
            {
                Ok(run) => begun(&run),
                Err(refusal) => refusal,
            },
            Err(error) => unfit(&format!("{error:#}")),
        }
    }

    /// The scenario that these settings name, and which is taken out of them.
    ///
    /// # Errors
    /// There is none, or the caller may not name it; the answer says so.
    fn source_asked(
        &self,
        caller: Caller,
        settings: &mut toml::Table,
    ) -> Result<ScenarioSource, HttpAnswer> {
        let refused = |status, words: &str| Err(HttpAnswer::error(status, words));
        match (settings.remove("stored"), settings.remove("file")) {
            (Some(toml::Value::String(stored)), None) => self
                .stored_scenario(&stored)
                .map_err(|reason| HttpAnswer::error(StatusCode::NOT_FOUND, &reason)),
            (None, Some(toml::Value::String(_))) if caller == Caller::Page => refused(
                StatusCode::FORBIDDEN,
                "the page names no files of the host's machine: name a `stored` scenario",
            ),
            (None, Some(toml::Value::String(_))) if caller == Caller::Member => refused(
                StatusCode::FORBIDDEN,
                "files are of the coordinator's machine: name a `stored` scenario, or send a \
                file by `host run FILE --coordinator`",
            ),
            (None, Some(toml::Value::String(file))) => Ok(ScenarioSource::File(file.into())),
            _ => refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body needs a `file`, the path of a .wasm file on the host's machine, or a \
                `stored` scenario's name",
            ),
        }
    }

    /// Begins a run whose files came from another machine.
    ///
    /// # Errors
    /// The run is refused, and the answer says why; or nobody wants it any more.
    pub(crate) async fn submit(
        &self,
        received: ReceivedScenario,
        hosts: Option<usize>,
        search: Option<Search>,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Rc<Handle>, HttpAnswer> {
        let of_command = self.layers.clone();
        let prepare = move || {
            let ReceivedScenario { source, settings, origin } = received;
            let place = "what was submitted".to_owned();
            let layers = of_command.submitted(place, settings, search.is_some())?;
            let loaded = Loaded::read(source, &layers)?;
            if loaded.has_conduct() && search.is_none() && layers.undisputed()?.scenario.is_empty()
            {
                bail!(
                    "a file with `conduct` runs on one host\nhelp: choose a scenario of it with \
                    --scenario NAME"
                );
            }
            let (prepared, end_requests) = Prepared::of(None, &loaded, &layers, None, search)?;
            Ok((Prepared { origin: Some(origin), ..prepared }, end_requests))
        };
        self.begin(None, hosts, prepare, is_wanted).await
    }

    /// Begins a run. If it has no name of its own it gets its scenario's, with a number if that
    /// name is taken.
    async fn begin(
        &self,
        name: Option<String>,
        hosts: Option<usize>,
        prepare: impl FnOnce() -> anyhow::Result<(Prepared, EndRequests)> + Send + 'static,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Rc<Handle>, HttpAnswer> {
        // Compiling takes seconds, so the control thread does not do it.
        let (answer, prepared) = oneshot::channel();
        std::thread::spawn(move || drop(answer.send(prepare())));
        match prepared.await {
            Ok(Ok(_)) if !is_wanted() => {
                Err(HttpAnswer::error(StatusCode::CONFLICT, "nobody waits for the run any more"))
            }
            Ok(Ok((prepared, end_requests))) => {
                let name = name.unwrap_or_else(|| self.runs.free_name(&prepared.name));
                let begun = self.runs.begin((Prepared { name, hosts, ..prepared }, end_requests));
                begun.map_err(|refusal| {
                    HttpAnswer::error(StatusCode::CONFLICT, &refusal.to_string())
                })
            }
            Ok(Err(error)) => {
                Err(HttpAnswer::error(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}")))
            }
            Err(_) => Err(HttpAnswer::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the run could not be prepared",
            )),
        }
    }
}

/// The answer to the one who began a run.
pub(crate) fn begun(run: &Handle) -> HttpAnswer {
    HttpAnswer::json(StatusCode::CREATED, &shown(run))
}

async fn set_goal(run: &Handle, caller: Caller, body: &[u8]) -> HttpAnswer {
    // It is read as an object first, because a struct would be read from a list too.
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(body);
    let wanted: NewGoal = match object.and_then(|object| serde_json::from_value(object.into())) {
        Ok(goal) => goal,
        Err(error) => {
            return HttpAnswer::error(
                StatusCode::BAD_REQUEST,
                &format!("the body is not as {{\"tps\": 500}}: {error}"),
            );
        }
    };
    match Rate::new(wanted.tps) {
        Some(rate) => obeyed(run, run.set_goal(rate, caller.words()).await),
        None => HttpAnswer::error(
            StatusCode::UNPROCESSABLE_ENTITY,
            &format!(
                "a goal of {}/s is out of range; give 0.000001 to 10,000,000, or pause the run",
                wanted.tps
            ),
        ),
    }
}

fn obeyed(run: &Handle, result: Result<(), Refusal>) -> HttpAnswer {
    match result {
        Ok(()) => HttpAnswer::json(StatusCode::OK, &shown(run)),
        Err(refusal) => HttpAnswer::error(StatusCode::CONFLICT, &refusal.to_string()),
    }
}

/// A run as the API shows it; with `exit` once it is over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownRun {
    pub(crate) name: String,
    pub(crate) scenario: String,
    pub(crate) model: String,
    pub(crate) status: Status,
    pub(crate) exit: Option<Ended>,
}

fn shown(run: &Handle) -> ShownRun {
    ShownRun {
        name: run.name.clone(),
        scenario: run.scenario.clone(),
        model: run.model.clone(),
        status: run.status(),
        exit: run.ended(),
    }
}
