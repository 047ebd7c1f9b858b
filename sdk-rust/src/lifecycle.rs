//! What the host calls, and how it finds the scenarios of a file.
//!
//! ## Why scenarios register in constructors
//! A file may hold several scenarios in any module, and a list of them at the end of the file would
//! be one more thing to forget. `#[scenario]` puts a function into `.init_array`, which runs before
//! the first export does. It may run twice, as a WASI reactor has an `_initialize` of its own: the
//! registry takes each scenario once. Its order is that of the names, as the linker promises none.
//!
//! ## What a user carries
//! One instance is one virtual user and runs one scenario, so there is one place for what `setup`
//! and `start` returned. It is typed by the scenario's [`Hooks`], which alone reads and writes it.

use std::any::Any;
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::lifecycle::{FileInfo, Guest, ScenarioInfo};
use crate::error::{Error, Result};
use crate::log;

/// What `#[scenario]` registers.
pub struct Scenario {
    /// The name, unique in the file.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// Whether there is a `setup` or a `teardown`.
    pub has_setup: bool,
    /// Whether there is a `start` or a `stop`.
    pub has_start: bool,
    /// Flags of the command line without their dashes, with their values.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Hosts to reach besides the target.
    pub hosts: &'static [&'static str],
    /// Its functions.
    pub life: &'static (dyn Life + Sync),
}

/// The functions of a scenario: `D` is what `setup` returns, `S` what `start` returns.
pub struct Hooks<D, S> {
    /// Once a run.
    pub setup: fn() -> Result<D>,
    /// Once a user.
    pub start: fn(&D) -> Result<S>,
    /// Once an iteration.
    pub run: fn(&mut S, &D) -> Result<()>,
    /// At the end of a user.
    pub stop: fn(S) -> Result<()>,
    /// At the end of a run.
    pub teardown: fn(D) -> Result<()>,
}

/// A scenario's functions without their types.
pub trait Life {
    /// Calls `setup` and encodes what it returned.
    fn setup(&self) -> Result<Vec<u8>>;
    /// Decodes what `setup` returned and calls `teardown` with it.
    fn teardown(&self, data: &[u8]) -> Result<()>;
    /// Decodes what `setup` returned, calls `start` with it and keeps both.
    fn start(&self, data: &[u8]) -> Result<()>;
    /// Runs an iteration with what is kept.
    fn run(&self) -> Result<()>;
    /// Calls `stop` with what is kept.
    fn stop(&self) -> Result<()>;
}

/// What `#[conduct]` registers.
pub struct Conduct {
    /// The function's name, for messages.
    pub name: &'static str,
    /// It.
    pub run: fn() -> Result<()>,
}

thread_local! {
    static CONDUCT: RefCell<Vec<&'static Conduct>> = const { RefCell::new(Vec::new()) };
    static SCENARIOS: RefCell<Vec<&'static Scenario>> = const { RefCell::new(Vec::new()) };
    /// A `(D, S)` between `start` and `stop`.
    static USER: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Adds a scenario to those of this file; again and again has no effect.
pub fn register(scenario: &'static Scenario) {
    SCENARIOS.with_borrow_mut(|scenarios| {
        if !scenarios.iter().any(|known| std::ptr::eq(*known, scenario)) {
            let position = scenarios.partition_point(|known| known.name <= scenario.name);
            scenarios.insert(position, scenario);
        }
    });
}

/// Makes a function the one that conducts the runs of this file; again and again has no effect.
pub fn register_conduct(conduct: &'static Conduct) {
    CONDUCT.with_borrow_mut(|known| {
        if !known.iter().any(|known| std::ptr::eq(*known, conduct)) {
            known.push(conduct);
        }
    });
}

impl<D: Serialize + DeserializeOwned + 'static, S: 'static> Life for Hooks<D, S> {
    fn setup(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(&(self.setup)()?)?)
    }

    fn teardown(&self, data: &[u8]) -> Result<()> {
        (self.teardown)(decode(data)?)
    }

    fn start(&self, data: &[u8]) -> Result<()> {
        let data: D = decode(data)?;
        let state = (self.start)(&data)?;
        USER.set(Some(Box::new((data, state))));
        Ok(())
    }

    fn run(&self) -> Result<()> {
        USER.with_borrow_mut(|user| {
            let user = user.as_mut().and_then(|user| user.downcast_mut::<(D, S)>());
            let (data, state) = user.expect("the host starts a user before it runs it");
            (self.run)(state, data)
        })
    }

    fn stop(&self) -> Result<()> {
        let user = USER.take().and_then(|user| user.downcast::<(D, S)>().ok());
        let (_, state) = *user.expect("the host starts a user before it stops it");
        (self.stop)(state)
    }
}

/// What `setup` returned; without a `setup` there are no bytes, which stand for `()`.
fn decode<D: DeserializeOwned>(data: &[u8]) -> Result<D> {
    Ok(serde_json::from_slice(if data.is_empty() { b"null" } else { data })?)
}

/// The exports of the component.
pub(crate) struct Component;

impl Guest for Component {
    fn describe() -> FileInfo {
        let owned = |(flag, value): &(&str, &str)| (flag.to_string(), value.to_string());
        let scenarios = SCENARIOS.with_borrow(|scenarios| {
            let describe = |scenario: &&Scenario| ScenarioInfo {
                name: scenario.name.to_owned(),
                description: scenario.description.to_owned(),
                has_setup: scenario.has_setup,
                has_start: scenario.has_start,
                defaults: scenario.defaults.iter().map(owned).collect(),
                hosts: scenario.hosts.iter().map(ToString::to_string).collect(),
            };
            scenarios.iter().map(describe).collect()
        });
        FileInfo { scenarios, has_conduct: CONDUCT.with_borrow(|conduct| !conduct.is_empty()) }
    }

    fn conduct() -> Result<(), String> {
        report_panics();
        let conducts = CONDUCT.with_borrow(Clone::clone);
        match conducts[..] {
            [] => Err("there is no function with #[conduct]".to_owned()),
            [conduct] => (conduct.run)().map_err(|error| error.to_string()),
            [one, another, ..] => Err(format!(
                "both `{}` and `{}` are marked with #[conduct]; one function conducts a file",
                one.name, another.name
            )),
        }
    }

    fn setup(scenario: u32) -> Result<Vec<u8>, String> {
        enter(scenario).setup().map_err(|error| error.to_string())
    }

    fn teardown(scenario: u32, data: Vec<u8>) -> Result<(), String> {
        enter(scenario).teardown(&data).map_err(|error| error.to_string())
    }

    fn start(scenario: u32, data: Vec<u8>) -> Result<(), String> {
        enter(scenario).start(&data).map_err(|error| error.to_string())
    }

    fn stop(scenario: u32) {
        if let Err(error) = enter(scenario).stop() {
            log::warn!("stop: {error}");
        }
    }

    fn run(scenario: u32) -> Result<(), String> {
        match enter(scenario).run() {
            Ok(()) | Err(Error::RunOver) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The functions of the scenario with this number, ready to be called.
fn enter(scenario: u32) -> &'static dyn Life {
    report_panics();
    SCENARIOS.with_borrow(|scenarios| {
        scenarios.get(scenario as usize).expect("the host uses a number from `describe`").life
    })
}

fn report_panics() {
    static PANICS: Once = Once::new();
    PANICS.call_once(|| std::panic::set_hook(Box::new(report)));
}

/// Brings a panic's message to the log, on one line; the trap that follows has none.
fn report(panic: &PanicHookInfo<'_>) {
    let words = panic.payload_as_str().unwrap_or("a value that is no text");
    match panic.location() {
        Some(place) => log::error!("panicked at {place}: {words}"),
        None => log::error!("panicked: {words}"),
    }
}

#[cfg(test)]
mod tests;
