//! Scenario defaults, TOML files and the command line, put over each other.
//!
//! Whatever a layer is, it comes down to flags: what was typed, what a file or a table of a plan says, what a scenario brings. The flags of each layer that no
//! higher one overrules are parsed together, once.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::args::{Cli, Settings};

/// The file that is read where no `--config` is given.
const DEFAULT_FILE: &str = "swell.toml";

/// Settings that together say what the load is: a layer that has one of them replaces them all.
const LOAD_SHAPE: [&str; 7] = ["tps", "rate", "vus", "stage", "latency", "error-rate", "start-tps"];

/// Settings of lower layers that mean nothing to a search, which ends by itself.
const LENGTHS: [&str; 3] = ["duration", "iterations", "warmup"];

/// Settings that are about the whole process, which no single one of several runs can have.
const OF_THE_PROCESS: [&str; 4] = ["out", "quiet", "control", "prometheus"];

/// A setting, as the flag it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    key: String,
    value: Option<OsString>,
}

impl Setting {
    fn flag(&self) -> OsString {
        let mut flag = OsString::from(format!("--{}", self.key));
        if let Some(value) = &self.value {
            flag.push("=");
            flag.push(value);
        }
        flag
    }
}

/// A parser of settings alone, so that a layer's errors can be told as its own.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
struct Parsed {
    #[command(flatten)]
    settings: Settings,
}

/// Settings of one origin.
#[derive(Clone, Debug)]
struct Layer {
    /// For messages.
    place: String,
    settings: Vec<Setting>,
}

/// What was said about a run, the last word first.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    is_search: bool,
    /// Whether a scenario's defaults are among them already.
    has_defaults: bool,
    /// Whether a file is among them that nobody named.
    found: bool,
}

impl Layers {
    /// What was typed, above the settings' file: the one that `--config` names, or `swell.toml` in the current folder if there is one.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML or has a key that is no setting.
    pub(crate) fn of_command(typed: &[OsString], config: Option<&Path>, is_search: bool) -> anyhow::Result<Self> {
        let typed = Layer { place: "the command line".to_owned(), settings: typed_settings(typed)? };
        let file = config.map(Path::to_path_buf).or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
        let mut layers = vec![typed];
        let found = file.is_some() && config.is_none();
        if let Some(path) = file {
            let layer = Layer::of_table(path.display().to_string(), read_file(&path)?)?;
            layer.check()?;
            layers.push(layer);
        }
        Ok(Self { layers, is_search, has_defaults: false, found })
    }

    /// The file of settings that was read because it lay there.
    pub(crate) fn found_file(&self) -> Option<&'static Path> {
        self.found.then(|| Path::new(DEFAULT_FILE))
    }

    /// Where nothing was said.
    pub(crate) const fn none() -> Self {
        Self { layers: Vec::new(), is_search: false, has_defaults: false, found: false }
    }

    /// With another layer right below what was typed.
    ///
    /// # Errors
    /// A key that is no setting, or a value that is none.
    pub(crate) fn under_typed(&self, place: String, table: toml::Table) -> anyhow::Result<Self> {
        let layer = Layer::of_table(place, table)?;
        layer.check()?;
        let mut layers = self.layers.clone();
        layers.insert(1.min(layers.len()), layer);
        Ok(Self { layers, is_search: self.is_search, has_defaults: self.has_defaults, found: self.found })
    }

    /// With another layer above all, for a run beside the one that was typed.
    ///
    /// # Errors
    /// As [`Layers::under_typed`].
    pub(crate) fn above_all(&self, place: String, table: toml::Table) -> anyhow::Result<Self> {
        let layer = Layer::of_table(place, table)?;
        layer.check()?;
        let layers = std::iter::once(layer).chain(self.layers.iter().map(Layer::for_another_run)).collect();
        Ok(Self { layers, is_search: false, has_defaults: self.has_defaults, found: self.found })
    }

    /// The first setting of what was typed that says how much or how long; nothing where none does.
    pub(crate) fn typed_load(&self) -> Option<&str> {
        let typed = self.layers.first()?;
        typed.settings.iter().map(|setting| setting.key.as_str()).find(|key| LENGTHS.contains(key) || LOAD_SHAPE.contains(key))
    }

    /// All of them, and the scenario's own defaults below; `scenario` is its name for messages.
    ///
    /// # Errors
    /// A default that is no setting; settings that need or exclude each other.
    pub(crate) fn settings(&self, scenario: &str, defaults: &[(String, String)]) -> anyhow::Result<Settings> {
        let flags = self.in_force(scenario, defaults)?;
        match Parsed::try_parse_from(flags.iter().map(Setting::flag)) {
            Ok(parsed) => Ok(parsed.settings),
            Err(error) => bail!("{}", first_words(&error)),
        }
    }

    /// The settings that no higher layer overrules, as keys and values, for another host to follow: those of the process alone are left out.
    ///
    /// # Errors
    /// As [`Layers::settings`]; or a value that is no UTF-8.
    pub(crate) fn pairs(&self, scenario: &str, defaults: &[(String, String)]) -> anyhow::Result<Vec<(String, Option<String>)>> {
        let settings = self.in_force(scenario, defaults)?.into_iter().filter(|setting| !OF_THE_PROCESS.contains(&setting.key.as_str()));
        let pair = |setting: &Setting| {
            let value = setting.value.as_ref().map(|value| value.to_str().map(str::to_owned));
            let value = value.map(|text| text.with_context(|| format!("--{}: only UTF-8 can be sent to other hosts", setting.key)));
            anyhow::Ok((setting.key.clone(), value.transpose()?))
        };
        settings.map(|setting| pair(&setting)).collect()
    }

    /// What another host has said of a run, the scenario's defaults among it, as the only layer.
    ///
    /// # Errors
    /// A key that is no setting, or a value that is none.
    pub(crate) fn of_pairs(place: String, pairs: Vec<(String, Option<String>)>) -> anyhow::Result<Self> {
        Ok(Self { has_defaults: true, ..Self::submitted(place, pairs, false)? })
    }

    /// What was typed elsewhere, as the only layer.
    ///
    /// # Errors
    /// As [`Layers::of_pairs`].
    pub(crate) fn submitted(place: String, pairs: Vec<(String, Option<String>)>, is_search: bool) -> anyhow::Result<Self> {
        let settings = pairs.into_iter().map(|(key, value)| Setting { key, value: value.map(Into::into) }).collect();
        let layer = Layer { place, settings };
        layer.check()?;
        Ok(Self { layers: vec![layer], is_search, has_defaults: false, found: false })
    }

    fn in_force(&self, scenario: &str, defaults: &[(String, String)]) -> anyhow::Result<Vec<Setting>> {
        let default = |(key, value): &(String, String)| Setting {
            key: key.clone(),
            value: Some(value.clone()).filter(|value| !value.is_empty()).map(Into::into),
        };
        let defaults = Layer {
            place: format!("the defaults of scenario {scenario:?}"),
            settings: defaults.iter().filter(|_| !self.has_defaults).map(default).collect(),
        };
        defaults.check()?;
        let mut given = BTreeSet::new();
        let mut in_force = Vec::new();
        for (depth, layer) in self.layers.iter().chain([&defaults]).enumerate() {
            let shape_given = LOAD_SHAPE.iter().any(|key| given.contains(*key));
            let is_overruled = |setting: &&Setting| {
                let key = setting.key.as_str();
                given.contains(key) || (shape_given && LOAD_SHAPE.contains(&key)) || (self.is_search && depth > 0 && LENGTHS.contains(&key))
            };
            in_force.extend(layer.settings.iter().filter(|setting| !is_overruled(setting)).cloned());
            given.extend(layer.settings.iter().map(|setting| setting.key.clone()));
        }
        Ok(in_force)
    }
}

impl Layer {
    fn of_table(place: String, table: toml::Table) -> anyhow::Result<Self> {
        let mut settings = Vec::new();
        for (key, value) in table {
            flatten(&key, value, &mut settings).with_context(|| format!("{place}: key `{key}`"))?;
        }
        Ok(Self { place, settings })
    }

    /// What of it holds for a run beside the one that it was said of: not how much and how long.
    fn for_another_run(&self) -> Self {
        let is_its_own = |key: &str| LENGTHS.contains(&key) || LOAD_SHAPE.contains(&key) || key == "threshold" || key == "scenario";
        Self { place: self.place.clone(), settings: self.settings.iter().filter(|setting| !is_its_own(&setting.key)).cloned().collect() }
    }

    /// Parses it alone.
    fn check(&self) -> anyhow::Result<()> {
        // A key that brings its value along would be taken for another one.
        let is_key = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if let Some(Setting { key, .. }) = self.settings.iter().find(|setting| !is_key(&setting.key)) {
            bail!("{}: {key:?} is no setting\nhelp: a key is a flag's name without its dashes", self.place);
        }
        let Err(error) = Parsed::try_parse_from(self.settings.iter().map(Setting::flag)) else { return Ok(()) };
        let place = &self.place;
        if error.kind() == ErrorKind::UnknownArgument {
            let key = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::String(name)) => name.trim_start_matches('-').split('=').next().unwrap_or_default().to_owned(),
                _ => String::new(),
            };
            let is_flag = |command: &clap::Command| command.get_arguments().any(|argument| argument.get_long() == Some(&*key));
            if let Some(command) = Cli::command().get_subcommands().find(|command| is_flag(command)) {
                bail!(
                    "{place}: `{key}` is no setting of a run\nhelp: it stands on the command line alone: host {} --{key} ...",
                    command.get_name()
                );
            }
            let settings = Parsed::command();
            let similar = swell_core::spelling::nearest(&key, settings.get_arguments().filter_map(clap::Arg::get_long));
            let hint = similar.map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default();
            bail!(
                "{place}: there is no setting `{key}`{hint}\nhelp: `host run --help` lists the settings; a key is a flag's name without its dashes"
            );
        }
        bail!("{place}: {}", first_words(&error))
    }
}

/// Whether settings of this key name files.
pub(crate) fn names_files(key: &str) -> bool {
    matches!(key, "data" | "ca-cert" | "cert" | "key")
}

/// The path of the file that a setting names; nothing where it names none.
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
        Some(key) => bail!("{place}: `{key}` is for all runs together; give it on the command line, or at the top of the plan"),
        None => Ok(()),
    }
}

/// What a clap error says, without its tail of usage.
fn first_words(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default().to_owned()
}

/// The settings among the flags that were typed.
fn typed_settings(typed: &[OsString]) -> anyhow::Result<Vec<Setting>> {
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(typed)?;
    Cli::from_arg_matches(&matches)?;
    let Some((name, matches)) = matches.subcommand() else { return Ok(Vec::new()) };
    let command = command.find_subcommand(name).context("a command that was parsed exists")?;
    let known = Parsed::command();
    let is_setting = |key: &str| known.get_arguments().any(|argument| argument.get_long() == Some(key));
    let mut settings = Vec::new();
    for argument in command.get_arguments() {
        let (id, Some(key)) = (argument.get_id().as_str(), argument.get_long()) else { continue };
        if !is_setting(key) || matches.value_source(id) != Some(clap::parser::ValueSource::CommandLine) {
            continue;
        }
        if argument.get_action().takes_values() {
            let values = matches.get_raw(id).into_iter().flatten();
            settings.extend(values.map(|value| Setting { key: key.to_owned(), value: Some(value.to_owned()) }));
        } else {
            settings.push(Setting { key: key.to_owned(), value: None });
        }
    }
    Ok(settings)
}

/// A TOML file as a table.
///
/// # Errors
/// It cannot be read, or is no TOML.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<toml::Table> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |at| text[..at.start.min(text.len())].matches('\n').count() + 1);
        anyhow!("{shown} is no TOML: line {line}: {}", error.message().trim_end())
    })
}

/// One key of the file as flags: an array repeats the flag, a table gives it `name=value` pairs.
fn flatten(key: &str, value: toml::Value, settings: &mut Vec<Setting>) -> anyhow::Result<()> {
    let mut push = |value: Option<OsString>| settings.push(Setting { key: key.to_owned(), value });
    match value {
        toml::Value::Boolean(true) => push(None),
        toml::Value::Boolean(false) => {}
        toml::Value::Array(values) => {
            for value in values {
                push(Some(plain(value)?.into()));
            }
        }
        toml::Value::Table(pairs) => {
            for (name, value) in pairs {
                push(Some(format!("{name}={}", plain(value)?).into()));
            }
        }
        value => push(Some(plain(value)?.into())),
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

/// The error with what was likely meant. Clap itself does not know that letters change places, as in a short name they often do.
pub(crate) fn with_suggestion(mut error: clap::Error) -> clap::Error {
    let (invalid, suggested) = match error.kind() {
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        _ => return error,
    };
    let Some(ContextValue::String(typed)) = error.get(invalid).cloned() else { return error };
    // As other tools have it.
    if typed.starts_with("http://") || typed.starts_with("https://") {
        let tip = format!("the service is given as --target {typed}: host run FILE --target URL");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return error;
    }
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
        let defaults: Vec<_> = defaults.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Layers::of_command(&typed, Some(&path), command == "find")?.settings("s", &defaults)
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
        let error = format!("{:#}", layered("", "config = 'x.toml'\n", &[]).expect_err("no key of a file"));
        assert!(error.contains("command line") && !error.contains("did you mean"), "{error}");
    }

    #[test]
    fn a_bad_value_names_its_place() {
        let error = format!("{:#}", layered("", "duration = 'soon'\n", &[]).expect_err("no duration"));
        assert!(error.contains("settings.toml") && error.contains("soon"), "{error}");
    }
}
