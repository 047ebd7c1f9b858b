//! Whether a user's waits end with the run, and when that is.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::run::Worker;

/// One user's patience, shared with the tasks that wait for the user.
pub(crate) struct Patience {
    worker: Rc<Worker>,
    key: u32,
    ends_with_run: Cell<bool>,
    /// Whether a wait ended early since the guest was called.
    gave_up: Cell<bool>,
}

impl Patience {
    /// The patience of the user with this number on its worker; its waits last.
    pub(crate) fn new(worker: &Rc<Worker>, key: u32) -> Rc<Self> {
        Rc::new(Self {
            worker: Rc::clone(worker),
            key,
            ends_with_run: Cell::new(false),
            gave_up: Cell::new(false),
        })
    }

    /// Says whether waits end with the run from now on, also those under way.
    pub(crate) fn set_ends_with_run(&self, ends_with_run: bool) {
        self.ends_with_run.set(ends_with_run);
    }

    /// Resolves when a wait is to end early.
    pub(crate) fn poll_over(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.ends_with_run.get() {
            self.worker.pacing.poll_over(self.key, context)
        } else {
            Poll::Pending
        }
    }

    /// The result of something that may have to be given up: `None` if the wait for it is to end
    /// early, and then that is remembered.
    pub(crate) fn poll<T>(&self, polled: Poll<T>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Poll::Ready(value) = polled {
            return Poll::Ready(Some(value));
        }
        self.poll_over(context).map(|()| {
            self.gave_up.set(true);
            None
        })
    }

    /// Whether something was given up since the guest was called.
    pub(crate) fn has_given_up(&self) -> bool {
        self.gave_up.get()
    }

    /// The guest is called.
    pub(crate) fn renew(&self) {
        self.gave_up.set(false);
    }
}
