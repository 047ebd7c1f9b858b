//! Who and where this virtual user is, and what the run was told.

use crate::bindings::context;

/// This user's number, from 0, unique in the run. One that replaces a user cut off has a new
/// number.
#[must_use]
pub fn user() -> u64 {
    context::user()
}

/// The number of this iteration, from 0, unique in the run.
#[must_use]
pub fn iteration() -> u64 {
    context::iteration()
}

/// The run's identity, the same for every user.
#[must_use]
pub fn run_id() -> String {
    context::run_id()
}

/// The value given with `-e NAME=VALUE`, if any. The environment of the host itself is not visible.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    context::variable(name)
}

/// Ends the run early, with exit code 108 and the reason shown: what is under way may finish,
/// nothing new begins.
pub fn stop_run(reason: &str) {
    context::stop_run(reason);
}

/// Ends the run early as a failure: as [`stop_run`], with exit code 110.
pub fn fail_run(reason: &str) {
    context::fail_run(reason);
}

/// Ends this user once the present iteration has ended, or `start`: its `stop` is called, and the
/// reason is counted in the report.
///
/// In the closed model its place stays empty, and when no user is left the run ends; in the open
/// model another user is created when a start needs one. To be called where there is a user:
/// elsewhere, as in `setup`, it traps.
pub fn stop_user(reason: &str) {
    context::stop_user(reason);
}
