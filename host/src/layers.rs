//! Scenario defaults, TOML file and command line, put over each other.
//!
//! A lower layer's settings are written as flags and appended to what was typed, unless a higher layer says the same thing; then the whole is parsed once.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::args::{Cli, Command, RunArgs, Settings};

/// The file that is read where no `--config` is given.
const DEFAULT_FILE: &str = "swell.toml";

/// Settings that together say what the load is: a layer that has one of them replaces them all.
const LOAD_SHAPE: [&str; 7] = ["tps", "rate", "vus", "stage", "latency", "error-rate", "start-tps"];

/// Settings of lower layers that mean nothing to a search, which ends by itself.
const LENGTHS: [&str; 3] = ["duration", "iterations", "warmup"];

/// A setting of a lower layer, as the flag it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    key: String,
    value: Option<String>,
}

impl Setting {
    fn flag(&self) -> OsString {
        match &self.value {
            Some(value) => format!("--{}={value}", self.key).into(),
            None => format!("--{}", self.key).into(),
        }
    }
}

/// A parser of one layer alone, so that its errors can be told as its own.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
struct Layer {
    #[command(flatten)]
    _settings: Settings,
}

/// The command line of `host run` or `host find` with the lower layers under it. `defaults` are the scenario's own, and `scenario` its name for messages.
///
/// # Errors
/// A file that cannot be read, is no TOML or has a key that is no setting; a default that is none.
pub(crate) fn with_lower_layers(
    typed: &[OsString],
    run: &RunArgs,
    scenario: &str,
    defaults: &[(String, String)],
) -> anyhow::Result<Settings> {
    let file = match &run.config {
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()),
    };
    let file_layer = match &file {
        Some(path) => read_file(path)?,
        None => Vec::new(),
    };
    let default_layer: Vec<Setting> = defaults
        .iter()
        .map(|(key, value)| Setting { key: key.clone(), value: Some(value.clone()).filter(|value| !value.is_empty()) })
        .collect();
    check(&file_layer, &file.map_or_else(String::new, |path| path.display().to_string()))?;
    check(&default_layer, &format!("the defaults of scenario {scenario:?}"))?;

    let is_search = matches!(Cli::try_parse_from(typed)?.command, Command::Find(_));
    let mut given = typed_keys(typed)?;
    let mut arguments = typed.to_vec();
    for layer in [file_layer, default_layer] {
        let shape_given = LOAD_SHAPE.iter().any(|key| given.contains(*key));
        let is_overruled = |setting: &&Setting| {
            let key = setting.key.as_str();
            given.contains(key) || (shape_given && LOAD_SHAPE.contains(&key)) || (is_search && LENGTHS.contains(&key))
        };
        arguments.extend(layer.iter().filter(|setting| !is_overruled(setting)).map(Setting::flag));
        given.extend(layer.into_iter().map(|setting| setting.key));
    }
    match Cli::try_parse_from(arguments)?.command {
        Command::Run(run) => Ok(run.settings),
        Command::Find(find) => Ok(find.run.settings),
        _ => bail!("the settings' layers changed the command"),
    }
}

/// The long names of the flags that were typed.
fn typed_keys(typed: &[OsString]) -> anyhow::Result<BTreeSet<String>> {
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(typed)?;
    Cli::from_arg_matches(&matches)?;
    let Some((name, matches)) = matches.subcommand() else { return Ok(BTreeSet::new()) };
    let command = command.find_subcommand(name).context("a command that was parsed exists")?;
    let is_typed = |id: &str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
    Ok(command
        .get_arguments()
        .filter(|argument| is_typed(argument.get_id().as_str()))
        .filter_map(|argument| argument.get_long())
        .map(str::to_owned)
        .collect())
}

fn read_file(path: &Path) -> anyhow::Result<Vec<Setting>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{shown} is no TOML"))?;
    let mut settings = Vec::new();
    for (key, value) in table {
        flatten(&key, value, &mut settings).with_context(|| format!("{shown}: key `{key}`"))?;
    }
    Ok(settings)
}

/// One key of the file as flags: an array repeats the flag, a table gives it `name=value` pairs.
fn flatten(key: &str, value: toml::Value, settings: &mut Vec<Setting>) -> anyhow::Result<()> {
    let mut push = |value: Option<String>| settings.push(Setting { key: key.to_owned(), value });
    match value {
        toml::Value::Boolean(true) => push(None),
        toml::Value::Boolean(false) => {}
        toml::Value::Array(values) => {
            for value in values {
                push(Some(plain(value)?));
            }
        }
        toml::Value::Table(pairs) => {
            for (name, value) in pairs {
                push(Some(format!("{name}={}", plain(value)?)));
            }
        }
        value => push(Some(plain(value)?)),
    }
    Ok(())
}

fn plain(value: toml::Value) -> anyhow::Result<String> {
    Ok(match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(value) => value.to_string(),
        other => bail!("{other} is neither a text nor a number"),
    })
}

/// The error with what was likely meant, also where clap itself finds nothing: letters that changed places in a short name.
pub(crate) fn with_suggestion(mut error: clap::Error) -> clap::Error {
    let (invalid, suggested) = match error.kind() {
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        _ => return error,
    };
    let Some(ContextValue::String(typed)) = error.get(invalid).filter(|_| error.get(suggested).is_none()).cloned() else { return error };
    let command = Cli::command();
    let value = if suggested == ContextKind::SuggestedArg {
        let flags = command.find_subcommand("find").into_iter().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
        swell_core::spelling::nearest(typed.trim_start_matches('-'), flags).map(|meant| ContextValue::String(format!("--{meant}")))
    } else {
        let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
        swell_core::spelling::nearest(&typed, commands).map(|meant| ContextValue::Strings(vec![meant.to_owned()]))
    };
    if let Some(value) = value {
        error.insert(suggested, value);
        error.remove(ContextKind::Suggested);
    }
    error
}

/// Parses a layer alone.
fn check(layer: &[Setting], place: &str) -> anyhow::Result<()> {
    let Err(error) = Layer::try_parse_from(layer.iter().map(Setting::flag)) else { return Ok(()) };
    let error = with_suggestion(error);
    if error.kind() == ErrorKind::UnknownArgument {
        let named = |kind| match error.get(kind) {
            Some(ContextValue::String(name)) => Some(name.trim_start_matches('-').to_owned()),
            _ => None,
        };
        let key = named(ContextKind::InvalidArg).unwrap_or_default();
        let hint = named(ContextKind::SuggestedArg).map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default();
        bail!(
            "{place}: there is no setting `{key}`{hint}\nhelp: `host run --help` lists the settings; a key is a flag's name without its dashes"
        );
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default().to_owned();
    bail!("{place}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layered(typed: &str, file: &str, defaults: &[(&str, &str)]) -> anyhow::Result<Settings> {
        layered_for("run", typed, file, defaults)
    }

    fn layered_for(command: &str, typed: &str, file: &str, defaults: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, file)?;
        let typed = format!("host {command} x.wasm {typed} --config {}", path.display());
        let typed: Vec<OsString> = typed.split_whitespace().map(Into::into).collect();
        let run = match Cli::try_parse_from(&typed)?.command {
            Command::Run(run) => *run,
            Command::Find(find) => find.run,
            _ => bail!("neither `run` nor `find`"),
        };
        let defaults: Vec<_> = defaults.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        with_lower_layers(&typed, &run, "s", &defaults)
    }

    #[test]
    fn the_later_layer_wins() {
        let settings = layered("--duration 3s", "duration = '2s'\nmax-vus = 7\n", &[("duration", "1s"), ("tps", "5"), ("max-vus", "1")])
            .expect("all are settings");
        assert_eq!(settings.duration, Some(std::time::Duration::from_secs(3)));
        assert_eq!(settings.max_vus, Some(7));
        assert_eq!(settings.tps.map(|rate| rate.per_second()), Some(5.0));
    }

    #[test]
    fn a_load_shape_replaces_the_whole_shape_below() {
        let settings = layered("--vus 3", "stage = ['1s:5', '2s:6']\n", &[("tps", "5")]).expect("all are settings");
        assert!(settings.tps.is_none() && settings.stage.is_empty());
        assert_eq!(settings.vus, Some(3));
    }

    #[test]
    fn a_search_takes_no_length_from_below_and_keeps_one_that_was_typed() {
        let settings = layered_for("find", "--latency p95=1s", "duration = '9s'\nmax-vus = 7\n", &[("warmup", "1s"), ("tps", "5")])
            .expect("all are settings");
        assert_eq!((settings.duration, settings.warmup, settings.tps, settings.max_vus), (None, None, None, Some(7)));
        let settings = layered_for("find", "--latency p95=1s --duration 3s", "", &[]).expect("all are settings");
        assert_eq!(settings.duration, Some(std::time::Duration::from_secs(3)));
    }

    #[test]
    fn tables_and_switches_are_flags() {
        let settings = layered("", "insecure = true\nquiet = false\n[env]\nA = 'x=y'\nB = 2\n", &[]).expect("all are settings");
        assert!(settings.insecure && !settings.quiet);
        assert_eq!(settings.env, vec![("A".to_owned(), "x=y".to_owned()), ("B".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn an_unknown_key_names_its_file_and_a_likely_one() {
        let error = format!("{:#}", layered("", "duratoin = '1s'\n", &[]).expect_err("no such key"));
        assert!(error.contains("settings.toml") && error.contains("did you mean `duration`"), "{error}");
        let error = format!("{:#}", layered("", "", &[("tsp", "1")]).expect_err("no such default"));
        assert!(error.contains("defaults of scenario \"s\"") && error.contains("`tps`"), "{error}");
    }

    #[test]
    fn a_bad_value_names_its_place() {
        let error = format!("{:#}", layered("", "duration = 'soon'\n", &[]).expect_err("no duration"));
        assert!(error.contains("settings.toml") && error.contains("soon"), "{error}");
    }
}
