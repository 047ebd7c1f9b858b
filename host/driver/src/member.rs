//! A node's part in a run that several share. Its workers are those of a run alone; the lead tells
//! them when starts are due, which are theirs, and until when they may begin any.
//!
//! What the node decides meanwhile is decided by [`NodePart`]; what is here asks it, merges windows
//! and sends.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::anyhow;
use bytes::Bytes;
use swell_core::plan::MAX_USERS;
use swell_core::record::Snapshot;
use swell_core::run::{EndRequest, Flowed, NodeCounts};
use swell_core::schedule::Owner;
use swell_engine::{Program, Run, RunOver};
use swell_protocol::deltas::Frontier;
use swell_protocol::member::MemberEvent;
use swell_protocol::message::{Ending, Orders};
use swell_protocol::part::{NodeInstant, NodePart, PartEffect, WorkerFacts};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::accounted::Accounted;
use crate::counts_message::write_counts;
use crate::iterations::Iterations;
use crate::machine::{MachineWatch, local_now};
use crate::member_line::{Beginning, MemberLine, MemberReport, WindowReport};
use crate::part_view::{PartBeginning, PartCounts, PartView};
use crate::plan::RunPlan;
use crate::shared::{Lease, Shared, Starts, Window, WorkerSetPoint};
use crate::threads::Threads;
use crate::worker::{Order, WINDOW, WorkerResult};
use crate::workers::Workers;

/// What a host has to take part with.
pub struct Participation {
    /// What the `setup` of each scenario gave.
    pub start_data: Vec<Vec<u8>>,
    /// To what speaks for it.
    pub line: MemberLine,
    /// Of the scenario on this host.
    pub end_requests: mpsc::Receiver<EndRequest>,
    /// Who watches its part, if anybody does.
    pub view: Option<Box<dyn PartView>>,
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
    let Participation { start_data, mut line, mut end_requests, mut view, mut leave } =
        participation;
    let (began, first_orders) = match line.beginning(&mut leave).await? {
        Beginning::At(began, orders) => (began, orders),
        Beginning::TooLate => {
            // There is nothing to tell, and that is to be told.
            let nothing = write_counts(&mut NodeCounts::default());
            line.send(MemberReport::Last(Frontier::default(), nothing)).await;
            return line.taken_in(&mut leave).await;
        }
        Beginning::Never => return Ok(()),
    };
    let owner = first_orders.owner(line.id).unwrap_or(Owner::MAX);
    run.number_users_from(u64::from(owner) * u64::from(MAX_USERS));
    let plan = plan.for_part(first_orders.tables.last(), owner, first_orders.nodes.len());
    let shared =
        Shared::new(&plan, Arc::clone(program), run, start_data, Iterations::of_blocks(), began);
    if let Some(view) = &mut view {
        let (host, hosts) = (line.id, &first_orders.nodes[..]);
        view.begin(&PartBeginning { host, hosts, run_began: on_calendar(began), at: shared.now() });
    }
    let (set_points, set_point) = watch::channel(None);
    let (leases, lease) = watch::channel(None);
    let workers = Workers::set_to_work(threads, &shared, &set_point, &lease, |worker| {
        plan.dispatcher_of_cluster(worker)
    });
    let Workers { orders, spares, results, mut windows } = workers;
    let to_workers = ToWorkers { orders, set_points, leases };
    let mut part = NodeRun::new(&plan, &shared, owner, to_workers, first_orders, view);
    let mut ticks = tokio::time::interval(WINDOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut is_deserted = false;
    loop {
        tokio::select! {
            biased;
            event = line.events.recv(), if !is_deserted => match event {
                Some(event) => part.handle_event(event),
                None => {
                    is_deserted = true;
                    part.rules.handle_deserted(part.now(), part.facts());
                }
            },
            Some(request) = end_requests.recv() => match request {
                EndRequest::FeedExhausted(feed) => part.handle_feed_exhausted(&feed),
                request => line.send(MemberReport::EndRequest(request)).await,
            },
            Ok(_) = leave.wait_for(|leave| *leave), if !part.rules.is_leaving() => {
                part.rules.handle_leave(shared.now());
            }
            window = windows.recv() => match window {
                Some(window) => part.merge(window, &spares),
                None => break,
            },
            _ = ticks.tick() => {
                part.handle_tick();
                part.do_effects(&line).await;
                line.send(part.report()).await;
            }
        }
        part.do_effects(&line).await;
    }
    for (worker, result) in results.into_iter().enumerate() {
        let WorkerResult { window, written } =
            result.await.map_err(|_| anyhow!("a worker broke down"))??;
        part.counted.merge(&window);
        part.written[worker] = written;
    }
    line.send(MemberReport::Last(shared.frontier(), part.take_counts(true))).await;
    if part.is_over { Ok(()) } else { line.taken_in(&mut leave).await }
}

/// An instant by the clock on the wall, as far as that can be known now.
fn on_calendar(instant: Instant) -> SystemTime {
    let now = Instant::now();
    SystemTime::now() + instant.saturating_duration_since(now)
        - now.saturating_duration_since(instant)
}

/// The lines to the workers.
struct ToWorkers {
    orders: watch::Sender<Order>,
    set_points: watch::Sender<Option<WorkerSetPoint>>,
    leases: watch::Sender<Option<Lease>>,
}

/// A host's state during a run.
struct NodeRun<'a> {
    shared: &'a Shared,
    owner: Owner,
    rules: NodePart,
    to_workers: ToWorkers,
    counted: Snapshot,
    accounted: Accounted,
    /// Request heads that each worker had handed to the network with its latest window.
    written: Vec<u64>,
    flowed: Flowed,
    is_strained: bool,
    machine: MachineWatch,
    /// Iterations that its users make, where each has its own.
    own_iterations: Option<u64>,
    /// Whether all that it told has been merged.
    is_over: bool,
    view: Option<Box<dyn PartView>>,
}

impl<'a> NodeRun<'a> {
    fn new(
        plan: &RunPlan,
        shared: &'a Shared,
        owner: Owner,
        to_workers: ToWorkers,
        orders: Arc<Orders>,
        view: Option<Box<dyn PartView>>,
    ) -> Self {
        let first_orders = Arc::clone(&orders);
        let rules = NodePart::new(shared.now(), &plan.plan, shared.pace, owner, first_orders);
        let workers = plan.workers;
        let mut part = Self {
            shared,
            owner,
            rules,
            to_workers,
            counted: Snapshot::default(),
            accounted: Accounted::new(workers),
            written: vec![0; workers],
            flowed: Flowed::default(),
            is_strained: false,
            machine: MachineWatch::default(),
            own_iterations: plan.plan.own_iterations(),
            is_over: false,
            view,
        };
        part.follow(orders);
        part
    }

    fn now(&self) -> NodeInstant {
        NodeInstant { run: self.shared.now(), local: local_now() }
    }

    fn facts(&self) -> WorkerFacts {
        let iterations = &self.shared.iterations;
        let made = iterations.that_took_place();
        WorkerFacts {
            waiting: self.shared.frontier().waiting,
            iterations_are_over: iterations.are_over()
                || self.own_iterations.is_some_and(|own| made >= own),
            last_end: iterations.last_end().map(|at| self.shared.on_clock(at)),
        }
    }

    fn handle_event(&mut self, event: MemberEvent) {
        match event {
            MemberEvent::Begin(_) => {}
            MemberEvent::Follow(orders) => self.follow(orders),
            MemberEvent::Lease { below, until } => {
                self.rules.handle_lease(until);
                self.to_workers.leases.send_replace(Some(Lease { below, until }));
            }
            MemberEvent::Numbers(numbers) => self.shared.iterations.hand(numbers),
            MemberEvent::NumbersAreOver => self.shared.iterations.complete(),
            MemberEvent::End(why) => self.rules.handle_end(self.now(), self.facts(), why),
            MemberEvent::Over => self.is_over = true,
        }
    }

    fn handle_feed_exhausted(&mut self, feed: &str) {
        tracing::info!(
            "feed {feed:?} has no row left: this host ends with the iterations under way"
        );
        self.shared.iterations.close();
    }

    fn follow(&mut self, orders: Arc<Orders>) {
        let from = self.shared.now();
        self.rules.handle_orders(from, Arc::clone(&orders));
        self.to_workers.set_points.send_replace(Some(WorkerSetPoint {
            from,
            restarts: orders.restarts,
            paused: orders.is_paused,
            measured_from: orders.measured_from,
            starts: Starts::Dealt(orders, self.owner),
        }));
    }

    /// A window is over.
    fn handle_tick(&mut self) {
        let has_begun = Instant::now() >= self.shared.began;
        if has_begun && self.rules.is_measuring(self.shared.now()) {
            self.machine.look();
        }
        self.rules.handle_time(self.now(), self.facts());
    }

    async fn do_effects(&mut self, line: &MemberLine) {
        while let Some(effect) = self.rules.poll_effect() {
            match effect {
                PartEffect::End(why) => {
                    self.shared.iterations.end();
                    self.to_workers.orders.send_replace(match why {
                        Ending::Finished => Order::End(RunOver::Finished),
                        Ending::Stopped => Order::End(RunOver::Stopped),
                        Ending::Cut => Order::Cut,
                    });
                }
                PartEffect::AskToLeave => line.send(MemberReport::Leaving).await,
                PartEffect::SayStuck => tracing::warn!(
                    "no other host can take this one's share over: it goes on; Ctrl-C again ends \
                    it at once"
                ),
            }
        }
    }

    fn merge(&mut self, window: Window, spares: &[mpsc::Sender<Window>]) {
        let flowed = window.flowed(self.shared.pace, self.written.len());
        self.is_strained |= flowed.generator_limited;
        self.flowed.merge(&flowed);
        self.written[window.at.worker] = window.written;
        self.counted.merge(&window.counted);
        self.accounted.add(&window, self.shared.pace);
        window.give_back(spares);
    }

    /// What is told after a window.
    fn report(&mut self) -> MemberReport {
        let now = self.shared.now();
        let is_due = self.rules.poll_delta(now);
        let counted = is_due.then(|| (self.accounted.frontier(), self.take_counts(false)));
        let window_report = WindowReport {
            frontier: self.shared.frontier(),
            is_strained: std::mem::take(&mut self.is_strained),
            numbers_wanted: self.rules.numbers_wanted(now, self.shared.iterations.held()),
            flowed: self.flowed.clone(),
            counted,
        };
        self.flowed.clear();
        MemberReport::Window(Box::new(window_report))
    }

    /// What was counted since the last time, written down; whoever watches gets it too.
    fn take_counts(&mut self, is_last: bool) -> Bytes {
        let mut counts = NodeCounts {
            counted: std::mem::take(&mut self.counted),
            users: self.shared.users.alive(),
            users_at_once: self.shared.users.most_at_once(),
            requests_written: self.written.iter().sum(),
            last_end: self.shared.iterations.last_end().map(|at| self.shared.on_clock(at)),
            slots: self.shared.slots(),
            machine: self.machine.record(),
            acted: self.shared.acted(),
        };
        let bytes = write_counts(&mut counts);
        if let Some(view) = &mut self.view {
            let until = self.shared.now();
            view.count(PartCounts {
                until,
                is_measuring: self.rules.is_measuring(until),
                measured_from: self.rules.measured_from(),
                covered_until: self.rules.covered_until(),
                is_leaderless: self.rules.is_leaderless(),
                is_last,
                is_leaving: self.rules.is_leaving(),
                counts,
            });
        }
        bytes
    }
}
