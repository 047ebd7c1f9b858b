//! Users that are made only to be measured, before a run: what one costs in memory and in time.
//!
//! An instance that was only made is less than a user: an interpreter reads its script into it, and
//! a `start` builds what the user keeps. So both take place here, and nothing of it reaches
//! anybody: no host is allowed, no line is shown, there is no feed and no data from `setup`. A
//! `start` that needs one of them fails, and what it had built by then is measured.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use swell_client::{AllowList, Client, Options};
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::observer::Observer;
use swell_core::record::Recorder;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::instance::{ScenarioRole, User};
use crate::program::Program;
use crate::run::{Pacing, Run, RunOver, Worker};
use crate::store::Trapped;

/// How long all of them may take for their `start`: one that waits for something that will not come
/// must not keep a run from its beginning.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module's documentation. They live until this is dropped.
pub struct Rehearsal {
    program: Arc<Program>,
    role: ScenarioRole,
    worker: Rc<Worker>,
    users: Vec<User>,
    making: Duration,
    place: LocalSet,
    runtime: Runtime,
}

impl Rehearsal {
    /// Gets all ready that users share, with the variables and limits of `run`, and makes one user:
    /// what comes with the first one no other needs. To be called where no runtime is.
    ///
    /// # Errors
    /// The guest's own initialisation trapped, or the machine does not give what is needed.
    pub fn begin(
        program: &Arc<Program>,
        role: ScenarioRole,
        run: Run,
        client: &Options,
    ) -> Result<Self, Trapped> {
        let lacking = |what: &str, error: &dyn std::fmt::Display| {
            Trapped(format!("cannot make a {what}: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| lacking("runtime", &error))?;
        // It reaches nobody, so whether its addresses have free ports is not looked at.
        let client = Options {
            target: None,
            allow: AllowList::default(),
            sources: Vec::new(),
            ..client.clone()
        };
        let worker = Rc::new(Worker {
            run: Arc::new(run),
            client: Client::new(client).map_err(|error| lacking("client", &error))?,
            recorder: RefCell::new(Recorder::new(RunInstant::START)),
            pacing: Box::new(NoStarts),
            began: Instant::now(),
            measured_from: Cell::new(RunInstant::START),
            implicit: RefCell::default(),
            observer: Some(Observer::new(|_| {})),
        });
        let mut this = Self {
            program: Arc::clone(program),
            role,
            worker,
            users: Vec::new(),
            making: Duration::MAX,
            place: LocalSet::new(),
            runtime,
        };
        this.make(1, false)?;
        Ok(this)
    }

    /// Makes so many more users; where the scenario `starts` something, has all start.
    ///
    /// # Errors
    /// The guest's own initialisation trapped.
    pub fn make(&mut self, count: u32, starts: bool) -> Result<(), Trapped> {
        let Self { program, role, worker, users, making, place, runtime } = self;
        place.block_on(runtime, async {
            for _ in 0..count {
                let began = Instant::now();
                users.push(User::create(program, *role, worker, users.len() as u32).await?);
                *making = (*making).min(began.elapsed());
            }
            if starts {
                start_all(users).await;
            }
            Ok(())
        })
    }

    /// How long making a user takes: the shortest time of all, as another program may have the
    /// processor meanwhile.
    pub const fn making(&self) -> Duration {
        self.making
    }
}

/// Has all of them start at once, as far as they get.
async fn start_all(users: &mut [User]) {
    let mut starts: Vec<_> = users.iter_mut().map(|user| Box::pin(user.start(&[]))).collect();
    let all = poll_fn(|context| {
        starts.retain_mut(|start| start.as_mut().poll(context).is_pending());
        if starts.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    // What did not come to its end has its memory all the same.
    let _ = tokio::time::timeout(PATIENCE, all).await;
}

/// The pace of users that never iterate.
struct NoStarts;

impl Pacing for NoStarts {
    fn poll_start(&self, _: u32, _: bool, _: &mut Context<'_>) -> Poll<Result<Start, RunOver>> {
        Poll::Ready(Err(RunOver::Stopped))
    }

    fn forget(&self, _: u32) {}

    fn poll_over(&self, _: u32, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
