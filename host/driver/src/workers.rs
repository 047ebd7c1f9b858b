//! The workers of a run at work, and the lines to them.

use std::sync::Arc;

use swell_core::dispatch::Dispatcher;
use tokio::sync::{mpsc, oneshot, watch};

use crate::shared::{Lease, Shared, Window, WorkerSetPoint};
use crate::threads::Threads;
use crate::worker::{Lines, Order, SPARE_WINDOWS, WINDOWS_UNDER_WAY, WorkerResult, work};

/// The results of a worker come here once it is done.
pub(super) type Results = Vec<oneshot::Receiver<anyhow::Result<WorkerResult>>>;

/// See the module's documentation.
pub(super) struct Workers {
    pub(super) orders: watch::Sender<Order>,
    pub(super) spares: Vec<mpsc::Sender<Window>>,
    pub(super) results: Results,
    pub(super) windows: mpsc::Receiver<Window>,
}

impl Workers {
    pub(super) fn set_to_work(
        threads: &Threads,
        shared: &Arc<Shared>,
        set_points: &watch::Receiver<Option<WorkerSetPoint>>,
        leases: &watch::Receiver<Option<Lease>>,
        dispatcher: impl Fn(usize) -> Dispatcher,
    ) -> Self {
        let workers = shared.progress.len();
        let (orders, order) = watch::channel(Order::Run);
        let (windows, incoming) = mpsc::channel(workers * WINDOWS_UNDER_WAY);
        let (mut spares, mut results) = (Vec::new(), Vec::new());
        for (index, thread) in threads.of(workers).enumerate() {
            let (spare, spares_of_worker) = mpsc::channel(SPARE_WINDOWS);
            spares.push(spare);
            let lines = Lines {
                orders: order.clone(),
                set_points: set_points.clone(),
                leases: leases.clone(),
                windows: windows.clone(),
                spares: spares_of_worker,
            };
            let (shared, dispatcher) = (Arc::clone(shared), dispatcher(index));
            results.push(threads.run(thread, move || work(shared, index, dispatcher, lines)));
        }
        Self { orders, spares, results, windows: incoming }
    }
}
