//! One layer of settings: what was typed, what stands in a file and a scenario's defaults all
//! become flags, which the parser of the command line reads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory as _, Parser};
use swell_core::plain::line;
use swell_engine::ScenarioInfo;

use super::flags::Settings;
use super::keys::{LENGTHS, LOAD_SHAPE};
use super::mistyped::{first_words, without_secrets};

/// A setting, as the flag it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Option<OsString>,
}

impl Setting {
    pub(super) fn flag(&self) -> OsString {
        let mut flag = OsString::from(format!("--{}", self.key));
        if let Some(value) = &self.value {
            flag.push("=");
            flag.push(value);
        }
        flag
    }

    pub(super) fn value(&self) -> Option<String> {
        self.value.as_ref().map(|value| value.to_string_lossy().into_owned())
    }
}

/// A parser of settings alone, so that errors in a layer can name the layer.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
pub(super) struct Parsed {
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Which command has which flag; where several have it, the first. If a key of a file is such a
/// flag and no setting, the error says that it belongs on the command line.
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
pub(super) struct Layer {
    /// The origin, for messages.
    pub(super) place: String,
    pub(super) settings: Vec<Setting>,
    /// Whether the layer may say what a run reaches.
    pub(super) gives_reach: bool,
}

impl Layer {
    pub(super) fn of_defaults(scenario: &ScenarioInfo) -> Self {
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

    pub(super) fn of_table(
        place: String,
        table: toml::Table,
        gives_reach: bool,
    ) -> anyhow::Result<Self> {
        let mut settings = Vec::new();
        for (key, value) in table {
            flatten(&key, value, &mut settings).with_context(|| format!("{place}: key `{key}`"))?;
        }
        Ok(Self { place, settings, gives_reach })
    }

    /// The part of the layer that also holds for further runs: all except how much and how long.
    pub(super) fn for_another_run(&self) -> Self {
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

    /// Parses the layer alone.
    pub(super) fn check(&self, flags: &CommandFlags) -> anyhow::Result<()> {
        // A key that has its value in itself would be taken for another key.
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
        // Values become one line each before the error quotes them: none of them can look like our
        // own words.
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

/// Settings as they are used.
pub(super) fn parsed(settings: &[Setting]) -> anyhow::Result<Settings> {
    match Parsed::try_parse_from(settings.iter().map(Setting::flag)) {
        Ok(parsed) => Ok(parsed.settings),
        Err(error) => bail!("{}", first_words(&error)),
    }
}

/// The settings among the flags that were typed.
pub(super) fn typed_settings(matches: &ArgMatches) -> Vec<Setting> {
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
