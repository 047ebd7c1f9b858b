//! All runs of this process: begun side by side on the same threads, watched, given commands, and
//! waited for.
//!
//! The command line begins runs here, and so do a plan of several runs, the control API and a
//! file's `conduct`. All of this is on the control thread.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use swell_core::record::Snapshot;
use swell_driver::Threads;
use swell_driver::machine;
use swell_outputs::Outputs;
use swell_report::RunState;
use thiserror::Error;
use tokio::sync::watch;

use crate::executor::{Alone, Executor};
use crate::finished::Done;
use crate::handle::Handle;
use crate::live::Screen;
use crate::one_run::Surroundings;
use crate::prepare::{EndRequests, Prepared};

/// The most runs that one process can have had: each keeps its results until the process ends.
const MAX_RUNS: usize = 1_000;

/// See the module's documentation.
pub(crate) struct Runs {
    surroundings: Surroundings,
    /// The executor of runs that begin from now on.
    executor: RefCell<Rc<dyn Executor>>,
    /// How many runs are kept that are over; `None` keeps all of them.
    kept: Option<usize>,
    list: RefCell<Vec<Rc<Handle>>>,
    /// When the latest run ended.
    ended: Cell<Option<Instant>>,
    /// How often Ctrl-C came.
    interrupts: watch::Sender<u32>,
}

/// Why a run was not begun.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotBegun {
    /// Another run has the name.
    #[error("there is a run {0:?} already")]
    Name(String),
    /// Ctrl-C came.
    #[error("all is ending: nothing new begins")]
    Ending,
    /// There were very many.
    #[error("this process has had {MAX_RUNS} runs, and keeps the results of no more")]
    TooMany,
}

impl Runs {
    /// No runs yet. Of the runs that are over, the latest `kept` are kept, or all.
    ///
    /// # Errors
    /// The machine does not give threads.
    pub(crate) fn new(
        quiet: bool,
        outputs: Outputs,
        kept: Option<usize>,
    ) -> anyhow::Result<Rc<Self>> {
        let threads = Threads::start(machine::allowed_cores())?;
        let surroundings = Surroundings {
            threads,
            screen: Screen::new(quiet),
            quiet,
            outputs,
            ctrl_c_ends_it: kept.is_none(),
        };
        Ok(Rc::new(Self {
            surroundings,
            executor: RefCell::new(Rc::new(Alone)),
            kept,
            list: RefCell::default(),
            ended: Cell::default(),
            interrupts: watch::Sender::new(0),
        }))
    }

    /// Gives all runs that begin from now on to another executor; at first this node does them
    /// alone.
    pub(crate) fn have_done_by(&self, executor: Rc<dyn Executor>) {
        self.executor.replace(executor);
    }

    /// A name like this one that no run has.
    pub(crate) fn free_name(&self, like: &str) -> String {
        let numbered = (2..).map(|number| format!("{like}-{number}"));
        std::iter::once(like.to_owned())
            .chain(numbered)
            .find(|name| self.named(name).is_none())
            .unwrap_or_default()
    }

    /// Begins a run.
    ///
    /// # Errors
    /// There is a run of the same name, or no run may begin any more.
    pub(crate) fn begin(
        self: &Rc<Self>,
        (prepared, end_requests): (Prepared, EndRequests),
    ) -> Result<Rc<Handle>, NotBegun> {
        if *self.interrupts.borrow() > 0 {
            return Err(NotBegun::Ending);
        }
        if self.named(&prepared.name).is_some() {
            return Err(NotBegun::Name(prepared.name));
        }
        self.forget();
        if self.list.borrow().len() >= MAX_RUNS {
            return Err(NotBegun::TooMany);
        }
        let (handle, ends) = Handle::new(&prepared);
        self.list.borrow_mut().push(Rc::clone(&handle));
        let (this, of_task) = (Rc::clone(self), Rc::clone(&handle));
        tokio::task::spawn_local(async move {
            let around = &this.surroundings;
            let mut done =
                around.live(prepared, &of_task, ends.commands, end_requests, &this.executor).await;
            if let (Some(_), Done::Finished(run)) = (this.kept, &mut done) {
                // Code that judges runs by it does not run here, and it is large.
                run.snapshot = Snapshot::default();
            }
            this.ended.set(Some(Instant::now()));
            of_task.enter(RunState::Over);
            ends.done.send_replace(Some(Rc::new(done)));
        });
        Ok(handle)
    }

    /// Drops the oldest results beyond the number that is kept.
    fn forget(&self) {
        let Some(kept) = self.kept else { return };
        let mut list = self.list.borrow_mut();
        let over = list.iter().filter(|run| run.is_over()).count();
        let mut surplus = over.saturating_sub(kept);
        list.retain(|run| {
            let goes = surplus > 0 && run.is_over();
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// The file in which the record of a run is kept, by its identity.
    pub(crate) fn record_of(&self, run: &str) -> Option<PathBuf> {
        self.surroundings.outputs.record_of(run)
    }

    /// How long ago a run ended, if one has.
    pub(crate) fn since_last_end(&self) -> Option<Duration> {
        self.ended.get().map(|ended| ended.elapsed())
    }

    /// The run of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Rc<Handle>> {
        self.list.borrow().iter().find(|run| run.name == name).cloned()
    }

    /// All runs, in the order in which they began.
    pub(crate) fn all(&self) -> Vec<Rc<Handle>> {
        self.list.borrow().clone()
    }

    /// Waits until no run goes on; also for runs that begin meanwhile.
    pub(crate) async fn all_done(&self) {
        loop {
            let next = self.list.borrow().iter().find(|run| !run.is_over()).cloned();
            let Some(run) = next else { return };
            run.done().await;
        }
    }

    /// Ctrl-C: no new run begins, and each run ends; a second time, what is under way is cut off.
    pub(crate) fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
        self.all().iter().for_each(|run| run.interrupt());
    }

    /// How often Ctrl-C came.
    pub(crate) fn interrupts(&self) -> watch::Receiver<u32> {
        self.interrupts.subscribe()
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn interrupted(&self) {
        // The sender lives as long as `self`.
        let _ = self.interrupts().wait_for(|count| *count > 0).await;
    }

    /// Waits for Ctrl-C for the second time.
    pub(crate) async fn interrupted_again(&self) {
        let _ = self.interrupts().wait_for(|count| *count > 1).await;
    }
}
