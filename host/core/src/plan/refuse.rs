//! What cannot be run: numbers that make no sense, and wishes that contradict each other.
//!
//! Each refusal names the keys, their values and the cure.

use std::time::Duration;

use super::input::{PlanError, PlanInput, WarmUp, WeightedScenario};
use crate::control::Goal;
use crate::schedule::{Crowd, MAX_SCENARIOS, Mix, MixError};
use crate::units::{grouped, print_duration, print_rate};

/// Users that a plan may ask for: well beyond what one machine can hold, so more is a typing error.
pub const MAX_USERS: u32 = 1_000_000;
/// The longest step in which starts go together: a percentile would show more.
const MAX_COALESCE: Duration = Duration::from_millis(10);
/// The shortest trial: less does not show a queue that grows slowly.
const MIN_HOLD: Duration = Duration::from_secs(3);

/// Refuses numbers that make no sense by themselves.
pub(super) fn refuse_absurd(input: &PlanInput) -> Result<(), PlanError> {
    refuse_absurd_users(input)?;
    refuse_absurd_weights(&input.scenarios)?;
    if input.iterations == Some(0) {
        return Err(PlanError::Range {
            key: "iterations",
            value: "0".to_owned(),
            cure: "give at least 1, or leave it out",
        });
    }
    if let Some(step) = input.coalesce.filter(|&step| step > MAX_COALESCE) {
        return Err(PlanError::Range {
            key: "coalesce",
            value: print_duration(step),
            cure: "give at most 10ms: starts are late by as much",
        });
    }
    if let Some(search) = input.search {
        if search.hold < MIN_HOLD {
            return Err(PlanError::Range {
                key: "hold",
                value: print_duration(search.hold),
                cure: "give at least 3s",
            });
        }
        let limits = input.objectives.iter().filter_map(|objective| match objective.goal {
            Goal::Latency { limit, .. } => Some(limit),
            Goal::ErrorRate(_) => None,
        });
        if limits.max().is_some_and(|longest| search.hold < longest * 2) {
            return Err(PlanError::Range {
                key: "hold",
                value: print_duration(search.hold),
                cure: "give at least twice the longest latency",
            });
        }
        if search.budget < search.hold * 2 {
            return Err(PlanError::Range {
                key: "budget",
                value: print_duration(search.budget),
                cure: "give at least twice the hold",
            });
        }
    }
    if input.duration.is_some_and(|duration| duration.is_zero()) {
        return Err(PlanError::Range {
            key: "duration",
            value: "0s".to_owned(),
            cure: "give the measured part a length, or leave it out",
        });
    }
    let staged: Duration = input.stages.iter().map(|stage| stage.over).sum();
    if !input.stages.is_empty() && staged.is_zero() {
        return Err(PlanError::Range {
            key: "stage",
            value: "0s".to_owned(),
            cure: "give at least one stage a duration",
        });
    }
    if !input.stages.is_empty()
        && input.tps.or(input.rate).is_none()
        && input.stages.iter().all(|stage| stage.to == 0.0)
    {
        return Err(PlanError::Range {
            key: "stage",
            value: "0/s".to_owned(),
            cure: "give at least one stage a rate above zero",
        });
    }
    Ok(())
}

/// Refuses numbers of users that are none, or fit nowhere, and iterations of theirs.
fn refuse_absurd_users(input: &PlanInput) -> Result<(), PlanError> {
    let range = |key, value: u64, cure| Err(PlanError::Range { key, value: grouped(value), cure });
    let are_possible = |users: u32| (1..=MAX_USERS).contains(&users);
    for (key, users) in [("vus", input.vus), ("max_vus", input.max_vus)] {
        if let Some(users) = users.filter(|&users| !are_possible(users)) {
            return range(key, u64::from(users), "give a number from 1 to 1,000,000");
        }
    }
    let are_countless = input.vus.is_some() && input.of_all_users().is_none();
    if let Some(each) = input.iterations_per_vu.filter(|&each| each == 0 || are_countless) {
        let cure = "give at least 1, and fewer than all users together could count";
        return range("iterations_per_vu", each, cure);
    }
    let Some(most) = input.vus_stages.iter().map(|stage| stage.to).max() else { return Ok(()) };
    if !are_possible(most) {
        let cure = "lead to a number of users from 1 to 1,000,000 in at least one stage, and to no \
        more in any";
        return range("vus_stage", u64::from(most), cure);
    }
    if input.vus_stages.iter().all(|stage| stage.over.is_zero()) {
        return Err(PlanError::Range {
            key: "vus_stage",
            value: "0s".to_owned(),
            cure: "give at least one stage a duration",
        });
    }
    Ok(())
}

/// Refuses weights that are none, and more scenarios than anybody tells apart.
fn refuse_absurd_weights(scenarios: &[WeightedScenario]) -> Result<(), PlanError> {
    let weights: Vec<f64> = scenarios.iter().map(|one| one.weight).collect();
    let (value, cure) = match Mix::of_weights(&weights) {
        Err(MixError::Weight(place)) => (
            scenarios[place].to_string(),
            "give a weight above 0 and of at most 1,000,000, or leave the scenario out",
        ),
        Err(MixError::Count) if weights.len() > MAX_SCENARIOS => {
            let cure = "give at most 100 scenarios, or run the others beside them by a plan";
            (format!("of {} names", weights.len()), cure)
        }
        Ok(_) | Err(MixError::Count) => return Ok(()),
    };
    Err(PlanError::Range { key: "scenario", value, cure })
}

/// Refuses weights by which a scenario would have no user at all.
pub(super) fn refuse_scenarios_without_users(
    scenarios: &[WeightedScenario],
    mix: &Mix,
    crowd: &Crowd,
) -> Result<(), PlanError> {
    if scenarios.len() < 2 {
        return Ok(());
    }
    let users = crowd.by_scenario(crowd.most());
    let Some((name, _)) = scenarios.iter().zip(users).find(|(_, users)| *users == 0) else {
        return Ok(());
    };
    let cure = mix.least_users(MAX_USERS).map_or_else(
        || "raise its weight".to_owned(),
        |least| format!("give at least {}, or raise its weight", grouped(u64::from(least))),
    );
    let (name, users) = (name.to_string(), grouped(u64::from(crowd.most())));
    Err(PlanError::NoUsers { name, users, cure })
}

/// A key that was given, and its value as a person would write it.
type Given = (&'static str, String);

/// Refuses wishes that contradict each other.
pub(super) fn refuse_contradictions(input: &PlanInput) -> Result<(), PlanError> {
    let wishes = Wishes::of(input);
    wishes.refuse_beside_scenarios()?;
    wishes.refuse_two_of_a_kind()?;
    wishes.refuse_beside_a_shape()?;
    wishes.refuse_bounds_of_a_search()?;
    wishes.refuse_beside_stages_of_users()?;
    wishes.refuse_beside_iterations_of_each()?;
    wishes.refuse_beside_objectives()?;
    wishes.refuse_without_a_rate()?;
    wishes.refuse_around_stages()
}

/// What was asked for, with each key as an error names it.
struct Wishes<'a> {
    input: &'a PlanInput,
    tps: Option<Given>,
    rate: Option<Given>,
    vus: Option<Given>,
    max_vus: Option<Given>,
    stage: Option<Given>,
    vus_stage: Option<Given>,
    shape: Option<Given>,
    burst: Option<Given>,
    objective: Option<Given>,
    warm_up: Option<WarmUp>,
}

fn contradiction(one: Given, other: Given, cure: &'static str) -> Result<(), PlanError> {
    Err(PlanError::Contradiction {
        one: format!("{} {}", one.0, one.1),
        other: format!("{} {}", other.0, other.1),
        cure,
    })
}

impl<'a> Wishes<'a> {
    fn of(input: &'a PlanInput) -> Self {
        let stage = input.stages.first().map(|stage| {
            ("stage", format!("{}:{}", print_duration(stage.over), print_rate(stage.to)))
        });
        let objective = input.objectives.first().map(|objective| {
            let is_latency = matches!(objective.goal, Goal::Latency { .. });
            (if is_latency { "latency" } else { "error_rate" }, objective.to_string())
        });
        let vus_stage = input.vus_stages.first().map(|stage| ("vus_stage", stage.to_string()));
        let vus_shape = input.vus_shape.as_ref().map(|shape| ("vus_shape", shape.to_string()));
        Self {
            input,
            tps: input.tps.map(|tps| ("tps", tps.to_string())),
            rate: input.rate.map(|rate| ("rate", rate.to_string())),
            vus: input.vus.map(|vus| ("vus", grouped(u64::from(vus)))),
            max_vus: input.max_vus.map(|max_vus| ("max_vus", grouped(u64::from(max_vus)))),
            stage,
            vus_stage: vus_stage.or(vus_shape),
            shape: input.shape.as_ref().map(|shape| ("shape", shape.to_string())),
            burst: input.burst.map(|burst| ("burst", burst.to_string())),
            objective,
            warm_up: input.warmup.filter(|warmup| !warmup.most().is_zero()),
        }
    }

    /// The key that paces starts, if there is one.
    fn paced(&self) -> Option<&Given> {
        self.tps.as_ref().or(self.rate.as_ref()).or(self.objective.as_ref()).or(self.alone())
    }

    /// The key that says all of the load by itself, if there is one.
    fn alone(&self) -> Option<&Given> {
        self.shape.as_ref().or(self.burst.as_ref())
    }

    /// Weights are of users: where these come as starts need them, nobody could keep to the mix.
    fn refuse_beside_scenarios(&self) -> Result<(), PlanError> {
        let [first, _, ..] = &self.input.scenarios[..] else { return Ok(()) };
        let users = self.vus.as_ref().or(self.vus_stage.as_ref());
        let scenarios = ("scenario", first.to_string());
        if let Some(alone) = self.alone() {
            let cure = "several scenarios share a number of users, and a shape or a burst has as \
            many as it needs: give vus with tps, rate or stage, or a run for each scenario in a \
            plan";
            return contradiction(scenarios, alone.clone(), cure);
        }
        if users.is_some() {
            return Ok(());
        }
        let stage = self.stage.as_ref();
        if let Some(paced) = self.paced().or(stage).or(self.max_vus.as_ref()) {
            let cure = "several scenarios share a number of users by their weights: say with vus \
            how many there are (beside an objective with tps as the most)";
            return contradiction(scenarios, paced.clone(), cure);
        }
        Ok(())
    }

    fn refuse_two_of_a_kind(&self) -> Result<(), PlanError> {
        if let (Some(tps), Some(rate)) = (&self.tps, &self.rate) {
            let cure = "pace either transactions (tps) or iterations (rate)";
            return contradiction(tps.clone(), rate.clone(), cure);
        }
        if let (Some(vus), Some(max_vus)) = (&self.vus, &self.max_vus) {
            let cure = "vus is an exact number of users, max_vus the most on demand: give one of \
            them";
            return contradiction(vus.clone(), max_vus.clone(), cure);
        }
        Ok(())
    }

    fn refuse_beside_a_shape(&self) -> Result<(), PlanError> {
        let Some(given) = self.alone() else { return Ok(()) };
        let burst = self.burst.as_ref().filter(|_| self.shape.is_some());
        let others = [burst, self.tps.as_ref(), self.rate.as_ref(), self.objective.as_ref()];
        let others = others.into_iter().chain([self.stage.as_ref(), self.vus.as_ref()]);
        if let Some(other) = others.flatten().next() {
            let cure = "a shape or a burst says alone how many transactions begin when: leave one \
            of them out; users are bounded by max_vus";
            return contradiction(given.clone(), other.clone(), cure);
        }
        if let (Some(burst), true) = (&self.burst, self.input.poisson) {
            let cure = "all of a burst begins at once: leave arrivals out";
            return contradiction(burst.clone(), ("arrivals", "poisson".to_owned()), cure);
        }
        if let (Some(shape), None, None) = (&self.shape, self.input.duration, self.input.search) {
            let cure = "a formula has no end of its own: give duration";
            return contradiction(shape.clone(), ("no", "duration".to_owned()), cure);
        }
        Ok(())
    }

    fn refuse_bounds_of_a_search(&self) -> Result<(), PlanError> {
        let Some(search) = self.input.search else { return Ok(()) };
        if self.input.objectives.is_empty() {
            return Err(PlanError::NoObjective);
        }
        let lengths = [
            ("duration", self.input.duration.map(print_duration)),
            ("warmup", self.warm_up.map(|warmup| warmup.to_string())),
            ("iterations", self.input.iterations.map(grouped)),
            ("iterations_per_vu", self.input.iterations_per_vu.map(grouped)),
        ];
        let length = lengths.into_iter().find_map(|(key, length)| Some((key, length?)));
        let Some(length) = length else { return Ok(()) };
        let hold = ("hold", print_duration(search.hold));
        contradiction(length, hold, "a search ends by itself: bound it by budget")
    }

    /// Stages of users say how many there are at each instant, and users go as fast as they can.
    fn refuse_beside_stages_of_users(&self) -> Result<(), PlanError> {
        let Some(stage) = &self.vus_stage else { return Ok(()) };
        if let (Some(shape), false) = (&self.input.vus_shape, self.input.vus_stages.is_empty()) {
            let cure = "both say how many users there are at each instant: leave one of them out";
            return contradiction(stage.clone(), ("vus_shape", shape.to_string()), cure);
        }
        if let Some(paced) = self.paced().or(self.stage.as_ref()) {
            let cure = "users that come by stages go as fast as they can: leave one of them out";
            return contradiction(stage.clone(), paced.clone(), cure);
        }
        if let Some(users) = self.vus.as_ref().or(self.max_vus.as_ref()) {
            let cure = "stages say how many users there are at each instant: leave the other out; \
            vus_stage 0s:20 in front begins with 20";
            return contradiction(stage.clone(), users.clone(), cure);
        }
        if let Some(each) = self.input.iterations_per_vu {
            let cure = "users that come and go by stages have no number of iterations to make: \
            leave one of them out";
            return contradiction(stage.clone(), ("iterations_per_vu", grouped(each)), cure);
        }
        if self.input.vus_shape.is_some() && self.input.duration.is_none() {
            let cure = "a formula has no end of its own: give duration";
            return contradiction(stage.clone(), ("no", "duration".to_owned()), cure);
        }
        Ok(())
    }

    /// Each user makes its own iterations, as fast as it can; so there is a number of users, and
    /// nothing else that says when iterations begin or how many there are.
    fn refuse_beside_iterations_of_each(&self) -> Result<(), PlanError> {
        let Some(each) = self.input.iterations_per_vu else { return Ok(()) };
        let each = ("iterations_per_vu", grouped(each));
        if let Some(iterations) = self.input.iterations {
            let cure = "iterations is how many all users make together, iterations_per_vu how many \
            each makes: give one of them";
            return contradiction(each, ("iterations", grouped(iterations)), cure);
        }
        if let Some(other) = self.paced().or(self.stage.as_ref()) {
            let cure = "users that make their own iterations begin them when they are ready: leave \
            one of them out";
            return contradiction(each, other.clone(), cure);
        }
        if self.vus.is_none() {
            let cure = "say with vus how many users make them";
            return contradiction(each, ("no", "vus".to_owned()), cure);
        }
        Ok(())
    }

    fn refuse_beside_objectives(&self) -> Result<(), PlanError> {
        let start = self.input.start_tps;
        let Some(objective) = &self.objective else {
            let Some(start) = start else { return Ok(()) };
            let cure = "start_tps is where an objective has the load begin: give latency or \
            error_rate, or leave it out";
            let start = ("start_tps", start.to_string());
            return contradiction(start, ("no", "objective".to_owned()), cure);
        };
        if let Some(rate) = &self.rate {
            let cure = "objectives control transactions: give tps as the most that may begin, or \
            leave rate out";
            return contradiction(rate.clone(), objective.clone(), cure);
        }
        if let Some(stage) = &self.stage {
            let cure = "stages say the rate at each instant, and an objective finds it: leave one \
            of them out";
            return contradiction(stage.clone(), objective.clone(), cure);
        }
        if let (None, Some(vus)) = (&self.tps, &self.vus) {
            let cure = "an objective controls a rate, and users without one go as fast as they \
            can: bound them by max_vus, or give tps";
            return contradiction(vus.clone(), objective.clone(), cure);
        }
        let start = start.filter(|&start| self.input.tps.is_some_and(|tps| start > tps));
        if let (Some(start), Some(tps)) = (start, &self.tps) {
            let cure = "the load begins at most at tps: lower start_tps";
            return contradiction(("start_tps", start.to_string()), tps.clone(), cure);
        }
        Ok(())
    }

    /// Without a rate users go as fast as they can, so keys about slots have no meaning.
    fn refuse_without_a_rate(&self) -> Result<(), PlanError> {
        if self.paced().is_some() {
            return Ok(());
        }
        if let Some(vus) = self.vus.as_ref().or(self.vus_stage.as_ref()) {
            if let Some(stage) = &self.stage {
                let cure = "stages lead from rate to rate: leave vus out, or give tps or rate as \
                well";
                return contradiction(vus.clone(), stage.clone(), cure);
            }
            if let Some(max_lag) = self.input.max_lag {
                let cure = "without tps or rate there is no start that could be late: leave \
                max_lag out";
                let max_lag = ("max_lag", print_duration(max_lag));
                return contradiction(vus.clone(), max_lag, cure);
            }
            if let Some(step) = self.input.coalesce {
                let cure =
                    "without tps or rate users start when they are ready: leave coalesce out";
                let step = ("coalesce", print_duration(step));
                return contradiction(vus.clone(), step, cure);
            }
            if self.input.poisson {
                let cure = "without tps or rate users start when they are ready: leave arrivals \
                out";
                return contradiction(vus.clone(), ("arrivals", "poisson".to_owned()), cure);
            }
        }
        if let (None, Some(max_vus)) = (&self.stage, &self.max_vus) {
            let cure = "max_vus bounds what a rate needs: give tps or rate, or an exact number of \
            users with vus";
            return contradiction(max_vus.clone(), ("no", "rate".to_owned()), cure);
        }
        Ok(())
    }

    fn refuse_around_stages(&self) -> Result<(), PlanError> {
        let given = self.stage.as_ref().or(self.vus_stage.as_ref()).or(self.alone());
        let Some(stage) = given else { return Ok(()) };
        let first_users = self.input.vus_stages.first().filter(|stage| stage.over.is_zero());
        if let Some(warmup) = self.warm_up {
            let given = ("warmup", warmup.to_string());
            if matches!(warmup, WarmUp::UntilSteady { .. }) {
                let cure = "stages, shapes and bursts begin at an instant that is known \
                beforehand: give the warm-up a time, as 30s";
                return contradiction(given, stage.clone(), cure);
            }
            let is_staged = !self.input.vus_stages.is_empty();
            if is_staged && first_users.is_none_or(|stage| stage.to == 0) {
                let cure = "stages begin with nobody, who warms nothing up: say with how many \
                users to begin, as with vus_stage 0s:20 in front";
                return contradiction(given, stage.clone(), cure);
            }
            if self.vus_stage.is_none() && self.paced().is_none() {
                let cure = "stages begin at zero, where nothing warms up: say with tps or rate at \
                which rate to begin";
                return contradiction(given, stage.clone(), cure);
            }
        }
        let length = self.input.length_of_stages().unwrap_or_default();
        if let Some(duration) = self.input.duration.filter(|&duration| duration < length) {
            let cure = "leave the duration out, or make it at least as long as the stages";
            let (duration, stages) = (print_duration(duration), print_duration(length));
            return contradiction(("duration", duration), ("stages of", stages), cure);
        }
        Ok(())
    }
}
