//! What wit-bindgen makes of `wit/`. The other modules give it the shape that a scenario author
//! sees.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    world: "scenario",
    path: "../wit",
    // Arguments are borrowed: a plain request allocates nothing in the guest.
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub use self::exports::swell::scenario::lifecycle;
pub use self::swell::scenario::{
    checks, clock, context, data, grpc, http, http_prepared, http_stream, log, metrics, random,
    runs, transactions, websocket,
};
