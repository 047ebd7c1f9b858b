//! Which interpreter runs a script.
//!
//! A scenario is a component. A script is none: it is run by one, its interpreter, which
//! `--interpreter` names, or which is kept under the script's extension in the user's folder of
//! interpreters. As with any scenario, what it may reach is for whoever runs it to say.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use swell_engine::{MAX_SCENARIO_SIZE, ScenarioFile, ScenarioSource, ScriptSource};
use swell_steps::StepsFile;

/// The extension of components, and so of interpreters.
const COMPONENT: &str = "wasm";

/// The interpreter of steps, as it is kept.
pub(crate) const STEPS: &str = "steps";

/// The source as it can be loaded: where it is a script, with its interpreter. A script may read
/// below its folder, and in the places that are `allowed`.
///
/// # Errors
/// A component is to be run by an interpreter, and needs none.
pub(crate) fn with_interpreter(
    source: ScenarioSource,
    interpreter: Option<&Path>,
    allowed: &[PathBuf],
) -> anyhow::Result<ScenarioSource> {
    let path = match (source, interpreter) {
        (ScenarioSource::File(path), _) => path,
        (ScenarioSource::Script { .. }, Some(interpreter)) => bail!(
            "--interpreter {}: what is run has one already\nhelp: leave --interpreter out",
            interpreter.display()
        ),
        (source, _) => return Ok(source),
    };
    let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    let interpreter = match (interpreter, extension) {
        (Some(interpreter), _) if is_component(&path) => bail!(
            "--interpreter {}: {} is a component, and needs none\nhelp: leave --interpreter out",
            interpreter.display(),
            path.display()
        ),
        (Some(interpreter), _) => Some(interpreter.to_owned()),
        (None, Some(extension)) if extension != COMPONENT => match kept(&extension) {
            None if is_steps(&path) => Some(kept(STEPS).ok_or_else(|| {
                anyhow!(
                    "{} is a file of steps, and this host has no interpreter of steps\nhelp: \
                    `cargo xtask install` in a clone of Swell brings one",
                    path.display()
                )
            })?),
            None if LANGUAGES.iter().any(|(known, _)| *known == extension) => bail!(
                "{} is for the interpreter of JavaScript, which this host does not have\nhelp: \
                `cargo xtask install` in a clone of Swell brings it",
                path.display()
            ),
            None => match of_another_kind(&extension) {
                Some((what, cure)) => bail!("{} {what}\nhelp: {cure}", path.display()),
                None => None,
            },
            kept => kept,
        },
        (None, _) => None,
    };
    Ok(match interpreter {
        Some(interpreter) => ScenarioSource::Script {
            interpreter: Box::new(ScenarioSource::File(interpreter)),
            script: ScriptSource::File { path, allowed: allowed.to_vec() },
        },
        None => ScenarioSource::File(path),
    })
}

/// What files of other programs are, and what makes something of them.
fn of_another_kind(extension: &str) -> Option<(&'static str, &'static str)> {
    Some(match extension {
        "csv" | "tsv" | "jsonl" => (
            "has rows of data, and does nothing by itself",
            "a scenario takes rows by --data NAME=FILE; in a file of steps [data.NAME] says which \
            row a user has, and {{NAME.COLUMN}} is what stands in it: host/docs/steps.md",
        ),
        "har" => (
            "is a recording, and is not sent as it is",
            "`host new --from FILE` makes a file of steps of it, with tokens carried on",
        ),
        "txt" | "sh" => (
            "is no scenario",
            "`host new --from FILE` makes steps of URLs or of commands of curl, and host run URL \
            --urls FILE asks for its lines in turn",
        ),
        "jmx" => (
            "is a plan of JMeter, which this host does not read",
            "record its requests in a browser, as HAR: `host new --from FILE.har` makes steps of \
            it; tables of users go by --data NAME=FILE",
        ),
        "py" => (
            "is in Python, which this host does not run",
            "a user can be written as steps (.toml, .yaml), in JavaScript (.js) or in Rust",
        ),
        "lua" => (
            "is in Lua, which this host does not run",
            "host run URL has --method, --header and --body; what takes more is a file of steps",
        ),
        _ => return None,
    })
}

/// Whether a file is one of steps: by its extension, and TOML by what stands in it, as a plan is
/// TOML, too.
pub(crate) fn is_steps(path: &Path) -> bool {
    let Some(extension) = path.extension().and_then(|extension| extension.to_str()) else {
        return false;
    };
    match extension {
        "yaml" | "yml" | "json" => true,
        "toml" => {
            let content = File::open(path).and_then(|file| {
                let mut content = Vec::new();
                file.take(MAX_SCENARIO_SIZE).read_to_end(&mut content)?;
                Ok(content)
            });
            content.is_ok_and(|content| swell_steps::is_steps("x.toml", &content))
        }
        _ => false,
    }
}

/// What a scenario's file says, if it is one of steps.
pub(crate) fn steps_of(file: &ScenarioFile) -> Option<StepsFile> {
    let script = file.script_files()?.first()?;
    let extension = Path::new(&script.path).extension()?.to_str()?;
    let may_be = matches!(extension, "toml" | "yaml" | "yml" | "json");
    may_be.then(|| swell_steps::read(&script.path, &script.content).ok()).flatten()
}

/// Extensions whose scripts are of a language of another name, and that language.
const LANGUAGES: [(&str, &str); 4] =
    [("js", "javascript"), ("mjs", "javascript"), ("mts", "javascript"), ("ts", "javascript")];

/// Whether a file is a component by its extension.
pub(crate) fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == COMPONENT)
}

/// The interpreter that the user keeps for this extension or its language, or under this name; or
/// else what came with this program.
pub(crate) fn kept(extension: &str) -> Option<PathBuf> {
    let language = LANGUAGES.iter().find(|(known, _)| *known == extension);
    let names = [Some(extension), language.map(|(_, language)| *language)];
    let file =
        |name: &str| Path::new("swell/interpreters").join(name).with_added_extension(COMPONENT);
    let files: Vec<PathBuf> = names.into_iter().flatten().map(file).collect();
    let places = [data_of_user(), data_beside_program()].into_iter().flatten();
    let mut paths = places.flat_map(|data| files.iter().map(move |file| data.join(file)));
    paths.find(|path| path.is_file())
}

/// Where programs keep data of this user.
fn data_of_user() -> Option<PathBuf> {
    std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))
}

/// `share` beside the `bin` of this program, as archives have it.
fn data_beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(|program| program.canonicalize()).ok()?;
    Some(program.parent()?.parent()?.join("share"))
}
