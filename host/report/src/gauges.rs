//! What only the moment knows, for metrics: what was counted is in core's catalogue.

use swell_core::catalogue::Label;
use swell_core::control::Limiter;

use crate::record::Frame;
use crate::status::RunState;

/// A gauge that is made of where a run is at the end of a frame.
pub struct FrameGauge {
    /// Its name for Prometheus.
    pub name: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
    /// Whether it is of things a second.
    pub is_rate: bool,
    /// Its labels, beside those of the run.
    pub labels: &'static [Label],
    /// Tells what each of its series is, which the values of the labels name.
    pub values: fn(&Frame, TellGauge<'_>),
}

/// Tells what a series is, which the values of its labels name.
pub type TellGauge<'a> = &'a mut dyn FnMut(&[&str], f64);

/// All of them. A new one is added here and nowhere else.
pub static GAUGES: [FrameGauge; 9] = [
    FrameGauge {
        name: "swell_run_active",
        help: "1 while a run goes on",
        is_rate: false,
        labels: &[],
        values: |frame, tell| tell(&[], one_if(frame.moment.phase != RunState::Over)),
    },
    FrameGauge {
        name: "swell_users",
        help: "Virtual users that exist",
        is_rate: false,
        labels: &[],
        values: |frame, tell| tell(&[], frame.moment.users as f64),
    },
    FrameGauge {
        name: "swell_goal_tps",
        help: "Starts a second that are to be; not a number in the closed model",
        is_rate: true,
        labels: &[],
        values: |frame, tell| tell(&[], frame.moment.goal_per_second.unwrap_or(f64::NAN)),
    },
    FrameGauge {
        name: "swell_actual_tps",
        help: "Transactions completed in the last second",
        is_rate: true,
        labels: &[],
        values: |frame, tell| tell(&[], frame.completed_per_second()),
    },
    FrameGauge {
        name: "swell_tps_limited",
        help: "1 where the service, the users or the generator keeps the rate below the goal",
        is_rate: false,
        labels: &[Label { name: "by", values: "service, users, generator" }],
        values: |frame, tell| {
            for by in Limiter::ALL {
                tell(&[by.name()], one_if(frame.moment.limited_by == Some(by)));
            }
        },
    },
    FrameGauge {
        name: "swell_objective_limit_tps",
        help: "The rate up to which an objective was found to hold",
        is_rate: true,
        labels: &[OBJECTIVE],
        values: |frame, tell| {
            for objective in &frame.moment.objectives {
                tell(&[&objective.rule], objective.limit_per_second);
            }
        },
    },
    FrameGauge {
        name: "swell_objective_measured",
        help: "What an objective measured last: seconds, or a share",
        is_rate: false,
        labels: &[OBJECTIVE],
        values: |frame, tell| {
            for objective in &frame.moment.objectives {
                tell(&[&objective.rule], objective.measured.unwrap_or(f64::NAN));
            }
        },
    },
    FrameGauge {
        name: "swell_objective_binding",
        help: "1 for the objective that keeps the goal down",
        is_rate: false,
        labels: &[OBJECTIVE],
        values: |frame, tell| {
            for objective in &frame.moment.objectives {
                tell(&[&objective.rule], one_if(objective.binding));
            }
        },
    },
    FrameGauge {
        name: "swell_objective_state",
        help: "1 for what an objective's controller does",
        is_rate: false,
        labels: &[OBJECTIVE, Label { name: "state", values: STATES }],
        values: |frame, tell| {
            for objective in &frame.moment.objectives {
                tell(&[&objective.rule, objective.state.name()], 1.0);
            }
        },
    },
];

const OBJECTIVE: Label = Label { name: "objective", values: "" };
const STATES: &str = "waiting, raising, holding, backing-off, settling, saturated, starved, \
generator-limited";

fn one_if(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[cfg(test)]
mod tests {
    use swell_core::control::Doing;

    use super::*;

    #[test]
    fn all_that_a_controller_does_is_told() {
        assert_eq!(Doing::ALL.map(Doing::name).join(", "), STATES);
    }
}
