//! The interpreter of steps: what its files say, and what a user does who follows them. The
//! component that answers the host stands beside, in `component.rs`.
//!
//! | to find | look in |
//! |---|---|
//! | the requests of `host run URL` | `quick` |
//! | TOML, YAML and JSON as one tree, each value with its place | `forms`, `tree` |
//! | the keys that a file may have, and their JSON Schema | `keys`, `schema` |
//! | what a file says, checked | `read`, `model` |
//! | the same in words | `explain` |
//! | `{{templates}}` and what they may call | `template` |
//! | paths into JSON | `json_path` |
//! | what a user does who follows steps | `run` |
//!
//! All of it is pure: no clock, no network, no files.

mod explain;
mod forms;
mod json_path;
mod keys;
mod model;
mod quick;
mod read;
mod run;
mod schema;
mod template;
mod tree;

pub use forms::json_of;
pub use model::{FeedPick, StepsFile, StepsScenario, USERS};
pub use quick::{BODY, QuickPage, QuickRequest, REQUEST};
pub use read::{is_steps, parse_statuses, read};
pub use run::{
    OutgoingPart, StepAnswer, StepsFollower, StepsOf, StepsRequest, StepsWorld, Stopped, Variables,
};
pub use schema::schema;
pub use tree::{FilePlace, Wrong};
