//! The component of the interpreter of steps: it makes a request loaded and loaded.
//!
//! It is built of the bindings of `wit/` alone, so that an iteration is three calls into the host
//! and nothing else: what can be prepared is prepared in `load`.

#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

use std::cell::RefCell;

use swell_steps::{BODY, QuickRequest, REQUEST, USERS};

use self::exports::swell::scenario::lifecycle::{self, FileInfo, ScenarioInfo};
use self::exports::swell::scenario::script::{self, Fault, Loaded, Place, TestFile};
use self::swell::scenario::http::{self, Keep, Method, Request, StatusRange, Version};
use self::swell::scenario::transactions::{self, Kind, Outcome, Transaction};

wit_bindgen::generate!({
    world: "interpreted",
    path: "../../../wit",
    ownership: Borrowing { duplicate_if_necessary: false },
});

struct Steps;

export!(Steps);

/// The request as it was loaded, and the number of its transaction once there is one.
struct LoadedRequest {
    quick: QuickRequest,
    body: Vec<u8>,
    expect: Vec<StatusRange>,
    kind: Option<Kind>,
}

thread_local! {
    static LOADED: RefCell<Option<LoadedRequest>> = const { RefCell::new(None) };
}

impl script::Guest for Steps {
    fn load(files: Vec<TestFile>) -> Result<Loaded, Fault> {
        let quick = QuickRequest::read(&files[0].content).map_err(|(message, line, column)| {
            let place = Place { file: files[0].path.clone(), line, column };
            Fault { message, place: Some(place) }
        })?;
        let body = files.iter().find(|file| file.path == BODY);
        if quick.has_body && body.is_none() {
            return Ok(Loaded::Needs(vec![BODY.to_owned()]));
        }
        let expect = quick.expect.iter().map(|&(first, last)| StatusRange { first, last });
        let scenario = ScenarioInfo {
            name: quick.name.clone(),
            description: format!("{} {}", quick.method, quick.url),
            has_setup: false,
            has_start: false,
            defaults: vec![("vus".to_owned(), USERS.to_string())],
            hosts: Vec::new(),
        };
        LOADED.set(Some(LoadedRequest {
            expect: expect.collect(),
            body: body.map(|body| body.content.clone()).unwrap_or_default(),
            kind: None,
            quick,
        }));
        Ok(Loaded::Ready(FileInfo { scenarios: vec![scenario], has_conduct: false }))
    }
}

impl lifecycle::Guest for Steps {
    fn describe() -> FileInfo {
        FileInfo { scenarios: Vec::new(), has_conduct: false }
    }

    fn conduct() -> Result<(), String> {
        Err(format!("{REQUEST} conducts nothing"))
    }

    fn setup(_: u32) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn teardown(_: u32, _: Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    fn start(_: u32, _: Vec<u8>) -> Result<(), String> {
        LOADED.with_borrow_mut(|loaded| {
            if let Some(loaded) = loaded {
                loaded.kind = Some(transactions::define(&loaded.quick.name));
            }
        });
        Ok(())
    }

    fn stop(_: u32) {}

    fn run(_: u32) -> Result<(), String> {
        LOADED.with_borrow(|loaded| {
            if let Some(loaded) = loaded
                && let Some(kind) = loaded.kind
                && let Ok(open) = transactions::begin(kind)
            {
                let outcome = match http::send(loaded.request()) {
                    Ok(_) => Outcome::Ok,
                    // Why is counted by the host.
                    Err(_) => Outcome::Failed(""),
                };
                Transaction::finish(open, outcome);
            }
        });
        Ok(())
    }
}

impl LoadedRequest {
    fn request(&self) -> Request<'_> {
        let method = match self.quick.method.as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "PATCH" => Method::Patch,
            "OPTIONS" => Method::Options,
            other => Method::Other(other),
        };
        Request {
            method,
            url: &self.quick.url,
            headers: &[],
            body: &self.body,
            keep: Keep::Discard,
            keep_headers: false,
            redirects: 0,
            decompress: false,
            version: Version::Automatic,
            expect: &self.expect,
            timeout: 0,
        }
    }
}
