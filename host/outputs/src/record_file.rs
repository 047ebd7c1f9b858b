//! A record as a file that grows with its run, within bounds: where it would have too many frames
//! or bytes, the oldest frames are joined.
//!
//! An entry is written in one piece, so a process that is killed leaves whole entries. Joining
//! writes another file beside it, which takes its name once it is whole. While a record is written
//! it is locked: whoever reads it can tell that its run goes on.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use swell_report::record::{
    Entry, FIRST_BYTES, Frame, RecordHeader, Span, from_bytes, joined, to_bytes,
};
use tempfile::NamedTempFile;

/// How the name of a file begins that is to take the place of a record.
pub(crate) const JOINING: &str = ".joining.";

/// How much a record may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Frames.
    pub(crate) frames: usize,
    /// Bytes.
    pub(crate) bytes: u64,
}

impl Default for Bounds {
    /// An hour in seconds, in a file that is read at once.
    fn default() -> Self {
        Self { frames: 3_600, bytes: 64 << 20 }
    }
}

/// A record that is being written.
#[derive(Debug)]
pub(crate) struct RecordFile {
    path: PathBuf,
    file: File,
    bounds: Bounds,
    /// All entries that were written, in their order.
    entries: Vec<EntryPlace>,
    bytes: u64,
    frames: usize,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
struct EntryPlace {
    at: u64,
    bytes: u64,
    /// Of a frame its length.
    frame: Option<Duration>,
}

impl RecordFile {
    /// Begins a record, in a file of this user alone: whoever reads it learns what was run, and
    /// where.
    ///
    /// # Errors
    /// There is a file already, or it cannot be made.
    pub(crate) fn create(path: &Path, header: &RecordHeader, bounds: Bounds) -> io::Result<Self> {
        let file =
            File::options().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        // Not every file system has locks; then nobody can tell that it is being written.
        let _ = file.lock();
        let (path, entries) = (path.to_owned(), Vec::new());
        let mut this = Self { path, file, bounds, entries, bytes: 0, frames: 0 };
        this.file.write_all(FIRST_BYTES)?;
        this.bytes = FIRST_BYTES.len() as u64;
        this.add(&Entry::Header(Box::new(header.clone())))?;
        Ok(this)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// It cannot be written. What was written before stays readable.
    pub(crate) fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.add_counting(entry, &AtomicU64::new(0))
    }

    /// The same; `written` counts the bytes as they are, those of a joined record too, so that
    /// whoever waits can tell a slow disk from one that is stuck.
    ///
    /// # Errors
    /// As [`RecordFile::add`].
    pub(crate) fn add_counting(&mut self, entry: &Entry, written: &AtomicU64) -> io::Result<()> {
        let bytes = to_bytes(entry);
        if let Err(error) = self.file.write_all(&bytes) {
            // A part of an entry is of no use.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        let frame = match entry {
            Entry::Frame(frame) => Some(frame.length()),
            _ => None,
        };
        let taken = bytes.len() as u64;
        written.fetch_add(taken, Ordering::Relaxed);
        self.entries.push(EntryPlace { at: self.bytes, bytes: taken, frame });
        self.bytes += taken;
        self.frames += usize::from(frame.is_some());
        if frame.is_some() {
            self.keep_within_bounds(written)?;
        }
        Ok(())
    }

    fn keep_within_bounds(&mut self, written: &AtomicU64) -> io::Result<()> {
        let Bounds { frames, bytes } = self.bounds;
        // Three quarters are left, so that it is not soon the same again.
        let (mut few, mut short) = (frames * 3 / 4, bytes * 3 / 4);
        while (self.frames > frames || self.bytes > bytes) && self.frames > 1 {
            self.join_oldest(few, short, written)?;
            if few == 0 {
                // What is left cannot be joined any more.
                break;
            }
            // How much is saved is known afterwards.
            (few, short) = (few.min(self.frames) * 3 / 4, short * 3 / 4);
        }
        Ok(())
    }

    /// Writes all anew, with fewer frames.
    fn join_oldest(&mut self, frames: usize, bytes: u64, written: &AtomicU64) -> io::Result<()> {
        let spans: Vec<Span> = self
            .entries
            .iter()
            .filter_map(|place| Some(Span { length: place.frame?, bytes: place.bytes }))
            .collect();
        let groups = joined(&spans, frames, bytes);
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        // Such a file is of its user alone.
        let new = NamedTempFile::with_prefix_in(JOINING, folder.unwrap_or(Path::new(".")))?;
        let _ = new.as_file().lock();
        let mut copy = Rewriting { old: &self.file, new, entries: Vec::new(), bytes: 0, written };
        copy.put(FIRST_BYTES)?;
        copy.all(&self.entries, &groups)?;
        let Rewriting { new, entries, bytes, .. } = copy;
        new.as_file().sync_data()?;
        self.file = new.persist(&self.path).map_err(|error| error.error)?;
        self.frames = entries.iter().filter(|place| place.frame.is_some()).count();
        (self.entries, self.bytes) = (entries, bytes);
        Ok(())
    }
}

/// A record that is written anew from another one.
struct Rewriting<'a> {
    old: &'a File,
    new: NamedTempFile,
    entries: Vec<EntryPlace>,
    bytes: u64,
    /// Moves as it is written.
    written: &'a AtomicU64,
}

impl Rewriting<'_> {
    /// Copies all entries; those frames become one that are of one group, or few where one could
    /// not be read. What stood between them follows it.
    fn all(&mut self, places: &[EntryPlace], groups: &[Range<usize>]) -> io::Result<()> {
        let mut groups = groups.iter();
        // Frames of the present group that are to come, the sum of those that came, and what is to
        // follow it.
        let (mut to_come, mut sum, mut behind) = (0, None::<Frame>, Vec::new());
        for place in places {
            let bytes = self.read(place)?;
            if place.frame.is_none() {
                if to_come > 0 {
                    behind.push((place, bytes))
                } else {
                    self.copy(place, &bytes)?
                }
                continue;
            }
            let is_first = to_come == 0;
            if is_first {
                to_come = groups.next().map_or(1, ExactSizeIterator::len);
            }
            to_come -= 1;
            if is_first && to_come == 0 {
                self.copy(place, &bytes)?;
                continue;
            }
            let Some(Entry::Frame(frame)) = from_bytes(&bytes) else {
                return Err(io::Error::other("the record has changed while it was written"));
            };
            match &mut sum {
                Some(sum) if sum.can_join(&frame) => sum.join(&frame),
                sum => {
                    let before = sum.replace(*frame);
                    before.map_or(Ok(()), |before| self.add(before, place))?;
                }
            }
            if to_come == 0 {
                self.add(sum.take().expect("its first frame came before"), place)?;
                for (place, bytes) in behind.drain(..) {
                    self.copy(place, &bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Adds a frame that was joined of some, of which this is one's place.
    fn add(&mut self, frame: Frame, place: &EntryPlace) -> io::Result<()> {
        let length = Some(frame.length());
        let bytes = to_bytes(&Entry::Frame(Box::new(frame)));
        self.copy(&EntryPlace { frame: length, ..*place }, &bytes)
    }

    fn read(&mut self, place: &EntryPlace) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.bytes as usize];
        self.old.seek(SeekFrom::Start(place.at))?;
        self.old.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn copy(&mut self, place: &EntryPlace, bytes: &[u8]) -> io::Result<()> {
        let at = self.bytes;
        self.put(bytes)?;
        self.entries.push(EntryPlace { at, bytes: bytes.len() as u64, ..*place });
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.new.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use swell_core::record::Snapshot;
    use swell_report::record::RecordReader;

    use super::*;
    use crate::samples::{busy_frame, frame, header, mark};

    /// The frames of a record, and the kinds of all entries as letters.
    fn read(path: &Path) -> (Vec<Frame>, String) {
        let (mut reader, _) = RecordReader::open(File::open(path).unwrap()).unwrap();
        let (mut frames, mut kinds) = (Vec::new(), String::new());
        while let Some(entry) = reader.entry().unwrap() {
            match entry {
                Entry::Frame(frame) => {
                    kinds.push('f');
                    frames.push(*frame);
                }
                Entry::Mark(_) => kinds.push('m'),
                Entry::Header(_) | Entry::End(_) => kinds.push('?'),
            }
        }
        (frames, kinds)
    }

    #[test]
    fn a_record_is_of_its_user_alone_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.swell");
        let mut record = RecordFile::create(&path, &header("shop"), Bounds::default()).unwrap();
        record.add(&Entry::Frame(Box::new((*frame(0, 5)).clone()))).unwrap();
        record.add(&Entry::Mark(mark())).unwrap();
        assert_eq!(read(&path).1, "fm");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(File::open(&path).unwrap().try_lock().is_err(), "its run goes on");
        drop(record);
        assert!(File::open(&path).unwrap().try_lock().is_ok());
        let again = RecordFile::create(&path, &header("shop"), Bounds::default());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_long_run_stays_within_its_frames_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.swell");
        let bounds = Bounds { frames: 40, ..Bounds::default() };
        let mut record = RecordFile::create(&path, &header("shop"), bounds).unwrap();
        let mut all = Snapshot::default();
        for second in 0..500 {
            let frame = busy_frame(second, 20);
            all.merge(&frame.counted);
            record.add(&Entry::Frame(Box::new(frame))).unwrap();
            if second % 100 == 50 {
                record.add(&Entry::Mark(mark())).unwrap();
            }
        }
        let (frames, kinds) = read(&path);
        assert!(frames.len() <= 40 && frames.len() > 20, "{}", frames.len());
        let mut sum = Snapshot::default();
        frames.iter().for_each(|frame| sum.merge(&frame.counted));
        assert_eq!(sum, all);
        assert!(frames.windows(2).all(|pair| pair[0].until == pair[1].from));
        assert_eq!(frames.last().unwrap().length().as_secs(), 1, "the newest are as they were");
        assert_eq!(kinds.matches('m').count(), 5);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn frames_are_joined_as_far_as_what_they_counted_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.swell");
        let bounds = Bounds { frames: 6, ..Bounds::default() };
        let mut record = RecordFile::create(&path, &header("shop"), bounds).unwrap();
        // Four of them together come to what one frame may have counted.
        let body_bytes = 1 << 41;
        for second in 0..30 {
            let mut frame = (*frame(second, 1)).clone();
            frame.counted.measured.requests.body_bytes = body_bytes;
            record.add(&Entry::Frame(Box::new(frame))).unwrap();
        }
        let (frames, _) = read(&path);
        assert!(frames.len() >= 8 && frames.len() < 30, "{}", frames.len());
        let counted = frames.iter().map(|frame| frame.counted.measured.requests.body_bytes);
        assert_eq!(counted.sum::<u64>(), 30 * body_bytes);
    }

    #[test]
    fn a_run_with_much_to_tell_stays_within_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.swell");
        let bounds = Bounds { frames: 3_600, bytes: 60_000 };
        let mut record = RecordFile::create(&path, &header("shop"), bounds).unwrap();
        for second in 0..200 {
            record.add(&Entry::Frame(Box::new(busy_frame(second, 300)))).unwrap();
            assert!(std::fs::metadata(&path).unwrap().len() <= bounds.bytes);
        }
        let until = read(&path).0.last().unwrap().until;
        assert_eq!(until.as_secs_f64(), 200.0);
    }
}
