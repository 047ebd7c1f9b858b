//! The rules of transactions: what a user may begin and end when, what makes a transaction fail,
//! and what is left open when its iteration ends, in whatever way.
//!
//! These are only the rules. The code that waits for a start, sends a request or traps the guest
//! calls them with the result and the instant. What is to be counted goes to the worker's
//! [`Recorder`].

mod implicit;

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

pub use self::implicit::ImplicitKinds;
use crate::RunInstant;
use crate::dispatch::Start;
use crate::exchange::{ErrorClass, Exchange};
use crate::record::{
    Cause, IterationEnd, KindId, Recorder, RunPhase, TransactionEnd, TransactionTimes, Whose,
};

/// The function of a scenario that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestCall {
    /// `setup`, `teardown` or `conduct`: outside the run, nothing is measured.
    Preparing,
    /// `start`: nothing paces it, and its requests are counted.
    Starting,
    /// `run`.
    Iterating,
    /// `stop`.
    Stopping,
}

/// The scenario broke a rule of the contract; the text is for the scenario's author. Nothing has
/// changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Misuse(String);

/// Why a transaction failed, kept until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A request was answered with a status that was not expected.
    Status(u16),
    /// A request had no answer.
    Request(ErrorClass),
    /// A call of gRPC ended with a status that was not expected.
    Grpc(u16),
    /// The scenario said so, in these words.
    Said(String),
}

impl Display for Failure {
    /// In the words of reports.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.cause().fmt(f)
    }
}

impl Failure {
    fn cause(&self) -> Cause<'_> {
        match self {
            Self::Status(status) => Cause::Status(*status),
            Self::Request(class) => Cause::Request(*class),
            Self::Grpc(code) => Cause::Grpc(*code),
            Self::Said(text) => Cause::Said(text),
        }
    }
}

/// What a transaction that may begin still needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Nothing: the transaction around it was paced.
    Nothing,
    /// Nothing: its iteration has taken this start already.
    Taken(Start),
    /// A start of its own.
    Start {
        /// Whether it is the first transaction of its iteration.
        first: bool,
    },
}

/// What became of an iteration that returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationScope {
    /// It went its own way to the end.
    Whole,
    /// The run was over, or the data used up, before its first transaction: it does not count.
    Empty,
    /// The run was over before the iteration was.
    CutShort,
}

/// A transaction that has begun and not ended.
#[derive(Debug)]
struct Open {
    serial: u32,
    kind: KindId,
    intended: RunInstant,
    parked_at: RunInstant,
    started: RunInstant,
    /// The first failure in it.
    failure: Option<Failure>,
}

/// One user's transactions.
#[derive(Debug)]
pub struct Transactions {
    call: GuestCall,
    /// The outermost first.
    open: Vec<Open>,
    /// The number of the transaction that began last.
    serial: u32,
    /// Where iterations are paced, the start that the iteration took: it belongs to its first
    /// transaction.
    carried: Option<Start>,
    /// Whether the scenario was told in this iteration that the run is over.
    met_run_over: bool,
    /// Whether a feed whose rows are used once had no row left for this iteration.
    ran_out: bool,
    /// Whether something that the scenario waited for was given up because the run is over.
    gave_up: bool,
    /// Whether a transaction was begun in this iteration.
    has_begun: bool,
    /// The phase in which what happens now counts: that of the last outermost transaction, or of
    /// the iteration before its first.
    phase: RunPhase,
    /// The phase in which the present iteration counts; `None` outside an iteration, or while it
    /// has begun nothing.
    iteration_phase: Option<RunPhase>,
    /// The user, and the iteration under way or the last one.
    whose: Whose,
}

impl Transactions {
    /// The transactions of a user that is in `call`, and that counts in `phase` until it begins
    /// something.
    pub const fn new(call: GuestCall, phase: RunPhase) -> Self {
        Self {
            call,
            open: Vec::new(),
            serial: 0,
            carried: None,
            met_run_over: false,
            ran_out: false,
            gave_up: false,
            has_begun: false,
            phase,
            iteration_phase: None,
            whose: Whose { iteration: 0, user: 0 },
        }
    }

    /// What is begun from now on belongs to this iteration of this user.
    pub const fn belong_to(&mut self, whose: Whose) {
        self.whose = whose;
    }

    /// The function of the scenario that is running.
    pub const fn call(&self) -> GuestCall {
        self.call
    }

    /// The phase in which what happens now counts.
    pub const fn phase(&self) -> RunPhase {
        self.phase
    }

    /// Whether a transaction began in the present iteration, or in the last one.
    pub const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The number of the innermost transaction that is open.
    pub fn innermost(&self) -> Option<u32> {
        self.open.last().map(|open| open.serial)
    }

    /// Whether what happens now counts at all.
    pub fn is_measured(&self) -> bool {
        self.call != GuestCall::Preparing
    }

    /// Whether a wait ends with the run. Outside a transaction it does, because nothing is lost by
    /// that; inside one it lasts to the end of the grace.
    pub fn waits_end_with_run(&self) -> bool {
        matches!(self.call, GuestCall::Iterating | GuestCall::Preparing) && self.open.is_empty()
    }

    /// Whether a request is a transaction of its own: an iteration sends it outside any other
    /// transaction.
    pub fn is_implicit(&self) -> bool {
        self.call == GuestCall::Iterating && self.open.is_empty()
    }

    /// The scenario is called. `carried` is the start that the iteration took, where iterations are
    /// paced; `phase` is the phase to which the start belongs.
    pub fn handle_call(&mut self, call: GuestCall, carried: Option<Start>, phase: RunPhase) {
        self.call = call;
        self.carried = carried;
        self.met_run_over = false;
        self.ran_out = false;
        self.gave_up = false;
        self.has_begun = false;
        self.phase = phase;
    }

    /// The scenario wants to begin a transaction. Returns what it still needs.
    ///
    /// # Errors
    /// The transaction may not begin here.
    pub fn handle_begin(&mut self, kind: KindId, recorder: &Recorder) -> Result<Lacking, Misuse> {
        if self.call != GuestCall::Iterating {
            return Err(misuse(
                "a transaction was begun outside `run`; only iterations are measured",
            ));
        }
        if recorder.name(kind).is_none() {
            return Err(misuse(format!("{} is no kind that `transactions.define` gave", kind.0)));
        }
        if self.open.iter().any(|open| open.kind == kind) {
            let name = name(recorder, kind);
            return Err(misuse(format!("transaction {name:?} was begun while it is still open")));
        }
        Ok(if !self.open.is_empty() {
            Lacking::Nothing
        } else if let Some(start) = self.carried.take() {
            Lacking::Taken(start)
        } else {
            Lacking::Start { first: self.iteration_phase.is_none() }
        })
    }

    /// Begins an outermost transaction with its start, which belongs to `phase`. Returns the number
    /// that ends the transaction.
    pub fn begin_outermost(
        &mut self,
        now: RunInstant,
        kind: KindId,
        start: Start,
        phase: RunPhase,
        recorder: &mut Recorder,
    ) -> u32 {
        self.phase = phase;
        self.iteration_phase.get_or_insert(phase);
        recorder.starting(start.intended, start.parked_at, now);
        recorder.begun(kind, start.intended, true);
        self.open(kind, start.intended, start.parked_at, now)
    }

    /// Begins a transaction inside the one that is open. Returns the number that ends it.
    pub fn begin_inner(&mut self, now: RunInstant, kind: KindId, recorder: &mut Recorder) -> u32 {
        recorder.begun(kind, now, false);
        self.open(kind, now, now, now)
    }

    fn open(
        &mut self,
        kind: KindId,
        intended: RunInstant,
        parked_at: RunInstant,
        started: RunInstant,
    ) -> u32 {
        self.has_begun = true;
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        self.open.push(Open { serial, kind, intended, parked_at, started, failure: None });
        serial
    }

    /// The run is over, so the transaction gets no start.
    ///
    /// # Errors
    /// The scenario was told so before in this iteration, and went on.
    pub fn handle_run_over(&mut self, kind: KindId, recorder: &Recorder) -> Result<(), Misuse> {
        if self.met_run_over {
            let name = name(recorder, kind);
            return Err(misuse(format!(
                "transaction {name:?} was begun after `begin` had answered that the run is over"
            )));
        }
        self.met_run_over = true;
        Ok(())
    }

    /// A feed whose rows are used once had no row left for this iteration. If the iteration begins
    /// nothing for that reason, it does not count.
    pub const fn handle_feed_exhausted(&mut self) {
        self.ran_out = true;
    }

    /// Something that the scenario waited for outside a transaction was given up because the run is
    /// over. If the iteration ends with an error, that is the reason.
    pub const fn handle_given_up(&mut self) {
        self.gave_up = true;
    }

    /// The scenario ends a transaction: `reason` says why it failed, if it did. An earlier failure
    /// in it counts first.
    ///
    /// # Errors
    /// The transaction is not open, or another one inside it still is.
    pub fn finish(
        &mut self,
        now: RunInstant,
        serial: u32,
        reason: Option<String>,
        recorder: &mut Recorder,
    ) -> Result<(), Misuse> {
        let Some(position) = self.open.iter().position(|open| open.serial == serial) else {
            return Err(misuse("a transaction was ended that is not open"));
        };
        if let Some(inner) = self.open.get(position + 1) {
            let outer = name(recorder, self.open[position].kind);
            let inner = name(recorder, inner.kind);
            return Err(misuse(format!(
                "transaction {outer:?} was ended while {inner:?}, begun inside it, is still open"
            )));
        }
        match self.open[position].failure.take().or(reason.map(Failure::Said)) {
            None => self.end_innermost(now, TransactionEnd::Ok, recorder),
            Some(failure) => {
                self.end_innermost(now, TransactionEnd::Failed(&failure.cause()), recorder)
            }
        }
        Ok(())
    }

    /// Counts an exchange that has ended. If it failed, all transactions around it fail.
    pub fn handle_exchange(
        &mut self,
        exchange: &Exchange,
        failure: Option<Failure>,
        recorder: &mut Recorder,
    ) {
        if self.is_measured() {
            recorder.exchange(self.phase, exchange, failure.is_none());
        }
        if let Some(failure) = failure {
            self.handle_failure(&failure);
        }
    }

    /// Something failed that is no exchange: all transactions around it fail.
    pub fn handle_failure(&mut self, failure: &Failure) {
        for open in &mut self.open {
            open.failure.get_or_insert_with(|| failure.clone());
        }
    }

    /// The iteration returned, well or not: a transaction that is still open was not ended. Returns
    /// what became of the iteration.
    pub fn handle_return(
        &mut self,
        now: RunInstant,
        well: bool,
        recorder: &mut Recorder,
    ) -> IterationScope {
        self.end_all(now, TransactionEnd::Failed(&Cause::NotEnded), recorder);
        let met_run_over = self.met_run_over || self.gave_up && !well;
        let scope = match self.iteration_phase {
            None if met_run_over || self.ran_out => IterationScope::Empty,
            Some(_) if met_run_over => IterationScope::CutShort,
            _ => IterationScope::Whole,
        };
        match scope {
            IterationScope::Whole if well => self.end_iteration(IterationEnd::Ok, recorder),
            IterationScope::Whole => self.end_iteration(IterationEnd::Failed, recorder),
            IterationScope::CutShort => self.end_iteration(IterationEnd::Interrupted, recorder),
            IterationScope::Empty => {}
        }
        scope
    }

    /// The scenario trapped: its open transactions failed for that reason, and so did its
    /// iteration.
    pub fn handle_trap(&mut self, now: RunInstant, reason: &str, recorder: &mut Recorder) {
        self.end_all(now, TransactionEnd::Failed(&Cause::Trap(reason)), recorder);
        if self.call == GuestCall::Iterating {
            self.end_iteration(IterationEnd::Failed, recorder);
        }
        if self.is_measured() {
            recorder.trap(reason);
        }
    }

    /// The user is cut off where it waits: its open transactions are interrupted.
    pub fn handle_cut(&mut self, now: RunInstant, recorder: &mut Recorder) {
        self.end_all(now, TransactionEnd::Interrupted, recorder);
        if self.iteration_phase.is_some() {
            self.end_iteration(IterationEnd::Interrupted, recorder);
        }
    }

    fn end_all(&mut self, now: RunInstant, ended: TransactionEnd<'_>, recorder: &mut Recorder) {
        while !self.open.is_empty() {
            self.end_innermost(now, ended, recorder);
        }
    }

    fn end_innermost(
        &mut self,
        now: RunInstant,
        ended: TransactionEnd<'_>,
        recorder: &mut Recorder,
    ) {
        let Some(Open { kind, intended, parked_at, started, .. }) = self.open.pop() else { return };
        let times = TransactionTimes { intended, parked_at, started, ended: now };
        recorder.ended(kind, &times, self.open.is_empty(), ended);
        recorder.note(kind, &times, self.whose, ended);
    }

    /// Counts the iteration as begun and ended at once: an iteration that begins nothing because
    /// the run is over must not count at all.
    fn end_iteration(&mut self, end: IterationEnd, recorder: &mut Recorder) {
        let phase = self.iteration_phase.take().unwrap_or(self.phase);
        recorder.iteration_begun(phase);
        recorder.iteration_ended(phase, end);
    }
}

fn misuse(text: impl Into<String>) -> Misuse {
    Misuse(text.into())
}

fn name(recorder: &Recorder, kind: KindId) -> String {
    recorder.name(kind).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests;
