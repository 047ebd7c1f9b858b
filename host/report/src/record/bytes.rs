//! A record as bytes: how it begins, then one entry after the other, each whole or not there.
//!
//! An entry is the length of what follows, a checksum, and the deflated entry itself: its kind and
//! its content. A header and a report are JSON, so that a later release may add to them; frames and
//! marks, of which there are thousands, are in postcard's form. A process that is killed leaves all
//! entries but the last; whoever reads takes those before the first that is broken.

use std::io::{self, Read, Seek, SeekFrom, Write as _};

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use swell_core::record::Snapshot;
use thiserror::Error;

use super::frame::Frame;
use super::header::RecordHeader;
use super::mark::Mark;
use super::summed::{put_back, take_out};
use crate::report::Report;

/// How a record begins. The number is raised when an earlier release could not read it any more.
pub const FIRST_BYTES: &[u8] = b"swell-record/1\n";
/// The same up to the number.
const NAME: &[u8] = b"swell-record/";
/// Digits that a later release's number may have.
const MAX_DIGITS: usize = 6;

/// The longest entry, deflated and not: more than a second with a thousand names takes.
const MAX_BYTES: u32 = 64 << 20;
const MAX_INFLATED: u64 = 256 << 20;

/// A part of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// What is known of the run when it begins. The first.
    Header(Box<RecordHeader>),
    /// What a stretch of it counted.
    Frame(Box<Frame>),
    /// What happened at one instant.
    Mark(Mark),
    /// What the run came to. The last; a record that was cut short has none.
    End(Box<Report>),
}

/// Kinds of entries, as they are written.
const HEADER: u8 = 0;
const FRAME: u8 = 1;
const MARK: u8 = 2;
const END: u8 = 3;

/// An entry as bytes. A frame that would be longer than a reader takes loses what takes most: the
/// scenario's own metrics, then texts, then the rows by name; the totals stay.
pub fn to_bytes(entry: &Entry) -> Vec<u8> {
    within(entry, MAX_BYTES as usize, MAX_INFLATED)
}

fn within(entry: &Entry, most: usize, most_inflated: u64) -> Vec<u8> {
    let fits = |(bytes, inflated): &(Vec<u8>, usize)| {
        bytes.len() - HEAD <= most && *inflated as u64 <= most_inflated
    };
    let mut written = deflated(entry);
    if let Entry::Frame(frame) = entry
        && !fits(&written)
    {
        let mut frame = frame.clone();
        let leave_out =
            [Snapshot::leave_out_metrics, Snapshot::leave_out_texts, Snapshot::leave_out_rows];
        for leave_out in leave_out {
            leave_out(&mut frame.counted);
            written = deflated(&Entry::Frame(frame.clone()));
            if fits(&written) {
                break;
            }
        }
    }
    written.0
}

/// An entry as bytes, and how many it has before it is deflated.
fn deflated(entry: &Entry) -> (Vec<u8>, usize) {
    let (kind, content) = match entry {
        Entry::Header(header) => (HEADER, json(header)),
        Entry::Frame(frame) => (FRAME, packed_frame(frame)),
        Entry::Mark(mark) => (MARK, packed(mark)),
        Entry::End(report) => (END, json(report)),
    };
    // Most of a frame is histograms, which are packed to the bit: a longer search finds no more.
    let mut deflated = DeflateEncoder::new(vec![0; HEAD], Compression::fast());
    let done = deflated.write_all(&[kind]).and_then(|()| deflated.write_all(&content));
    let mut bytes =
        done.and_then(|()| deflated.finish()).expect("nothing keeps a list from growing");
    let length = u32::try_from(bytes.len() - HEAD).expect("an entry is not so long");
    let sum = checksum(&bytes[HEAD..]);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..HEAD].copy_from_slice(&sum.to_le_bytes());
    (bytes, 1 + content.len())
}

/// What an entry is, of which these are all bytes; nothing where they are broken.
pub fn from_bytes(bytes: &[u8]) -> Option<Entry> {
    RecordReader::of_entries(bytes).entry().ok().flatten()
}

/// Bytes before each entry: its length and its checksum.
const HEAD: usize = 8;

fn json(content: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(content).expect("all keys are texts")
}

/// A frame, after what of it follows from the rest.
fn packed_frame(frame: &Frame) -> Vec<u8> {
    let mut frame = frame.clone();
    let left_out = take_out(&mut frame.counted);
    postcard::to_extend(&frame, vec![left_out]).expect("its lists know their lengths")
}

fn packed(content: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(content).expect("its lists know their lengths")
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Why there is no more to be read of a record.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// It is of another program.
    #[error("it is no record of a run")]
    Foreign,
    /// It is of a later release.
    #[error("it is a record in form {0}, of a later release: this one reads form 1")]
    Later(u64),
    /// It ends before its header does, or that is broken.
    #[error("its beginning is broken: nothing says what was run")]
    NoHeader,
    /// It is broken in the middle of an entry; what was read before holds.
    #[error("it is cut or broken after {0} bytes: what follows is left out")]
    Broken(u64),
    /// The file cannot be read.
    #[error("cannot read it")]
    Io(#[from] io::Error),
}

/// Reads a record, entry by entry.
#[derive(Debug)]
pub struct RecordReader<R> {
    input: R,
    /// Bytes that have been read of whole entries.
    read: u64,
}

impl<R: Read> RecordReader<R> {
    /// Reads entries that were taken out of a record.
    pub const fn of_entries(input: R) -> Self {
        Self { input, read: 0 }
    }

    /// Reads how a record begins.
    ///
    /// # Errors
    /// It is no record, or none that this release can read.
    pub fn open(mut input: R) -> Result<(Self, RecordHeader), Unreadable> {
        let mut first = Vec::new();
        let longest = (NAME.len() + MAX_DIGITS + 1) as u64;
        (&mut input).take(FIRST_BYTES.len() as u64).read_to_end(&mut first)?;
        if first.is_empty() {
            return Err(Unreadable::Empty);
        }
        if first != FIRST_BYTES {
            input.take(longest - first.len() as u64).read_to_end(&mut first)?;
            return Err(what_it_is(&first));
        }
        let mut this = Self { input, read: FIRST_BYTES.len() as u64 };
        match this.entry() {
            Ok(Some(Entry::Header(header))) => Ok((this, *header)),
            Err(Unreadable::Io(error)) => Err(error.into()),
            _ => Err(Unreadable::NoHeader),
        }
    }

    /// The next entry; nothing where the file ends behind a whole one.
    ///
    /// # Errors
    /// It is broken or cut there, or cannot be read. There is nothing to be read after it.
    pub fn entry(&mut self) -> Result<Option<Entry>, Unreadable> {
        let broken = || Unreadable::Broken(self.read);
        let mut head = [0; HEAD];
        match fill(&mut self.input, &mut head)? {
            0 => return Ok(None),
            HEAD => {}
            _ => return Err(broken()),
        }
        let [a, b, c, d, sum @ ..] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length > MAX_BYTES {
            return Err(broken());
        }
        let mut bytes = Vec::new();
        (&mut self.input).take(u64::from(length)).read_to_end(&mut bytes)?;
        if bytes.len() != length as usize || checksum(&bytes) != u32::from_le_bytes(sum) {
            return Err(broken());
        }
        let entry = unpacked(&bytes).ok_or_else(broken)?;
        self.read += (HEAD + bytes.len()) as u64;
        Ok(Some(entry))
    }
}

impl<R: Read + Seek> RecordReader<R> {
    /// The last whole entry of those that follow, without a look at the others; nothing where none
    /// follows.
    ///
    /// # Errors
    /// It is broken, or cannot be read.
    pub fn last_entry(&mut self) -> Result<Option<Entry>, Unreadable> {
        let end = self.input.seek(SeekFrom::End(0))?;
        let (mut last, mut next) = (None, self.read);
        let mut head = [0; HEAD];
        while next + HEAD as u64 <= end {
            self.input.seek(SeekFrom::Start(next))?;
            self.input.read_exact(&mut head)?;
            let [a, b, c, d, ..] = head;
            let behind = next + (HEAD as u64) + u64::from(u32::from_le_bytes([a, b, c, d]));
            if behind > end {
                break;
            }
            (last, next) = (Some(next), behind);
        }
        let Some(last) = last else { return Ok(None) };
        self.input.seek(SeekFrom::Start(last))?;
        self.read = last;
        self.entry()
    }
}

/// What something is that does not begin as a record of this release.
fn what_it_is(first: &[u8]) -> Unreadable {
    let number = first.strip_prefix(NAME).and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    number
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .filter(|number| *number > 1)
        .map_or(Unreadable::Foreign, Unreadable::Later)
}

/// Reads until a buffer is full or the input ends; gives how much there was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn unpacked(deflated: &[u8]) -> Option<Entry> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(deflated).take(MAX_INFLATED).read_to_end(&mut bytes).ok()?;
    let (&kind, content) = bytes.split_first()?;
    match kind {
        HEADER => from_json(content).map(Entry::Header),
        FRAME => {
            let (&left_out, content) = content.split_first()?;
            let mut frame: Box<Frame> = from_packed(content)?;
            put_back(&mut frame.counted, left_out);
            Some(Entry::Frame(frame))
        }
        MARK => from_packed(content).map(Entry::Mark),
        END => from_json(content).map(Entry::End),
        _ => None,
    }
}

fn from_json<T: DeserializeOwned>(content: &[u8]) -> Option<T> {
    serde_json::from_slice(content).ok()
}

fn from_packed<T: DeserializeOwned>(content: &[u8]) -> Option<T> {
    postcard::from_bytes(content).ok()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn record() -> (Vec<Entry>, Vec<u8>) {
        let entries = vec![
            Entry::Header(Box::new(samples::header())),
            Entry::Frame(Box::new(samples::frame(0, 1, 300))),
            Entry::Mark(samples::mark()),
            Entry::Frame(Box::new(samples::frame(1, 2, 20))),
            Entry::End(Box::new(samples::report())),
        ];
        let mut bytes = FIRST_BYTES.to_vec();
        entries.iter().for_each(|entry| bytes.extend(to_bytes(entry)));
        (entries, bytes)
    }

    /// What can be read, and why there is no more.
    fn read(bytes: &[u8]) -> (Vec<Entry>, Option<Unreadable>) {
        let (mut reader, header) = match RecordReader::open(bytes) {
            Ok(opened) => opened,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let mut entries = vec![Entry::Header(Box::new(header))];
        loop {
            match reader.entry() {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => return (entries, None),
                Err(error) => return (entries, Some(error)),
            }
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let (entries, bytes) = record();
        let (read, amiss) = read(&bytes);
        assert_eq!(read, entries);
        assert!(amiss.is_none());
    }

    #[test]
    fn a_record_that_is_cut_anywhere_is_read_up_to_there() {
        let (entries, bytes) = record();
        let mut ends = vec![FIRST_BYTES.len()];
        for entry in &entries {
            ends.push(ends[ends.len() - 1] + to_bytes(entry).len());
        }
        for cut in 0..bytes.len() {
            let (read, amiss) = read(&bytes[..cut]);
            let whole = ends.iter().skip(1).filter(|end| **end <= cut).count();
            assert_eq!(read.len(), whole, "cut after {cut} bytes");
            assert_eq!(read, entries[..whole]);
            let told = amiss.as_ref().map(ToString::to_string);
            match (cut, &amiss) {
                (0, Some(Unreadable::Empty)) => {}
                (1.., Some(Unreadable::Foreign)) if cut < FIRST_BYTES.len() => {}
                (_, Some(Unreadable::NoHeader)) if cut < ends[1] => {}
                (_, Some(Unreadable::Broken(at))) if *at == ends[whole] as u64 => {}
                (_, None) if ends.contains(&cut) => {}
                _ => panic!("cut after {cut} bytes: {told:?}"),
            }
        }
    }

    #[test]
    fn a_frame_that_no_reader_would_take_loses_what_takes_most_and_keeps_its_totals() {
        let frame = samples::frame(0, 1, 300);
        let entry = Entry::Frame(Box::new(frame.clone()));
        let (whole, inflated) = deflated(&entry);
        assert_eq!(within(&entry, whole.len() - HEAD, inflated as u64), whole);
        let read = |bytes: &[u8]| match from_bytes(bytes) {
            Some(Entry::Frame(frame)) => frame.counted.measured,
            other => panic!("{other:?}"),
        };
        let mut before = whole.len();
        for (most, most_inflated) in
            [(whole.len() - HEAD - 1, u64::MAX), (usize::MAX, inflated as u64 - 1), (0, 0)]
        {
            let bytes = within(&entry, most, most_inflated);
            let counted = read(&bytes);
            assert_eq!(counted.total, frame.counted.measured.total);
            assert!(bytes.len() <= before && bytes.len() < whole.len());
            assert_eq!(counted.metrics.iter().count(), 0);
            before = bytes.len();
        }
    }

    #[test]
    fn the_last_entry_is_found_without_reading_the_others() {
        let (entries, bytes) = record();
        let last = |bytes: &[u8]| {
            let (mut reader, _) = RecordReader::open(io::Cursor::new(bytes)).unwrap();
            reader.last_entry().unwrap()
        };
        assert_eq!(last(&bytes).as_ref(), entries.last());
        assert_eq!(last(&bytes[..bytes.len() - 1]).as_ref(), entries.get(entries.len() - 2));
        let begun = FIRST_BYTES.len() + to_bytes(&entries[0]).len();
        assert_eq!(last(&bytes[..begun]), None);
    }

    #[test]
    fn a_byte_that_has_changed_is_found_wherever_it_stands() {
        let (entries, bytes) = record();
        for place in 0..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut changed = bytes.clone();
                changed[place] ^= bit;
                let (read, amiss) = read(&changed);
                assert!(amiss.is_some(), "byte {place}");
                assert!(read.len() < entries.len());
                assert_eq!(read, entries[..read.len()], "byte {place}");
            }
        }
    }

    #[test]
    fn what_is_none_of_ours_is_told_apart() {
        let told = |bytes: &[u8]| read(bytes).1.expect("it is none").to_string();
        assert_eq!(told(b""), "it is empty");
        for foreign in [&b"{"[..], b"SQLite format 3\0", b"swell-journal/3\n", b"swell-record/x\n"]
        {
            assert_eq!(told(foreign), "it is no record of a run");
        }
        assert_eq!(
            told(b"swell-record/2\nwhatever follows"),
            "it is a record in form 2, of a later release: this one reads form 1"
        );
        assert_eq!(told(FIRST_BYTES), "its beginning is broken: nothing says what was run");
    }

    #[test]
    fn a_length_that_cannot_be_is_no_reason_to_take_memory() {
        let (_, mut bytes) = record();
        bytes.extend([0xff; 8]);
        assert!(matches!(read(&bytes).1, Some(Unreadable::Broken(_))));
        // As long as it may be, and nothing behind it.
        let (_, mut bytes) = record();
        bytes.extend(MAX_BYTES.to_le_bytes());
        bytes.extend([0; 4]);
        assert!(matches!(read(&bytes).1, Some(Unreadable::Broken(_))));
    }
}
