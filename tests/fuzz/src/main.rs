//! libFuzzer around one of the targets of `swell_cluster::fuzzing`, which `SWELL_FUZZ` names.
//! `cargo xtask fuzz` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use swell_cluster::fuzzing::{FuzzTarget, TARGETS};

static TARGET: LazyLock<FuzzTarget> = LazyLock::new(|| {
    let wanted = std::env::var("SWELL_FUZZ").unwrap_or_default();
    let target = TARGETS.iter().find(|(name, _)| *name == wanted).map(|(_, target)| *target);
    let names = TARGETS.map(|(name, _)| name);
    target.unwrap_or_else(|| panic!("SWELL_FUZZ={wanted:?} is none of {names:?}"))
});

fuzz_target!(|bytes: &[u8]| {
    TARGET(bytes);
});
