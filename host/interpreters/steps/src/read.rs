//! From a steps file to what it says, with an error for everything that it cannot mean.

mod fields;
mod requests;
mod scenario;
mod statuses;
mod steps;

use std::collections::BTreeSet;

use self::fields::Fields;
use self::scenario::ScenarioReader;
pub use self::statuses::parse_statuses;
use crate::forms::tree;
use crate::keys::{FILE, SCENARIO};
use crate::model::{StepsFile, StepsScenario};
use crate::tree::{FileNode, NodeValue, Wrong};

/// Scenarios of a file, and names of transactions of one: more than anybody can look at.
const MOST_SCENARIOS: usize = 100;

/// What stands at the top of files of other programs, which have the endings of steps.
const OF_OTHERS: [(&str, &str); 5] = [
    ("openapi", "a description of a service"),
    ("swagger", "a description of a service"),
    ("item", "a collection of Postman's"),
    ("collection", "a collection of Postman's"),
    ("log", "a recording of a browser"),
];

/// Whether a file with this name is a steps file: it has steps or scenarios at its top, whether all
/// of it can be read or not.
pub fn is_steps(name: &str, content: &[u8]) -> bool {
    let Ok(FileNode { value: NodeValue::Table(entries), .. }) = tree(name, content) else {
        let begins = |line: &[u8]| line.starts_with(b"[[step") || line.starts_with(b"[scenario.");
        return content.split(|&byte| byte == b'\n').any(begins);
    };
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    // As whoever has not read the guide writes it.
    has("step") || has("steps") || has("start") || (has("scenario") && !has("run"))
}

/// Reads a file with this name.
///
/// # Errors
/// It is no steps file: what is wrong, and where.
pub fn read(name: &str, content: &[u8]) -> Result<StepsFile, Wrong> {
    let root = tree(name, content)?;
    if matches!(root.value, NodeValue::Null) {
        return Err(Wrong::new(root.at, "the file is empty; a step is [[step]] with get = \"/\""));
    }
    if let NodeValue::Table(entries) = &root.value {
        let found = |key: &str| entries.iter().find(|entry| entry.key == key);
        if let Some(entry) = found("run") {
            let cure = "a plan has [run.NAME] and a steps file has [[step]]: make two files of it";
            return Err(Wrong::new(entry.at, cure));
        }
        let of_others = OF_OTHERS.iter().find_map(|(key, what)| Some((found(key)?, what)));
        if let Some((entry, what)) = of_others {
            let message = format!(
                "this is {what}, and no file of steps: `host new --from FILE` makes one of it"
            );
            return Err(Wrong::new(entry.at, message));
        }
    }
    let mut top = Fields::of(root, &FILE)?;
    top.take("$schema");
    let target = top.take("target").map(|node| node.text("a URL")).transpose()?;
    let scenarios = top.take("scenario");
    let mut files = BTreeSet::new();
    let mut read = Vec::new();
    match scenarios {
        None => {
            let scenario = ScenarioReader::new(&mut files).read(stem(name), top, None)?;
            read.push(scenario);
        }
        Some(node) => read_several(node, top, &mut files, &mut read)?,
    }
    if let Some(target) = target {
        for scenario in &mut read {
            scenario.settings.push(("target".to_owned(), target.clone()));
        }
    }
    Ok(StepsFile { scenarios: read, files: files.into_iter().collect() })
}

/// Scenarios by their names; what stands beside them holds for all.
fn read_several(
    node: FileNode,
    mut top: Fields,
    files: &mut BTreeSet<String>,
    read: &mut Vec<StepsScenario>,
) -> Result<(), Wrong> {
    let at = node.at;
    let shared = [top.take("settings"), top.take("vars"), top.take("data")];
    top.take("description");
    if let Some((key, at)) = top.rest() {
        let message = format!("{key} stands beside [scenario.…]: move it into one of them");
        return Err(Wrong::new(at, message));
    }
    let entries = node.entries("scenarios by their names")?;
    if entries.is_empty() || entries.len() > MOST_SCENARIOS {
        return Err(Wrong::new(at, format!("a file has 1 to {MOST_SCENARIOS} scenarios")));
    }
    for entry in entries {
        let fields = Fields::of(entry.node, &SCENARIO)?;
        let scenario = ScenarioReader::new(files).read(&entry.key, fields, Some(&shared))?;
        read.push(scenario);
    }
    Ok(())
}

/// The name of a file without its folder and its ending.
fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests;
