//! The rules on virtual time, against a recorder.

use std::time::Duration;

use super::*;
use crate::exchange::{Phases, Protocol};
use crate::record::{Figures, Outcomes, Snapshot};

/// A user in its first iteration, measured from the start.
struct TestUser {
    transactions: Transactions,
    recorder: Recorder,
    page: KindId,
    item: KindId,
}

fn at(ms: u64) -> RunInstant {
    RunInstant::START + Duration::from_millis(ms)
}

fn start(ms: u64) -> Start {
    Start { slot: 0, intended: at(ms), parked_at: at(0) }
}

impl TestUser {
    fn iterating() -> Self {
        let mut recorder = Recorder::new(RunInstant::START);
        let [page, item] = ["page", "item"].map(|name| recorder.define(name).expect("a name"));
        let mut transactions = Transactions::new(GuestCall::Starting, RunPhase::Measured);
        transactions.handle_call(GuestCall::Iterating, None, RunPhase::Measured);
        Self { transactions, recorder, page, item }
    }

    fn call(&mut self, call: GuestCall) {
        self.transactions.handle_call(call, None, RunPhase::Measured);
    }

    fn may_begin(&mut self, kind: KindId) -> Result<Lacking, Misuse> {
        self.transactions.handle_begin(kind, &self.recorder)
    }

    /// Begins a transaction at this millisecond, with a start that was meant for it.
    fn begin(&mut self, ms: u64, kind: KindId) -> u32 {
        let Self { transactions, recorder, .. } = self;
        match transactions.handle_begin(kind, recorder).expect("it may") {
            Lacking::Nothing => transactions.begin_inner(at(ms), kind, recorder),
            Lacking::Taken(start) => {
                transactions.begin_outermost(at(ms), kind, start, RunPhase::Measured, recorder)
            }
            Lacking::Start { .. } => {
                transactions.begin_outermost(at(ms), kind, start(ms), RunPhase::Measured, recorder)
            }
        }
    }

    fn finish(&mut self, ms: u64, serial: u32) -> Result<(), Misuse> {
        self.transactions.finish(at(ms), serial, None, &mut self.recorder)
    }

    fn run_over(&mut self) -> Result<(), Misuse> {
        self.transactions.handle_run_over(self.page, &self.recorder)
    }

    fn leave(&mut self, ms: u64, well: bool) -> IterationScope {
        self.transactions.handle_return(at(ms), well, &mut self.recorder)
    }

    fn exchange(&mut self, result: Result<u16, ErrorClass>, failure: Option<Failure>) {
        let exchange = Exchange {
            protocol: Protocol::Http,
            result,
            phases: Phases::default(),
            written: 1,
            reconnects: 0,
            connections: 0,
            body_bytes: 0,
        };
        self.transactions.handle_exchange(&exchange, failure, &mut self.recorder);
    }

    fn measured(&mut self) -> Figures {
        self.recorder.take_window(at(60_000), Snapshot::default()).measured
    }
}

/// Started, ok, failed, interrupted.
fn counts(outcomes: &Outcomes) -> (u64, u64, u64, u64) {
    (outcomes.started, outcomes.ok, outcomes.failed, outcomes.interrupted)
}

#[test]
fn only_an_outermost_transaction_lacks_a_start_and_only_the_first_is_told_so() {
    let mut user = TestUser::iterating();
    let (page, item) = (user.page, user.item);
    assert_eq!(user.may_begin(page), Ok(Lacking::Start { first: true }));
    let outer = user.begin(1, page);
    assert_eq!(user.may_begin(item), Ok(Lacking::Nothing));
    user.finish(2, outer).expect("it is open");
    assert_eq!(user.may_begin(item), Ok(Lacking::Start { first: false }));
}

#[test]
fn the_start_that_an_iteration_took_is_that_of_its_first_transaction_alone() {
    let mut user = TestUser::iterating();
    let page = user.page;
    user.transactions.handle_call(GuestCall::Iterating, Some(start(7)), RunPhase::Measured);
    assert_eq!(user.may_begin(page), Ok(Lacking::Taken(start(7))));
    assert!(matches!(user.may_begin(page), Ok(Lacking::Start { .. })));
}

#[test]
fn what_may_not_be_begun_says_why_and_changes_nothing() {
    let mut user = TestUser::iterating();
    let page = user.page;
    let unknown = user.may_begin(KindId(99)).expect_err("no such kind").to_string();
    assert!(unknown.contains("99 is no kind"), "{unknown}");
    let serial = user.begin(0, page);
    let again = user.may_begin(page).expect_err("it is open").to_string();
    assert_eq!(again, "transaction \"page\" was begun while it is still open");
    user.finish(1, serial).expect("it is open");
    for call in [GuestCall::Preparing, GuestCall::Starting, GuestCall::Stopping] {
        user.call(call);
        let outside = user.may_begin(page).expect_err("not in `run`").to_string();
        assert!(outside.contains("outside `run`"), "{call:?}: {outside}");
    }
    assert_eq!(counts(&user.measured().total.counts), (1, 1, 0, 0));
}

#[test]
fn inner_transactions_end_before_the_one_around_them() {
    let mut user = TestUser::iterating();
    let (page, item) = (user.page, user.item);
    let outer = user.begin(0, page);
    let inner = user.begin(10, item);
    let early = user.finish(20, outer).expect_err("the inner one is open").to_string();
    assert!(early.contains("\"page\" was ended while \"item\""), "{early}");
    user.finish(30, inner).expect("it is the innermost");
    assert!(user.finish(30, inner).is_err(), "ended twice");
    user.finish(40, outer).expect("nothing is open inside");
    let measured = user.measured();
    assert_eq!(counts(&measured.total.counts), (1, 1, 0, 0), "the outermost alone is a total");
    let row = |name| measured.transactions.row(name).expect("counted");
    assert_eq!(counts(&row("item").counts), (1, 1, 0, 0));
    assert_eq!(row("item").service.ok.max(), Some(Duration::from_millis(20)));
}

#[test]
fn a_failed_exchange_fails_all_that_is_open_and_the_first_reason_is_kept() {
    let mut user = TestUser::iterating();
    let (page, item) = (user.page, user.item);
    let outer = user.begin(0, page);
    let inner = user.begin(1, item);
    user.exchange(Ok(200), None);
    user.exchange(Ok(500), Some(Failure::Status(500)));
    user.exchange(Err(ErrorClass::Reset), Some(Failure::Request(ErrorClass::Reset)));
    user.finish(2, inner).expect("open");
    let said = Some("no basket".to_owned());
    user.transactions.finish(at(3), outer, said, &mut user.recorder).expect("open");
    let measured = user.measured();
    assert_eq!((measured.requests.ok, measured.requests.failed), (1, 2));
    for name in ["page", "item"] {
        let causes = &measured.transactions.row(name).expect("counted").causes;
        assert_eq!((causes.statuses.of(500), causes.total()), (1, 1), "{name}");
    }
}

#[test]
fn what_an_iteration_leaves_open_has_failed() {
    let mut user = TestUser::iterating();
    let (page, item) = (user.page, user.item);
    user.begin(0, page);
    user.begin(1, item);
    assert_eq!(user.leave(5, true), IterationScope::Whole);
    let measured = user.measured();
    assert_eq!(counts(&measured.total.counts), (1, 0, 1, 0));
    for name in ["page", "item"] {
        assert_eq!(measured.transactions.row(name).expect("counted").causes.not_ended, 1);
    }
    assert_eq!(counts(&measured.iterations), (1, 1, 0, 0), "the iteration itself returned well");
}

#[test]
fn an_iteration_that_the_end_of_the_run_left_nothing_to_begin_does_not_count() {
    let mut user = TestUser::iterating();
    user.run_over().expect("the first time");
    assert_eq!(user.leave(1, true), IterationScope::Empty);
    user.call(GuestCall::Iterating);
    user.transactions.handle_feed_exhausted();
    assert_eq!(user.leave(2, false), IterationScope::Empty);
    assert_eq!(counts(&user.measured().iterations), (0, 0, 0, 0));
}

#[test]
fn an_iteration_that_met_the_end_of_the_run_in_its_midst_is_interrupted() {
    let mut user = TestUser::iterating();
    let page = user.page;
    let serial = user.begin(0, page);
    user.finish(1, serial).expect("open");
    user.run_over().expect("the first time");
    let again = user.run_over().expect_err("it was told").to_string();
    assert!(again.contains("after `begin` had answered"), "{again}");
    assert_eq!(user.leave(2, true), IterationScope::CutShort);
    assert_eq!(counts(&user.measured().iterations), (1, 0, 0, 1));
}

#[test]
fn a_wait_that_was_given_up_at_the_end_of_the_run_is_no_failure_of_its_iteration() {
    let mut user = TestUser::iterating();
    let page = user.page;
    let serial = user.begin(0, page);
    user.finish(1, serial).expect("open");
    user.transactions.handle_given_up();
    assert_eq!(user.leave(2, false), IterationScope::CutShort);
    user.call(GuestCall::Iterating);
    user.transactions.handle_given_up();
    assert_eq!(user.leave(3, false), IterationScope::Empty, "it had begun nothing");
    user.call(GuestCall::Iterating);
    user.transactions.handle_given_up();
    assert_eq!(user.leave(4, true), IterationScope::Whole, "it could do without");
    user.call(GuestCall::Iterating);
    assert_eq!(user.leave(5, false), IterationScope::Whole, "an error of its own");
    assert_eq!(counts(&user.measured().iterations), (3, 1, 1, 1));
}

#[test]
fn an_iteration_without_transactions_counts_by_how_it_returned() {
    let mut user = TestUser::iterating();
    assert_eq!(user.leave(1, true), IterationScope::Whole);
    user.call(GuestCall::Iterating);
    assert_eq!(user.leave(2, false), IterationScope::Whole);
    assert_eq!(counts(&user.measured().iterations), (2, 1, 1, 0));
}

#[test]
fn a_trap_fails_what_is_open_its_iteration_and_is_counted_once() {
    let mut user = TestUser::iterating();
    let page = user.page;
    user.begin(0, page);
    user.transactions.handle_trap(at(1), "unreachable", &mut user.recorder);
    let window = user.recorder.take_window(at(2), Snapshot::default());
    assert_eq!(counts(&window.measured.total.counts), (1, 0, 1, 0));
    assert_eq!(counts(&window.measured.iterations), (1, 0, 1, 0));
    assert_eq!(window.users.traps.total(), 1);
}

#[test]
fn a_trap_outside_the_run_is_counted_nowhere() {
    let mut user = TestUser::iterating();
    user.call(GuestCall::Preparing);
    user.transactions.handle_trap(at(1), "unreachable", &mut user.recorder);
    user.exchange(Ok(200), None);
    let window = user.recorder.take_window(at(2), Snapshot::default());
    assert_eq!(window.users.traps.total(), 0);
    assert_eq!((window.measured.requests.ok, window.measured.iterations.started), (0, 0));
}

#[test]
fn who_is_cut_off_leaves_nothing_open_and_nothing_uncounted() {
    let mut user = TestUser::iterating();
    let (page, item) = (user.page, user.item);
    user.begin(0, page);
    user.begin(1, item);
    user.transactions.handle_cut(at(500), &mut user.recorder);
    let measured = user.measured();
    assert_eq!(counts(&measured.total.counts), (1, 0, 0, 1));
    assert_eq!(counts(&measured.iterations), (1, 0, 0, 1));
    let mut idle = TestUser::iterating();
    idle.transactions.handle_cut(at(1), &mut idle.recorder);
    assert_eq!(counts(&idle.measured().iterations), (0, 0, 0, 0), "it had begun nothing");
}

#[test]
fn a_wait_ends_with_the_run_where_nothing_is_lost_by_it() {
    let mut user = TestUser::iterating();
    let page = user.page;
    assert!(user.transactions.waits_end_with_run());
    let serial = user.begin(0, page);
    assert!(!user.transactions.waits_end_with_run(), "inside a transaction");
    user.finish(1, serial).expect("open");
    assert!(user.transactions.waits_end_with_run());
    user.call(GuestCall::Preparing);
    assert!(user.transactions.waits_end_with_run());
    for call in [GuestCall::Starting, GuestCall::Stopping] {
        user.call(call);
        assert!(!user.transactions.waits_end_with_run(), "{call:?}");
    }
}

#[test]
fn a_request_is_a_transaction_of_its_own_only_in_an_iteration_and_outside_any_other() {
    let mut user = TestUser::iterating();
    let page = user.page;
    assert!(user.transactions.is_implicit());
    user.begin(0, page);
    assert!(!user.transactions.is_implicit());
    user.call(GuestCall::Starting);
    assert!(!user.transactions.is_implicit());
}

#[test]
fn what_happens_is_counted_in_the_phase_of_the_last_outermost_transaction() {
    let mut recorder = Recorder::new(at(100));
    let page = recorder.define("page").expect("a name");
    let mut transactions = Transactions::new(GuestCall::Starting, RunPhase::WarmUp);
    transactions.handle_call(GuestCall::Iterating, None, RunPhase::WarmUp);
    for (ms, phase) in [(50, RunPhase::WarmUp), (150, RunPhase::Measured)] {
        transactions.handle_begin(page, &recorder).expect("it may");
        let serial = transactions.begin_outermost(at(ms), page, start(ms), phase, &mut recorder);
        assert_eq!(transactions.phase(), phase);
        transactions.finish(at(ms + 1), serial, None, &mut recorder).expect("open");
    }
    transactions.handle_return(at(200), true, &mut recorder);
    let window = recorder.take_window(at(300), Snapshot::default());
    assert_eq!(counts(&window.warm_up.iterations), (1, 1, 0, 0), "where it began");
    assert_eq!(counts(&window.measured.iterations), (0, 0, 0, 0));
    assert_eq!(counts(&window.measured.total.counts), (1, 1, 0, 0));
}
