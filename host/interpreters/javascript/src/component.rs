//! The component of the interpreter of JavaScript: QuickJS, given a script.
//!
//! A script is evaluated in `load`, once in each user's instance, as k6 evaluates its init context
//! once a user. `test.rs` has it, with the files that it imports and opens; `prepared.rs` what is
//! there before it, and `memory.rs` where that lies; `natives.rs` gives the contract to JavaScript,
//! `typescript.rs` makes JavaScript of TypeScript, and what scripts import is JavaScript in
//! `modules/`.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "QuickJS is C, and generated code exports functions")]

mod bindings;
mod body;
mod digests;
mod loading;
mod memory;
mod modules;
mod natives;
mod page;
mod prepared;
mod rehearsal;
mod test;
mod typescript;

use self::bindings::clock;
use self::bindings::lifecycle::{self, FileInfo};
use self::bindings::runs::Run;
use self::bindings::script::{self, Fault, Loaded, TestFile};
use self::bindings::summary;

struct JavaScript;

bindings::export!(JavaScript with_types_in bindings);

impl script::Guest for JavaScript {
    fn load(files: Vec<TestFile>) -> Result<Loaded, Fault> {
        test::load(files)
    }
}

impl lifecycle::Guest for JavaScript {
    fn describe() -> FileInfo {
        FileInfo { scenarios: Vec::new(), has_conduct: false }
    }

    fn conduct() -> Result<(), String> {
        if test::conducts() {
            natives::runs::allow();
            return test::call("conduct", ()).map(drop);
        }
        // Each scenario is a run of its own, with its settings and its beginning.
        let mut begun = 0.0;
        let mut open = Vec::new();
        for (scenario, start) in test::scenarios() {
            clock::sleep(((start - begun) * 1e6) as u64);
            begun = start;
            open.push(Run::start(&scenario, &[("name".to_owned(), scenario.clone())])?);
        }
        for run in open {
            run.wait()?;
        }
        Ok(())
    }

    fn setup(scenario: u32) -> Result<Vec<u8>, String> {
        let data = test::call("setup", (scenario,))?;
        Ok(data.into_bytes())
    }

    fn teardown(scenario: u32, data: Vec<u8>) -> Result<(), String> {
        test::call("teardown", (scenario, text(data))).map(drop)
    }

    fn start(scenario: u32, data: Vec<u8>) -> Result<(), String> {
        test::call("start", (scenario, text(data))).map(drop)
    }

    fn stop(_: u32) {}

    fn run(_: u32) -> Result<(), String> {
        test::iteration()
    }
}

impl summary::Guest for JavaScript {
    fn has_summary() -> bool {
        test::has_summary()
    }

    fn summarize(results: String) -> Result<Vec<(String, Vec<u8>)>, String> {
        test::summarize(results)
    }
}

/// What `setup` returned, which was JSON.
fn text(data: Vec<u8>) -> String {
    String::from_utf8(data).unwrap_or_default()
}

/// A user's first iteration does what none that follows does.
const REHEARSED: usize = 3;

/// Called where the interpreter is built, in memory with which nobody begins: lives a user's life.
#[unsafe(export_name = "prepare-rehearse")]
extern "C" fn rehearse(number: usize) {
    let loaded = test::load(vec![rehearsal::begin(number)]);
    loaded.map(drop).expect("our own script is right");
    test::call("start", (0, String::new())).expect("it has a scenario");
    for _ in 0..REHEARSED {
        test::iteration().expect("our own script is right");
    }
}
