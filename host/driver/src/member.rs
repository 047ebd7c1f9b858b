//! A host's part in a run that several share: the same workers as ever, told by whoever leads when
//! starts are due, whose they are, and for how long they may begin any.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{anyhow, bail};
use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::plan::MAX_USERS;
use swell_core::record::Snapshot;
use swell_core::run::{EndRequest, Flowed, NodeCounts, Pace};
use swell_core::schedule::{Numbering, Owner, ShareTable};
use swell_engine::{Program, Run, RunOver};
use swell_protocol::deltas::Frontier;
use swell_protocol::member::MemberEvent;
use swell_protocol::message::{Ending, NodeId, Orders};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::iterations::Iterations;
use crate::journal::{self, Journal, JournalEntry};
use crate::machine::{MachineWatch, instant_at, local_now};
use crate::plan::RunPlan;
use crate::shared::{Lease, Milestone, Shared, Starts, Window, WorkerSetPoint};
use crate::threads::Threads;
use crate::worker::{Order, WINDOW, WorkerResult};
use crate::workers::Workers;

/// How often results are sent.
const DELTA: Duration = Duration::from_millis(500);

/// Iteration numbers that a host keeps in stock: what it uses in this time, to outlast some lost
/// questions and a share that grows.
const STOCK: Duration = Duration::from_secs(3);
/// And at the least.
const MIN_STOCK: f64 = 64.0;
/// Iterations a second of a user that waits for nothing but the service, until it is known better.
const EACH_USER: f64 = 100.0;

/// How long the last results are kept when nobody takes them any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same of a host that wants to leave.
const HURRY: Duration = Duration::from_secs(5);

/// Bytes of results in one message: what a message may be, with room for what surrounds them.
const MAX_BYTES: usize = 1_000_000;

/// What a node tells of its part.
#[derive(Debug)]
pub enum MemberReport {
    /// What it tells of each window. All at once, so that it travels together.
    Window(Box<WindowReport>),
    /// The last that it counted, and how far it came.
    Last(Frontier, Bytes),
    /// A scenario wants the run to end.
    EndRequest(EndRequest),
    /// The host wants to leave the run.
    Leaving,
}

/// A host's part after a window.
#[derive(Debug)]
pub struct WindowReport {
    /// How far it has come.
    pub frontier: Frontier,
    /// Whether it has been the limit.
    pub is_strained: bool,
    /// Iteration numbers that it would like to have.
    pub numbers_wanted: u64,
    /// What went through.
    pub flowed: Flowed,
    /// What it counted since it told it last, and how far it had come by then; not after each
    /// window.
    pub counted: Option<(Frontier, Bytes)>,
}

/// A host's ends of the channels to what speaks for it.
pub struct MemberLine {
    /// Who it is.
    pub id: NodeId,
    /// What it is told.
    pub events: mpsc::UnboundedReceiver<MemberEvent>,
    /// What it tells.
    pub reports: mpsc::Sender<MemberReport>,
}

/// What a host has to take part with.
pub struct Participation {
    /// What `setup` gave.
    pub start_data: Vec<u8>,
    /// To what speaks for it.
    pub line: MemberLine,
    /// Of the scenario on this host.
    pub end_requests: mpsc::Receiver<EndRequest>,
    /// Where it keeps what it counts.
    pub journal: Option<journal::Place>,
    /// Becomes true when the host wants to leave; nobody asks it to where nobody holds the other
    /// end.
    pub leave: watch::Receiver<bool>,
}

/// Takes part until all that was counted has been merged.
///
/// # Errors
/// The machine does not give what is needed, or whoever leads is gone.
pub async fn take_part(
    threads: &Threads,
    plan: &RunPlan,
    program: &Arc<Program>,
    run: Arc<Run>,
    participation: Participation,
) -> anyhow::Result<()> {
    let Participation { start_data, mut line, mut end_requests, journal, mut leave } =
        participation;
    let (began, orders) = match beginning(&mut line, &mut leave).await? {
        Beginning::At(began, orders) => (began, orders),
        Beginning::TooLate => {
            // There is nothing to tell, and that is to be told.
            send(&line, MemberReport::Last(Frontier::default(), written(&NodeCounts::default())))
                .await;
            return taken_in(&mut line, &mut leave).await;
        }
        Beginning::Never => return Ok(()),
    };
    let owner = orders.owner(line.id).unwrap_or(Owner::MAX);
    run.number_users_from(u64::from(owner) * u64::from(MAX_USERS));
    let (from, until) = part(&orders.tables, owner);
    let plan = plan.for_part(from, until, orders.nodes.len());
    let shared =
        Shared::new(&plan, Arc::clone(program), run, start_data, Iterations::of_blocks(), began);
    let began_at = SystemTime::now() + began.saturating_duration_since(Instant::now());
    let journal =
        journal.as_ref().map(|place| place.open(line.id, &orders.nodes, began_at)).transpose()?;
    let (set_points, set_point) = watch::channel(None);
    let (leases, lease) = watch::channel(None);
    let workers = Workers::set_to_work(threads, &shared, &set_point, &lease, |worker| {
        plan.dispatcher_of_cluster(worker)
    });
    // One that comes later has no share yet.
    let use_rate = first_use_rate(&plan, (until - from).max(1.0 / orders.nodes.len() as f64));
    let lines = (set_points, leases);
    let mut part = NodeRun::new(&plan, &shared, lines, use_rate, Arc::clone(&orders), journal);
    part.follow(orders, owner);
    let Workers { orders, spares, results, mut windows } = workers;
    let mut ticks = tokio::time::interval(WINDOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut is_deserted = false;
    loop {
        tokio::select! {
            biased;
            event = line.events.recv(), if !is_deserted => match event {
                Some(event) => part.handle_event(event, owner, &orders),
                None => {
                    is_deserted = true;
                    part.handle_deserted(&orders);
                }
            },
            Some(request) = end_requests.recv() => match request {
                EndRequest::FeedExhausted(feed) => part.handle_feed_exhausted(&feed),
                request => send(&line, MemberReport::EndRequest(request)).await,
            },
            Ok(_) = leave.wait_for(|leave| *leave), if !part.is_leaving => {
                (part.is_leaving, part.leaves_by) = (true, Some(Instant::now() + HURRY));
                send(&line, MemberReport::Leaving).await;
            }
            window = windows.recv() => match window {
                Some(window) => part.merge(window, &spares),
                None => break,
            },
            _ = ticks.tick() => {
                part.handle_tick(owner, &orders);
                part.report(&line).await;
            }
        }
    }
    for (worker, result) in results.into_iter().enumerate() {
        let WorkerResult { window, written } =
            result.await.map_err(|_| anyhow!("a worker broke down"))??;
        part.counted.merge(&window);
        part.written[worker] = written;
    }
    send(&line, MemberReport::Last(part.frontier(), part.take_counts(true))).await;
    if part.is_over { Ok(()) } else { taken_in(&mut line, &mut leave).await }
}

/// Waits until all that was said has been merged.
async fn taken_in(line: &mut MemberLine, leave: &mut watch::Receiver<bool>) -> anyhow::Result<()> {
    let merged = async {
        while let Some(event) = line.events.recv().await {
            if event == MemberEvent::Over {
                return true;
            }
        }
        false
    };
    let impatience = async {
        // Whoever holds the other end wants nothing if it is gone.
        let hurries = leave.wait_for(|leave| *leave).await.is_ok();
        tokio::time::sleep(if hurries { HURRY } else { PATIENCE }).await;
    };
    let is_merged = tokio::select! {
        merged = tokio::time::timeout(PATIENCE, merged) => merged.unwrap_or(false),
        () = impatience => false,
    };
    if !is_merged {
        bail!(
            "the coordinator is gone: what this host counted since its last answer is in no result"
        );
    }
    Ok(())
}

fn written(counts: &NodeCounts) -> Bytes {
    Bytes::from(postcard::to_stdvec(counts).expect("counts can be written"))
}

/// Whether, and when, a host begins.
enum Beginning {
    At(Instant, Arc<Orders>),
    /// The run ends before this host could begin.
    TooLate,
    /// The run does not take place, or is over.
    Never,
}

/// Waits until it is known when to begin, and whose the slots are.
async fn beginning(
    line: &mut MemberLine,
    leave: &mut watch::Receiver<bool>,
) -> anyhow::Result<Beginning> {
    let mut began = None;
    while let Some(event) = tokio::select! {
        event = line.events.recv() => event,
        Ok(_) = leave.wait_for(|leave| *leave) => return Ok(Beginning::Never),
    } {
        match (event, began) {
            (MemberEvent::Begin(at), _) => began = Some(instant_at(at)),
            (MemberEvent::Follow(orders), Some(began)) => return Ok(Beginning::At(began, orders)),
            (MemberEvent::End(_), _) => return Ok(Beginning::TooLate),
            (MemberEvent::Over, _) => return Ok(Beginning::Never),
            _ => {}
        }
    }
    bail!("the coordinator is gone before the run has begun")
}

/// From where to where a host's part of a whole goes, if hosts lie side by side in the order of
/// their numbers.
fn part(tables: &[ShareTable], owner: Owner) -> (f64, f64) {
    let Some(table) = tables.last() else { return (0.0, 0.0) };
    let before: f64 = (0..owner).map(|other| table.share(other)).sum();
    (before, before + table.share(owner))
}

/// Iterations a second that a host with such a share of a run may have at first.
fn first_use_rate(plan: &RunPlan, share: f64) -> f64 {
    let rate =
        plan.plan.timeline().map(|timeline| timeline.rate_at(plan.plan.measured_from()) * share);
    rate.unwrap_or_else(|| f64::from(plan.plan.most_users()) * EACH_USER)
}

/// Makes results lighter.
type LeaveOut = fn(&mut Snapshot);

/// What the workers' windows up to now account for.
#[derive(Default)]
struct Accounted {
    /// How far each worker had come.
    at: Vec<Milestone>,
    /// Slots whose starts were counted, which is done when what they started has ended.
    started: u64,
    /// Slots that never will be started.
    unsent: u64,
}

impl Accounted {
    fn add(&mut self, window: &Window, pace: Pace) {
        for part in [&window.counted.warm_up, &window.counted.measured] {
            // What takes a slot is an iteration, or a transaction.
            self.started += if pace == Pace::Iterations {
                part.iterations.started
            } else {
                part.total.counts.started
            };
            self.unsent += part.unsent.total();
        }
        if let Some(at) = self.at.get_mut(window.at.worker) {
            *at = window.at;
        }
    }

    /// What stands beside results that end where these windows do: what was due by then, and
    /// neither counted nor given up, waits or is under way.
    fn frontier(&self) -> Frontier {
        let due: u64 = self.at.iter().map(|at| at.due).sum();
        Frontier {
            started: self.started,
            reached: self.at.iter().map(|at| at.reached).min().unwrap_or(0),
            furthest: self.at.iter().map(|at| at.reached).max().unwrap_or(0),
            waiting: due.saturating_sub(self.started + self.unsent),
        }
    }
}

/// A host's state during a run.
struct NodeRun<'a> {
    plan: &'a RunPlan,
    shared: &'a Shared,
    set_points: watch::Sender<Option<WorkerSetPoint>>,
    leases: watch::Sender<Option<Lease>>,
    counted: Snapshot,
    accounted: Accounted,
    /// Request heads that each worker had handed to the network with its latest window.
    written: Vec<u64>,
    flowed: Flowed,
    is_strained: bool,
    machine: MachineWatch,
    /// Iteration numbers that are used a second, those that will be by what the orders say at the
    /// least, and those that had been used at an instant.
    use_rate: f64,
    expected_rate: f64,
    used: (u64, Instant),
    next_delta: Instant,
    measured_from: RunInstant,
    /// Until when it might start what was its own to start.
    covered_until: RunInstant,
    /// Whether whoever leads was lost before the end.
    is_leaderless: bool,
    /// When what is under way is cut.
    ending: Option<Instant>,
    was_cut: bool,
    is_over: bool,
    is_leaving: bool,
    /// When it does not wait any more for slots that are due later than they were to be, as the
    /// rate has fallen.
    leaves_by: Option<Instant>,
    orders: Arc<Orders>,
    journal: Option<Journal>,
}

impl<'a> NodeRun<'a> {
    fn new(
        plan: &'a RunPlan,
        shared: &'a Shared,
        (set_points, leases): (watch::Sender<Option<WorkerSetPoint>>, watch::Sender<Option<Lease>>),
        use_rate: f64,
        orders: Arc<Orders>,
        journal: Option<Journal>,
    ) -> Self {
        Self {
            plan,
            shared,
            set_points,
            leases,
            counted: Snapshot::default(),
            accounted: Accounted {
                at: vec![Milestone::default(); plan.workers],
                ..Accounted::default()
            },
            written: vec![0; plan.workers],
            flowed: Flowed::default(),
            is_strained: false,
            machine: MachineWatch::default(),
            use_rate,
            expected_rate: 0.0,
            used: (0, Instant::now()),
            next_delta: Instant::now() + DELTA,
            measured_from: plan.plan.measured_from(),
            covered_until: RunInstant::START,
            is_leaderless: false,
            ending: None,
            was_cut: false,
            is_over: false,
            is_leaving: false,
            leaves_by: None,
            orders,
            journal,
        }
    }

    /// Nobody speaks for it any more: there will be no lease either.
    fn handle_deserted(&mut self, orders: &watch::Sender<Order>) {
        self.is_leaderless = true;
        self.end(orders, Ending::Cut);
    }

    fn handle_feed_exhausted(&mut self, feed: &str) {
        tracing::info!(
            "feed {feed:?} has no row left: this host ends with the iterations under way"
        );
        self.shared.iterations.close();
    }

    /// A window is over.
    fn handle_tick(&mut self, owner: Owner, orders: &watch::Sender<Order>) {
        self.cover();
        self.look_at_machine();
        if self.ending.is_none() && (self.is_time_over() || self.has_left(owner)) {
            self.end(orders, Ending::Finished);
        }
        self.look_whether_stuck(owner);
        // Nobody could be told what is done from here on.
        if self.is_leaving && self.ending.is_none() && !self.holds_lease() {
            self.end(orders, Ending::Cut);
        }
        let is_due = self.ending.is_some_and(|deadline| Instant::now() >= deadline);
        if is_due && !std::mem::replace(&mut self.was_cut, true) {
            orders.send_replace(Order::Cut);
        }
    }

    fn handle_event(&mut self, event: MemberEvent, owner: Owner, orders: &watch::Sender<Order>) {
        match event {
            MemberEvent::Begin(_) => {}
            MemberEvent::Follow(new) => self.follow(new, owner),
            MemberEvent::Lease { below, until } => {
                let _ = self.leases.send_replace(Some(Lease { below, until }));
            }
            MemberEvent::Numbers(numbers) => self.shared.iterations.hand(numbers),
            MemberEvent::NumbersAreOver => self.shared.iterations.complete(),
            MemberEvent::End(why) => self.end(orders, why),
            MemberEvent::Over => self.is_over = true,
        }
    }

    fn follow(&mut self, orders: Arc<Orders>, owner: Owner) {
        if let Some(from) = orders.measured_from {
            self.measured_from = from;
        }
        let (restarts, paused, measured_from) =
            (orders.restarts, orders.is_paused, orders.measured_from);
        let from = self.shared.now();
        let share = orders.tables.last().map_or(0.0, |table| table.share(owner));
        self.expected_rate =
            orders.timeline.as_ref().map_or(0.0, |timeline| timeline.rate_at(from) * share);
        self.orders = Arc::clone(&orders);
        self.set_points.send_replace(Some(WorkerSetPoint {
            starts: Starts::Dealt(orders, owner),
            from,
            restarts,
            paused,
            measured_from,
        }));
    }

    fn end(&mut self, orders: &watch::Sender<Order>, why: Ending) {
        let order = match why {
            Ending::Finished => Order::End(RunOver::Finished),
            Ending::Stopped => Order::End(RunOver::Stopped),
            Ending::Cut => Order::Cut,
        };
        self.cover();
        // Whoever leads cannot be reached, and nobody says how the run goes on.
        self.is_leaderless |= self.ending.is_none() && !self.holds_lease();
        if self.shared.iterations.are_over()
            && let Some(last) = self.shared.iterations.last_end()
        {
            self.covered_until = self.shared.on_clock(last);
        }
        self.ending.get_or_insert_with(|| Instant::now() + self.plan.plan.grace);
        self.shared.iterations.end();
        orders.send_replace(order);
    }

    fn merge(&mut self, window: Window, spares: &[mpsc::Sender<Window>]) {
        let flowed = window.flowed(self.shared.pace, self.plan.workers);
        self.is_strained |= flowed.generator_limited;
        self.flowed.merge(&flowed);
        self.written[window.at.worker] = window.written;
        self.counted.merge(&window.counted);
        self.accounted.add(&window, self.shared.pace);
        window.give_back(spares);
    }

    fn look_at_machine(&mut self) {
        let is_measuring = self.shared.now() >= self.measured_from;
        if self.ending.is_none() && is_measuring && Instant::now() >= self.shared.began {
            self.machine.look();
        }
    }

    fn is_time_over(&self) -> bool {
        let now = self.shared.now();
        self.plan.plan.stop.measured.is_some_and(|measured| now >= self.measured_from + measured)
            || self.shared.iterations.are_over()
    }

    /// Up to now nothing was left undone for want of a lease, or it is told as unsent.
    fn cover(&mut self) {
        let now = self.shared.now();
        if self.ending.is_none() && self.holds_lease() {
            self.covered_until = self.covered_until.max(now);
        }
    }

    /// Whether it wants to leave, and has nothing left to start. Users of the closed model have no
    /// slots to hand over.
    fn has_left(&self, owner: Owner) -> bool {
        let now = self.shared.now();
        let is_done = || {
            self.orders.are_done_with(owner, Numbering::new(self.plan.plan.arrivals), now)
                && self.frontier().waiting == 0
        };
        let has_no_share =
            || self.orders.tables.last().is_some_and(|table| table.share(owner) == 0.0);
        let is_late = || self.leaves_by.is_some_and(|by| Instant::now() >= by) && has_no_share();
        self.is_leaving && (self.shared.pace == Pace::Nothing || is_done() || is_late())
    }

    /// Says once if nobody takes its share over.
    fn look_whether_stuck(&mut self, owner: Owner) {
        let has_share = self.orders.tables.last().is_some_and(|table| table.share(owner) > 0.0);
        if has_share && self.leaves_by.take_if(|by| Instant::now() >= *by).is_some() {
            tracing::warn!(
                "no other host can take this one's share over: it goes on; Ctrl-C again ends it at \
                once"
            );
        }
    }

    fn holds_lease(&self) -> bool {
        self.leases.borrow().as_ref().is_some_and(|lease| lease.until > local_now())
    }

    async fn report(&mut self, line: &MemberLine) {
        let counted = (Instant::now() >= self.next_delta).then(|| {
            self.next_delta = Instant::now() + DELTA;
            (self.accounted.frontier(), self.take_counts(false))
        });
        let window_report = WindowReport {
            frontier: self.frontier(),
            is_strained: std::mem::take(&mut self.is_strained),
            numbers_wanted: self.numbers_wanted(),
            flowed: self.flowed.clone(),
            counted,
        };
        self.flowed.clear();
        send(line, MemberReport::Window(Box::new(window_report))).await;
    }

    /// As many as are used in the time of a stock, if there are fewer than two thirds of them.
    fn numbers_wanted(&mut self) -> u64 {
        if self.plan.plan.most_users() == 0 {
            return 0;
        }
        let (used, left) = self.shared.iterations.stock();
        let (before, since) = self.used;
        let seconds = since.elapsed().as_secs_f64();
        let rate = (used - before) as f64 / seconds.max(f64::MIN_POSITIVE);
        if seconds >= 1.0 {
            (self.use_rate, self.used) = (rate, (used, Instant::now()));
        }
        // One that gets a share, or more of it, has not used as many yet.
        let stock = MIN_STOCK.max(self.use_rate.max(self.expected_rate) * STOCK.as_secs_f64());
        if (left as f64) < stock * 2.0 / 3.0 { stock as u64 } else { 0 }
    }

    fn frontier(&self) -> Frontier {
        let progress = || self.shared.progress.iter();
        let load =
            |value: &std::sync::atomic::AtomicU64| value.load(std::sync::atomic::Ordering::Relaxed);
        Frontier {
            started: progress().map(|one| load(&one.started)).sum(),
            reached: progress().map(|one| load(&one.reached)).min().unwrap_or(0),
            furthest: progress().map(|one| load(&one.reached)).max().unwrap_or(0),
            waiting: progress().map(|one| load(&one.waiting)).sum::<u64>()
                + self.shared.overflow.len() as u64,
        }
    }

    /// What was counted since the last time, written down, in the journal as well.
    fn take_counts(&mut self, is_last: bool) -> Bytes {
        let mut counts = NodeCounts {
            counted: std::mem::take(&mut self.counted),
            users: self.shared.users.alive(),
            users_at_once: self.shared.users.most_at_once(),
            requests_written: self.written.iter().sum(),
            last_end: self.shared.iterations.last_end().map(|at| self.shared.on_clock(at)),
            slots: self.shared.slots(),
            machine: self.machine.record(),
        };
        let mut bytes = written(&counts);
        // What makes results large goes first: thousands of series of the scenario's own, thousands
        // of texts, a thousand names.
        let lighter: [(&str, LeaveOut); 3] = [
            ("metrics of the scenario", Snapshot::leave_out_metrics),
            ("texts", Snapshot::leave_out_texts),
            ("rows by name", Snapshot::leave_out_rows),
        ];
        for (what, leave_out) in lighter {
            if bytes.len() > MAX_BYTES {
                tracing::warn!(
                    "half a second's {what} are left out: its results take {} bytes, and \
                    {MAX_BYTES} can be sent",
                    bytes.len()
                );
                leave_out(&mut counts.counted);
                bytes = written(&counts);
            }
        }
        if let Some(journal) = &mut self.journal {
            let (measured_from, covered_until) = (self.measured_from, self.covered_until);
            journal.add(&JournalEntry {
                measured_from,
                covered_until,
                is_leaderless: self.is_leaderless,
                is_last,
                counts,
            });
        }
        bytes
    }
}

async fn send(line: &MemberLine, report: MemberReport) {
    // Whoever does not listen any more needs nothing.
    let _ = line.reports.send(report).await;
}
