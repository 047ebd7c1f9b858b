//! A run: what it is told, what its nodes tell of themselves, and what it comes to.
//!
//! These are the facts that all crates above share: workers and the coordinator make them, a report
//! reads them. So they know no clock, no thread, no connection and no engine.
//!
//! | file | what it holds |
//! |---|---|
//! | `ending` | why a run ends, and when it is hopeless |
//! | `command` | what may be asked of a run while it goes on |
//! | `effect` | what its control has done |
//! | `run_control` | the control of a run: when it ends, and what its starts follow |
//! | `set_points` | what its starts follow, and why |
//! | `limits` | who kept less from being completed than was asked for |
//! | `stops` | conditions that are judged while it goes on, and end it |
//! | `account` | what was counted up to now, added up each second |
//! | `pace` | what the load model paces |
//! | `machine` | what a machine gives the load generator, and how busy it is |
//! | `flow` | what went through in a window |
//! | `node` | who takes part in a run, and what became of each |
//! | `totals` | what each node counted, added up |
//! | `control_record` | what held the rate |
//! | `look` | where a run is, as a live view shows it |
//! | `outcome` | what a run came to |
//! | `words` | limits and objectives in words |

mod account;
mod command;
mod control_record;
mod effect;
mod ending;
mod flow;
mod limits;
mod look;
mod machine;
mod node;
mod outcome;
mod pace;
mod run_control;
mod set_points;
mod stops;
mod totals;
mod words;

pub use self::command::{Command, Refusal, Standing};
pub use self::control_record::{ControlRecord, ObjectiveRecord};
pub use self::effect::{Effect, EndOrder, Notice, SetPoint};
pub use self::ending::{EndCause, EndRequest};
pub use self::flow::Flowed;
pub use self::look::{ControlLook, Look, NodeLook};
pub use self::machine::{CpuRecord, MachineRecord};
pub use self::node::{ActedScenario, NodeCounts, NodeFate, NodeId, NodePlace, UnknownStarts};
pub use self::outcome::RunOutcome;
pub use self::pace::Pace;
pub use self::run_control::{IterationsOver, LocalFacts, RunControl, RunSnapshot};
pub use self::stops::{Broken, MaxErrorRate, MaxErrorRateError, StopRules};
pub use self::totals::{NodeResult, NodeTotals};
pub use self::words::{doing_in_words, limit_in_words, objective_in_words};
