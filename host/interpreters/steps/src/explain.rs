//! What a scenario does, a line for each step, for whoever looks at it before it is run.

use crate::model::{Condition, FeedPick, OnError, Step, StepAction, StepRequest, StepsScenario};

impl StepsScenario {
    /// What it needs and does, each line with how deep it stands.
    pub fn explained(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        for name in &self.needs {
            lines.push((0, format!("needs -e {name}=...")));
        }
        for (name, pick) in &self.feeds {
            let row = match pick {
                FeedPick::Sequential => "one row after another",
                FeedPick::Random => "any row",
                FeedPick::Unique => "each row once",
                FeedPick::User => "a row for each user",
            };
            lines.push((0, format!("needs --data {name}=FILE, {row}")));
        }
        for (name, template) in &self.vars {
            lines
                .push((0, format!("{name} = {:?}, or as -e {name}=... says", template.in_short())));
        }
        for (when, steps) in [
            ("before the run", &self.setup),
            ("as a user begins", &self.start),
            ("again and again", &self.steps),
            ("as a user ends", &self.stop),
            ("after the run", &self.teardown),
        ] {
            if !steps.is_empty() {
                lines.push((0, format!("{when}:")));
                explain(steps, 1, &mut lines);
            }
        }
        lines
    }
}

fn explain(steps: &[Step], depth: usize, lines: &mut Vec<(usize, String)>) {
    for step in steps {
        let mut words = Vec::new();
        let inner = match &step.what {
            StepAction::Nothing => None,
            StepAction::Request(request) => {
                words.push(of_request(request));
                None
            }
            StepAction::Group(steps) => Some(steps),
            StepAction::Choice(_) => {
                words.push("one of".to_owned());
                None
            }
            StepAction::Parallel(name, requests) => {
                words.push(format!("{name}, at the same time: {} requests", requests.len()));
                None
            }
        };
        if inner.is_some() {
            words.push("together".to_owned());
        }
        if !step.set.is_empty() {
            let names: Vec<&str> = step.set.iter().map(|(name, _)| &**name).collect();
            words.push(format!("sets {}", names.join(", ")));
        }
        if let Some(think) = &step.think {
            let (least, most) = (think.start(), think.end());
            words.push(match least == most {
                true => format!("waits {least:?}"),
                false => format!("waits {least:?} to {most:?}"),
            });
        }
        if let Some(repeat) = &step.repeat {
            words.push(format!("{} times", repeat.in_short()));
        }
        if let Some(when) = &step.when {
            words.push(match when {
                Condition::Is(value) => format!("if {}", value.in_short()),
                Condition::Equal(a, b) => format!("if {} is {}", a.in_short(), b.in_short()),
                Condition::Unequal(a, b) => format!("if {} is not {}", a.in_short(), b.in_short()),
            });
        }
        match step.on_error {
            OnError::StopIteration => {}
            OnError::Continue => words.push("goes on if it fails".to_owned()),
            OnError::StopUser => words.push("ends the user if it fails".to_owned()),
        }
        lines.push((depth, words.join("; ")));
        match (&step.what, inner) {
            (_, Some(steps)) => explain(steps, depth + 1, lines),
            (StepAction::Choice(branches), _) => {
                for (weight, steps) in branches {
                    lines.push((depth + 1, format!("weight {weight}:")));
                    explain(steps, depth + 2, lines);
                }
            }
            (StepAction::Parallel(_, requests), _) => {
                lines.extend(requests.iter().map(|request| (depth + 1, of_request(request))));
            }
            _ => {}
        }
    }
}

fn of_request(request: &StepRequest) -> String {
    let mut words = format!("{} {}", request.method, request.url.in_short());
    if !words.ends_with(&request.name) {
        words += &format!(" as {:?}", request.name);
    }
    let status = request.expect.status.iter().map(|&(first, last)| match first == last {
        true => format!("status {first}"),
        false => format!("status {first}-{last}"),
    });
    let others = request.expect.others.iter().map(|one| one.words.clone());
    let expected: Vec<String> = status.chain(others).collect();
    if !expected.is_empty() {
        words += &format!("; expects {}", expected.join(", "));
    }
    if !request.extract.is_empty() {
        let taken =
            request.extract.iter().map(|one| format!("{} from {}", one.variable, one.words));
        words += &format!("; takes {}", taken.collect::<Vec<_>>().join(", "));
    }
    words
}
