//! What wit-bindgen makes of `wit/`: what a script asks of the host, and what the host asks of it.

#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    world: "summarizing",
    path: "../../../wit",
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub(crate) use self::exports::swell::scenario::{lifecycle, script, summary};
pub(crate) use self::swell::scenario::{
    checks, clock, context, data, grpc, http, http_stream, log, metrics, random, runs,
    transactions, websocket,
};
