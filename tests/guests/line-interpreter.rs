//! An interpreter of a language of one word a line, which exists to be tested: each file is a list
//! of steps, and all steps of all files are one iteration.
//!
//! | line | does |
//! |---|---|
//! | `get PATH` | a transaction with one request |
//! | `include FILE` | needs the file and does its steps, too |
//! | `default KEY VALUE` | a setting that holds where the command line is silent |
//! | `recurse DEPTH` | calls itself as deep; deeper than 12,000 is an error of the language |
//! | `beyond` | reads where its memory cannot be, as no language lets it |
//! | `work N` | computes in `load`: N times a million steps, or `for-ever` |
//! | `# …` | nothing |

#![allow(unsafe_code, missing_docs, reason = "generated code")]

use std::cell::RefCell;
use std::hint::black_box;

use self::exports::swell::scenario::lifecycle::{self, FileInfo, ScenarioInfo};
use self::exports::swell::scenario::script::{self, Fault, Loaded, Place, TestFile};
use self::swell::scenario::http::{self, Keep, Method, Request, Version};
use self::swell::scenario::transactions::{self, Outcome, Transaction};

wit_bindgen::generate!({ world: "interpreted", path: "../../wit" });

struct Interpreter;

export!(Interpreter);

#[derive(Clone)]
enum Step {
    Get(String),
    Recurse(u32),
    Beyond,
}

thread_local! {
    static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
}

/// Within what 32 bits can address, and beyond any memory that a user may have.
const BEYOND: *const u8 = 0xF000_0000 as *const u8;

/// Calls that the language allows.
const DEEPEST: u32 = 12_000;

/// What the lines come to so far.
#[derive(Default)]
struct Reading {
    steps: Vec<Step>,
    defaults: Vec<(String, String)>,
    needs: Vec<String>,
}

impl Reading {
    fn read(&mut self, file: &TestFile, files: &[TestFile]) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(&file.content);
        for (number, line) in (1..).zip(text.lines()) {
            let fault = |message: String, word: &str| Fault {
                message,
                place: Some(Place {
                    file: file.path.clone(),
                    line: number,
                    column: 1 + (word.as_ptr() as usize - line.as_ptr() as usize) as u32,
                }),
            };
            let mut words = line.split_whitespace();
            let Some(word) = words.next() else { continue };
            let mut next = || words.next().ok_or_else(|| fault("its end is missing".into(), word));
            match word {
                "get" => self.steps.push(Step::Get(next()?.to_owned())),
                "recurse" => {
                    let depth = next()?;
                    let depth = depth.parse().map_err(|_| fault("no number".into(), depth))?;
                    self.steps.push(Step::Recurse(depth));
                }
                "beyond" => self.steps.push(Step::Beyond),
                "default" => self.defaults.push((next()?.to_owned(), next()?.to_owned())),
                "work" => work(next()?.parse().unwrap_or(u64::MAX)),
                "include" => {
                    let path = next()?;
                    match files.iter().find(|file| file.path == path) {
                        Some(included) => self.read(included, files)?,
                        None => self.needs.push(path.to_owned()),
                    }
                }
                word if word.starts_with('#') => {}
                word => return Err(fault(format!("no such word: {word}"), word)),
            }
        }
        Ok(())
    }
}

fn work(millions: u64) {
    for step in 0..millions.saturating_mul(1_000_000) {
        black_box(step);
    }
}

impl script::Guest for Interpreter {
    fn load(files: Vec<TestFile>) -> Result<Loaded, Fault> {
        let mut reading = Reading::default();
        reading.read(&files[0], &files)?;
        if !reading.needs.is_empty() {
            return Ok(Loaded::Needs(reading.needs));
        }
        STEPS.set(reading.steps);
        let scenario = ScenarioInfo {
            name: files[0].path.split('.').next().unwrap_or_default().to_owned(),
            description: format!("{} steps", STEPS.with_borrow(Vec::len)),
            has_setup: false,
            has_start: false,
            defaults: reading.defaults,
            hosts: Vec::new(),
        };
        Ok(Loaded::Ready(FileInfo { scenarios: vec![scenario], has_conduct: false }))
    }
}

impl lifecycle::Guest for Interpreter {
    fn describe() -> FileInfo {
        FileInfo { scenarios: Vec::new(), has_conduct: false }
    }

    fn conduct() -> Result<(), String> {
        Err("there is nothing to conduct".to_owned())
    }

    fn setup(_: u32) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn teardown(_: u32, _: Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    fn start(_: u32, _: Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    fn stop(_: u32) {}

    fn run(_: u32) -> Result<(), String> {
        for step in STEPS.with_borrow(Clone::clone) {
            match step {
                Step::Get(path) => get(path),
                Step::Recurse(depth) if depth > DEEPEST => return Err("too many calls".to_owned()),
                Step::Recurse(depth) => {
                    black_box(deeper(black_box(depth)));
                }
                // SAFETY: whether this is safe is what is tested.
                Step::Beyond => drop(black_box(unsafe { BEYOND.read_volatile() })),
            }
        }
        Ok(())
    }
}

fn get(path: String) {
    let kind = transactions::define(&format!("GET {path}"));
    let Ok(open) = transactions::begin(kind) else { return };
    let answer = http::send(&Request {
        method: Method::Get,
        url: path,
        headers: Vec::new(),
        body: Vec::new(),
        keep: Keep::Discard,
        keep_headers: false,
        redirects: 0,
        decompress: false,
        version: Version::Automatic,
        expect: Vec::new(),
        timeout: 0,
    });
    let outcome = match answer {
        Ok(_) => Outcome::Ok,
        Err(error) => Outcome::Failed(format!("{error:?}")),
    };
    Transaction::finish(open, &outcome);
}

fn deeper(depth: u32) -> u64 {
    if depth == 0 { 0 } else { black_box(deeper(black_box(depth - 1))) + u64::from(depth) }
}
