//! Settings that have something in common, by their keys.

use anyhow::bail;
/// A layer that has one of them replaces all of them.
pub(super) use swell_core::plan::LOAD_SHAPE;

/// Whether settings of this key say what the load is.
pub(crate) fn shapes_load(key: &str) -> bool {
    LOAD_SHAPE.contains(&key)
}

/// Settings of lower layers that mean nothing to a search, which ends by itself.
pub(super) const LENGTHS: [&str; 4] = ["duration", "iterations", "iterations-per-vu", "warmup"];

/// Whether a setting of a lower layer means nothing beside those of `given` keys: they say the same
/// in another way.
pub(super) fn is_said_otherwise(key: &str, given: impl Fn(&str) -> bool) -> bool {
    match key {
        // Each says how many users there may be.
        "vus" | "vus-stage" | "vus-shape" => given("max-vus"),
        "max-vus" => ["vus", "vus-stage", "vus-shape"].into_iter().any(given),
        // Each says how many iterations there are, and only a number of users has the one.
        "iterations" => given("iterations-per-vu"),
        "iterations-per-vu" => {
            given("iterations") || LOAD_SHAPE.iter().any(|key| *key != "vus" && given(key))
        }
        _ => false,
    }
}

/// Whether a setting of this key says how many iterations there are: where a scenario brings it and
/// somebody says how long the run lasts, it means nothing.
pub(super) fn counts_iterations(key: &str) -> bool {
    matches!(key, "iterations" | "iterations-per-vu")
}

/// Settings that are about the whole process, which no single one of several runs can have.
pub(super) const OF_THE_PROCESS: [&str; 13] = [
    "out",
    "to",
    "summary-dir",
    "record",
    "no-record",
    "tui",
    "quiet",
    "control",
    "ui",
    "ui-cert",
    "ui-key",
    "ui-plain",
    "prometheus",
];

/// Settings that hold for a file before its scenarios are known.
pub(super) const OF_THE_FILE: [&str; 4] =
    ["guest-cpu", "guest-memory", "interpreter", "allow-file"];

/// Whether settings of this key say what a script consists of: where its files are given, they mean
/// nothing.
pub(crate) fn is_of_a_script(key: &str) -> bool {
    matches!(key, "interpreter" | "allow-file")
}

/// Whether settings of this key name files.
pub(crate) fn names_files(key: &str) -> bool {
    matches!(key, "data" | "ca-cert" | "cert" | "key")
}

/// The path of the file that a setting names; `None` where it names no file.
pub(crate) fn file_of<'a>(key: &str, value: Option<&'a str>) -> Option<&'a str> {
    match key {
        "data" => value.and_then(|value| value.split_once('=')).map(|(_, path)| path),
        key => value.filter(|_| names_files(key)),
    }
}

/// The value of such a setting with another path.
pub(crate) fn with_file(key: &str, value: &str, path: &str) -> String {
    match value.split_once('=').filter(|_| key == "data") {
        Some((feed, _)) => format!("{feed}={path}"),
        None => path.to_owned(),
    }
}

/// Refuses what only the whole process can have.
///
/// # Errors
/// The first such key, with where it belongs.
pub(crate) fn refuse_process_settings(place: &str, table: &toml::Table) -> anyhow::Result<()> {
    match OF_THE_PROCESS.iter().find(|key| table.contains_key(**key)) {
        Some(key) => bail!(
            "{place}: `{key}` is for all runs together; give it on the command line, or at the top \
            of the plan"
        ),
        None => Ok(()),
    }
}
