//! What a user does who follows steps: one after another, with what each answer gave.
//!
//! The world is a trait, so that this runs in tests as it does in the component.

mod answers;
mod follower;
mod requests;
mod world;

use self::answers::{AnswerFailure, unless_over};
pub use self::follower::{StepsFollower, Variables};
pub use self::world::{OutgoingPart, StepAnswer, StepsRequest, StepsWorld, Stopped};
use crate::model::{Condition, OnError, Step, StepAction, StepRequest};
use crate::template::ValueTemplate;

/// Which of a scenario's steps are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepsOf {
    /// Once before the run.
    Setup,
    /// As a user begins.
    Start,
    /// An iteration: these alone are transactions, are paced and measured.
    Iteration,
    /// As a user ends.
    Stop,
    /// Once after the run.
    Teardown,
}

impl StepsFollower<'_> {
    /// Does these steps. What they set is known afterwards, except that an iteration begins with
    /// what was known before the first of them.
    ///
    /// # Errors
    /// A step failed, or the run is over.
    pub fn follow(&mut self, of: StepsOf, world: &mut dyn StepsWorld) -> Result<(), Stopped> {
        let steps = match of {
            StepsOf::Setup => &self.scenario.setup,
            StepsOf::Start => &self.scenario.start,
            StepsOf::Iteration => &self.scenario.steps,
            StepsOf::Stop => &self.scenario.stop,
            StepsOf::Teardown => &self.scenario.teardown,
        };
        self.rows.clear();
        self.measured = of == StepsOf::Iteration;
        self.is_counted = false;
        if self.measured && self.variables != self.lasting {
            self.variables.clone_from(&self.lasting);
        }
        self.steps(steps, world)?;
        if !self.measured {
            self.lasting.clone_from(&self.variables);
        }
        Ok(())
    }

    fn steps(&mut self, steps: &[Step], world: &mut dyn StepsWorld) -> Result<(), Stopped> {
        for step in steps {
            if let Some(when) = &step.when
                && !self.holds(when, world).map_err(Stopped::Failed)?
            {
                continue;
            }
            let times = match &step.repeat {
                None => 1,
                Some(template) => self.count(template, world).map_err(Stopped::Failed)?,
            };
            for _ in 0..times {
                match self.step(step, world) {
                    Err(Stopped::Failed(why)) if step.on_error == OnError::Continue => {
                        // What no transaction counts would be known to nobody.
                        if !std::mem::take(&mut self.is_counted) {
                            world.warn(&why);
                        }
                    }
                    Err(Stopped::Failed(why)) if step.on_error == OnError::StopUser => {
                        world.stop_user(&why);
                        return Err(Stopped::UserEnds(why));
                    }
                    other => other?,
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, world: &mut dyn StepsWorld) -> Result<(), Stopped> {
        for (name, template) in &step.set {
            let value = self.fill(template, world).map_err(Stopped::Failed)?;
            self.variables.insert(name.clone(), value);
        }
        let done = match &step.what {
            StepAction::Nothing => Ok(()),
            StepAction::Request(request) => self.request(request, world),
            StepAction::Group(steps) => self.steps(steps, world),
            StepAction::Choice(branches) => {
                let all: u64 = branches.iter().map(|(weight, _)| u64::from(*weight)).sum();
                let mut at = ((u128::from(world.random()) * u128::from(all)) >> 64) as u64;
                let chosen = branches.iter().find(|(weight, _)| {
                    let is_here = at < u64::from(*weight);
                    at = at.saturating_sub(u64::from(*weight));
                    is_here
                });
                chosen.map_or(Ok(()), |(_, steps)| self.steps(steps, world))
            }
            StepAction::Parallel(name, requests) => self.parallel(name, requests, world),
        };
        let is_over = matches!(done, Err(Stopped::RunOver | Stopped::UserEnds(_)));
        if let Some(think) = step.think.as_ref().filter(|_| !is_over) {
            let (least, most) = (*think.start(), *think.end());
            let part = world.random() as f64 / u64::MAX as f64;
            world.wait(least + (most - least).mul_f64(part));
        }
        done
    }

    fn request(
        &mut self,
        request: &StepRequest,
        world: &mut dyn StepsWorld,
    ) -> Result<(), Stopped> {
        let failed = |why: String| Stopped::Failed(format!("{}: {why}", request.name));
        let prepared = self.outgoing(request, world).map_err(failed)?;
        if self.measured && !world.begin(&request.name) {
            return Err(Stopped::RunOver);
        }
        let answer = unless_over(world.send(&prepared))?;
        let judged = self.judge(request, answer, world);
        self.finish(&judged, world);
        judged.map_err(|failure| failed(failure.why))
    }

    fn parallel(
        &mut self,
        name: &str,
        requests: &[StepRequest],
        world: &mut dyn StepsWorld,
    ) -> Result<(), Stopped> {
        let failed = |why: String| Stopped::Failed(format!("{name}: {why}"));
        let prepared = requests.iter().map(|request| self.outgoing(request, world));
        let prepared: Vec<_> = prepared.collect::<Result<_, _>>().map_err(failed)?;
        if self.measured && !world.begin(name) {
            return Err(Stopped::RunOver);
        }
        let mut judged = Ok(());
        for (request, answer) in requests.iter().zip(world.send_all(&prepared)) {
            let of_one = self.judge(request, unless_over(answer)?, world);
            if judged.is_ok() {
                judged = of_one;
            }
        }
        self.finish(&judged, world);
        judged.map_err(|failure| failed(failure.why))
    }

    /// Ends the transaction, if there is one.
    fn finish(&mut self, judged: &Result<(), AnswerFailure>, world: &mut dyn StepsWorld) {
        if self.measured {
            self.is_counted = judged.is_err();
            world.finish(judged.as_ref().err().map(AnswerFailure::left_to_say));
        }
    }

    fn holds(&mut self, when: &Condition, world: &mut dyn StepsWorld) -> Result<bool, String> {
        Ok(match when {
            Condition::Is(template) => {
                !matches!(self.fill(template, world)?.trim(), "" | "false" | "0")
            }
            Condition::Equal(left, right) => self.fill(left, world)? == self.fill(right, world)?,
            Condition::Unequal(left, right) => {
                self.fill(left, world)? != self.fill(right, world)?
            }
        })
    }

    fn count(
        &mut self,
        template: &ValueTemplate,
        world: &mut dyn StepsWorld,
    ) -> Result<u32, String> {
        let text = self.fill(template, world)?;
        text.trim().parse().map_err(|_| format!("repeat: {text:?} is no whole number"))
    }
}

#[cfg(test)]
mod tests;
