//! What happened at one instant of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swell_core::RunInstant;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: RunInstant,
    /// What.
    pub kind: MarkKind,
    /// The same in words, with who did it or whom it is about.
    pub text: String,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// Somebody gave the run another goal.
    GoalChanged,
    /// Somebody had it begin nothing any more.
    Paused,
    /// Somebody had it go on.
    Resumed,
    /// What begins now is measured.
    WarmUpOver,
    /// Less is completed than is asked for.
    Limited,
    /// As much is completed again as is asked for.
    Reached,
    /// A node takes part.
    HostJoined,
    /// A node is not heard any more.
    HostLost,
    /// A node left of its own accord.
    HostLeft,
    /// A threshold does not hold any more, for the first time.
    ThresholdBroken,
    /// A user was cut off by a trap, for the first time.
    UserTrapped,
    /// A condition that ends the run did not hold.
    EndedByCondition,
}
