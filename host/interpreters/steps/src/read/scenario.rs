//! One scenario: its settings, variables and feeds, its steps, and whether all that its templates
//! ask for is there.

use std::collections::{BTreeMap, BTreeSet};

use swell_core::spelling::nearest;

use super::fields::Fields;
use crate::keys::{FEED, PICKS};
use crate::model::{FeedPick, Step, StepsScenario};
use crate::template::{TemplateWant, ValueTemplate};
use crate::tree::{FileNode, FilePlace, NodeValue, Wrong};

/// What is known of the scenario while it is read.
pub(super) struct ScenarioReader<'a> {
    /// Files that requests of the file send.
    pub(super) files: &'a mut BTreeSet<String>,
    pub(super) hosts: BTreeSet<String>,
    /// The group that is being read, as names of transactions begin with it.
    pub(super) group: String,
    /// Names of transactions.
    pub(super) names: BTreeSet<String>,
    /// How deep the steps stand that are being read.
    pub(super) depth: usize,
    /// The list of steps that is being read, where its steps are no user's that could end.
    pub(super) of_no_user: Option<&'static str>,
    /// Variables that something sets.
    set: BTreeSet<String>,
    needs: BTreeSet<String>,
    /// Variables and feeds that templates ask for, each with its first place.
    asked: BTreeMap<String, FilePlace>,
    asked_feeds: BTreeMap<String, FilePlace>,
}

impl<'a> ScenarioReader<'a> {
    pub(super) fn new(files: &'a mut BTreeSet<String>) -> Self {
        Self {
            files,
            hosts: BTreeSet::new(),
            group: String::new(),
            names: BTreeSet::new(),
            depth: 0,
            of_no_user: None,
            set: BTreeSet::new(),
            needs: BTreeSet::new(),
            asked: BTreeMap::new(),
            asked_feeds: BTreeMap::new(),
        }
    }

    /// Reads a scenario; `shared` are settings, variables and feeds of the whole file.
    pub(super) fn read(
        mut self,
        name: &str,
        mut fields: Fields,
        shared: Option<&[Option<FileNode>; 3]>,
    ) -> Result<StepsScenario, Wrong> {
        let of_all = |index: usize| shared.and_then(|shared| shared[index].clone());
        let mut settings = Vec::new();
        for node in [of_all(0), fields.take("settings")].into_iter().flatten() {
            read_settings(node, &mut settings)?;
        }
        let mut vars: Vec<(String, ValueTemplate)> = Vec::new();
        for node in [of_all(1), fields.take("vars")].into_iter().flatten() {
            for (name, template) in self.sets(node)? {
                vars.retain(|(known, _)| *known != name);
                vars.push((name, template));
            }
        }
        let mut feeds = Vec::new();
        for node in [of_all(2), fields.take("data")].into_iter().flatten() {
            read_feeds(node, &mut feeds, &mut settings)?;
        }
        let description = fields.take("description").map(|node| node.text("a text")).transpose()?;
        let mut lists = ["setup", "start", "step", "stop", "teardown"]
            .map(|key| (key, fields.take(key), Vec::new()));
        for (key, node, steps) in &mut lists {
            if let Some(node) = node.take() {
                self.of_no_user = matches!(*key, "setup" | "stop" | "teardown").then_some(*key);
                *steps = self.steps(node)?;
            }
        }
        let [setup, start, steps, stop, teardown] = lists.map(|(_, _, steps)| steps);
        if steps.is_empty() {
            return Err(Wrong::new(fields.at, no_steps(name)));
        }
        self.check_asked(&feeds)?;
        let description = description.unwrap_or_else(|| in_short(&steps));
        Ok(StepsScenario {
            name: name.to_owned(),
            description,
            settings,
            hosts: self.hosts.into_iter().collect(),
            needs: self.needs.into_iter().collect(),
            vars,
            feeds,
            setup,
            teardown,
            start,
            stop,
            steps,
        })
    }

    /// A template, whose variables are looked for once all is read.
    pub(super) fn template(
        &mut self,
        node: FileNode,
        wanted: &str,
    ) -> Result<ValueTemplate, Wrong> {
        let at = node.at;
        let text = node.text(wanted)?;
        self.template_of(&text, at)
    }

    pub(super) fn template_of(
        &mut self,
        text: &str,
        at: FilePlace,
    ) -> Result<ValueTemplate, Wrong> {
        let template = ValueTemplate::parse(text, at)?;
        template.visit(&mut |asked| match asked {
            TemplateWant::Variable(name) => _ = self.asked.entry(name.to_owned()).or_insert(at),
            TemplateWant::Feed(name) => _ = self.asked_feeds.entry(name.to_owned()).or_insert(at),
            TemplateWant::Given(name) => _ = self.needs.insert(name.to_owned()),
        });
        Ok(template)
    }

    /// Names with templates.
    pub(super) fn templates(
        &mut self,
        node: FileNode,
    ) -> Result<Vec<(String, ValueTemplate)>, Wrong> {
        let entries = node.entries("names with values")?;
        entries
            .into_iter()
            .map(|entry| Ok((entry.key, self.template(entry.node, "a text")?)))
            .collect()
    }

    /// Variables that are set, with their values.
    pub(super) fn sets(&mut self, node: FileNode) -> Result<Vec<(String, ValueTemplate)>, Wrong> {
        let at = node.at;
        let set = self.templates(node)?;
        for (name, _) in &set {
            self.set_variable(name, at)?;
        }
        Ok(set)
    }

    /// Something sets this variable.
    pub(super) fn set_variable(&mut self, name: &str, at: FilePlace) -> Result<(), Wrong> {
        let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let is_name = !name.is_empty()
            && name.chars().all(is_of_word)
            && !name.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && !matches!(name, "user" | "iteration");
        if !is_name {
            let cure =
                "letters, digits, - and _, not a digit first, and neither user nor iteration";
            return Err(Wrong::new(at, format!("{name:?} is no name of a variable: {cure}")));
        }
        self.set.insert(name.to_owned());
        Ok(())
    }

    fn check_asked(&self, feeds: &[(String, FeedPick)]) -> Result<(), Wrong> {
        for (name, at) in &self.asked {
            if !self.set.contains(name) {
                let cure = format!(
                    ": a step's `extract` or `set` does, or [vars]; from the command line it is \
                    {{{{env({name})}}}}"
                );
                let known = self.set.iter().map(String::as_str);
                return Err(missing("variable", name, *at, known, &cure));
            }
        }
        for (name, at) in &self.asked_feeds {
            if feeds.iter().all(|(feed, _)| feed != name) {
                let cure = format!(": [data.{name}] says which row an iteration has");
                let known = feeds.iter().map(|(feed, _)| &**feed);
                return Err(missing("feed", name, *at, known, &cure));
            }
        }
        Ok(())
    }
}

fn no_steps(name: &str) -> String {
    format!("{name} has no step; a step is [[step]] with get = \"/\"")
}

/// The names of what is sent first, for a line.
fn in_short(steps: &[Step]) -> String {
    let count = |steps: &[Step]| steps.len();
    match count(steps) {
        1 => "1 step".to_owned(),
        many => format!("{many} steps"),
    }
}

fn read_settings(node: FileNode, settings: &mut Vec<(String, String)>) -> Result<(), Wrong> {
    let entries = node.entries("settings by the names of flags")?;
    // A scenario's own stand in place of the file's.
    settings.retain(|(key, _)| entries.iter().all(|entry| entry.key != *key));
    for entry in entries {
        let values = match entry.node.value {
            NodeValue::List(values) => values,
            _ => vec![entry.node],
        };
        for value in values {
            settings.push((entry.key.clone(), value.text("a text")?));
        }
    }
    Ok(())
}

/// Reads feeds; the file of one is a setting, for whoever runs it to give.
fn read_feeds(
    node: FileNode,
    feeds: &mut Vec<(String, FeedPick)>,
    settings: &mut Vec<(String, String)>,
) -> Result<(), Wrong> {
    for entry in node.entries("feeds by their names")? {
        let mut fields = Fields::of(entry.node, &FEED)?;
        if let Some(node) = fields.take("file") {
            let given = format!("{}=", entry.key);
            settings.retain(|(key, value)| key != "data" || !value.starts_with(&given));
            settings.push(("data".to_owned(), given + &node.text("a file")?));
        }
        let pick = match fields.take("pick") {
            None => FeedPick::Sequential,
            Some(node) => {
                let at = node.at;
                match &*node.text("a word")? {
                    "sequential" => FeedPick::Sequential,
                    "random" => FeedPick::Random,
                    "unique" => FeedPick::Unique,
                    "user" => FeedPick::User,
                    other => {
                        let words = PICKS.join(", ");
                        return Err(Wrong::new(at, format!("{other:?} is none of {words}")));
                    }
                }
            }
        };
        feeds.retain(|(known, _)| *known != entry.key);
        feeds.push((entry.key, pick));
    }
    Ok(())
}

/// What was asked for and is not there, with what may have been meant.
fn missing<'a>(
    what: &str,
    name: &str,
    at: FilePlace,
    known: impl Iterator<Item = &'a str>,
    cure: &str,
) -> Wrong {
    let meant = nearest(name, known).map(|near| format!("; did you mean {near}?"));
    Wrong::new(at, format!("no {what} {name:?} is set{}", meant.unwrap_or_else(|| cure.to_owned())))
}
