//! Limits and objectives in words.

use crate::control::{Doing, Goal, Limit, Limiter, Objective};
use crate::units::print_duration;

/// A limit as in "the service is the limit: …".
pub fn limit_in_words(limit: &Limit) -> String {
    let rates = format!(
        "{:.0}/s completed and {:.0}/s begun of {:.0}/s",
        limit.completed, limit.begun, limit.asked
    );
    let times = limit.service.map_or_else(String::new, |(now, best)| {
        format!(
            ", answers take {} where at best they took {}",
            print_seconds(now),
            print_seconds(best)
        )
    });
    let (who, cure) = match limit.by {
        Limiter::Service => ("the service is the limit", ""),
        Limiter::Users => ("the number of users is the limit", "; raise --max-vus"),
        Limiter::Generator => {
            ("the load generator is the limit", "; give it what it lacks, or share the load")
        }
    };
    format!("{who}: {rates}{times}{cure}")
}

fn print_seconds(seconds: f64) -> String {
    if seconds < 0.01 {
        format!("{:.2} ms", seconds * 1e3)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

/// What a controller is doing, in words.
pub const fn doing_in_words(doing: Doing) -> &'static str {
    match doing {
        Doing::Waiting => "too few samples to say anything",
        Doing::Raising => "it holds, and the rate rises",
        Doing::Holding => "it just holds",
        Doing::BackingOff => "it is broken, and the rate comes down",
        Doing::Settling => "it was broken, and the lower rate is given a moment to show",
        Doing::Saturated => "it holds, but the service completes less than it is given",
        Doing::Starved => "it holds, but fewer transactions begin than should",
        Doing::GeneratorLimited => "it holds, but the load generator is a limit",
    }
}

/// An objective as in "p95 of checkout within 200 ms".
pub fn objective_in_words(objective: &Objective) -> String {
    let of = objective.name.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    match objective.goal {
        Goal::Latency { percent, limit } => {
            format!("p{percent}{of} within {}", print_duration(limit))
        }
        Goal::ErrorRate(share) => format!("errors{of} within {share}"),
    }
}
