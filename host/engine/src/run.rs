//! What a run gives its users: shared by all threads ([`Run`]), and by the users of one thread
//! ([`Worker`]).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use swell_client::Client;
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::observer::Observer;
use swell_core::plain::line;
use swell_core::record::{KindId, Recorder, RunPhase};
use swell_core::run::EndRequest;
use swell_core::transactions::ImplicitKinds;
use tokio::sync::mpsc;

use crate::descriptions::Descriptions;
use crate::feed::Feed;
use crate::limits::GuestLimits;
use crate::log::LineBudget;

/// What a run came to, as `conduct` sees it.
pub use crate::bindings::swell::scenario::runs::{
    Stamp as RunStamp, Stats as RunStats, Times as RunTimes,
};

/// The result of a conductor's wish.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// How a file's `conduct` reaches the runs that it begins. Each run has a number.
pub trait Conductor: Send + Sync {
    /// Begins a run with these settings.
    fn start(&self, scenario: String, settings: Vec<(String, String)>) -> Answer<u32>;

    /// Waits for the run's end.
    fn wait(&self, run: u32) -> Answer<RunStats>;

    /// Gives the run another goal.
    fn set_tps(&self, run: u32, tps: f64) -> Answer<()>;

    /// Ends the run.
    fn stop(&self, run: u32);
}

/// What all users of a run share, on whatever thread.
pub struct Run {
    /// The run's identity.
    pub id: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// What was given with `-e`.
    pub variables: BTreeMap<String, String>,
    /// What was given with `--data`, in the order of their numbers.
    pub feeds: Vec<Feed>,
    /// Whether a feed whose rows are used once begins anew after its last row.
    pub wrap_feeds: bool,
    /// What each instance may use.
    pub limits: GuestLimits,
    /// Where a scenario's wish to end the run goes. When this queue is full, the run is ending
    /// already.
    pub end_requests: mpsc::Sender<EndRequest>,
    /// Whether requests go out as `--fresh iteration` asks: no connection or TLS session outlives
    /// its iteration.
    pub fresh_iterations: bool,
    /// Whether a user's cookies outlive its iterations.
    pub keeps_cookies: bool,
    /// Whether each request of an iteration says which trace it is a part of (W3C trace context).
    pub sends_trace_context: bool,
    /// How `conduct` reaches runs; `None` for users of a run.
    pub conductor: Option<Arc<dyn Conductor>>,
    /// How many scenarios its users act. The number of a user, divided by this, leaves the place of
    /// its scenario among them.
    pub scenarios: u32,
    /// Services that users have described.
    pub(crate) descriptions: Descriptions,
    users: AtomicU64,
    pub(crate) lines: Arc<LineBudget>,
    /// Whether any request got as far as a connection.
    has_sent: AtomicBool,
    /// The first thing that the scenario asked for and was not given.
    lacks: OnceLock<String>,
    asked_to_end: OnceLock<Instant>,
    /// Whether somebody was told that a host was asked for that was not given.
    has_told_denied: AtomicBool,
}

impl Run {
    /// A run with its identity alone; the caller sets the public fields.
    pub fn new(id: String, seed: u64, end_requests: mpsc::Sender<EndRequest>) -> Self {
        Self {
            id,
            seed,
            variables: BTreeMap::new(),
            feeds: Vec::new(),
            wrap_feeds: false,
            limits: GuestLimits::default(),
            end_requests,
            fresh_iterations: false,
            keeps_cookies: false,
            sends_trace_context: false,
            conductor: None,
            scenarios: 1,
            descriptions: Descriptions::default(),
            users: AtomicU64::new(0),
            lines: Arc::default(),
            has_sent: AtomicBool::new(false),
            lacks: OnceLock::new(),
            asked_to_end: OnceLock::new(),
            has_told_denied: AtomicBool::new(false),
        }
    }

    /// The scenario asked for something that it was not given. It may do without it.
    pub(crate) fn asked_in_vain(&self, lacks: &str) {
        self.lacks.get_or_init(|| lacks.to_owned());
    }

    /// What the scenario asked for first and was not given.
    pub fn lacks(&self) -> Option<&str> {
        self.lacks.get().map(String::as_str)
    }

    /// The scenario failed before it had begun anything. If it had asked in vain for something,
    /// that is the reason, and the run ends.
    pub fn end_for_want(&self) {
        if let Some(lacks) = self.lacks() {
            self.request_end(EndRequest::Lacks(lacks.to_owned()));
        }
    }

    /// A request was sent, or tried.
    pub(crate) fn sent(&self) {
        if !self.has_sent.load(Ordering::Relaxed) {
            self.has_sent.store(true, Ordering::Relaxed);
        }
    }

    /// A request could not be made because the run has no target. If no other request was sent
    /// before, somebody made a mistake in how the run was begun, and the run ends.
    pub(crate) fn lacks_target(&self, error: &str) {
        if !self.has_sent.load(Ordering::Relaxed) {
            self.asked_in_vain(&format!("{error}; give it with --target URL"));
            self.end_for_want();
        }
    }

    /// A request or something of a socket was refused because its host was not given. The first
    /// time, the flag is told that gives it: figures say that something was denied, and not what
    /// would help.
    pub(crate) fn denied(&self, what: &str, error: &str) {
        if !self.has_told_denied.swap(true, Ordering::Relaxed) {
            tracing::warn!("{what} was denied: {}", line(error));
        }
    }

    /// Numbers users from `first` on, so that users of several nodes have different numbers. To be
    /// called before there is any user.
    pub fn number_users_from(&self, first: u64) {
        self.users.store(first, Ordering::Relaxed);
    }

    /// The number of the next user, whose scenario has this place in the run.
    pub(crate) fn number_user(&self, place: u32) -> u64 {
        let users = self.users.fetch_add(1, Ordering::Relaxed);
        users.saturating_mul(u64::from(self.scenarios.max(1))).saturating_add(u64::from(place))
    }

    /// When the scenario asked for the run's end. Whoever controls the run hears of it a moment
    /// later; nothing begins from this instant on.
    pub fn asked_to_end(&self) -> Option<Instant> {
        self.asked_to_end.get().copied()
    }

    pub(crate) fn request_end(&self, request: EndRequest) {
        // Iterations that have taken a row of a feed go on to their end, and there may be some that
        // take the last one yet.
        if !matches!(request, EndRequest::FeedExhausted(_)) {
            self.asked_to_end.get_or_init(Instant::now);
        }
        // A full queue means that the run is ending already.
        let _ = self.end_requests.try_send(request);
    }

    /// Log lines of scenarios that were left out so far.
    pub fn lines_left_out(&self) -> u64 {
        self.lines.left_out()
    }
}

/// Why nothing more may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOver {
    /// The end was reached.
    Finished,
    /// The run was stopped before its end.
    Stopped,
}

/// How an outermost transaction gets its start: the engine's one way to the dispatcher.
pub trait Pacing {
    /// Asks for the start of `user`'s next outermost transaction, which may be the `first` of its
    /// iteration. The engine calls it again after the waker was woken. Where the load model paces
    /// iterations or nothing, the start is ready at once, with the present as the intended instant.
    fn poll_start(
        &self,
        user: u32,
        first: bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<Start, RunOver>>;

    /// `user` no longer waits: it was cut off in [`Pacing::poll_start`].
    fn forget(&self, user: u32);

    /// Resolves when the run is over, for waits that end early then.
    fn poll_over(&self, user: u32, context: &mut Context<'_>) -> Poll<()>;
}

/// What the users of one thread share.
pub struct Worker {
    /// What all threads share.
    pub run: Arc<Run>,
    /// The client that sends their requests.
    pub client: Rc<Client>,
    /// The recorder of their samples.
    pub recorder: RefCell<Recorder>,
    /// Where their starts come from.
    pub pacing: Box<dyn Pacing>,
    /// The run's first instant.
    pub began: Instant,
    /// Where the measured part begins. It may be set to an earlier instant than planned, which then
    /// lies ahead.
    pub measured_from: Cell<RunInstant>,
    /// The names of requests outside any transaction, as far as there is room for them.
    pub implicit: RefCell<ImplicitKinds>,
    /// Who is told what the users do; `None` in a run.
    pub observer: Option<Observer>,
}

impl Worker {
    /// The present on the run's clock.
    #[inline]
    pub fn now(&self) -> RunInstant {
        self.at(Instant::now())
    }

    /// An instant on the run's clock.
    #[inline]
    pub fn at(&self, instant: Instant) -> RunInstant {
        RunInstant::from_nanos(
            u64::try_from(instant.saturating_duration_since(self.began).as_nanos())
                .unwrap_or(u64::MAX),
        )
    }

    /// The kind of a request outside any transaction, by its name. It traps only where the
    /// scenario's own names have used up the names of a run.
    pub(crate) fn implicit_kind(&self, name: String) -> wasmtime::Result<KindId> {
        let kind = self.implicit.borrow_mut().kind(name, &mut self.recorder.borrow_mut());
        kind.map_err(|error| wasmtime::Error::msg(error.to_string()))
    }

    /// The phase that what was to begin at `intended` belongs to.
    #[inline]
    pub fn phase(&self, intended: RunInstant) -> RunPhase {
        if intended < self.measured_from.get() { RunPhase::WarmUp } else { RunPhase::Measured }
    }
}
