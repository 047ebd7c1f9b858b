//! A run as a page keeps it until the end: as a record in memory, of no more than some bytes.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use swell_core::RunInstant;
use swell_report::record::{
    Entry, FIRST_BYTES, Frame, Mark, RecordHeader, RecordReader, Unreadable, end_line, frame_line,
    header_line, mark_line, to_bytes,
};

use super::packed::pack;

/// What the frames may take in memory, and how many there may be. As lines they take about twice as
/// much, so little of this is joined again for the page.
const MAX_BYTES: usize = 16 << 20;
const MAX_FRAMES: usize = 3_600;

/// How much longer than its step a frame may become: what is left at the end of a run is rarely a
/// whole one.
const SLACK: Duration = Duration::from_millis(200);

/// See the module's documentation.
pub(super) struct KeptRun {
    header: Arc<RecordHeader>,
    /// A record of the header and the frames but the last.
    record: Vec<u8>,
    frames: usize,
    /// The last frame, as long as it may grow.
    last: Option<Frame>,
    /// How long a frame is at least.
    step: Duration,
    marks: Vec<Mark>,
    /// The line of what it came to.
    end: Option<String>,
}

impl KeptRun {
    pub(super) fn new(header: &Arc<RecordHeader>) -> Self {
        Self::with_step(header, Duration::from_secs(1))
    }

    /// The run of a record; of one that is cut, what there is.
    pub(super) fn of_record(path: &Path) -> anyhow::Result<Self> {
        let shown = || path.display().to_string();
        let file = File::open(path).with_context(shown)?;
        let (mut reader, header) = RecordReader::open(BufReader::new(file)).with_context(shown)?;
        let mut run = Self::new(&Arc::new(header));
        loop {
            match reader.entry() {
                Ok(Some(Entry::Frame(frame))) => run.add(*frame),
                Ok(Some(Entry::Mark(mark))) => run.mark(mark),
                Ok(Some(Entry::End(report))) => run.over(end_line(&report).to_string()),
                Err(Unreadable::Io(error)) => return Err(error).with_context(shown),
                Ok(Some(Entry::Header(_)) | None) | Err(_) => return Ok(run),
            }
        }
    }

    fn with_step(header: &Arc<RecordHeader>, step: Duration) -> Self {
        let mut record = FIRST_BYTES.to_vec();
        record.extend(to_bytes(&Entry::Header(Box::new(RecordHeader::clone(header)))));
        Self {
            header: Arc::clone(header),
            record,
            frames: 0,
            last: None,
            step,
            marks: Vec::new(),
            end: None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.header.run.id
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    pub(super) fn over(&mut self, line: String) {
        self.end = Some(line);
    }

    /// Adds the frame that follows.
    pub(super) fn add(&mut self, frame: Frame) {
        match &mut self.last {
            Some(last)
                if last.length() + frame.length() / 2 <= self.step + SLACK
                    && last.can_join(&frame) =>
            {
                last.join(&frame);
            }
            last => {
                let before = last.replace(frame);
                self.keep(before);
            }
        }
        if self.record.len() > MAX_BYTES || self.frames > MAX_FRAMES {
            self.join();
        }
    }

    fn keep(&mut self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            self.record.extend(to_bytes(&Entry::Frame(Box::new(frame))));
            self.frames += 1;
        }
    }

    /// Joins frames until they are twice as long.
    fn join(&mut self) {
        let mut joined = Self::with_step(&self.header, self.step * 2);
        self.each(|frame| {
            joined.add(frame);
            Ok(())
        })
        .expect("adding cannot fail");
        let Self { record, frames, last, step, .. } = joined;
        (self.record, self.frames, self.last, self.step) = (record, frames, last, step);
    }

    /// Calls back with each frame.
    fn each(&self, mut to: impl FnMut(Frame) -> io::Result<()>) -> io::Result<()> {
        let (mut reader, _) =
            RecordReader::open(&*self.record).expect("it was written as a record");
        while let Some(entry) = reader.entry().expect("it was written whole") {
            if let Entry::Frame(frame) = entry {
                to(*frame)?;
            }
        }
        self.last.clone().map_or(Ok(()), to)
    }

    /// The lines of its record, deflated, of at most so many bytes if frames can be joined so far;
    /// `taken` counts lines meanwhile.
    ///
    /// # Errors
    /// None in truth: nothing keeps a list from growing.
    pub(super) fn deflated(mut self, max: usize, taken: &AtomicU64) -> io::Result<Vec<u8>> {
        loop {
            let deflated = self.all_lines(taken)?;
            // Frames longer than the run are joined as far as they can be.
            let whole = self.last.as_ref().map_or(RunInstant::START, |last| last.until);
            let is_whole = self.step > whole.since(RunInstant::START);
            if deflated.len() <= max || self.frames < 2 || is_whole {
                return Ok(deflated);
            }
            self.join();
        }
    }

    fn all_lines(&self, taken: &AtomicU64) -> io::Result<Vec<u8>> {
        let mut to = ZlibEncoder::new(Vec::new(), Compression::default());
        writeln!(to, "{}", header_line(&self.header))?;
        self.each(|frame| {
            taken.fetch_add(1, Ordering::Relaxed);
            writeln!(to, "{}", pack(frame_line(&frame)))
        })?;
        for mark in &self.marks {
            writeln!(to, "{}", mark_line(mark))?;
        }
        if let Some(end) = &self.end {
            writeln!(to, "{end}")?;
        }
        to.finish()
    }
}
