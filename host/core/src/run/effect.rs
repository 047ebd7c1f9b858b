//! What the control of a run asks of its driver.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::node::NodeId;
use super::stops::Broken;
use super::words::limit_in_words;
use crate::RunInstant;
use crate::control::Limit;
use crate::plain::line;
use crate::schedule::Course;

/// An effect that the driver is to carry out. Effects are to be carried out in the order in which
/// they are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// All workers or nodes follow another set-point.
    Publish(SetPoint),
    /// Nothing begins any more; what is under way may finish.
    End(EndOrder),
    /// What is under way is cut off.
    Cut,
    /// No iteration begins any more, and those under way go on to their end.
    CloseIterations,
    /// A node sent counts that are impossible: nothing more is taken from it.
    Distrust(NodeId),
    /// A person is told something.
    Say(Notice),
}

/// What a run's starts are to follow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPoint {
    /// The course of starts; `None` where the model has no rate, or where starts stay as planned.
    pub course: Option<Course>,
    /// From when on. That is a moment ahead, so that all workers change at the same slot.
    pub from: RunInstant,
    /// How often objectives were told to judge only what begins from then on.
    pub restarts: u64,
    /// Whether nothing is to begin, whatever paces it.
    pub is_paused: bool,
    /// Where the measured part begins, if not where it was planned.
    pub measured_from: Option<RunInstant>,
}

/// Why nothing begins any more, as workers and nodes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndOrder {
    /// The time of the plan is over, which each of them sees on its own clock.
    Planned,
    /// The run ended sooner than planned, and is as complete.
    Finished,
    /// The run was stopped.
    Stopped,
}

/// What a person is told while a run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// The run was stopped, and what is under way has some time to finish.
    Ending {
        /// The longest that it may take.
        grace: Duration,
    },
    /// A feed has no row left.
    FeedExhausted(String),
    /// Less is completed than is asked for.
    Limited(Limit),
    /// As much is completed again as is asked for.
    Reached,
    /// The rate has changed; for people who look into the details.
    SetPoint {
        /// Starts a second.
        rate: f64,
        /// Why.
        reason: String,
    },
    /// The warm-up has done its work.
    Steady {
        /// How long it took.
        after: Duration,
    },
    /// A node sent counts that are impossible.
    Garbled {
        /// The node's name.
        node: String,
        /// What is wrong with the counts.
        error: String,
    },
    /// A condition that ends the run did not hold.
    Broken(Broken),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ending { grace } => {
                write!(f, "ending: what is under way has up to {grace:?}; Ctrl-C cuts it")
            }
            Self::FeedExhausted(feed) => write!(
                f,
                "feed {feed:?} has no row left: the run ends with the iterations under way"
            ),
            Self::Limited(limit) => line(&limit_in_words(limit)).fmt(f),
            Self::Reached => f.write_str("what is asked for is reached again"),
            Self::SetPoint { rate, reason } => write!(f, "set-point {rate:.1}/s: {reason}"),
            Self::Steady { after } => write!(
                f,
                "the service is steady after {:.1} s: what begins now is measured",
                after.as_secs_f64()
            ),
            Self::Garbled { node, error } => write!(
                f,
                "node {node} told results that cannot be ({error}): nothing more is taken from it"
            ),
            Self::Broken(Broken { rule, found, .. }) => {
                write!(f, "{} does not hold: {found}", line(rule))
            }
        }
    }
}
