//! The threads that generate load: one a core for the whole life of the process, each with its own
//! runtime, shared by the workers of all runs.

use std::cell::Cell;
use std::pin::Pin;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

/// Makes the future of a job, on the thread that is to do it.
type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// See the module's documentation. When it is dropped, the threads end as soon as their jobs are
/// done.
pub struct Threads {
    /// The queues are unbounded, because a run sends one job to each thread and no more.
    jobs: Vec<mpsc::UnboundedSender<Job>>,
    next: Cell<usize>,
}

impl Threads {
    /// Starts so many threads.
    ///
    /// # Errors
    /// The machine does not give threads or runtimes.
    pub fn start(count: usize) -> anyhow::Result<Self> {
        let jobs = (0..count).map(start).collect::<anyhow::Result<_>>()?;
        Ok(Self { jobs, next: Cell::new(0) })
    }

    /// The threads for the workers of a run. From run to run the first thread is another one, so
    /// that small runs share the cores.
    pub(crate) fn of(&self, workers: usize) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.next.get(), self.jobs.len());
        self.next.set((first + workers) % count);
        (first..first + workers).map(move |thread| thread % count)
    }

    /// Does a job on a thread. The answer never comes if the job panics.
    pub(crate) fn run<T, F>(
        &self,
        thread: usize,
        job: impl FnOnce() -> F + Send + 'static,
    ) -> oneshot::Receiver<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            let work = job();
            Box::pin(async move {
                // Nobody waits any more if the process is ending.
                let _ = answer.send(work.await);
            })
        });
        // A thread that has ended drops the job, and with it the answer.
        let _ = self.jobs[thread].send(job);
        answered
    }
}

fn start(index: usize) -> anyhow::Result<mpsc::UnboundedSender<Job>> {
    let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a worker's runtime")?;
    let thread = std::thread::Builder::new().name(format!("swell-worker-{index}"));
    let all_jobs = async move {
        let mut under_way = tokio::task::JoinSet::new();
        while let Some(job) = jobs.recv().await {
            under_way.spawn_local(job());
            while under_way.try_join_next().is_some() {}
        }
        under_way.join_all().await;
    };
    thread
        .spawn(move || LocalSet::new().block_on(&runtime, all_jobs))
        .context("cannot start a worker thread")?;
    Ok(sender)
}
