//! What a user does over sockets of its own: the resources behind WASI's interfaces.
//!
//! Why not wasmtime's: a socket of theirs delays small writes (Nagle) to wait for acknowledgements,
//! which a test would measure as the service's time; it takes no source address; errors of this
//! machine and of the service are one to it; and its waits know no end of a run. What is the same
//! there (types, linking) is theirs.
//!
//! | file | what it holds |
//! |---|---|
//! | `tcp` | a socket until it is connected |
//! | `connection` | an open connection |
//! | `streams` | its two directions, as a guest has them |
//! | `udp` | a socket for datagrams, and its two directions |
//! | `names` | a look-up under way |

pub(crate) mod connection;
pub(crate) mod names;
pub(crate) mod streams;
pub(crate) mod tcp;
pub(crate) mod udp;

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use swell_client::{SocketFailure, SocketUser};
use swell_core::exchange::ErrorClass;
use swell_core::observer::UserEvent;
use swell_core::record::{RunPhase, SocketEvent};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::patience::Patience;
use crate::run::Worker;
use crate::thread_bound::ThreadBound;

/// What all sockets of one user share.
pub(crate) struct UserSockets {
    /// What the user may reach, and how.
    pub(crate) network: Rc<SocketUser>,
    patience: Rc<Patience>,
    worker: Rc<Worker>,
    /// The phase of the run in which what happens now counts; `None` where nothing does.
    phase: Cell<Option<RunPhase>>,
}

/// The sockets of an instance, as the interfaces see them: an instance that only describes itself
/// has none.
pub(crate) struct SocketView<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) sockets: Option<&'a ThreadBound<Rc<UserSockets>>>,
}

impl UserSockets {
    /// Those of a user who waits with this patience.
    pub(crate) fn new(worker: &Rc<Worker>, patience: &Rc<Patience>) -> Rc<Self> {
        Rc::new(Self {
            network: Rc::new(SocketUser::new(&worker.client)),
            patience: Rc::clone(patience),
            worker: Rc::clone(worker),
            phase: Cell::new(None),
        })
    }

    /// Says in which phase of the run what happens from now on counts.
    pub(crate) fn count_in(&self, phase: Option<RunPhase>) {
        self.phase.set(phase);
    }

    fn count(&self, event: SocketEvent) {
        if let Some(phase) = self.phase.get() {
            self.worker.recorder.borrow_mut().socket(phase, event);
        }
    }

    /// Counts what came to nothing, and tells those who should know. Returns what the guest is
    /// told.
    pub(crate) fn failed(&self, what: &str, error: &SocketFailure) -> ErrorCode {
        self.count(SocketEvent::Failed(error.told.class));
        match &self.worker.observer {
            Some(_) => self.tell(|| Err(format!("{what}: {error}"))),
            None if error.told.class == ErrorClass::Denied => {
                self.worker.run.denied(what, &error.told.message);
            }
            None => {}
        }
        ErrorCode::from(&error.said)
    }

    /// Tells whoever looks on.
    fn tell(&self, words: impl FnOnce() -> Result<String, String>) {
        if let Some(observer) = &self.worker.observer {
            observer.tell(UserEvent::Socket(words()));
        }
    }

    /// The result of something that the guest waits for, or `None` if it is to wait no longer.
    fn patient<T>(&self, polled: Poll<T>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.patience.poll(polled, context)
    }

    /// Whether something was given up because the run is over: then nothing is waited for any more,
    /// and all that would have to be waited for fails.
    fn has_given_up(&self) -> bool {
        self.patience.has_given_up()
    }
}

/// What a guest is told of what was given up.
const RUN_OVER: &str = "the run is over";
