//! A plan's profile: the rate and the stages that were asked for, those that a formula is drawn as,
//! or bursts.

use std::time::Duration;

use super::input::{PlanError, PlanInput, WarmUp};
use crate::schedule::Profile;
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
    let lines = shape
        .lines(length, Rate::MAX)
        .map_err(|source| PlanError::Shape { shape: shape.to_string(), source })?;
    let (opening, warm_up) =
        (Rate::new(lines.from), input.warmup.map_or(Duration::ZERO, WarmUp::most));
    if opening.is_none() && !warm_up.is_zero() {
        return Err(PlanError::Contradiction {
            one: format!("warmup {}", print_duration(warm_up)),
            other: format!("shape {shape}"),
            cure: "the shape begins at zero, where nothing warms up: leave the warm-up out",
        });
    }
    Ok(Profile::Stages { opening, stages: lines.stages })
}
