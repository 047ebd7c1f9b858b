//! The overflow queue of all workers, and how to call them to it.
//!
//! It is the only thing for which a worker's start may need a lock, and workers touch it only when
//! a slot has found no user for a millisecond.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swell_core::dispatch::Overflow;
use swell_core::schedule::Due;
use tokio::sync::Notify;

/// The overflow queue of all workers, and how to call them to it.
pub(crate) struct SharedOverflow {
    queue: Mutex<Overflow>,
    length: AtomicUsize,
    /// Wakes each worker.
    workers: Vec<Notify>,
}

impl SharedOverflow {
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Overflow::default()),
            length: AtomicUsize::new(0),
            workers: std::iter::repeat_with(Notify::new).take(workers).collect(),
        })
    }

    /// About how many slots there are; takes no lock.
    pub(crate) fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Overflow) -> T) -> T {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut queue);
        self.length.store(queue.len(), Ordering::Relaxed);
        result
    }

    pub(crate) fn push(&self, due: Due, owed: Duration, from: usize) {
        self.with(|queue| {
            queue.push(due);
            queue.owe(owed);
        });
        for (_, worker) in self.workers.iter().enumerate().filter(|&(index, _)| index != from) {
            worker.notify_one();
        }
    }

    /// Waits until a worker is called to the queue.
    pub(crate) async fn called(&self, worker: usize) {
        self.workers[worker].notified().await;
    }
}
