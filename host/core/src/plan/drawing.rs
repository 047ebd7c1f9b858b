//! A plan's profile, of a rate or of users: the stages that were asked for, those that a formula is
//! drawn as, or bursts.

use std::iter;
use std::time::Duration;

use super::input::{PlanError, PlanInput, WarmUp};
use super::refuse::MAX_USERS;
use crate::schedule::{CurveError, Formula, LoadLines, Profile, UserStage};
use crate::units::{Rate, print_duration};

/// How starts go on over time, from this rate if it is said. Without a rate, stages or bursts it is
/// no start at all.
///
/// # Errors
/// The formula is no load, or it begins at zero and there is a warm-up.
pub(super) fn profile_of(input: &PlanInput, opening: Option<Rate>) -> Result<Profile, PlanError> {
    if let Some(bursts) = input.burst {
        return Ok(Profile::Bursts(bursts));
    }
    let (Some(shape), Some(length)) = (&input.shape, input.duration) else {
        return Ok(Profile::Stages { opening, stages: input.stages.clone() });
    };
    let lines = lines("shape", shape, length, Rate::MAX)?;
    let opening = Rate::new(lines.from);
    refuse_to_warm_up("shape", shape, opening.is_none(), input)?;
    Ok(Profile::Stages { opening, stages: lines.stages })
}

/// How the number of users goes on over time: stages that begin with a jump where a formula says
/// it. What a formula says between whole users is rounded.
///
/// # Errors
/// As [`profile_of`].
pub(super) fn stages_of_users(input: &PlanInput) -> Result<Vec<UserStage>, PlanError> {
    let (Some(shape), Some(length)) = (&input.vus_shape, input.duration) else {
        return Ok(input.vus_stages.clone());
    };
    let lines = lines("vus_shape", shape, length, f64::from(MAX_USERS))?;
    let stage = |over, to: f64| UserStage { over, to: to.round() as u32 };
    let opening = stage(Duration::ZERO, lines.from);
    refuse_to_warm_up("vus_shape", shape, opening.to == 0, input)?;
    let others = lines.stages.iter().map(|line| stage(line.over, line.to));
    let stages: Vec<UserStage> = iter::once(opening).chain(others).collect();
    if stages.iter().all(|stage| stage.to == 0) {
        let (shape, source) = (shape.to_string(), CurveError::Nothing);
        return Err(PlanError::Shape { key: "vus_shape", shape, source });
    }
    Ok(stages)
}

fn lines(
    key: &'static str,
    shape: &Formula,
    length: Duration,
    most: f64,
) -> Result<LoadLines, PlanError> {
    let wrong = |source| PlanError::Shape { key, shape: shape.to_string(), source };
    shape.lines(length, most).map_err(wrong)
}

/// Refuses a warm-up before a formula that begins at zero.
fn refuse_to_warm_up(
    key: &str,
    shape: &Formula,
    begins_at_zero: bool,
    input: &PlanInput,
) -> Result<(), PlanError> {
    let warm_up = input.warmup.map_or(Duration::ZERO, WarmUp::most);
    if !begins_at_zero || warm_up.is_zero() {
        return Ok(());
    }
    Err(PlanError::Contradiction {
        one: format!("warmup {}", print_duration(warm_up)),
        other: format!("{key} {shape}"),
        cure: "the shape begins at zero, where nothing warms up: leave the warm-up out",
    })
}
