//! What a user who follows steps knows.

use std::collections::BTreeMap;

use super::world::StepsWorld;
use crate::model::{FeedPick, StepsScenario};
use crate::template::{Scope, ValueTemplate};

/// Variables by their names.
pub type Variables = BTreeMap<String, String>;

/// One who follows a scenario's steps.
#[derive(Debug)]
pub struct StepsFollower<'a> {
    pub(super) scenario: &'a StepsScenario,
    pub(super) files: &'a BTreeMap<String, Vec<u8>>,
    /// What is known from before an iteration, and what it has set itself.
    pub(super) lasting: Variables,
    pub(super) variables: Variables,
    pub(super) rows: BTreeMap<String, Vec<(String, String)>>,
    pub(super) measured: bool,
    /// Whether the failure that steps are left for is that of a transaction.
    pub(super) is_counted: bool,
}

impl<'a> StepsFollower<'a> {
    /// One who has these variables of the setup. Variables of the file are reckoned now, and those
    /// that the command line gives stand in their place.
    ///
    /// # Errors
    /// The command line does not give what the steps need, or a variable cannot be reckoned.
    pub fn new(
        scenario: &'a StepsScenario,
        files: &'a BTreeMap<String, Vec<u8>>,
        of_setup: Variables,
        world: &mut dyn StepsWorld,
    ) -> Result<Self, String> {
        let mut follower = Self {
            scenario,
            files,
            lasting: Variables::new(),
            variables: Variables::new(),
            rows: BTreeMap::new(),
            measured: false,
            is_counted: false,
        };
        let lacks = |name: &&String| world.given(name).is_none();
        let lacking: Vec<&String> = scenario.needs.iter().filter(lacks).collect();
        if !lacking.is_empty() {
            let flags: Vec<String> = lacking.iter().map(|name| format!("-e {name}=...")).collect();
            return Err(format!("its steps need {}", flags.join(" ")));
        }
        for (name, template) in &scenario.vars {
            let value = match world.given(name) {
                Some(given) => given,
                None => follower.fill(template, world).map_err(|why| format!("{name}: {why}"))?,
            };
            follower.variables.insert(name.clone(), value);
        }
        follower.variables.extend(of_setup);
        follower.lasting.clone_from(&follower.variables);
        Ok(follower)
    }

    /// What it knows now.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    pub(super) fn fill(
        &mut self,
        template: &ValueTemplate,
        world: &mut dyn StepsWorld,
    ) -> Result<String, String> {
        if let Some(fixed) = template.fixed() {
            return Ok(fixed.to_owned());
        }
        let Self { scenario, variables, rows, .. } = self;
        template.fill(&mut FollowerScope { scenario, variables, rows, world })
    }
}

/// What templates may ask for here.
struct FollowerScope<'a> {
    scenario: &'a StepsScenario,
    variables: &'a Variables,
    rows: &'a mut BTreeMap<String, Vec<(String, String)>>,
    world: &'a mut dyn StepsWorld,
}

impl Scope for FollowerScope<'_> {
    fn value(&mut self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn column(&mut self, feed: &str, column: &str) -> Result<String, String> {
        if !self.rows.contains_key(feed) {
            let pick = self.scenario.feeds.iter().find(|(name, _)| name == feed);
            let pick = pick.map_or(FeedPick::Sequential, |(_, pick)| *pick);
            self.rows.insert(feed.to_owned(), self.world.row(feed, pick)?);
        }
        let row = &self.rows[feed];
        let found = row.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            let columns: Vec<&str> = row.iter().map(|(name, _)| &**name).collect();
            format!("{feed} has no column {column}; it has {}", columns.join(", "))
        })
    }

    fn given(&mut self, name: &str) -> Option<String> {
        self.world.given(name)
    }

    fn user(&mut self) -> u64 {
        self.world.user()
    }

    fn iteration(&mut self) -> u64 {
        self.world.iteration()
    }

    fn random(&mut self) -> u64 {
        self.world.random()
    }

    fn unix_ms(&mut self) -> u64 {
        self.world.unix_ms()
    }
}
