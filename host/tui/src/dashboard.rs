//! The runs that are followed, what of them is shown, and what keys do to that.

use std::sync::Arc;
use std::time::Duration;

use ratatui::Frame as Canvas;
use swell_core::units::Rate;
use swell_report::record::{Frame, Mark, RecordHeader};
use swell_report::{Report, RunState};

use crate::draw::draw;
use crate::drawn::{Drawn, ViewKind, ViewLook};
use crate::followed::Followed;
use crate::ink::Ink;
use crate::key::{Key, KeyRequest};
use crate::log::Happenings;
use crate::playback::Playback;

/// By how much a key changes the goal.
const STEP_OF_GOAL: f64 = 1.1;

/// Rows that a page is.
const PAGE: usize = 10;

/// See the module's documentation.
#[derive(Debug)]
pub struct Dashboard {
    kind: ViewKind,
    runs: Vec<Followed>,
    /// Which of them is shown.
    shown: usize,
    /// What is shown of it.
    look: ViewLook,
    happened: Happenings,
    ink: Ink,
}

impl Dashboard {
    /// One that follows no run yet. Without colours what they tell is told by signs.
    pub fn new(kind: ViewKind, is_coloured: bool) -> Self {
        Self {
            kind,
            runs: Vec::new(),
            shown: 0,
            look: ViewLook::default(),
            happened: Happenings::default(),
            ink: Ink { is_coloured },
        }
    }

    /// A run begins; it is shown where none that goes on is.
    pub fn handle_begin(&mut self, run: &Arc<RecordHeader>) {
        self.runs.push(Followed::new(run));
        let is_shown_over = self.runs.get(self.shown).is_none_or(|run| run.ended.is_some());
        if is_shown_over {
            self.shown = self.runs.len() - 1;
        }
    }

    /// What a run counted since the frame before, and where it is.
    pub fn handle_frame(&mut self, run: &str, frame: &Frame) {
        if let Some(run) = self.followed(run) {
            run.handle_frame(frame);
        }
    }

    /// Something happened in a run.
    pub fn handle_mark(&mut self, run: &str, mark: &Mark) {
        let is_one = self.runs.len() == 1;
        let Some(run) = self.followed(run) else { return };
        run.handle_mark(mark);
        let header = Arc::clone(&run.header);
        let name = (!is_one).then_some(header.run.name.as_str());
        self.happened.add_mark(name, mark);
    }

    /// A run is over, with what it came to, or broke off.
    pub fn handle_over(&mut self, run: &str, report: Option<&Report>) {
        if let Some(run) = self.followed(run) {
            run.handle_over(report);
        }
        let asked = self.look.asks_to_stop.take();
        self.look.asks_to_stop = asked.filter(|name| self.goes_on(name));
    }

    /// A line of the log, as it is printed.
    pub fn handle_line(&mut self, text: &str) {
        self.happened.add_line(text);
    }

    /// What somebody is to be told at once, as why a run did not obey. The next key takes it away.
    pub fn tell(&mut self, notice: String) {
        self.look.notice = Some(notice);
    }

    /// Forgets all that was seen of the runs, as if none had begun; how one looks at them stays.
    pub fn forget(&mut self) {
        (self.runs, self.shown) = (Vec::new(), 0);
        self.happened = Happenings::default();
    }

    /// The playback of a record.
    pub const fn playback(&mut self) -> Option<&mut Playback> {
        match &mut self.kind {
            ViewKind::Replay(playback) => Some(playback),
            ViewKind::Live => None,
        }
    }

    /// Does what a key says, and gives what it asks for.
    pub fn handle_key(&mut self, now: Duration, key: Key) -> Option<KeyRequest> {
        self.look.notice = None;
        if let Some(name) = self.look.asks_to_stop.take() {
            return matches!(key, Key::Char('y' | 'Y')).then_some(KeyRequest::Stop(name));
        }
        if std::mem::take(&mut self.look.is_help_open) {
            return None;
        }
        match key {
            Key::Char('q') => return Some(KeyRequest::Close),
            Key::Char('?' | 'h') => self.look.is_help_open = true,
            Key::Char('w') => {
                self.look.window = self.look.window.next();
                self.runs.iter_mut().for_each(Followed::make_stale);
            }
            Key::Char('o') => (self.look.order, self.look.scrolled) = (self.look.order.next(), 0),
            Key::Char('v') => self.look.below = self.look.below.next(),
            Key::Tab => {
                self.shown = (self.shown + 1) % self.runs.len().max(1);
                self.look.scrolled = 0;
            }
            Key::Up => self.scroll(-1),
            Key::Down => self.scroll(1),
            key => return self.handle_kind_key(now, key),
        }
        None
    }

    /// Draws all of it.
    pub fn draw(&mut self, now: Duration, canvas: &mut Canvas<'_>) {
        let window = self.look.window.length();
        if let Some(run) = self.runs.get_mut(self.shown) {
            run.reckon(window);
        }
        draw(&self.drawn(), now, canvas.area(), canvas.buffer_mut());
    }

    /// What is drawn.
    pub(crate) fn drawn(&self) -> Drawn<'_> {
        let run = self.runs.get(self.shown).map(|run| (run, self.shown, self.runs.len()));
        Drawn { kind: &self.kind, look: &self.look, happened: &self.happened, ink: self.ink, run }
    }

    fn handle_kind_key(&mut self, now: Duration, key: Key) -> Option<KeyRequest> {
        if let ViewKind::Replay(playback) = &mut self.kind {
            playback.handle_key(now, key);
            return None;
        }
        let page = isize::try_from(PAGE).unwrap_or(isize::MAX);
        match key {
            Key::PageUp => self.scroll(-page),
            Key::PageDown => self.scroll(page),
            Key::Char('p') => return self.of_shown(|run| KeyRequest::Pause(name_of(run), true)),
            Key::Char('r') => return self.of_shown(|run| KeyRequest::Pause(name_of(run), false)),
            Key::Char('s') => {
                let name = self.runs.get(self.shown).map(name_of);
                match name.filter(|name| self.goes_on(name)) {
                    Some(name) => self.look.asks_to_stop = Some(name),
                    None => self.tell("no run that goes on is shown".to_owned()),
                }
            }
            Key::Char('+' | '=') => return self.change_goal(STEP_OF_GOAL),
            Key::Char('-') => return self.change_goal(1.0 / STEP_OF_GOAL),
            _ => {}
        }
        None
    }

    fn of_shown(&mut self, asked: impl Fn(&Followed) -> KeyRequest) -> Option<KeyRequest> {
        let run = self.runs.get(self.shown).filter(|run| run.ended.is_none());
        let asked = run.map(asked);
        if asked.is_none() {
            self.tell("no run that goes on is shown".to_owned());
        }
        asked
    }

    fn change_goal(&mut self, by: f64) -> Option<KeyRequest> {
        let run = self.runs.get_mut(self.shown).filter(|run| run.ended.is_none())?;
        let Some(goal) = run.goal() else {
            self.tell("a run of users without a rate has no goal".to_owned());
            return None;
        };
        let goal = rounded(goal * by);
        let goal = Rate::new(goal)?.per_second();
        run.handle_goal(goal);
        Some(KeyRequest::Goal(name_of(run), goal))
    }

    fn scroll(&mut self, by: isize) {
        let rows = self.runs.get(self.shown).map_or(0, |run| run.reckoned.counted.rows());
        let most = rows.saturating_sub(1);
        self.look.scrolled = self.look.scrolled.saturating_add_signed(by).min(most);
    }

    fn goes_on(&self, name: &str) -> bool {
        let of_name = self.runs.iter().filter(|run| run.header.run.name == name);
        of_name.into_iter().any(|run| run.state() != RunState::Over)
    }

    fn followed(&mut self, id: &str) -> Option<&mut Followed> {
        self.runs.iter_mut().find(|run| run.header.run.id == id)
    }
}

fn name_of(run: &Followed) -> String {
    run.header.run.name.clone()
}

/// Three digits are enough for a goal that a key gives.
fn rounded(goal: f64) -> f64 {
    let unit = 10_f64.powf(goal.log10().floor() - 2.0);
    (goal / unit).round() * unit
}
