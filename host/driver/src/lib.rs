//! Executes a plan: workers that generate the load, each on its thread, and the control thread,
//! which does what the control of the run decides.
//!
//! `core` has the rules of when to start whom, and of when a run ends; the engine has the users.
//! This crate has threads, timers and queues. Several plans may be executed at once: each has its
//! own workers, on threads that all plans share.

mod accounted;
mod alone;
mod counts_message;
mod iterations;
mod lead;
pub mod machine;
mod member;
mod member_line;
mod overflow;
mod part_view;
mod plan;
mod run_lines;
mod shared;
mod threads;
mod timer;
mod worker;
mod worker_dispatch;
mod workers;

pub use self::alone::drive;
pub use self::lead::{LeadLine, NodeEvent, RunCommand, StoppedBefore, lead};
pub use self::member::{Participation, take_part};
pub use self::member_line::{MemberLine, MemberReport, WindowReport};
pub use self::part_view::{PartBeginning, PartCounts, PartView};
pub use self::plan::{PlannedScenario, RunPlan};
pub use self::run_lines::{Asked, CommandCall, CommandReply, View};
pub use self::threads::Threads;
