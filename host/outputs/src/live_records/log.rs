//! The record of one run in memory: entries with numbers, of which the oldest frames are joined
//! where there are too many.
//!
//! Who follows says which number came last, and gets what is after it, nothing twice. A frame that
//! was joined of some has the numbers of all of them: whoever has a part of it can be told no rest,
//! and begins anew.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use swell_core::plain;
use swell_report::record::{
    Entry, Frame, RecordHeader, Span, end_line, frame_line, from_bytes, header_line, joined,
    mark_line, to_bytes,
};

use crate::record_file::Bounds;

/// The latest frames whose lines are remembered: who follows is rarely further behind.
const LINES_REMEMBERED: usize = 16;

/// See the module's documentation.
pub(super) struct RecordLog {
    header: LoggedEntry,
    frames: Vec<LoggedEntry>,
    marks: Vec<LoggedEntry>,
    end: Option<LoggedEntry>,
    /// The number of the latest entry.
    last: u64,
    /// What the frames take.
    bytes: u64,
    is_over: bool,
}

/// An entry of a record. Clones are of the same bytes.
#[derive(Clone)]
pub struct LoggedEntry {
    /// The numbers of what it was joined of, the first and the last.
    numbers: (u64, u64),
    /// How long a frame is; nothing of what is none.
    length: Option<Duration>,
    bytes: Arc<[u8]>,
    line: Arc<OnceLock<Arc<str>>>,
}

impl RecordLog {
    pub(super) fn new(run: &RecordHeader) -> Self {
        let header = LoggedEntry::new(&Entry::Header(Box::new(run.clone()))).numbered(1);
        let (frames, marks) = (Vec::new(), Vec::new());
        Self { header, frames, marks, end: None, last: 1, bytes: 0, is_over: false }
    }

    /// Adds an entry of this kind.
    pub(super) fn add(&mut self, logged: LoggedEntry, kind: &Entry) {
        self.last += 1;
        let logged = logged.numbered(self.last);
        match kind {
            Entry::Frame(_) => {
                self.bytes += logged.bytes.len() as u64;
                self.frames.push(logged);
                let old = self.frames.iter_mut().rev().nth(LINES_REMEMBERED);
                if let Some(old) = old {
                    old.line = Arc::default();
                }
            }
            Entry::Mark(_) => self.marks.push(logged),
            Entry::End(_) => self.end = Some(logged),
            Entry::Header(_) => self.header = logged,
        }
    }

    /// Nothing follows.
    pub(super) fn over(&mut self) {
        self.is_over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn frames(&self) -> &[LoggedEntry] {
        &self.frames
    }

    pub(super) fn is_beyond(&self, bounds: Bounds) -> bool {
        is_beyond(&self.frames, bounds)
    }

    /// Has other frames, which count the same.
    pub(super) fn replace_frames(&mut self, frames: Vec<LoggedEntry>) {
        self.bytes = bytes_of(&frames);
        self.frames = frames;
    }

    /// What comes after this number, in its order, and whether nothing follows that.
    pub(super) fn after(&self, number: u64) -> (Vec<LoggedEntry>, bool) {
        let next = self.frames.get(first_after(&self.frames, number));
        let has_a_part = next.is_some_and(|next| next.numbers.0 <= number);
        let seen = if has_a_part || number > self.last { 0 } else { number };
        let behind = |of: &[LoggedEntry]| of[first_after(of, seen)..].to_vec();
        let mut entries = behind(std::slice::from_ref(&self.header));
        entries.extend(behind(&self.frames));
        entries.extend(behind(&self.marks));
        entries.extend(self.end.iter().filter(|end| end.number() > seen).cloned());
        entries.sort_by_key(LoggedEntry::number);
        (entries, self.is_over)
    }
}

/// The place of the first entry that ends after this number.
fn first_after(entries: &[LoggedEntry], number: u64) -> usize {
    entries.partition_point(|entry| entry.number() <= number)
}

fn bytes_of(frames: &[LoggedEntry]) -> u64 {
    frames.iter().map(|frame| frame.bytes.len() as u64).sum()
}

fn is_beyond(frames: &[LoggedEntry], bounds: Bounds) -> bool {
    frames.len() > bounds.frames || bytes_of(frames) > bounds.bytes
}

/// The same in fewer frames, so that they are within these bounds as far as they can be, and not
/// soon beyond them again.
pub(super) fn thinned(frames: &[LoggedEntry], bounds: Bounds) -> Vec<LoggedEntry> {
    let mut frames = frames.to_vec();
    let (mut few, mut short) = (bounds.frames * 3 / 4, bounds.bytes * 3 / 4);
    while is_beyond(&frames, bounds) && frames.len() > 1 {
        let span = |frame: &LoggedEntry| Span {
            length: frame.length.unwrap_or_default(),
            bytes: frame.bytes.len() as u64,
        };
        let groups = joined(&frames.iter().map(span).collect::<Vec<_>>(), few, short);
        frames = groups.into_iter().flat_map(|group| one_of(&frames[group])).collect();
        if few == 0 {
            // What is left cannot be joined any more.
            break;
        }
        // How much is saved is known afterwards.
        (few, short) = (few.min(frames.len()) * 3 / 4, short * 3 / 4);
    }
    frames
}

/// One frame of several; or few, where one could not be read.
fn one_of(group: &[LoggedEntry]) -> Vec<LoggedEntry> {
    let [first, rest @ ..] = group else { return Vec::new() };
    if rest.is_empty() {
        return vec![first.clone()];
    }
    let (mut done, mut sum) = (Vec::new(), (first.numbers, first.frame()));
    for later in rest {
        let frame = later.frame();
        let (numbers, before) = &mut sum;
        if before.can_join(&frame) {
            before.join(&frame);
            numbers.1 = later.number();
        } else {
            let (numbers, before) = std::mem::replace(&mut sum, (later.numbers, frame));
            done.push(LoggedEntry::of_frame(numbers, before));
        }
    }
    done.push(LoggedEntry::of_frame(sum.0, sum.1));
    done
}

impl LoggedEntry {
    /// An entry that has no number yet.
    pub(super) fn new(entry: &Entry) -> Self {
        let length = match entry {
            Entry::Frame(frame) => Some(frame.length()),
            _ => None,
        };
        Self { numbers: (0, 0), length, bytes: to_bytes(entry).into(), line: Arc::default() }
    }

    fn of_frame(numbers: (u64, u64), frame: Frame) -> Self {
        Self { numbers, ..Self::new(&Entry::Frame(Box::new(frame))) }
    }

    pub(super) fn numbered(self, number: u64) -> Self {
        Self { numbers: (number, number), ..self }
    }

    /// Its number; of a joined frame, the last.
    pub fn number(&self) -> u64 {
        self.numbers.1
    }

    /// The same bytes as in a record.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its line, where that was made already.
    pub fn ready_line(&self) -> Option<Arc<str>> {
        self.line.get().cloned()
    }

    /// Its line, which takes a moment to make.
    pub fn line(&self) -> Arc<str> {
        self.ready_line().unwrap_or_else(|| self.made_line())
    }

    /// Makes its line, and remembers it.
    pub(super) fn remember_line(&self) {
        self.line.get_or_init(|| self.made_line());
    }

    fn made_line(&self) -> Arc<str> {
        let line = match self.entry() {
            Entry::Header(header) => header_line(&header),
            Entry::Frame(frame) => frame_line(&frame),
            Entry::Mark(mark) => mark_line(&mark),
            Entry::End(report) => end_line(&report),
        };
        plain::json(&line.to_string()).into()
    }

    pub(super) const fn is_frame(&self) -> bool {
        self.length.is_some()
    }

    pub(super) fn frame(&self) -> Frame {
        match self.entry() {
            Entry::Frame(frame) => *frame,
            _ => unreachable!("only frames are joined"),
        }
    }

    /// The entry itself, which takes a moment to read.
    pub fn entry(&self) -> Entry {
        from_bytes(&self.bytes).expect("it was written whole")
    }
}
