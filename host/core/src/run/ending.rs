//! Why a run ends, and when going on is of no use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stops::Broken;
use crate::record::{Figures, Outcomes, Snapshot};

/// After so many traps without a single iteration that ended otherwise, the scenario counts as
/// broken.
const HOPELESS_TRAPS: u64 = 100;

/// After so long, and so many failures without anything that began, the scenario counts as broken
/// as well. One user alone fails so often in that time.
const HOPELESS_AFTER: Duration = Duration::from_secs(3);
const HOPELESS_FAILURES: u64 = 10;

/// Why a scenario wants its run to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndRequest {
    /// `stop-run`, with its reason.
    Stop(String),
    /// `fail-run`, with its reason.
    Fail(String),
    /// A feed whose rows are used once has no row left; its name.
    FeedExhausted(String),
    /// The scenario cannot do anything without something that it was not given: what that is, and
    /// how to give it.
    Lacks(String),
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndCause {
    /// Its duration or its iterations were over, or Ctrl-C ended a run that has neither.
    Finished,
    /// A signal came before the run's end.
    Signal,
    /// The run was stopped before its end over the control API.
    Stopped,
    /// The scenario asked for it.
    Scenario(EndRequest),
    /// Users did nothing but trap.
    Hopeless,
    /// All nodes that shared the run have left.
    Deserted,
    /// The run's coordinator was lost.
    Leaderless,
    /// It ended before its time, and nobody who is left knows why.
    Early,
    /// A condition that ends it did not hold.
    Broken(Broken),
}

/// Whether users do nothing but trap, and have done so long enough; or whether nothing has begun,
/// although each of the `alive` users has failed.
pub(super) fn is_hopeless(total: &Snapshot, elapsed: Duration, alive: u64) -> bool {
    let only_traps = total.users.traps.total() >= HOPELESS_TRAPS && only_traps(total);
    let failures = failures_before_anything(total);
    only_traps
        || (elapsed >= HOPELESS_AFTER
            && failures >= HOPELESS_FAILURES.max(alive)
            && nothing_began(total))
}

/// Whether nothing ever began, and something failed before it could begin.
pub(super) fn nothing_began(snapshot: &Snapshot) -> bool {
    let all = [&snapshot.warm_up, &snapshot.measured];
    let began = |part: &&Figures| {
        part.total.counts.started + part.iterations.ok + part.iterations.interrupted > 0
    };
    !all.iter().any(began) && failures_before_anything(snapshot) > 0
}

/// Users and iterations that failed.
fn failures_before_anything(snapshot: &Snapshot) -> u64 {
    // A trap within an iteration made that iteration fail as well.
    let in_iterations = snapshot.warm_up.iterations.failed + snapshot.measured.iterations.failed;
    in_iterations.max(snapshot.users.traps.total()) + snapshot.users.start_errors.total()
}

/// Whether there were traps, and no iteration that ended in any other way.
pub(super) fn only_traps(snapshot: &Snapshot) -> bool {
    let iterations = |count: fn(&Outcomes) -> u64| {
        count(&snapshot.warm_up.iterations) + count(&snapshot.measured.iterations)
    };
    let (traps, otherwise) =
        (snapshot.users.traps.total(), iterations(|all| all.ok + all.interrupted));
    traps > 0 && otherwise == 0 && iterations(|all| all.failed) <= traps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(traps: u64, start_errors: u64) -> Snapshot {
        let mut all = Snapshot::default();
        all.users.traps.add("unreachable", traps);
        all.users.start_errors.add("no such table", start_errors);
        all.measured.iterations.failed = traps;
        all
    }

    #[test]
    fn a_hundred_traps_and_nothing_else_are_hopeless_at_once() {
        assert!(!is_hopeless(&failed(99, 0), Duration::ZERO, 1_000));
        assert!(is_hopeless(&failed(100, 0), Duration::ZERO, 1_000));
        let mut one_ended = failed(100, 0);
        one_ended.warm_up.iterations.ok = 1;
        assert!(!is_hopeless(&one_ended, Duration::from_secs(60), 1));
    }

    #[test]
    fn what_never_begins_is_hopeless_once_each_user_has_failed_for_three_seconds() {
        let (soon, later) = (Duration::from_millis(2_999), Duration::from_secs(3));
        assert!(!is_hopeless(&failed(0, 20), soon, 20));
        assert!(is_hopeless(&failed(0, 20), later, 20));
        assert!(!is_hopeless(&failed(0, 20), later, 21), "one has not failed yet");
        assert!(!is_hopeless(&failed(0, 9), later, 1), "as often as one user fails in that time");
        let mut began = failed(0, 20);
        began.warm_up.total.counts.started = 1;
        assert!(!is_hopeless(&began, later, 20));
    }
}
