//! What users do most, done where the interpreter is built, so that it is seen to what they write.
//!
//! There is no host then. Numbers that it would give are 0, and what it would do is not done; what
//! it would give besides is given here.

use std::cell::Cell;

use crate::bindings::http::{Phases, Response};
use crate::bindings::script::TestFile;

/// What all do, and what some do besides.
const SCRIPTS: [&str; 2] = [include_str!("rehearsals/all.js"), include_str!("rehearsals/some.js")];

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
}

/// Begins one of the rehearsals; its script.
pub(crate) fn begin(number: usize) -> TestFile {
    IS_ON.set(true);
    let content = SCRIPTS[number].as_bytes().to_vec();
    TestFile { path: "rehearsal.js".to_owned(), content }
}

/// Whether there is no host.
pub(crate) fn is_on() -> bool {
    IS_ON.get()
}

/// The answer to a request, if there is no host.
pub(crate) fn answer(keep_headers: bool) -> Option<Response> {
    is_on().then(|| Response {
        status: 200,
        headers: keep_headers
            .then(|| vec![("content-type".to_owned(), "application/json".to_owned())]),
        body: Some(br#"{"id": 7, "title": "<title>", "items": [{"id": 8}]}"#.to_vec()),
        body_size: 0,
        phases: Phases {
            blocked: 1_000,
            connecting: 0,
            tls: 0,
            sending: 1_500,
            waiting: 123_456,
            receiving: 2_500,
        },
        reused: true,
        redirects: 0,
        final_url: None,
    })
}
