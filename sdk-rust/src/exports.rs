//! Gives the host what it calls, which `lifecycle` answers.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

use crate::bindings;
use crate::lifecycle::Component;

bindings::export!(Component with_types_in bindings);
