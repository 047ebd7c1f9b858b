//! A part of a record on its way to somebody elsewhere who follows the run: a line with the entry
//! that comes last, which is empty where there is none, and the entries as a record has them.

use swell_report::record::{Entry, RecordReader};

use super::{EntryId, RecordPart};

/// A part of a record that has come from elsewhere.
#[derive(Debug)]
pub struct ReceivedPart {
    /// The entry that came last: what follows it is asked for by that. Nothing where nothing came.
    pub last: Option<EntryId>,
    /// In their order. Where they begin with the header, all that came before is in them too.
    pub entries: Vec<Entry>,
}

impl RecordPart {
    /// As bytes, for [`ReceivedPart::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let last = self.entries.last();
        let last = last.map(|last| EntryId { run: self.run.clone(), number: last.number() });
        let mut bytes = last.map(|last| last.to_string()).unwrap_or_default().into_bytes();
        bytes.push(b'\n');
        self.entries.iter().for_each(|entry| bytes.extend_from_slice(entry.bytes()));
        bytes
    }
}

impl ReceivedPart {
    /// What these bytes are; nothing where they are broken.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let last = str::from_utf8(&bytes[..end]).ok()?;
        let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
        let mut reader = RecordReader::of_entries(&bytes[end + 1..]);
        let mut entries = Vec::new();
        while let Some(entry) = reader.entry().ok()? {
            entries.push(entry);
        }
        Some(Self { last, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_records::LiveRecords;
    use crate::outputs::Outputs;
    use crate::samples::{frame, header, mark};

    #[test]
    fn who_follows_from_elsewhere_gets_each_entry_once() {
        let records = LiveRecords::default();
        let outputs = Outputs::of(vec![records.sink().unwrap()]);
        let run = header("shop");
        let mut seen = None;
        let mut kinds = String::new();
        let mut follow = || {
            outputs.wait_for_room();
            let Some(part) = records.after("shop", seen.as_ref()) else { return kinds.clone() };
            let part = ReceivedPart::from_bytes(&part.to_bytes()).unwrap();
            seen = part.last.or(seen.take());
            kinds.extend(part.entries.iter().map(|entry| match entry {
                Entry::Header(_) => 'h',
                Entry::Frame(_) => 'f',
                Entry::Mark(_) => 'm',
                Entry::End(_) => 'e',
            }));
            kinds.clone()
        };
        outputs.begin(&run);
        for second in 0..3 {
            outputs.frame(&run, &frame(second, 3));
            follow();
        }
        outputs.mark(&run, &mark());
        outputs.over(&run, None);
        outputs.end_without_results(&std::sync::atomic::AtomicU64::new(0)).unwrap();
        assert_eq!(follow(), "hfffm");
        assert_eq!(follow(), "hfffm");
    }

    #[test]
    fn what_came_broken_is_told_as_nothing() {
        let part = RecordPart { run: "f00".to_owned(), entries: Vec::new(), is_over: false };
        let whole = part.to_bytes();
        assert!(ReceivedPart::from_bytes(&whole).is_some_and(|part| part.last.is_none()));
        assert!(ReceivedPart::from_bytes(&whole[..whole.len() - 1]).is_none());
        let cut = [&whole[..], &[7, 0, 0]].concat();
        assert!(ReceivedPart::from_bytes(&cut).is_none());
        assert!(ReceivedPart::from_bytes(b"f00\n").is_none());
    }
}
