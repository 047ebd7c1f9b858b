//! The thread that reads keys and draws, and what it shares with those who change what is drawn.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use swell_report::record::Entry;
use swell_tui::{Dashboard, KeyRequest};
use tokio::sync::mpsc::UnboundedSender;

use super::keys::keys_of;
use super::tty::Tty;
use crate::stderr;

/// How long a key is waited for before it is looked whether something else has changed.
const LOOK: Duration = Duration::from_millis(100);

/// How long the end waits for a thread that waits for the terminal.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module's documentation.
pub(crate) struct SharedScreen {
    dashboard: Mutex<Dashboard>,
    began: Instant,
    has_changed: AtomicBool,
    wanted: AtomicU8,
}

/// Whether the terminal is to be the view's: yes, with everything drawn anew, for the moment not,
/// or never more.
const SHOWN: u8 = 0;
const ANEW: u8 = 1;
const HIDDEN: u8 = 2;
const ENDED: u8 = 3;

impl SharedScreen {
    pub(crate) fn new(dashboard: Dashboard) -> Self {
        Self {
            dashboard: Mutex::new(dashboard),
            began: Instant::now(),
            has_changed: AtomicBool::new(true),
            wanted: AtomicU8::new(SHOWN),
        }
    }

    /// Changes what is drawn.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Dashboard)) {
        self.with_dashboard(change);
        self.has_changed.store(true, Ordering::Relaxed);
    }

    /// Tells what comes next in the record of a run, which the dashboard knows by its identity.
    pub(crate) fn tell(&self, run: &str, entry: &Entry) {
        self.change(|dashboard| match entry {
            Entry::Header(_) => {}
            Entry::Frame(frame) => dashboard.handle_frame(run, frame),
            Entry::Mark(mark) => dashboard.handle_mark(run, mark),
            Entry::End(report) => dashboard.handle_over(run, Some(report)),
        });
    }

    /// Takes the terminal, where it was left.
    pub(super) fn show(&self) {
        self.want(SHOWN);
    }

    /// The same where somebody else may have used it meanwhile.
    pub(super) fn show_anew(&self) {
        self.want(ANEW);
    }

    /// Leaves it.
    pub(super) fn hide(&self) {
        self.want(HIDDEN);
    }

    /// What has ended does not begin again.
    fn want(&self, wanted: u8) {
        let _ = self.wanted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| {
            (before != ENDED).then_some(wanted)
        });
    }

    /// What was wanted is done, unless something else is wanted by now.
    fn shows(&self, wanted: u8) {
        let _ = self.wanted.compare_exchange(wanted, SHOWN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The time since the view was made.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Looks at what is drawn, or changes what does not show.
    pub(crate) fn with_dashboard<T>(&self, with: impl FnOnce(&mut Dashboard) -> T) -> T {
        with(&mut self.dashboard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The thread. It gives the terminal back when this value goes.
pub(super) struct ScreenThread {
    screen: Arc<SharedScreen>,
    thread: Option<JoinHandle<()>>,
}

impl ScreenThread {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It refuses, or the machine gives no thread.
    pub(super) fn start(
        screen: Arc<SharedScreen>,
        requests: UnboundedSender<KeyRequest>,
    ) -> anyhow::Result<Self> {
        let tty = Tty::new().context("--tui: cannot use the terminal")?;
        stderr::hold();
        let of_thread = Arc::clone(&screen);
        let thread = std::thread::Builder::new().name("swell-screen".to_owned());
        let thread = thread.spawn(move || {
            // Whoever looks can wait for those who generate the load.
            let _ = rustix::process::nice(10);
            let show = ShowLoop { screen: of_thread, requests, tty, seen: 0 };
            show.run();
            Tty::restore();
            stderr::release();
        });
        let thread = thread.context("cannot start a thread").inspect_err(|_| stderr::release())?;
        Ok(Self { screen, thread: Some(thread) })
    }

    /// Gives the terminal back, and prints what was said meanwhile.
    pub(super) fn end(mut self) {
        self.give_back();
    }

    fn give_back(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.screen.want(ENDED);
        thread.thread().unpark();
        let since = Instant::now();
        while !thread.is_finished() && since.elapsed() < PATIENCE {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        // Where the thread waits for the terminal, it is left to that.
        Tty::restore();
        stderr::release();
    }
}

impl Drop for ScreenThread {
    fn drop(&mut self) {
        self.give_back();
    }
}

struct ShowLoop {
    screen: Arc<SharedScreen>,
    requests: UnboundedSender<KeyRequest>,
    tty: Tty,
    /// Lines of the log that the dashboard has.
    seen: u64,
}

impl ShowLoop {
    /// Goes on until the view is closed, or the terminal is gone.
    fn run(mut self) {
        loop {
            let wanted = self.screen.wanted.load(Ordering::Relaxed);
            let taken = match wanted {
                ENDED => return,
                HIDDEN => {
                    Tty::restore();
                    Ok(())
                }
                _ if wanted == ANEW || !Tty::is_taken() => {
                    self.screen.shows(wanted);
                    self.screen.has_changed.store(true, Ordering::Relaxed);
                    self.tty.take()
                }
                _ => Ok(()),
            };
            if taken.and_then(|()| self.draw()).is_err() || Tty::is_given_up() {
                return;
            }
            for key in keys_of(&self.tty.read(LOOK)) {
                let now = self.screen.now();
                match self.screen.with_dashboard(|dashboard| dashboard.handle_key(now, key)) {
                    Some(KeyRequest::Close) => return,
                    // Whoever obeys goes when all is over.
                    Some(request) => drop(self.requests.send(request)),
                    None => {}
                }
                self.screen.has_changed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Draws what has changed.
    fn draw(&mut self) -> std::io::Result<()> {
        let (lines, seen) = stderr::held_since(self.seen);
        self.seen = seen;
        if !lines.is_empty() {
            let add = |dashboard: &mut Dashboard| {
                lines.iter().for_each(|line| dashboard.handle_line(line));
            };
            self.screen.change(add);
        }
        let is_resized = self.tty.is_resized()?;
        if !self.screen.has_changed.swap(false, Ordering::Relaxed) && !is_resized {
            return Ok(());
        }
        let now = self.screen.now();
        self.tty.draw(|canvas| self.screen.with_dashboard(|dashboard| dashboard.draw(now, canvas)))
    }
}
