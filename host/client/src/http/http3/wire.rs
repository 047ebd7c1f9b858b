//! What the parts of an HTTP/3 connection know together.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use tokio::time::Instant;

/// What passed over a connection, as far as its requests need to know it.
pub(crate) struct Http3Wire {
    /// How many requests all connections of a worker handed to the network.
    written: Rc<Cell<u64>>,
    /// The most bytes of a frame that is read whole.
    frame_limit: u64,
    /// How many requests wait for an answer, or for the rest of one.
    under_way: Cell<usize>,
    /// When the last of them came to its end.
    idle_since: Cell<Option<Instant>>,
    /// The first stream that the service does not take any more, once it has said so.
    first_left_out: Cell<Option<u64>>,
    /// Who waits for what comes on a stream.
    waiting: RefCell<Vec<(u64, Waker)>>,
}

impl Http3Wire {
    pub(crate) fn new(written: Rc<Cell<u64>>, header_limit: usize) -> Rc<Self> {
        Rc::new(Self {
            written,
            frame_limit: header_limit as u64,
            under_way: Cell::new(0),
            idle_since: Cell::new(None),
            first_left_out: Cell::new(None),
            waiting: RefCell::default(),
        })
    }

    pub(super) const fn frame_limit(&self) -> u64 {
        self.frame_limit
    }

    /// A request was handed to the network, or its beginning.
    pub(super) fn count_written(&self) {
        self.written.set(self.written.get() + 1);
    }

    pub(super) fn begins(&self) {
        self.under_way.set(self.under_way.get() + 1);
    }

    pub(super) fn ends(&self, stream: u64) {
        self.under_way.set(self.under_way.get() - 1);
        self.idle_since.set(Some(Instant::now()));
        self.waiting.borrow_mut().retain(|(of, _)| *of != stream);
    }

    /// Whether any request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.get() > 0
    }

    /// Since when no request has been under way; nothing while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get().filter(|_| !self.is_busy())
    }

    /// The service takes no stream from this one on (GOAWAY: RFC 9114, 5.2).
    pub(super) fn leave_out_from(&self, stream: u64) {
        let first = self.first_left_out.get().map_or(stream, |before| before.min(stream));
        self.first_left_out.set(Some(first));
        self.waiting.borrow_mut().retain(|(of, waker)| {
            let is_taken = *of < first;
            if !is_taken {
                waker.wake_by_ref();
            }
            is_taken
        });
    }

    /// Whether the service takes new requests, as far as it has said.
    pub(super) const fn takes_more(&self) -> bool {
        self.first_left_out.get().is_none()
    }

    /// Whether the service has said that it does nothing with this stream.
    pub(super) fn is_left_out(&self, stream: u64) -> bool {
        self.first_left_out.get().is_some_and(|first| stream >= first)
    }

    /// Has whoever waits for a stream be woken if the stream is left out.
    pub(super) fn wait(&self, stream: u64, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        match waiting.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, before)) => before.clone_from(waker),
            None => waiting.push((stream, waker.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_for_what_is_left_out_is_woken_and_nobody_else() {
        let wire = Http3Wire::new(Rc::default(), 1);
        let woken = Arc::new(Woken(AtomicU32::new(0)));
        for stream in [0, 4, 8, 12] {
            wire.begins();
            wire.wait(stream, &Arc::clone(&woken).into());
        }
        wire.leave_out_from(8);
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
        assert!(!wire.takes_more() && !wire.is_left_out(4) && wire.is_left_out(8));
        wire.leave_out_from(12);
        assert!(wire.is_left_out(8), "what was left out stays so");
        for stream in [0, 4, 8, 12] {
            wire.ends(stream);
        }
        assert!(!wire.is_busy() && wire.waiting.borrow().is_empty());
    }
}
