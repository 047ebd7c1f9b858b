//! The signals that end what a command does: Ctrl-C, what a service manager or a container sends,
//! and a terminal that closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a reader of results may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same once a signal has come: long enough for any disk that works, because the signal may
/// have been meant for the run alone.
const HURRY: Duration = Duration::from_secs(3);
/// How long there is for what nobody has asked for: hardly noticed, and enough for a disk that
/// works. Once a signal has come, somebody waits for the end.
const MOMENT: Duration = Duration::from_secs(2);
const SHORT_MOMENT: Duration = Duration::from_millis(500);
/// How long there is for what is sent elsewhere: a receiver that does not answer has this long.
const SOME_SECONDS: Duration = Duration::from_secs(8);

/// See the module's documentation.
pub(crate) struct Stops {
    interrupt: Signal,
    terminate: Signal,
    /// The signal of a terminal that closes; `None` where `nohup` made the process ignore it.
    hang_up: Option<Signal>,
    /// Whether any has come.
    has_come: bool,
}

/// Who wants the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A person at a terminal, or a program that acts as one.
    Interrupt,
    /// The system, or somebody who cannot be asked.
    Terminate,
}

impl Stops {
    /// From here on none of these signals ends the process by itself.
    ///
    /// # Errors
    /// The machine lacks something.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let hang_up = (!is_ignored(SignalKind::hangup()))
            .then(|| listen(SignalKind::hangup()))
            .transpose()?;
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up,
            has_come: false,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Stop {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => drop(hang_up.recv().await),
                None => std::future::pending().await,
            }
        };
        let stop = tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
            () = hang_up => Stop::Terminate,
        };
        self.has_come = true;
        stop
    }

    /// Does work that may wait for others, on a thread of its own; `None` where a signal comes
    /// first.
    pub(crate) async fn unless<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<Option<T>> {
        let mut answered = on_a_thread(job)?;
        tokio::select! {
            answer = &mut answered => Ok(Some(answer.context("its thread broke down")?)),
            _ = self.next() => Ok(None),
        }
    }

    /// The same for work that reports its progress: it is also given up when it makes none.
    ///
    /// # Errors
    /// The work was given up; why.
    pub(crate) async fn while_it_moves<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&AtomicU64) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let moved = Arc::new(AtomicU64::new(0));
        let of_thread = Arc::clone(&moved);
        let mut answered = on_a_thread(move || job(&of_thread))?;
        let (mut before, mut by, mut is_hurried) = (0, Instant::now() + PATIENCE, false);
        loop {
            tokio::select! {
                answer = &mut answered => return answer.context("its thread broke down"),
                _ = self.next() => {
                    by = by.min(Instant::now() + HURRY);
                    is_hurried = true;
                }
                () = tokio::time::sleep_until(by) => {
                    if is_hurried {
                        bail!("given up at a signal, as it was not taken");
                    }
                    let now = moved.load(Ordering::Relaxed);
                    if std::mem::replace(&mut before, now) == now {
                        bail!("given up, as nothing of it was taken for {} s", PATIENCE.as_secs());
                    }
                    by = Instant::now() + PATIENCE;
                }
            }
        }
    }

    /// The same for work that nobody has asked for, whether it moves or not: it has a moment.
    ///
    /// # Errors
    /// The work was given up.
    pub(crate) async fn for_a_moment<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        self.within(if self.has_come { SHORT_MOMENT } else { MOMENT }, job).await
    }

    /// The same for work that somebody asked for and that others may hold up. It has its time after
    /// a signal as well, which had its effect on the run, and one that comes now ends it.
    ///
    /// # Errors
    /// The work was given up.
    pub(crate) async fn for_some_seconds<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        self.within(SOME_SECONDS, job).await
    }

    async fn within<T: Send + 'static>(
        &mut self,
        limit: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let mut answered = on_a_thread(job)?;
        let mut by = Instant::now() + limit;
        loop {
            tokio::select! {
                answer = &mut answered => return answer.context("its thread broke down"),
                _ = self.next() => by = by.min(Instant::now() + SHORT_MOMENT),
                () = tokio::time::sleep_until(by) => bail!("given up, as it took too long"),
            }
        }
    }
}

fn on_a_thread<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<oneshot::Receiver<T>> {
    let (answer, answered) = oneshot::channel();
    let thread = std::thread::Builder::new().name("swell-patient".to_owned());
    // Nobody waits any more where a signal came first.
    thread.spawn(move || drop(answer.send(job()))).context("cannot start a thread")?;
    Ok(answered)
}

/// Whether this process was started so that it ignores a signal. If that cannot be known, it was
/// not.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_of(&status).is_some_and(|ignored| ignored >> (kind.as_raw_value() - 1) & 1 == 1)
}

fn ignored_of(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_kernels_mask() {
        assert_eq!(
            ignored_of("Name:\thost\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"),
            Some(0x1001)
        );
        assert_eq!(ignored_of("Name:\thost\n"), None);
    }
}
