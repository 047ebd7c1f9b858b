//! Steps: what comes when, how often and in what order.

use std::ops::RangeInclusive;
use std::time::Duration;

use swell_core::units::parse_duration;

use super::fields::Fields;
use super::scenario::ScenarioReader;
use crate::keys::{BRANCH, METHODS, ON_ERROR, STEP};
use crate::model::{Condition, OnError, Step, StepAction, StepRequest};
use crate::tree::{FileNode, FilePlace, Wrong};

/// Steps within steps, and the branches of a choice.
const DEEPEST: usize = 16;
/// The longest name of a transaction, in bytes, as the contract has it.
pub(super) const LONGEST_NAME: usize = 128;

impl ScenarioReader<'_> {
    pub(super) fn steps(&mut self, node: FileNode) -> Result<Vec<Step>, Wrong> {
        node.list("a list of steps")?.into_iter().map(|node| self.step(node)).collect()
    }

    fn step(&mut self, node: FileNode) -> Result<Step, Wrong> {
        let mut fields = Fields::of(node, &STEP)?;
        let when = fields.take("if").map(|node| self.condition(node)).transpose()?;
        let repeat =
            fields.take("repeat").map(|node| self.template(node, "a number")).transpose()?;
        if let Some(count) = repeat.as_ref().and_then(|template| template.fixed())
            && count.trim().parse::<u32>().is_err()
        {
            return Err(Wrong::new(fields.at, format!("repeat = {count:?} is no whole number")));
        }
        let set = fields.take("set").map(|node| self.sets(node)).transpose()?.unwrap_or_default();
        let think = fields.take("think").map(think).transpose()?;
        let on_error = fields
            .take("on-error")
            .map(|node| self.on_error(node))
            .transpose()?
            .unwrap_or_default();
        let what = self.action(&mut fields)?;
        if let Some((key, at)) = fields.rest() {
            let with = match what {
                StepAction::Nothing => "without a request",
                StepAction::Request(_) => "in a request",
                _ => "beside steps",
            };
            return Err(Wrong::new(at, format!("{key} has no meaning {with}: leave it out")));
        }
        let is_empty = matches!(what, StepAction::Nothing) && think.is_none() && set.is_empty();
        if is_empty {
            let cure = "give it a request (get = \"/\"), steps, a choice, think or set";
            return Err(Wrong::new(fields.at, format!("this step does nothing: {cure}")));
        }
        Ok(Step { when, repeat, set, what, think, on_error })
    }

    fn action(&mut self, fields: &mut Fields) -> Result<StepAction, Wrong> {
        let kinds = METHODS.iter().copied().chain(["method", "steps", "choice", "parallel"]);
        Ok(match fields.take_one(kinds)? {
            None => match fields.take("url") {
                None => StepAction::Nothing,
                Some(node) => {
                    let cure = "url goes with method; or get = \"/\"";
                    return Err(Wrong::new(node.at, cure));
                }
            },
            Some(("steps", node)) => {
                let name = self.name(fields)?.unwrap_or_default();
                let outer = self.group.clone();
                if !name.is_empty() {
                    self.group = format!("{outer}{name} / ");
                }
                let steps = self.deeper(node)?;
                self.group = outer;
                StepAction::Group(steps)
            }
            Some(("choice", node)) => {
                let at = node.at;
                let branches = node.list("a list of branches")?;
                let branches = branches.into_iter().map(|node| self.branch(node));
                let branches: Vec<_> = branches.collect::<Result<_, _>>()?;
                if branches.iter().all(|(weight, _)| *weight == 0) {
                    return Err(Wrong::new(at, "one branch at least has a weight above 0"));
                }
                StepAction::Choice(branches)
            }
            Some(("parallel", node)) => {
                let at = node.at;
                let name = self.name(fields)?.unwrap_or_else(|| "parallel".to_owned());
                let name = self.transaction(&name, at)?;
                let steps = self.deeper(node)?;
                StepAction::Parallel(name, requests_alone(steps, at)?)
            }
            Some((method, node)) => {
                let request = if method == "method" {
                    let at = node.at;
                    let method = node.text("a method")?;
                    let url = fields.take("url");
                    let url = url.ok_or_else(|| Wrong::new(at, "url is missing beside method"))?;
                    self.request(fields, method, url)?
                } else {
                    self.request(fields, method.to_ascii_uppercase(), node)?
                };
                StepAction::Request(Box::new(request))
            }
        })
    }

    fn deeper(&mut self, node: FileNode) -> Result<Vec<Step>, Wrong> {
        let at = node.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = format!("steps stand more than {DEEPEST} levels deep here");
            return Err(Wrong::new(at, message));
        }
        let steps = self.steps(node)?;
        self.depth -= 1;
        if steps.is_empty() {
            return Err(Wrong::new(at, "there is no step in it"));
        }
        Ok(steps)
    }

    fn branch(&mut self, node: FileNode) -> Result<(u32, Vec<Step>), Wrong> {
        let mut fields = Fields::of(node, &BRANCH)?;
        let weight = fields.take("weight").map(whole).transpose()?.unwrap_or(1);
        let steps = fields.take("steps");
        let steps = steps.ok_or_else(|| Wrong::new(fields.at, "a branch has steps"))?;
        Ok((weight, self.deeper(steps)?))
    }

    fn on_error(&self, node: FileNode) -> Result<OnError, Wrong> {
        let at = node.at;
        match &*node.text("a word")? {
            "stop-iteration" => Ok(OnError::StopIteration),
            "continue" => Ok(OnError::Continue),
            "stop-user" => match self.of_no_user {
                None => Ok(OnError::StopUser),
                Some(list) => {
                    let message = format!(
                        "stop-user in {list}: no user goes on from there that could end; \
                        stop-iteration leaves the steps of {list}"
                    );
                    Err(Wrong::new(at, message))
                }
            },
            other => {
                let words = ON_ERROR.join(", ");
                Err(Wrong::new(at, format!("{other:?} is none of {words}")))
            }
        }
    }

    fn condition(&mut self, node: FileNode) -> Result<Condition, Wrong> {
        let at = node.at;
        let text = node.text("a condition")?;
        for (sign, is_equal) in [(" == ", true), (" != ", false)] {
            if let Some((left, right)) = text.split_once(sign) {
                let left = self.template_of(left.trim(), at)?;
                let right = self.template_of(right.trim(), at)?;
                return Ok(match is_equal {
                    true => Condition::Equal(left, right),
                    false => Condition::Unequal(left, right),
                });
            }
        }
        Ok(Condition::Is(self.template_of(&text, at)?))
    }

    /// The name that a step gives, if it gives one.
    pub(super) fn name(&mut self, fields: &mut Fields) -> Result<Option<String>, Wrong> {
        let Some(node) = fields.take("name") else { return Ok(None) };
        let at = node.at;
        let name = node.text("a name")?;
        if name.contains("{{") || name.is_empty() {
            let cure =
                "a transaction's name is a fixed text: each value would be a name of its own";
            return Err(Wrong::new(at, cure));
        }
        Ok(Some(name))
    }

    /// The name of a transaction in the group that is being read.
    pub(super) fn transaction(&mut self, name: &str, at: FilePlace) -> Result<String, Wrong> {
        let mut name = format!("{}{name}", self.group);
        while name.len() > LONGEST_NAME {
            name.pop();
        }
        self.names.insert(name.clone());
        if self.names.len() > 1_000 {
            return Err(Wrong::new(at, "a user has at most 1,000 names of transactions"));
        }
        Ok(name)
    }
}

/// The requests of steps that are nothing else.
fn requests_alone(steps: Vec<Step>, at: FilePlace) -> Result<Vec<StepRequest>, Wrong> {
    let alone = |step: Step| match step {
        Step {
            what: StepAction::Request(request),
            when: None,
            repeat: None,
            set,
            think: None,
            ..
        } if set.is_empty() => Ok(*request),
        _ => {
            Err(Wrong::new(at, "requests alone can be parallel, without if, repeat, set or think"))
        }
    };
    let requests: Vec<StepRequest> = steps.into_iter().map(alone).collect::<Result<_, _>>()?;
    if requests.len() > 256 {
        return Err(Wrong::new(at, "at most 256 requests can be parallel"));
    }
    Ok(requests)
}

pub(super) fn whole(node: FileNode) -> Result<u32, Wrong> {
    let at = node.at;
    let text = node.text("a whole number")?;
    text.trim().parse().map_err(|_| Wrong::new(at, format!("{text:?} is no whole number")))
}

pub(super) fn duration(text: &str, at: FilePlace) -> Result<Duration, Wrong> {
    parse_duration(text).map_err(|error| Wrong::new(at, error.to_string()))
}

fn think(node: FileNode) -> Result<RangeInclusive<Duration>, Wrong> {
    let at = node.at;
    let text = node.text("a duration")?;
    let (least, most) = text.split_once("..").unwrap_or((&text, &text));
    let (least, most) = (duration(least, at)?, duration(most, at)?);
    if least > most {
        return Err(Wrong::new(at, format!("think = {text:?}: the shorter time comes first")));
    }
    Ok(least..=most)
}
