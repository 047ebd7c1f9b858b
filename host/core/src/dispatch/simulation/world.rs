//! Workers with their users, and a service whose law is known.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use super::super::{Action, DispatchLimits, Dispatcher, Growth, Overflow, Start, UserKey};
use crate::RunInstant;
use crate::random::Random;
use crate::record::{Recorder, Snapshot, TransactionEnd, TransactionTimes};
use crate::schedule::{Arrivals, Cursor, Profile, Stripe};
use crate::units::Rate;

/// What it takes to create a user and run it to its first `begin`.
pub(super) const CREATION: Duration = Duration::from_micros(50);

/// How the service answers.
#[derive(Clone, Copy)]
pub(super) enum AnswerTimes {
    /// Each request takes this long.
    Constant(Duration),
    /// The same, but nothing is answered between two instants.
    Stalling { latency: Duration, from: RunInstant, until: RunInstant },
    /// A tenth of a second, and an exponential time with this mean beyond it: skewed, as the times
    /// of real services are.
    Skewed { beyond: Duration },
    /// So many servers, each with one request at a time; the others queue.
    Servers { servers: usize, latency: Duration },
}

pub(super) struct SimulatedRun {
    pub(super) workers: u64,
    pub(super) rate: f64,
    pub(super) arrivals: Arrivals,
    pub(super) growth: Growth,
    pub(super) max_lag: Duration,
    pub(super) coalesce: Duration,
    pub(super) length: Duration,
    pub(super) service: AnswerTimes,
    /// What a user does between the end of a transaction and its next.
    pub(super) think: Duration,
    /// When threads stand still, from and until: all of them, or one.
    pub(super) freezes: Vec<(RunInstant, RunInstant, Option<usize>)>,
    /// What a thread takes for whatever happens.
    pub(super) work: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake,
    Created(UserKey, usize),
    Answered(UserKey),
    Ready(UserKey),
    Probe,
    /// The thread is free for what happened meanwhile.
    Resume,
}

struct World {
    setting: SimulatedRun,
    dispatchers: Vec<Dispatcher>,
    recorders: Vec<Recorder>,
    overflow: Overflow,
    events: BinaryHeap<Reverse<(RunInstant, u64, usize, Event)>>,
    sequence: u64,
    /// When each worker is to wake next; a wake at another instant has been overtaken.
    wakes: Vec<Option<RunInstant>>,
    /// What happened while a thread was busy or stood still.
    pending: Vec<VecDeque<Event>>,
    busy_until: Vec<RunInstant>,
    told_stood: Vec<Duration>,
    next_user: UserKey,
    under_way: BTreeMap<UserKey, (Start, RunInstant)>,
    free_at: Vec<RunInstant>,
    trace: Vec<(RunInstant, usize, Action)>,
    most_users: u32,
    random: Random,
}

/// What a run came to.
pub(super) struct SimulationOutcome {
    pub(super) total: Snapshot,
    pub(super) trace: Vec<(RunInstant, usize, Action)>,
    pub(super) most_users: u32,
    pub(super) users_at_end: u32,
}

impl SimulationOutcome {
    pub(super) fn starts(&self) -> impl Iterator<Item = (RunInstant, Start)> {
        self.trace.iter().filter_map(|(now, _, action)| {
            if let Action::Start { start, .. } = action { Some((*now, *start)) } else { None }
        })
    }

    pub(super) fn creations(&self) -> impl Iterator<Item = RunInstant> {
        self.trace
            .iter()
            .filter(|(_, _, action)| matches!(action, Action::Create { .. }))
            .map(|(now, _, _)| *now)
    }
}

/// Runs to the end of the setting's length.
pub(super) fn run(setting: SimulatedRun) -> SimulationOutcome {
    let end = RunInstant::START + setting.length;
    let timeline = Profile::constant(Rate::new(setting.rate).unwrap()).timeline(Duration::ZERO);
    let limits = DispatchLimits {
        growth: setting.growth.clone(),
        max_lag: setting.max_lag,
        coalesce: setting.coalesce,
    };
    let dispatcher = |index| {
        let cursor = Cursor::new(
            timeline.clone(),
            setting.arrivals,
            Stripe::new(index, setting.workers),
            end,
            u64::MAX,
        );
        Dispatcher::new(cursor, limits.clone())
    };
    let free_at = match setting.service {
        AnswerTimes::Servers { servers, .. } => vec![RunInstant::START; servers],
        _ => Vec::new(),
    };
    let workers = setting.workers;
    let mut world = World {
        dispatchers: (0..workers).map(dispatcher).collect(),
        recorders: (0..workers).map(|_| Recorder::new(RunInstant::START)).collect(),
        overflow: Overflow::default(),
        events: BinaryHeap::new(),
        sequence: 0,
        wakes: vec![None; workers as usize],
        pending: vec![VecDeque::new(); workers as usize],
        busy_until: vec![RunInstant::START; workers as usize],
        told_stood: vec![Duration::ZERO; workers as usize],
        next_user: 0,
        under_way: BTreeMap::new(),
        free_at,
        trace: Vec::new(),
        most_users: 0,
        random: Random::stream(1, 0),
        setting,
    };
    for worker in 0..workers as usize {
        world.schedule(RunInstant::START, worker, Event::Wake);
        world.schedule(RunInstant::START, worker, Event::Probe);
    }
    while let Some(Reverse((now, _, worker, event))) =
        world.events.peek().copied().filter(|Reverse((now, ..))| *now < end)
    {
        world.events.pop();
        world.handle(now, worker, event);
    }
    world.finish(end)
}

impl World {
    fn schedule(&mut self, at: RunInstant, worker: usize, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, worker, event)));
    }

    /// When this thread runs next.
    fn runs_at(&self, now: RunInstant, worker: usize) -> RunInstant {
        let concerned =
            self.setting.freezes.iter().filter(|(.., whom)| whom.is_none_or(|whom| whom == worker));
        let frozen = concerned
            .filter(|(from, until, _)| (*from..*until).contains(&now))
            .map(|(_, until, _)| *until)
            .max();
        frozen.unwrap_or(now).max(self.busy_until[worker])
    }

    fn handle(&mut self, now: RunInstant, worker: usize, event: Event) {
        let runs_at = self.runs_at(now, worker);
        if event == Event::Resume {
            if runs_at > now {
                return self.schedule(runs_at, worker, Event::Resume);
            }
            if let Some(event) = self.pending[worker].pop_front() {
                self.perform_event(now, worker, event);
            }
            if !self.pending[worker].is_empty() {
                self.schedule(self.busy_until[worker], worker, Event::Resume);
            }
        } else if runs_at > now || !self.pending[worker].is_empty() {
            self.pending[worker].push_back(event);
            if self.pending[worker].len() == 1 {
                self.schedule(runs_at, worker, Event::Resume);
            }
        } else {
            self.perform_event(now, worker, event);
        }
    }

    /// Looks at the clock as the owner of a dispatcher does.
    fn look(&mut self, now: RunInstant, worker: usize) {
        let heartbeat = self.recorders[worker].heartbeat();
        heartbeat.look(now, self.wakes[worker].unwrap_or(RunInstant::NEVER));
        let stood =
            heartbeat.total() - std::mem::replace(&mut self.told_stood[worker], heartbeat.total());
        if !stood.is_zero() {
            self.dispatchers[worker].handle_standstill(now, stood);
        }
    }

    fn perform_event(&mut self, now: RunInstant, worker: usize, event: Event) {
        self.busy_until[worker] = now + self.setting.work;
        if event == Event::Probe {
            let (delay, next) = self.recorders[worker].heartbeat().probe(now);
            self.schedule(next, worker, Event::Probe);
            // The first is none.
            if now > RunInstant::START {
                self.recorders[worker].loop_delay(now, delay);
            }
            return;
        }
        if let Event::Answered(user) = event {
            self.record(now, worker, user);
        }
        self.look(now, worker);
        match event {
            Event::Probe | Event::Resume => {}
            Event::Wake if self.wakes[worker].is_some_and(|at| at > now) => return,
            Event::Wake => {
                self.wakes[worker] = None;
                self.dispatchers[worker].handle_time(now);
            }
            Event::Created(user, scenario) => {
                self.dispatchers[worker].handle_created(now, user, scenario);
                self.schedule(now + CREATION, worker, Event::Ready(user));
            }
            Event::Ready(user) => self.dispatchers[worker].handle_parked(now, user),
            Event::Answered(user) => {
                if self.setting.think.is_zero() {
                    self.dispatchers[worker].handle_parked(now, user);
                } else {
                    self.schedule(now + self.setting.think, worker, Event::Ready(user));
                }
            }
        }
        self.drive(now, worker);
    }

    /// Does what the owner of a dispatcher does after each event.
    fn drive(&mut self, now: RunInstant, worker: usize) {
        let mut overflowed = false;
        if self.dispatchers[worker].wants_overflow(now, self.overflow.len()) {
            self.dispatchers[worker].serve(now, &mut self.overflow);
        }
        while let Some(action) = self.dispatchers[worker].poll_action() {
            self.trace.push((now, worker, action));
            overflowed |= matches!(action, Action::Overflow(_));
            self.perform(now, worker, action);
        }
        let timeout = self.dispatchers[worker].poll_timeout();
        if let Some(at) = timeout
            && self.wakes[worker].replace(at) != Some(at)
        {
            self.schedule(at.max(now), worker, Event::Wake);
        }
        self.check_ledger();
        self.most_users = self.most_users.max(self.dispatchers.iter().map(Dispatcher::users).sum());
        if overflowed {
            let can_help = |&other: &usize| {
                self.dispatchers[other].parked() > 0 && self.runs_at(now, other) <= now
            };
            let helper = (0..self.dispatchers.len()).find(can_help);
            if let Some(helper) = helper {
                self.drive(now, helper);
            }
        }
    }

    fn perform(&mut self, now: RunInstant, worker: usize, action: Action) {
        match action {
            Action::Start { user, start } => {
                let kind = self.recorders[worker].define("modelled").unwrap();
                self.recorders[worker].begun(kind, start.intended, true);
                self.under_way.insert(user, (start, now));
                let end = self.answer_at(now);
                self.schedule(end, worker, Event::Answered(user));
            }
            Action::Create { scenario } => {
                self.next_user += 1;
                self.schedule(now, worker, Event::Created(self.next_user, scenario));
            }
            Action::Overflow(due) => {
                self.overflow.push(due);
                self.overflow.owe(self.dispatchers[worker].owed());
            }
            Action::Retire(user) => self.dispatchers[worker].handle_gone(now, user),
            Action::Unsent { due, cause } => self.recorders[worker].unsent(due.intended, cause),
            Action::RunOver(_) => {}
        }
    }

    fn answer_at(&mut self, now: RunInstant) -> RunInstant {
        match self.setting.service {
            AnswerTimes::Constant(latency) => now + latency,
            AnswerTimes::Stalling { latency, from, until } => {
                let end = now + latency;
                if end > from && now < until { until.max(end) } else { end }
            }
            AnswerTimes::Skewed { beyond } => {
                now + Duration::from_millis(100) + beyond.mul_f64(-(1.0 - self.random.unit()).ln())
            }
            AnswerTimes::Servers { latency, .. } => {
                let free = self.free_at.iter_mut().min().expect("there are servers");
                *free = (*free).max(now) + latency;
                *free
            }
        }
    }

    fn record(&mut self, now: RunInstant, worker: usize, user: UserKey) {
        let (start, started) = self.under_way.remove(&user).expect("an answer belongs to a start");
        let times = TransactionTimes {
            intended: start.intended,
            parked_at: start.parked_at,
            started,
            ended: now,
        };
        let kind = self.recorders[worker].define("modelled").unwrap();
        self.recorders[worker].ended(kind, &times, true, TransactionEnd::Ok);
    }

    /// Nothing is dropped: by worker and over all.
    fn check_ledger(&self) {
        let (mut given, mut taken) = (0, 0);
        for dispatcher in &self.dispatchers {
            let ledger = dispatcher.ledger();
            assert_eq!(
                ledger.due + ledger.taken,
                ledger.started + ledger.unsent + ledger.given + ledger.waiting,
                "{ledger:?}"
            );
            given += ledger.given;
            taken += ledger.taken;
        }
        assert_eq!(given, taken + self.overflow.len() as u64);
    }

    fn finish(mut self, end: RunInstant) -> SimulationOutcome {
        let users_at_end = self.dispatchers.iter().map(Dispatcher::users).sum();
        for worker in 0..self.dispatchers.len() {
            self.look(end, worker);
            self.dispatchers[worker].handle_end(end);
            self.drive(end, worker);
        }
        // What came to the overflow only now.
        (0..self.dispatchers.len()).for_each(|worker| self.drive(end, worker));
        assert!(self.overflow.is_empty(), "the end leaves nothing in the overflow");
        // What is under way at the end is allowed to finish.
        for worker in 0..self.dispatchers.len() {
            for event in std::mem::take(&mut self.pending[worker]) {
                self.schedule(end, worker, event);
            }
        }
        while let Some(Reverse((now, _, worker, event))) = self.events.pop() {
            if let Event::Answered(user) = event {
                self.record(now, worker, user);
            }
        }
        let mut total = Snapshot::default();
        for recorder in &mut self.recorders {
            total.merge(&recorder.take_window(end, Snapshot::default()));
        }
        let (counts, unsent) = (total.measured.total.counts, total.measured.unsent);
        let due: u64 = self.dispatchers.iter().map(|dispatcher| dispatcher.ledger().due).sum();
        assert_eq!(due, counts.started + unsent.users + unsent.host);
        assert_eq!(counts.started, counts.ok + counts.failed + counts.interrupted);
        SimulationOutcome { total, trace: self.trace, most_users: self.most_users, users_at_end }
    }
}
