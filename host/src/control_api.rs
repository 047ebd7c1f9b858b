//! The control API: what runs and how, another goal, pause, resume, stop, a further run, over HTTP.
//!
//! ## Who may call
//! On a loopback address whoever has a shell on this machine, as they could send signals too; but not a page in their browser: a call with an `Origin`, with a
//! body that is not said to be JSON, or to a name other than a loopback one is refused. Where a token is set, and beyond loopback one must be, every call
//! carries it. There is no TLS: over a network that is not trusted, go through a tunnel.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::bail;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;
use swell_core::units::Rate;
use tokio::sync::oneshot;

use crate::driver::Refusal;
use crate::layers::{Layers, refuse_process_settings};
use crate::prepare::Prepared;
use crate::runs::{Done, Handle, Runs};
use crate::serve::{Answer, Call};

/// The variable of the environment that holds the token: a flag could be read by every user of the machine.
const TOKEN: &str = "SWELL_CONTROL_TOKEN";

/// The calls that there are, for whoever asks for another.
const CALLS: &str = "GET /v1/runs, GET /v1/runs/NAME, GET /v1/runs/NAME/report, POST /v1/runs, PUT /v1/runs/NAME/goal, POST /v1/runs/NAME/pause, /resume and /stop";

/// See the module's documentation.
pub(crate) struct ControlApi {
    runs: Rc<Runs>,
    layers: Layers,
    token: Option<blake3::Hash>,
}

/// The body of `PUT …/goal`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Goal {
    /// Starts a second: transactions, or iterations in a run with `rate`.
    #[serde(alias = "rate")]
    tps: f64,
}

impl ControlApi {
    /// The API at this address. `layers` are what was said of the command, and hold for further runs but for load and length.
    ///
    /// # Errors
    /// The address is not a loopback one and there is no token.
    pub(crate) fn new(address: SocketAddr, runs: &Rc<Runs>, layers: &Layers) -> anyhow::Result<Self> {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        if token.is_none() && !address.ip().is_loopback() {
            bail!(
                "--control {address}: beyond loopback the control API needs a token\nhelp: set {TOKEN} to a long random text, or use 127.0.0.1:{}",
                address.port()
            );
        }
        let token = token.map(|token| blake3::hash(token.as_bytes()));
        Ok(Self { runs: Rc::clone(runs), layers: layers.clone(), token })
    }

    pub(crate) async fn answer(&self, call: Call) -> Answer {
        if let Some(refused) = self.refuse(&call) {
            return refused;
        }
        let mut path = call.path.trim_matches('/').split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        let (version, of) = (path.next(), path.next());
        if (version.as_deref(), of.as_deref()) != (Some("v1"), Some("runs")) {
            return Answer::error(StatusCode::NOT_FOUND, &format!("there is no {}; there are: {CALLS}", call.path));
        }
        let (name, act, rest) = (path.next(), path.next(), path.next());
        let Some(name) = name else {
            return match call.method {
                Method::GET => {
                    let runs: Vec<_> = self.runs.all().iter().map(|run| shown(run)).collect();
                    Answer::json(StatusCode::OK, &json!({ "runs": runs }))
                }
                Method::POST => self.add(&call).await,
                _ => Answer::error(StatusCode::METHOD_NOT_ALLOWED, "GET lists the runs, POST adds one"),
            };
        };
        let Some(run) = self.runs.named(&name) else {
            let names: Vec<String> = self.runs.all().iter().map(|run| run.name.clone()).collect();
            return Answer::error(StatusCode::NOT_FOUND, &format!("there is no run {name:?}; there are: {}", names.join(", ")));
        };
        match (&call.method, act.as_deref(), rest) {
            (&Method::GET, None, _) => Answer::json(StatusCode::OK, &shown(&run)),
            (&Method::GET, Some("report"), None) => match &*run.done().await {
                Done::Finished(finished) => Answer::json(StatusCode::OK, &finished.report),
                Done::Failed(_, reason) => Answer::error(StatusCode::CONFLICT, reason),
            },
            (&Method::PUT, Some("goal"), None) => set_goal(&run, &call).await,
            (&Method::POST, Some("pause"), None) => obeyed(&run, run.pause(true).await),
            (&Method::POST, Some("resume"), None) => obeyed(&run, run.pause(false).await),
            (&Method::POST, Some("stop"), None) => {
                run.stop();
                Answer::json(StatusCode::ACCEPTED, &shown(&run))
            }
            _ => Answer::error(StatusCode::METHOD_NOT_ALLOWED, &format!("there is no {} {}; there are: {CALLS}", call.method, call.path)),
        }
    }

    /// Why the caller is not answered, if it is not.
    fn refuse(&self, call: &Call) -> Option<Answer> {
        let header = |name: HeaderName| header(&call.headers, name);
        if header(ORIGIN).is_some() {
            return Some(Answer::error(StatusCode::FORBIDDEN, "a web page may not call this API"));
        }
        match &self.token {
            Some(token) => {
                let given =
                    header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).map(|given| blake3::hash(given.as_bytes()));
                // The comparison takes as long wherever hashes differ.
                if given.as_ref() != Some(token) {
                    let cure = format!("the call needs the header `Authorization: Bearer …` with what {TOKEN} holds");
                    return Some(Answer::error(StatusCode::UNAUTHORIZED, &cure));
                }
            }
            None if !header(HOST).is_some_and(is_loopback) => {
                return Some(Answer::error(StatusCode::FORBIDDEN, "without a token the API is called by a loopback name, as 127.0.0.1"));
            }
            None => {}
        }
        let is_json = header(CONTENT_TYPE).is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
        (!call.body.is_empty() && !is_json)
            .then(|| Answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body needs the header `Content-Type: application/json`"))
    }

    /// Begins a run beside the others: its file, a name if it is to have one of its own, and settings by the names of the flags.
    async fn add(&self, call: &Call) -> Answer {
        let mut settings: toml::Table = match serde_json::from_slice(&call.body) {
            Ok(settings) => settings,
            Err(error) => return Answer::error(StatusCode::BAD_REQUEST, &format!("the body is no JSON object of settings: {error}")),
        };
        let name = match settings.remove("name") {
            None => None,
            Some(toml::Value::String(name)) if !name.is_empty() && name.len() <= 128 => Some(name),
            Some(_) => return Answer::error(StatusCode::UNPROCESSABLE_ENTITY, "`name` is a text of 1 to 128 bytes"),
        };
        let Some(toml::Value::String(file)) = settings.remove("file") else {
            return Answer::error(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body needs a `file`: the path of a .wasm file on the host's machine",
            );
        };
        if let Some(taken) = name.as_ref().filter(|name| self.runs.named(name).is_some()) {
            return Answer::error(StatusCode::CONFLICT, &format!("there is a run {taken:?} already; give another `name`"));
        }
        let place = "the request".to_owned();
        let layers = refuse_process_settings(&place, &settings).and_then(|()| self.layers.above_all(place, settings));
        let layers = match layers {
            Ok(layers) => layers,
            Err(error) => return Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}")),
        };
        // Compiling takes seconds: it is not for the control thread.
        let (answer, prepared) = oneshot::channel();
        std::thread::spawn(move || drop(answer.send(Prepared::new(name.as_deref(), &PathBuf::from(file), &layers))));
        match prepared.await {
            Ok(Ok(prepared)) => match self.runs.begin(prepared) {
                Ok(run) => Answer::json(StatusCode::CREATED, &shown(&run)),
                Err(refusal) => Answer::error(StatusCode::CONFLICT, &refusal.to_string()),
            },
            Ok(Err(error)) => Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}")),
            Err(_) => Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the run could not be prepared"),
        }
    }
}

async fn set_goal(run: &Handle, call: &Call) -> Answer {
    // As an object first: a struct would be read from a list too.
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(&call.body);
    let wanted: Goal = match object.and_then(|object| serde_json::from_value(object.into())) {
        Ok(goal) => goal,
        Err(error) => return Answer::error(StatusCode::BAD_REQUEST, &format!("the body is not as {{\"tps\": 500}}: {error}")),
    };
    match Rate::new(wanted.tps) {
        Some(rate) => obeyed(run, run.set_goal(rate).await),
        None => Answer::error(
            StatusCode::UNPROCESSABLE_ENTITY,
            &format!("a goal of {}/s is out of range; give more than 0, or pause the run", wanted.tps),
        ),
    }
}

fn obeyed(run: &Handle, result: Result<(), Refusal>) -> Answer {
    match result {
        Ok(()) => Answer::json(StatusCode::OK, &shown(run)),
        Err(refusal) => Answer::error(StatusCode::CONFLICT, &refusal.to_string()),
    }
}

/// A run as the API shows it.
fn shown(run: &Handle) -> serde_json::Value {
    json!({ "name": run.name, "scenario": run.scenario, "model": run.model, "status": run.status() })
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a `Host` names this machine to itself. A name of the caller's choice may be one that a web page had resolved to it.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_this_machine_to_itself() {
        for host in ["127.0.0.1:6565", "localhost", "localhost:1", "[::1]:6565", "127.1.2.3"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com:6565", "10.0.0.1", "[2001:db8::1]:1", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
