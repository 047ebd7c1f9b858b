//! Scenario defaults, TOML files and the command line, put over each other.
//!
//! Every layer becomes flags: what was typed, what a file or a table of a plan says, what a
//! scenario brings. The flags that no higher layer overrules are parsed together, once. Not every
//! layer may say what a run reaches: see `reach`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use swell_client::AllowList;
use swell_engine::{ScenarioInfo, ScenarioSource};

use super::defaults::Defaults;
use super::flags::{DEFAULT_FILE, Settings};
use super::keys::{
    LENGTHS, LOAD_SHAPE, OF_THE_FILE, OF_THE_PROCESS, counts_iterations, is_of_a_script,
    is_said_otherwise, refuse_process_settings,
};
use super::layer::{CommandFlags, Layer, Setting, Typed, parsed, read_file, typed_settings};
use super::reach::{Claim, NotGiven, is_reach};
use crate::interpreters::is_component;

/// What was said about a run; the layer that wins comes first.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    is_search: bool,
    /// Whether a scenario's defaults are among them already.
    has_defaults: bool,
    /// Whether one of them is a file that nobody named.
    found: bool,
    /// What others ask for and somebody at a terminal has given.
    granted: Vec<Claim>,
    /// Flags that are no settings.
    flags: CommandFlags,
}

/// The result of the layers: the settings that hold, and what was asked for beside them and nobody
/// has given.
struct InForce {
    settings: Vec<Setting>,
    claims: Vec<Claim>,
}

/// What may be reached, as far as those have said who may.
#[derive(Default)]
struct GivenReach {
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

    /// The file of settings that was read although nobody named it.
    pub(crate) fn found_file(&self) -> Option<&'static Path> {
        self.found.then(|| Path::new(DEFAULT_FILE))
    }

    /// What a coordinator's command gives to runs that are begun over the control API: a settings'
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

    /// Layers where nothing was said.
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

    /// Adds a layer right below what was typed, for a file that was typed too.
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

    /// Adds the service of a URL that was typed in place of a file.
    ///
    /// # Errors
    /// Another service was typed, too.
    pub(crate) fn aimed_at(&self, url: String) -> anyhow::Result<Self> {
        let typed = self.layers.first().into_iter().flat_map(|typed| &typed.settings);
        let mut targets = typed.filter(|setting| setting.key == "target").map(Setting::value);
        if targets.any(|target| target.is_none_or(|target| target.trim_end_matches('/') != url)) {
            bail!("--target: the URL says where requests go\nhelp: leave --target out");
        }
        let target = toml::Table::from_iter([("target".to_owned(), url.into())]);
        self.under_typed("the URL".to_owned(), target)
    }

    /// The layers for what this is: what files of settings say of scripts means nothing to a
    /// component, or where an interpreter is there already.
    pub(crate) fn of_source(&self, source: &ScenarioSource) -> Self {
        match source {
            ScenarioSource::File(path) if !is_component(path) => self.clone(),
            _ => {
                let mut layers = self.clone();
                // Who types an interpreter has meant it, and hears that none is needed.
                for layer in layers.layers.iter_mut().skip(1) {
                    layer.settings.retain(|setting| !is_of_a_script(&setting.key));
                }
                layers
            }
        }
    }

    /// Adds a layer above all, for a run beside the one that was typed. It gives no reach, and may
    /// choose from what there is.
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

    /// Adds what was claimed and is granted.
    pub(crate) fn granting(&self, granted: &[Claim]) -> Self {
        let mut layers = self.clone();
        layers.granted.extend_from_slice(granted);
        layers
    }

    /// The first typed setting that says how much or how long; `None` where there is none.
    pub(crate) fn typed_load(&self) -> Option<&str> {
        let typed = self.layers.first()?;
        typed
            .settings
            .iter()
            .map(|setting| setting.key.as_str())
            .find(|key| LENGTHS.contains(key) || LOAD_SHAPE.contains(key))
    }

    /// The settings that were typed, by their keys.
    pub(crate) fn typed(&self) -> impl Iterator<Item = &str> {
        self.layers.first().into_iter().flat_map(|typed| &typed.settings).map(|typed| &*typed.key)
    }

    /// All settings, and below them the scenarios' own defaults and the hosts that their manifests
    /// name, where there are scenarios.
    ///
    /// # Errors
    /// A default that is no setting, or on which scenarios differ; settings that need or exclude
    /// each other; a claim to what nobody has given.
    pub(crate) fn settings<'a>(
        &self,
        scenarios: impl IntoIterator<Item = &'a ScenarioInfo>,
    ) -> anyhow::Result<Settings> {
        parsed(&self.in_force(scenarios)?.without_claims()?)
    }

    /// What holds whether or not anybody grants the rest, without a scenario.
    ///
    /// # Errors
    /// Settings that need or exclude each other.
    pub(crate) fn undisputed(&self) -> anyhow::Result<Settings> {
        parsed(&self.in_force(None)?.settings)
    }

    /// What was asked for and nobody has given.
    ///
    /// # Errors
    /// A default that is no setting, or a host that is none.
    pub(crate) fn claims<'a>(
        &self,
        scenarios: impl IntoIterator<Item = &'a ScenarioInfo>,
    ) -> anyhow::Result<Vec<Claim>> {
        Ok(self.in_force(scenarios)?.claims)
    }

    /// The settings that no higher layer overrules, as keys and values, for another node to follow.
    /// Settings of the process alone are left out.
    ///
    /// # Errors
    /// As [`Layers::settings`]; or a value that is no UTF-8.
    pub(crate) fn pairs<'a>(
        &self,
        scenarios: impl IntoIterator<Item = &'a ScenarioInfo>,
    ) -> anyhow::Result<Vec<(String, Option<String>)>> {
        let settings = self
            .in_force(scenarios)?
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

    /// What another node has said about a run, with the scenario's defaults, as the only layer.
    ///
    /// # Errors
    /// A key that is no setting, or a value that is none.
    pub(crate) fn of_pairs(
        place: String,
        pairs: Vec<(String, Option<String>)>,
    ) -> anyhow::Result<Self> {
        Ok(Self { has_defaults: true, ..Self::none().submitted(place, pairs, false)? })
    }

    /// What was typed on another machine, as the only layer. Members of the cluster may say what
    /// their runs reach.
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

    fn in_force<'a>(
        &self,
        scenarios: impl IntoIterator<Item = &'a ScenarioInfo>,
    ) -> anyhow::Result<InForce> {
        let scenarios: Vec<&ScenarioInfo> =
            scenarios.into_iter().filter(|_| !self.has_defaults).collect();
        for scenario in &scenarios {
            Layer::of_defaults(scenario).check(&self.flags)?;
        }
        let defaults = Defaults::of(&scenarios);
        let given = self.given()?;
        let mut keys = BTreeSet::new();
        let (mut settings, mut claims) = (Vec::new(), Vec::new());
        let of_scenarios = defaults.as_ref().map(|defaults| &defaults.layer);
        for (depth, layer) in self.layers.iter().chain(of_scenarios).enumerate() {
            let is_last = depth == self.layers.len();
            let shape_given = LOAD_SHAPE.iter().any(|key| keys.contains(*key));
            let is_overruled = |key: &str| {
                keys.contains(key)
                    || is_said_otherwise(key, |other| keys.contains(other))
                    || (is_last && counts_iterations(key) && keys.contains("duration"))
                    || (shape_given && LOAD_SHAPE.contains(&key))
                    || (self.is_search && depth > 0 && LENGTHS.contains(&key))
            };
            if let Some(defaults) = defaults.as_ref().filter(|_| is_last) {
                defaults.check(is_overruled)?;
            }
            let in_force = |setting: &&Setting| !is_overruled(&setting.key);
            for setting in layer.settings.iter().filter(in_force) {
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
        let hosts = |one: &&'a ScenarioInfo| one.hosts.iter().map(|host| (&one.name, host));
        for (name, host) in scenarios.iter().flat_map(hosts) {
            let place = format!("the manifest of scenario {name:?}");
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

    /// What the layers give that may give, and what was granted.
    fn given(&self) -> anyhow::Result<GivenReach> {
        let mut given = GivenReach::default();
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

impl GivenReach {
    /// Whether a setting reaches no further than what was given: it says the same, or it names a
    /// host that may be reached anyway.
    fn covers(&self, setting: &Setting) -> anyhow::Result<bool> {
        let value = setting.value();
        Ok(match (setting.key.as_str(), &value) {
            ("allow-host", Some(host)) => self.hosts.covers(&AllowList::parse([host.as_str()])?),
            ("target", Some(url)) => self.hosts.covers(&AllowList::of_target(url)?),
            _ => self.settings.contains(&(setting.key.clone(), value)),
        })
    }
}

#[cfg(test)]
mod tests;
