//! What a worker counts for an objective, and what it sends of it at the end of a window.
//!
//! ## Why only what started under the set-point in force
//! An answer that comes now may belong to a transaction that started before the last change. If it
//! counted, a controller would correct once more what it has corrected already. So counting begins
//! anew with each [`Watch::restart`], and what started before is left out when it ends.
//!
//! ## Why transactions are judged by cohorts
//! A service that does not answer any more sends nothing from which a time could be read, and of
//! the transactions that began a moment ago only the short ones have ended. So all that began in
//! one window, a *cohort*, is judged together, once all of it has had as much time to end as the
//! objective allows. What is still under way then is above the objective whatever happens, and
//! counts so, once, with the age that it has.
//!
//! What a [`CatchUp`] touches is not judged at all.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::catch_up::CatchUp;
use super::objective::Goal;
use super::sketch::Sketch;
use crate::RunInstant;
use crate::travel::{self, Refused};

/// Counts for one objective on one worker. Once the memory of its windows is used again, nothing
/// here allocates.
#[derive(Debug)]
pub struct Watch {
    goal: Goal,
    since: RunInstant,
    catch_up: CatchUp,
    /// What began in each of the windows that have not been judged, earliest first; the last window
    /// is not over.
    cohorts: VecDeque<Cohort>,
    tally: Tally,
    spare: Vec<Sketch>,
}

/// What began in one window.
#[derive(Debug)]
struct Cohort {
    from: RunInstant,
    under_way: u32,
    /// How long those that have ended took.
    times: Sketch,
}

/// What was counted for one objective in one window. Tallies can be merged, and travel between
/// nodes as a [`Snapshot`](crate::record::Snapshot) does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SentTally")]
pub struct Tally {
    /// Transactions that began in the window.
    pub begun: u64,
    /// Transactions that ended in the window, whatever the set-point under which they began.
    pub ended: u64,
    /// Transactions that were judged: they began under the set-point in force, in no catch-up, and
    /// ended by themselves.
    pub(super) judged: u64,
    /// Judged transactions that failed.
    pub(super) failed: u64,
    /// How long the transactions of judged cohorts took; empty for an error rate.
    pub(super) times: Sketch,
}

impl Watch {
    /// A watch over what begins from now on.
    pub fn new(goal: Goal) -> Self {
        let mut watch = Self {
            goal,
            since: RunInstant::START,
            catch_up: CatchUp::none(),
            cohorts: VecDeque::new(),
            tally: Tally::default(),
            spare: Vec::new(),
        };
        watch.open(RunInstant::START);
        watch
    }

    /// An outermost transaction is about to begin that was meant for `intended`, by a user that was
    /// ready at `parked_at`. The objective need not be about it.
    pub fn starting(&mut self, intended: RunInstant, parked_at: RunInstant, started: RunInstant) {
        self.catch_up.starting(intended, parked_at, started);
    }

    /// A transaction began.
    pub fn begun(&mut self) {
        self.tally.begun += 1;
        if let Some(cohort) = self.cohorts.back_mut() {
            cohort.under_way += 1;
        }
    }

    /// A transaction ended: well, badly, or (nothing) because it was cut off.
    pub fn ended(&mut self, began: RunInstant, at: RunInstant, ok: Option<bool>) {
        self.tally.ended += 1;
        if began < self.since {
            return;
        }
        let counts = !self.catch_up.touches(began, at);
        self.tally.judged += u64::from(counts && ok.is_some());
        self.tally.failed += u64::from(counts && ok == Some(false));
        let Goal::Latency { limit, .. } = self.goal else { return };
        // A transaction that ends after its cohort was judged was counted with the cohort.
        let place = self.cohorts.partition_point(|cohort| cohort.from <= began);
        let Some(cohort) = place.checked_sub(1).map(|place| &mut self.cohorts[place]) else {
            return;
        };
        cohort.under_way = cohort.under_way.saturating_sub(1);
        let time = at.since(began);
        // An error that comes soon is not a short answer; an error that comes late says that the
        // service is slow.
        if counts && ok.is_some_and(|ok| ok || time >= limit) {
            cohort.times.add(time, limit, 1);
        }
    }

    /// Ends a window at `now`: adds what was counted to `into` and goes on from zero.
    pub fn take(&mut self, now: RunInstant, into: &mut Tally) {
        if let Goal::Latency { limit, .. } = self.goal {
            self.judge(now, limit);
        }
        into.merge(&self.tally);
        self.tally.clear();
        self.catch_up.window_ended();
        self.open(now);
    }

    /// From now on only what begins at `since` or later is judged.
    pub fn restart(&mut self, since: RunInstant) {
        self.since = since;
        let Tally { begun, ended, .. } = self.tally;
        self.tally.clear();
        (self.tally.begun, self.tally.ended) = (begun, ended);
        self.spare.extend(self.cohorts.drain(..).map(|cohort| cohort.times));
        self.open(since);
    }

    fn open(&mut self, from: RunInstant) {
        if let Goal::Latency { .. } = self.goal {
            let mut times = self.spare.pop().unwrap_or_default();
            times.clear();
            self.cohorts.push_back(Cohort { from, under_way: 0, times });
        }
    }

    /// Judges the cohorts whose last transaction began a `limit` ago or more.
    fn judge(&mut self, now: RunInstant, limit: Duration) {
        // A cohort ends where the next one begins.
        while let Some(ended) =
            self.cohorts.get(1).map(|next| next.from).filter(|&ended| now.since(ended) >= limit)
            && let Some(Cohort { from, under_way, times }) = self.cohorts.pop_front()
        {
            self.tally.times.merge(&times);
            // Which transactions of a cohort belong to a catch-up is not known before they end.
            if !self.catch_up.overlaps(from, ended) {
                self.tally.times.add(now.since(ended), limit, under_way);
            }
            self.spare.push(times);
        }
    }
}

impl Tally {
    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        let Self { begun, ended, judged, failed, times } = other;
        self.begun += begun;
        self.ended += ended;
        self.judged += judged;
        self.failed += failed;
        self.times.merge(times);
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        let Self { begun, ended, judged, failed, times } = self;
        *begun = 0;
        *ended = 0;
        *judged = 0;
        *failed = 0;
        times.clear();
    }
}

/// A tally as another node sent it.
#[derive(Deserialize)]
struct SentTally {
    #[serde(deserialize_with = "travel::count")]
    begun: u64,
    #[serde(deserialize_with = "travel::count")]
    ended: u64,
    judged: u64,
    failed: u64,
    times: Sketch,
}

impl TryFrom<SentTally> for Tally {
    type Error = Refused;

    fn try_from(
        SentTally { begun, ended, judged, failed, times }: SentTally,
    ) -> Result<Self, Refused> {
        if failed <= judged && judged <= ended {
            Ok(Self { begun, ended, judged, failed, times })
        } else {
            Err(Refused::Samples)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Share;

    const LIMIT: Duration = Duration::from_millis(160);

    fn ms(ms: u64) -> RunInstant {
        RunInstant::START + Duration::from_millis(ms)
    }

    fn latency() -> Watch {
        Watch::new(Goal::Latency { percent: 90.0, limit: LIMIT })
    }

    fn take(watch: &mut Watch, now: u64) -> Tally {
        let mut tally = Tally::default();
        watch.take(ms(now), &mut tally);
        tally
    }

    #[test]
    fn what_ended_is_judged_when_all_that_began_with_it_could_have() {
        let mut watch = latency();
        let all = [
            (0, 100, Some(true)),
            (10, 190, Some(true)),
            (20, 21, Some(false)),
            (30, 195, Some(false)),
            (40, 90, None),
        ];
        for (began, ended, ok) in all {
            watch.begun();
            watch.ended(ms(began), ms(ended), ok);
        }
        let tally = take(&mut watch, 200);
        assert_eq!((tally.begun, tally.ended, tally.judged, tally.failed), (5, 5, 4, 2));
        assert_eq!(tally.times.count(), 0, "what began at 199 ms has had a moment only");
        let tally = take(&mut watch, 400);
        assert_eq!(
            (tally.times.count(), tally.times.above()),
            (3, 2),
            "a quick error is no short answer"
        );
        assert_eq!(take(&mut watch, 600), Tally::default());
    }

    #[test]
    fn what_is_still_under_way_when_its_cohort_is_judged_counts_as_above_and_only_once() {
        let mut watch = latency();
        (0..10).for_each(|_| watch.begun());
        watch.ended(ms(0), ms(50), Some(true));
        assert_eq!(take(&mut watch, 200).times.count(), 0);
        let tally = take(&mut watch, 400);
        assert_eq!((tally.times.count(), tally.times.above()), (10, 9));
        assert!(
            (1.2..1.3).contains(&tally.times.quantile(0.5)),
            "the latest of them began 200 ms ago"
        );
        (1..10).for_each(|i| watch.ended(ms(i * 10), ms(50_000), Some(true)));
        let tally = take(&mut watch, 50_200);
        assert_eq!((tally.ended, tally.times.count()), (9, 0));
    }

    #[test]
    fn what_began_before_a_restart_is_not_judged() {
        let mut watch = latency();
        watch.begun();
        watch.begun();
        watch.ended(ms(0), ms(5), Some(true));
        watch.restart(ms(10));
        watch.begun();
        watch.ended(ms(1), ms(150), Some(true));
        watch.ended(ms(12), ms(20), Some(true));
        let tally = take(&mut watch, 200);
        assert_eq!((tally.begun, tally.ended, tally.judged), (3, 3, 1));
        let tally = take(&mut watch, 400);
        assert_eq!((tally.times.count(), tally.times.above()), (1, 0));
    }

    #[test]
    fn a_tally_travels_and_one_that_no_watch_makes_is_refused() {
        let mut watch = latency();
        (0..9).for_each(|_| watch.begun());
        watch.ended(ms(0), ms(5), Some(false));
        take(&mut watch, 200);
        watch.ended(ms(0), ms(300), Some(true));
        let tally = take(&mut watch, 400);
        assert_eq!(postcard::from_bytes(&postcard::to_stdvec(&tally).unwrap()), Ok(tally.clone()));
        let most = travel::MAX_COUNT;
        for (begun, ended, judged, failed, is_possible) in [
            (0, 3, 3, 3, true),
            (most, most, most, most, true),
            (most + 1, 3, 2, 1, false),
            (0, most + 1, 2, 1, false),
            (9, 3, 4, 1, false),
            (9, 3, 2, 3, false),
        ] {
            let sent = Tally { begun, ended, judged, failed, times: tally.times.clone() };
            let read = postcard::from_bytes::<Tally>(&postcard::to_stdvec(&sent).unwrap());
            assert_eq!(read.ok(), is_possible.then_some(sent));
        }
    }

    #[test]
    fn an_error_rate_counts_no_times() {
        let mut watch = Watch::new(Goal::ErrorRate(Share::new(0.01).unwrap()));
        watch.begun();
        watch.ended(ms(0), ms(5), Some(false));
        let tally = take(&mut watch, 10);
        assert_eq!((tally.judged, tally.failed, tally.times.count()), (1, 1, 0));
    }
}
