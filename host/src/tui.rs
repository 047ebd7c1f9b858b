//! The terminal view of runs that go on (`--tui`): what is drawn and what keys mean is the crate
//! `swell-tui`; here are the terminal, the threads, and the way of a key's wish to its run.
//!
//! A sink tells the dashboard what the runs count, on a thread of its own. Another thread reads
//! keys and draws: the load waits for neither, even where the terminal takes nothing. What keys ask
//! for is done on the control thread, in the way in which the control API does it.
//!
//! The terminal is given back at the end, at a panic, and whenever the process is stopped. Its
//! driver goes on making signals of Ctrl-C, Ctrl-Z and Ctrl-\, so they act as they always do.

mod keys;
mod screen;
mod tty;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Signal, getpid, kill_process};
use swell_core::units::{Rate, print_rate};
use swell_outputs::{NewsKind, Queued, RunNews, Sink, Taker};
use swell_tui::{Dashboard, KeyRequest, ViewKind};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::screen::ScreenThread;
pub(crate) use self::screen::SharedScreen;
use self::tty::Tty;
use crate::runs::Runs;
use crate::stderr;
use crate::terminal;

/// Who asks, as the record of a run tells it.
const ASKER: &str = "at the terminal";

/// How long the terminal may take to be given back before the process is stopped.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

/// What a shell sees of a process that Ctrl-\ has ended.
const QUIT: i32 = 128 + 3;

/// The view of runs that have not begun yet.
pub(crate) struct ReadyView(Arc<SharedScreen>);

/// A view that has the terminal, which is given back with it.
pub(crate) struct ShownView(ScreenThread);

impl ReadyView {
    /// The view, where the terminal can show one; otherwise it is said why not, and the live line
    /// stays. Results that go to stdout would be written across it.
    pub(crate) fn new(takes_stdout: bool) -> Option<Self> {
        let across = || {
            let is_theirs = takes_stdout && terminal::is_stdout_watched();
            is_theirs.then_some("stdout's lines need the terminal")
        };
        if let Some(lack) = terminal::why_no_view().or_else(across) {
            terminal::say(format_args!("note: --tui: {lack}, so there is the live line"));
            return None;
        }
        let dashboard = Dashboard::new(ViewKind::Live, terminal::is_stderr_coloured());
        Some(Self(Arc::new(SharedScreen::new(dashboard))))
    }

    /// The sink by which it hears of runs.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub(crate) fn sink(&self) -> anyhow::Result<Box<dyn Sink>> {
        Ok(Box::new(Queued::new("swell-view", Follower(Arc::clone(&self.0)))?))
    }

    /// Takes the terminal, and has these runs do what keys ask for.
    ///
    /// # Errors
    /// As [`ShownView::new`].
    pub(crate) fn show(self, runs: &Rc<Runs>) -> anyhow::Result<ShownView> {
        let (shown, asking) = ShownView::new(&self.0)?;
        tokio::task::spawn_local(obey(Rc::clone(runs), self.0, asking));
        Ok(shown)
    }

    /// What is drawn, for whoever is told of a run in another way and does itself what keys ask
    /// for.
    pub(crate) fn into_screen(self) -> Arc<SharedScreen> {
        self.0
    }
}

impl ShownView {
    /// Takes the terminal. Gives what keys will ask for: it ends when the view is closed.
    ///
    /// # Errors
    /// The terminal refuses, or the machine lacks something.
    pub(crate) fn new(
        screen: &Arc<SharedScreen>,
    ) -> anyhow::Result<(Self, UnboundedReceiver<KeyRequest>)> {
        let listen = |kind| unix::signal(kind).context("cannot listen for signals");
        let stop = listen(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
        let go_on = listen(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        let quit = listen(SignalKind::quit())?;
        let (requests, asking) = unbounded_channel();
        let thread = ScreenThread::start(Arc::clone(screen), requests)?;
        tokio::task::spawn_local(leave_to_stop(Arc::clone(screen), stop, go_on));
        tokio::task::spawn_local(leave_to_quit(Arc::clone(screen), quit));
        Ok((Self(thread), asking))
    }

    /// Gives the terminal back, and prints what was said meanwhile.
    pub(crate) fn close(self) {
        self.0.end();
    }
}

/// Tells the dashboard what runs count.
struct Follower(Arc<SharedScreen>);

impl Taker for Follower {
    fn take(&mut self, RunNews { run, what }: &RunNews, _: &AtomicU64) -> anyhow::Result<()> {
        self.0.change(|dashboard| match what {
            NewsKind::Begun => dashboard.handle_begin(run),
            NewsKind::Frame(frame) => dashboard.handle_frame(&run.run.id, frame),
            NewsKind::Mark(mark) => dashboard.handle_mark(&run.run.id, mark),
            NewsKind::Over(report) => dashboard.handle_over(&run.run.id, report.as_deref()),
        });
        Ok(())
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn is_optional(&self) -> bool {
        true
    }
}

/// Does what keys ask for, and tells what came of it.
async fn obey(
    runs: Rc<Runs>,
    screen: Arc<SharedScreen>,
    mut asking: UnboundedReceiver<KeyRequest>,
) {
    while let Some(request) = asking.recv().await {
        let told = match request {
            KeyRequest::Pause(name, paused) => match runs.named(&name) {
                Some(run) => run
                    .pause(paused, ASKER)
                    .await
                    .map(|()| if paused { "paused".to_owned() } else { "resumed".to_owned() }),
                None => continue,
            },
            KeyRequest::Goal(name, goal) => match (runs.named(&name), Rate::new(goal)) {
                (Some(run), Some(rate)) => {
                    let set = run.set_goal(rate, ASKER).await;
                    set.map(|()| format!("goal {}", print_rate(goal)))
                }
                _ => continue,
            },
            KeyRequest::Stop(name) => {
                if let Some(run) = runs.named(&name) {
                    run.interrupt();
                }
                Ok("it ends".to_owned())
            }
            // The thread that reads the keys has done it.
            KeyRequest::Close => continue,
        };
        let told = told.unwrap_or_else(|refusal| refusal.to_string());
        screen.change(|dashboard| dashboard.tell(told));
    }
}

/// Whenever the process is to be stopped, as by Ctrl-Z, gives the terminal back before it is, and
/// takes it again once it goes on. It does so as long as the process lives: nobody else would stop
/// it any more.
async fn leave_to_stop(screen: Arc<SharedScreen>, mut stop: unix::Signal, mut go_on: unix::Signal) {
    loop {
        tokio::select! {
            _ = stop.recv() => {
                left(&screen).await;
                // It comes back from here once it goes on.
                let _ = kill_process(getpid(), Signal::STOP);
                screen.show();
            }
            // Whoever stopped it otherwise has left the terminal to others as it was.
            _ = go_on.recv() => screen.show_anew(),
        }
    }
}

/// Ctrl-\ ends the process at once, but not before the terminal is given back.
async fn leave_to_quit(screen: Arc<SharedScreen>, mut quit: unix::Signal) {
    quit.recv().await;
    left(&screen).await;
    stderr::release();
    stderr::flush();
    std::process::exit(QUIT);
}

/// Waits until the terminal is given back.
async fn left(screen: &SharedScreen) {
    screen.hide();
    let mut looks = PATIENCE.as_millis() / LOOK.as_millis();
    while Tty::is_taken() && looks > 0 {
        tokio::time::sleep(LOOK).await;
        looks -= 1;
    }
    // A thread that waits for the terminal does not give it back.
    Tty::restore();
}
