//! `host view`: an earlier run on the whole terminal, played as it went or stepped through.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use swell_core::RunInstant;
use swell_core::plain::line;
use swell_core::units;
use swell_outputs::LAST;
use swell_report::Exit;
use swell_report::record::{Entry, RecordHeader, RecordReader, Unreadable};
use swell_tui::{Dashboard, Playback, ViewKind};
use tokio::task::LocalSet;

use crate::report::record_of;
use crate::stops::{Stop, Stops};
use crate::terminal;
use crate::tui::{SharedScreen, ShownView};

/// How often it is looked which instant is to be shown.
const LOOK: Duration = Duration::from_millis(50);

/// Entries that are told at once, before a key is looked at again.
const AT_ONCE: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// Which run: `last`, its name, the beginning of its identity, or the file of its record.
    #[arg(default_value = LAST)]
    run: String,

    /// How many seconds of the run pass in one.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = parse_speed)]
    speed: f64,

    /// Begin at this time of the run.
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    from: Option<Duration>,

    /// End at this time of the run.
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    to: Option<Duration>,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.125..=1_024.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0.125 to 1024 is needed, as 10".to_owned()),
    }
}

/// Shows a record until the person closes it.
///
/// # Errors
/// There is no such run, its record cannot be read, or there is no terminal to show it on.
pub(crate) fn view(args: &ViewArgs) -> anyhow::Result<Exit> {
    let from = args.from.unwrap_or_default();
    if let Some(to) = args.to.filter(|to| *to <= from) {
        bail!(
            "--from {} --to {}: nothing lies between\nhelp: --to is the later time of the run",
            units::print_duration(from),
            units::print_duration(to)
        );
    }
    let tape = Tape::open(&record_of(&args.run)?)?;
    if let Some(lack) = terminal::why_no_view() {
        bail!(
            "{lack}\nhelp: `host report {}` prints the summary, and with --out html=FILE writes a \
            page for the browser",
            line(&args.run)
        );
    }
    let until = args.to.map_or(RunInstant::NEVER, |to| RunInstant::START + to);
    let playback = Playback::new(Duration::ZERO, RunInstant::START + from, until, args.speed);
    let dashboard = Dashboard::new(ViewKind::Replay(playback), terminal::is_stderr_coloured());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let screen = Arc::new(SharedScreen::new(dashboard));
    LocalSet::new().block_on(&runtime, play(tape, screen))
}

async fn play(mut tape: Tape, screen: Arc<SharedScreen>) -> anyhow::Result<Exit> {
    let mut stops = Stops::listen()?;
    let (view, mut asking) = ShownView::new(&screen)?;
    screen.change(|dashboard| dashboard.handle_begin(&tape.header));
    let mut played = false;
    let exit = loop {
        let now = screen.now();
        let (at, plays) = screen.with_dashboard(|dashboard| {
            let playback = dashboard.playback();
            playback.map_or((RunInstant::START, false), |it| (it.at(now), it.plays(now)))
        });
        if std::mem::replace(&mut played, plays) != plays {
            screen.change(|_| {});
        }
        let is_there = tape.tell(at, &screen)?;
        tokio::select! {
            request = asking.recv() => if request.is_none() {
                break Exit::Passed;
            },
            stop = stops.next() => match stop {
                // So a person leaves what only shows something.
                Stop::Interrupt => break Exit::Passed,
                Stop::Terminate => break Exit::Signal,
            },
            () = tokio::time::sleep(if is_there { LOOK } else { Duration::ZERO }) => {}
        }
    };
    view.close();
    Ok(exit)
}

/// A record, as far as it was told.
struct Tape {
    path: PathBuf,
    reader: RecordReader<BufReader<File>>,
    header: Arc<RecordHeader>,
    /// What comes next and was not told yet.
    next: Option<Entry>,
    /// Where what was told ends.
    until: RunInstant,
    is_at_end: bool,
}

impl Tape {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let (reader, header) =
            RecordReader::open(BufReader::new(file)).with_context(|| path.display().to_string())?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            header: Arc::new(header),
            next: None,
            until: RunInstant::START,
            is_at_end: false,
        })
    }

    /// Tells what happened up to an instant; from the beginning, where that is before what was
    /// told. Says whether all of it is told.
    fn tell(&mut self, at: RunInstant, screen: &SharedScreen) -> anyhow::Result<bool> {
        if at < self.until {
            *self = Self::open(&self.path)?;
            screen.change(|dashboard| {
                dashboard.forget();
                dashboard.handle_begin(&self.header);
            });
        }
        for _ in 0..AT_ONCE {
            let Some(entry) = self.entry(at, screen)? else { return Ok(true) };
            if let Entry::Frame(frame) = &entry {
                self.until = frame.until;
            }
            screen.tell(&self.header.run.id, &entry);
        }
        Ok(false)
    }

    /// The next entry that happened up to an instant.
    fn entry(&mut self, at: RunInstant, screen: &SharedScreen) -> anyhow::Result<Option<Entry>> {
        if self.next.is_none() && !self.is_at_end {
            self.next = match self.reader.entry() {
                Ok(Some(entry)) => Some(entry),
                Ok(None) => {
                    self.end(screen, "here its record ends: it goes on, or was killed");
                    None
                }
                Err(Unreadable::Io(error)) => {
                    return Err(error).with_context(|| self.path.display().to_string());
                }
                Err(broken) => {
                    self.end(screen, &broken.to_string());
                    None
                }
            };
        }
        let is_due = match &self.next {
            Some(Entry::Frame(frame)) => frame.until <= at,
            Some(Entry::Mark(_) | Entry::Header(_)) => true,
            Some(Entry::End(_)) => {
                self.end(screen, "");
                true
            }
            None => false,
        };
        Ok(if is_due { self.next.take() } else { None })
    }

    /// Nothing follows, as these words say.
    fn end(&mut self, screen: &SharedScreen, words: &str) {
        self.is_at_end = true;
        let until = self.until;
        screen.change(|dashboard| {
            if let Some(playback) = dashboard.playback() {
                playback.handle_end(until);
            }
            if !words.is_empty() {
                dashboard.tell(words.to_owned());
            }
        });
    }
}
