//! The thread of the cluster, apart from the threads that generate load: those would starve it.

use anyhow::Context as _;

/// Does a job on a thread of its own, with a runtime of its own. The thread ends with the job.
pub(super) fn on_own_thread(
    name: &str,
    job: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the cluster's runtime")?;
    let thread = std::thread::Builder::new().name(name.to_owned());
    // As a task of its own it is not woken by way of the kernel whenever another of the thread's
    // tasks has something for it.
    let run = move || drop(runtime.block_on(runtime.spawn(job)));
    thread.spawn(run).context("cannot start the cluster's thread")?;
    Ok(())
}
