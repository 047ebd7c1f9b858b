//! Calls of a guest outside of all measurement: its `setup`, its `teardown` and its `conduct`, each
//! in an instance and on a thread of its own.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use swell_client::Client;
use swell_core::RunInstant;
use swell_core::dispatch::Start;
use swell_core::plain::in_one_line;
use swell_core::record::Recorder;
use swell_engine::{HookError, Pacing, Program, Run, RunOver, Trapped, User, Worker};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// Why a call of a guest outside of a run did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HookFailure {
    /// The guest said so.
    #[error("failed: {}", in_one_line(.0))]
    Said(String),
    /// The guest trapped.
    #[error("trapped: {}", in_one_line(.0))]
    Trapped(String),
    /// The guest was not called: the machine lacks something.
    #[error("could not be called: {0}")]
    NotCalled(String),
}

/// What a call of a guest outside of all measurement needs.
pub(crate) struct Outside {
    pub(crate) program: Arc<Program>,
    /// The scenario's index in its file; `conduct` is of the whole file.
    pub(crate) scenario: u32,
    pub(crate) run: Arc<Run>,
    pub(crate) client: swell_client::Options,
}

impl Outside {
    /// Calls the guest in an instance and on a thread of its own. If the future is dropped, the
    /// guest is cut off as soon as it waits or gives way to others.
    pub(crate) async fn call<T: Send + 'static, F: Future<Output = Result<T, HookError>>>(
        self,
        pacing: impl FnOnce() -> Box<dyn Pacing> + Send + 'static,
        hook: impl FnOnce(User) -> F + Send + 'static,
    ) -> Result<T, HookFailure> {
        let (mut answer, answered) = oneshot::channel();
        let thread = std::thread::Builder::new().name("swell-hook".to_owned());
        let called = thread.spawn(move || {
            if let Some(result) = self.call_here(pacing(), hook, answer.closed()) {
                // Nobody waits for the result if the call was given up at this moment.
                let _ = answer.send(result);
            }
        });
        called.map_err(|error| HookFailure::NotCalled(error.to_string()))?;
        answered
            .await
            .unwrap_or_else(|_| Err(HookFailure::NotCalled("its thread broke down".to_owned())))
    }

    fn call_here<T, F: Future<Output = Result<T, HookError>>>(
        self,
        pacing: Box<dyn Pacing>,
        hook: impl FnOnce(User) -> F,
        given_up: impl Future<Output = ()>,
    ) -> Option<Result<T, HookFailure>> {
        let not_called =
            |error: &dyn std::fmt::Display| Some(Err(HookFailure::NotCalled(error.to_string())));
        let client = match Client::new(self.client) {
            Ok(client) => client,
            Err(error) => return not_called(&error),
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return not_called(&error),
        };
        let worker = Rc::new(Worker {
            run: self.run,
            client,
            recorder: RefCell::new(Recorder::new(RunInstant::START)),
            pacing,
            began: Instant::now(),
            measured_from: Cell::new(RunInstant::START),
            implicit: RefCell::default(),
            observer: None,
        });
        let called = async {
            let trapped = |trapped: Trapped| HookFailure::Trapped(trapped.0);
            let user = User::create_to_prepare(&self.program, self.scenario, &worker)
                .await
                .map_err(trapped)?;
            hook(user).await.map_err(|error| match error {
                HookError::Said(said) => HookFailure::Said(said),
                HookError::Trapped(text) => trapped(text),
            })
        };
        LocalSet::new().block_on(&runtime, async {
            tokio::select! {
                result = called => Some(result),
                () = given_up => None,
            }
        })
    }
}

/// The pace of an instance outside of a run, which begins no transaction: none. Its waits end early
/// when it is asked to end.
pub(crate) struct Waiting(RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>);

impl Waiting {
    /// Made on the thread of the instance.
    pub(crate) fn until(
        asked_to_end: impl Future<Output = ()> + Send + 'static,
    ) -> impl FnOnce() -> Box<dyn Pacing> + Send {
        move || Box::new(Self(RefCell::new(Some(Box::pin(asked_to_end)))))
    }
}

impl Pacing for Waiting {
    fn poll_start(&self, _: u32, _: bool, _: &mut TaskContext<'_>) -> Poll<Result<Start, RunOver>> {
        Poll::Ready(Err(RunOver::Stopped))
    }

    fn forget(&self, _: u32) {}

    fn poll_over(&self, _: u32, context: &mut TaskContext<'_>) -> Poll<()> {
        let mut over = self.0.borrow_mut();
        if let Some(waiting) = &mut *over {
            std::task::ready!(waiting.as_mut().poll(context));
            *over = None;
        }
        Poll::Ready(())
    }
}
