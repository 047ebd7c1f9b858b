//! Scenario defaults, TOML files and the command line, put over each other.
//!
//! Whatever a layer is, it comes down to flags: what was typed, what a file or a table of a plan
//! says, what a scenario brings. The flags of each layer that no higher one overrules are parsed
//! together, once. Not every layer may say what a run reaches: see `reach`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory as _, Parser};
use swell_client::AllowList;
use swell_core::plain::line;
use swell_engine::ScenarioInfo;

use super::flags::{DEFAULT_FILE, Settings};
use super::mistyped::{first_words, without_secrets};
use super::reach::{Claim, NotGiven, is_reach};

/// Settings that together say what the load is: a layer that has one of them replaces them all.
const LOAD_SHAPE: [&str; 7] = ["tps", "rate", "vus", "stage", "latency", "error-rate", "start-tps"];

/// Settings of lower layers that mean nothing to a search, which ends by itself.
const LENGTHS: [&str; 3] = ["duration", "iterations", "warmup"];

/// Settings that are about the whole process, which no single one of several runs can have.
const OF_THE_PROCESS: [&str; 4] = ["out", "quiet", "control", "prometheus"];

/// Settings that hold for a file before it is known what scenarios it has.
const OF_THE_FILE: [&str; 2] = ["guest-cpu", "guest-memory"];

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

    fn value(&self) -> Option<String> {
        self.value.as_ref().map(|value| value.to_string_lossy().into_owned())
    }
}

/// A parser of settings alone, so that a layer's errors can be told as its own.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
struct Parsed {
    #[command(flatten)]
    settings: Settings,
}

/// Which command has which flag; where several have it, the first. A key of a file that is such a
/// flag and no setting is told to stand on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandFlags(Arc<BTreeMap<String, String>>);

impl CommandFlags {
    /// Those of all commands of a program.
    pub(crate) fn of(program: &clap::Command) -> Self {
        let mut flags = BTreeMap::new();
        for command in program.get_subcommands() {
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                flags.entry(flag.to_owned()).or_insert_with(|| command.get_name().to_owned());
            }
        }
        Self(Arc::new(flags))
    }
}

/// A command that was typed and read.
pub(crate) struct Typed<'a> {
    /// Its flags; nothing where there are none.
    pub(crate) matches: Option<&'a ArgMatches>,
    pub(crate) flags: CommandFlags,
}

/// Settings of one origin.
#[derive(Clone, Debug)]
struct Layer {
    /// For messages.
    place: String,
    settings: Vec<Setting>,
    /// Whether it may say what a run reaches.
    gives_reach: bool,
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
    /// What others ask for and somebody at a terminal has given.
    granted: Vec<Claim>,
    /// What is no setting, but a flag.
    flags: CommandFlags,
}

/// What the layers come to: the settings that hold, and what is asked for beside them and nobody
/// has given.
struct InForce {
    settings: Vec<Setting>,
    claims: Vec<Claim>,
}

/// What may be reached, as far as those have said who may.
#[derive(Default)]
struct Given {
    hosts: AllowList,
    settings: BTreeSet<(String, Option<String>)>,
}

impl Layers {
    /// What was typed, above the settings' file: the one that `--config` names, or `swell.toml` in
    /// the current folder if there is one. The latter was not asked for, and gives no reach.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML or has a key that is no setting.
    pub(crate) fn of_command(
        typed: &Typed<'_>,
        config: Option<&Path>,
        is_search: bool,
    ) -> anyhow::Result<Self> {
        let flags = typed.flags.clone();
        let typed = Layer {
            place: "the command line".to_owned(),
            settings: typed.matches.map(typed_settings).unwrap_or_default(),
            gives_reach: true,
        };
        let file = config
            .map(Path::to_path_buf)
            .or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
        let mut layers = vec![typed];
        let found = file.is_some() && config.is_none();
        if let Some(path) = file {
            let layer =
                Layer::of_table(path.display().to_string(), read_file(&path)?, config.is_some())?;
            layer.check(&flags)?;
            layers.push(layer);
        }
        Ok(Self { layers, is_search, found, flags, ..Self::none() })
    }

    /// The file of settings that was read because it lay there.
    pub(crate) fn found_file(&self) -> Option<&'static Path> {
        self.found.then(|| Path::new(DEFAULT_FILE))
    }

    /// What whoever leads a cluster gives to runs that are begun over its control API: a settings'
    /// file, and hosts.
    ///
    /// # Errors
    /// As [`Layers::of_command`]; a setting that is of the whole process.
    pub(crate) fn of_lead(
        flags: CommandFlags,
        config: Option<&Path>,
        hosts: Vec<String>,
    ) -> anyhow::Result<Self> {
        let hosts = hosts
            .into_iter()
            .map(|host| Setting { key: "allow-host".to_owned(), value: Some(host.into()) });
        let mut layer = Layer {
            place: "the command line".to_owned(),
            settings: hosts.collect(),
            gives_reach: true,
        };
        if let Some(path) = config {
            let (place, table) = (path.display().to_string(), read_file(path)?);
            refuse_process_settings(&place, &table)?;
            let of_file = Layer::of_table(place, table, true)?;
            of_file.check(&flags)?;
            layer.settings.extend(of_file.settings);
        }
        Ok(Self { layers: vec![layer], flags, ..Self::none() })
    }

    /// Where nothing was said.
    fn none() -> Self {
        Self {
            layers: Vec::new(),
            is_search: false,
            has_defaults: false,
            found: false,
            granted: Vec::new(),
            flags: CommandFlags::default(),
        }
    }

    /// With another layer right below what was typed, of a file that was typed too.
    ///
    /// # Errors
    /// A key that is no setting, or a value that is none.
    pub(crate) fn under_typed(&self, place: String, table: toml::Table) -> anyhow::Result<Self> {
        let layer = Layer::of_table(place, table, true)?;
        layer.check(&self.flags)?;
        let mut layers = self.clone();
        layers.layers.insert(1.min(layers.layers.len()), layer);
        Ok(layers)
    }

    /// With another layer above all, for a run beside the one that was typed. It gives no reach: it
    /// may choose from what there is.
    ///
    /// # Errors
    /// As [`Layers::under_typed`].
    pub(crate) fn above_all(&self, place: String, table: toml::Table) -> anyhow::Result<Self> {
        let layer = Layer::of_table(place, table, false)?;
        layer.check(&self.flags)?;
        let layers =
            std::iter::once(layer).chain(self.layers.iter().map(Layer::for_another_run)).collect();
        Ok(Self { layers, is_search: false, ..self.clone() })
    }

    /// With what was claimed and is granted.
    pub(crate) fn granting(&self, granted: &[Claim]) -> Self {
        let mut layers = self.clone();
        layers.granted.extend_from_slice(granted);
        layers
    }

    /// The first setting of what was typed that says how much or how long; nothing where none does.
    pub(crate) fn typed_load(&self) -> Option<&str> {
        let typed = self.layers.first()?;
        typed
            .settings
            .iter()
            .map(|setting| setting.key.as_str())
            .find(|key| LENGTHS.contains(key) || LOAD_SHAPE.contains(key))
    }

    /// All of them, and below them the scenario's own defaults and the hosts that its manifest
    /// names, where there is a scenario.
    ///
    /// # Errors
    /// A default that is no setting; settings that need or exclude each other; a claim to what
    /// nobody has given.
    pub(crate) fn settings(&self, scenario: Option<&ScenarioInfo>) -> anyhow::Result<Settings> {
        parsed(&self.in_force(scenario)?.without_claims()?)
    }

    /// What holds whether or not anybody grants the rest, without a scenario.
    ///
    /// # Errors
    /// Settings that need or exclude each other.
    pub(crate) fn undisputed(&self) -> anyhow::Result<Settings> {
        parsed(&self.in_force(None)?.settings)
    }

    /// What is asked for and nobody has given.
    ///
    /// # Errors
    /// A default that is no setting, or a host that is none.
    pub(crate) fn claims(&self, scenario: Option<&ScenarioInfo>) -> anyhow::Result<Vec<Claim>> {
        Ok(self.in_force(scenario)?.claims)
    }

    /// The settings that no higher layer overrules, as keys and values, for another host to follow:
    /// those of the process alone are left out.
    ///
    /// # Errors
    /// As [`Layers::settings`]; or a value that is no UTF-8.
    pub(crate) fn pairs(
        &self,
        scenario: Option<&ScenarioInfo>,
    ) -> anyhow::Result<Vec<(String, Option<String>)>> {
        let settings = self
            .in_force(scenario)?
            .without_claims()?
            .into_iter()
            .filter(|setting| !OF_THE_PROCESS.contains(&setting.key.as_str()));
        let pair = |setting: &Setting| {
            let value = setting.value.as_ref().map(|value| value.to_str().map(str::to_owned));
            let value = value.map(|text| {
                text.with_context(|| {
                    format!("--{}: only UTF-8 can be sent to other hosts", setting.key)
                })
            });
            anyhow::Ok((setting.key.clone(), value.transpose()?))
        };
        settings.map(|setting| pair(&setting)).collect()
    }

    /// What another host has said of a run, the scenario's defaults among it, as the only layer.
    ///
    /// # Errors
    /// A key that is no setting, or a value that is none.
    pub(crate) fn of_pairs(
        place: String,
        pairs: Vec<(String, Option<String>)>,
    ) -> anyhow::Result<Self> {
        Ok(Self { has_defaults: true, ..Self::none().submitted(place, pairs, false)? })
    }

    /// What was typed elsewhere, as the only layer. Those who may submit runs may say what they
    /// reach.
    ///
    /// # Errors
    /// As [`Layers::of_pairs`].
    pub(crate) fn submitted(
        &self,
        place: String,
        pairs: Vec<(String, Option<String>)>,
        is_search: bool,
    ) -> anyhow::Result<Self> {
        let settings = pairs
            .into_iter()
            .map(|(key, value)| Setting { key, value: value.map(Into::into) })
            .collect();
        let layer = Layer { place, settings, gives_reach: true };
        layer.check(&self.flags)?;
        Ok(Self { layers: vec![layer], is_search, flags: self.flags.clone(), ..Self::none() })
    }

    fn in_force(&self, scenario: Option<&ScenarioInfo>) -> anyhow::Result<InForce> {
        let scenario = scenario.filter(|_| !self.has_defaults);
        let defaults = scenario.map(Layer::of_defaults);
        if let Some(defaults) = &defaults {
            defaults.check(&self.flags)?;
        }
        let given = self.given()?;
        let mut keys = BTreeSet::new();
        let (mut settings, mut claims) = (Vec::new(), Vec::new());
        for (depth, layer) in self.layers.iter().chain(&defaults).enumerate() {
            let shape_given = LOAD_SHAPE.iter().any(|key| keys.contains(*key));
            let is_overruled = |setting: &&Setting| {
                let key = setting.key.as_str();
                keys.contains(key)
                    || (shape_given && LOAD_SHAPE.contains(&key))
                    || (self.is_search && depth > 0 && LENGTHS.contains(&key))
            };
            let is_last = depth == self.layers.len();
            for setting in layer.settings.iter().filter(|setting| !is_overruled(setting)) {
                if layer.gives_reach || !is_reach(&setting.key) || given.covers(setting)? {
                    settings.push(setting.clone());
                } else {
                    let key = setting.key.as_str();
                    let needs_flag =
                        is_last && (OF_THE_PROCESS.contains(&key) || OF_THE_FILE.contains(&key));
                    claims.push(Claim {
                        key: key.to_owned(),
                        value: setting.value(),
                        place: layer.place.clone(),
                        needs_flag,
                    });
                }
            }
            keys.extend(layer.settings.iter().map(|setting| setting.key.clone()));
        }
        for host in scenario.iter().flat_map(|scenario| &scenario.hosts) {
            let place = format!(
                "the manifest of scenario {:?}",
                scenario.map_or("", |scenario| &scenario.name)
            );
            let setting = Setting { key: "allow-host".to_owned(), value: Some(host.into()) };
            if !given.covers(&setting).with_context(|| place.clone())? {
                claims.push(Claim {
                    key: setting.key,
                    value: Some(host.clone()),
                    place,
                    needs_flag: false,
                });
            } else if !settings.contains(&setting) {
                settings.push(setting);
            }
        }
        Ok(InForce { settings, claims })
    }

    /// What the layers give that may, and what was granted.
    fn given(&self) -> anyhow::Result<Given> {
        let mut given = Given::default();
        let of_layers =
            self.layers.iter().filter(|layer| layer.gives_reach).flat_map(|layer| &layer.settings);
        let of_layers = of_layers
            .filter(|setting| is_reach(&setting.key))
            .map(|setting| (setting.key.clone(), setting.value()));
        let granted = self.granted.iter().map(|claim| (claim.key.clone(), claim.value.clone()));
        for (key, value) in of_layers.chain(granted) {
            match (key.as_str(), &value) {
                ("allow-host", Some(host)) => {
                    given.hosts.add_all(AllowList::parse([host.as_str()]).context("--allow-host")?)
                }
                ("target", Some(url)) => given.hosts.add_all(AllowList::of_target(url)?),
                _ => {}
            }
            given.settings.insert((key, value));
        }
        Ok(given)
    }
}

impl InForce {
    fn without_claims(self) -> Result<Vec<Setting>, NotGiven> {
        if self.claims.is_empty() { Ok(self.settings) } else { Err(NotGiven(self.claims)) }
    }
}

impl Given {
    /// Whether a setting reaches no further: what it says was given as it is, or it names a host
    /// that may be asked anyway.
    fn covers(&self, setting: &Setting) -> anyhow::Result<bool> {
        let value = setting.value();
        Ok(match (setting.key.as_str(), &value) {
            ("allow-host", Some(host)) => self.hosts.covers(&AllowList::parse([host.as_str()])?),
            ("target", Some(url)) => self.hosts.covers(&AllowList::of_target(url)?),
            _ => self.settings.contains(&(setting.key.clone(), value)),
        })
    }
}

impl Layer {
    fn of_defaults(scenario: &ScenarioInfo) -> Self {
        let setting = |(key, value): &(String, String)| Setting {
            key: key.clone(),
            value: Some(value.clone()).filter(|value| !value.is_empty()).map(Into::into),
        };
        let place = format!("the defaults of scenario {:?}", scenario.name);
        Self {
            place,
            settings: scenario.defaults.iter().map(setting).collect(),
            gives_reach: false,
        }
    }

    fn of_table(place: String, table: toml::Table, gives_reach: bool) -> anyhow::Result<Self> {
        let mut settings = Vec::new();
        for (key, value) in table {
            flatten(&key, value, &mut settings).with_context(|| format!("{place}: key `{key}`"))?;
        }
        Ok(Self { place, settings, gives_reach })
    }

    /// What of it holds for a run beside the one that it was said of: not how much and how long.
    fn for_another_run(&self) -> Self {
        let is_its_own = |key: &str| {
            LENGTHS.contains(&key)
                || LOAD_SHAPE.contains(&key)
                || key == "threshold"
                || key == "scenario"
        };
        let settings =
            self.settings.iter().filter(|setting| !is_its_own(&setting.key)).cloned().collect();
        Self { place: self.place.clone(), settings, gives_reach: self.gives_reach }
    }

    /// Parses it alone.
    fn check(&self, flags: &CommandFlags) -> anyhow::Result<()> {
        // A key that brings its value along would be taken for another one.
        let is_key = |key: &str| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if let Some(Setting { key, .. }) =
            self.settings.iter().find(|setting| !is_key(&setting.key))
        {
            bail!(
                "{}: {key:?} is no setting\nhelp: a key is a flag's name without its dashes",
                self.place
            );
        }
        let Err(error) = Parsed::try_parse_from(self.settings.iter().map(Setting::flag)) else {
            return Ok(());
        };
        // What is wrong is told of values that have become one line each: none of them can pass for
        // our own words.
        let shown =
            |setting: &Setting| OsString::from(line(&setting.flag().to_string_lossy()).to_string());
        let error = Parsed::try_parse_from(self.settings.iter().map(shown)).err().unwrap_or(error);
        let (error, place) = (without_secrets(error), &self.place);
        if error.kind() == ErrorKind::UnknownArgument {
            let key = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::String(name)) => {
                    name.trim_start_matches('-').split('=').next().unwrap_or_default().to_owned()
                }
                _ => String::new(),
            };
            if let Some(command) = flags.0.get(&key) {
                bail!(
                    "{place}: `{key}` is no setting of a run\nhelp: it stands on the command line \
                    alone: host {command} --{key} ..."
                );
            }
            let settings = Parsed::command();
            let similar = swell_core::spelling::nearest(
                &key,
                settings.get_arguments().filter_map(clap::Arg::get_long),
            );
            let hint =
                similar.map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default();
            bail!(
                "{place}: there is no setting `{key}`{hint}\nhelp: `host run --help` lists the \
                settings; a key is a flag's name without its dashes"
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
        Some(key) => bail!(
            "{place}: `{key}` is for all runs together; give it on the command line, or at the top \
            of the plan"
        ),
        None => Ok(()),
    }
}

/// Settings as they are used.
fn parsed(settings: &[Setting]) -> anyhow::Result<Settings> {
    match Parsed::try_parse_from(settings.iter().map(Setting::flag)) {
        Ok(parsed) => Ok(parsed.settings),
        Err(error) => bail!("{}", first_words(&error)),
    }
}

/// The settings among the flags that were typed.
fn typed_settings(matches: &ArgMatches) -> Vec<Setting> {
    let mut settings = Vec::new();
    for argument in Parsed::command().get_arguments() {
        let (id, Some(key)) = (argument.get_id().as_str(), argument.get_long()) else { continue };
        if matches.value_source(id) != Some(clap::parser::ValueSource::CommandLine) {
            continue;
        }
        if argument.get_action().takes_values() {
            let values = matches.get_raw(id).into_iter().flatten();
            settings.extend(
                values.map(|value| Setting { key: key.to_owned(), value: Some(value.to_owned()) }),
            );
        } else {
            settings.push(Setting { key: key.to_owned(), value: None });
        }
    }
    settings
}

/// A TOML file as a table.
///
/// # Errors
/// It cannot be read, or is no TOML.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<toml::Table> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |at| text[..at.start.min(text.len())].matches('\n').count() + 1);
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

#[cfg(test)]
mod tests;
