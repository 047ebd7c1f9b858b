//! A part of a record on its way to somebody elsewhere who follows the run: a line with the run's
//! identity, whether the run goes `on` or is `over`, and the number of each entry; and the entries
//! as a record has them.

use swell_report::record::RecordReader;

use super::{EntryId, LoggedEntry, RecordPart};

const OVER: &str = "over";
const GOES_ON: &str = "on";

impl RecordPart {
    /// What there is of a run that has told nothing.
    pub fn empty(is_over: bool) -> Self {
        Self { run: String::new(), entries: Vec::new(), is_over }
    }

    /// Whether the run has told nothing at all.
    pub fn is_of_nothing(&self) -> bool {
        self.run.is_empty()
    }

    /// The entry that comes last: what follows it is asked for by that. Nothing where none is here.
    pub fn last(&self) -> Option<EntryId> {
        let last = self.entries.last()?;
        Some(EntryId { run: self.run.clone(), number: last.number() })
    }

    /// As bytes, for [`RecordPart::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = if self.is_over { OVER } else { GOES_ON };
        let mut line = format!("{} {state}", self.run);
        for entry in &self.entries {
            line.push(' ');
            line.push_str(&entry.number().to_string());
        }
        line.push('\n');
        let mut bytes = line.into_bytes();
        self.entries.iter().for_each(|entry| bytes.extend_from_slice(entry.bytes()));
        bytes
    }

    /// What these bytes are; nothing where they are broken. To read a whole record takes a moment.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let mut words = str::from_utf8(&bytes[..end]).ok()?.split(' ');
        let run = words.next()?.to_owned();
        let is_over = match words.next()? {
            OVER => true,
            GOES_ON => false,
            _ => return None,
        };
        let mut reader = RecordReader::of_entries(&bytes[end + 1..]);
        let mut entries = Vec::new();
        while let Some(entry) = reader.entry().ok()? {
            let number = words.next()?.parse().ok()?;
            entries.push(LoggedEntry::new(&entry).numbered(number));
        }
        words.next().is_none().then_some(Self { run, entries, is_over })
    }
}

#[cfg(test)]
mod tests {
    use swell_report::record::Entry;

    use super::*;
    use crate::live_records::LiveRecords;
    use crate::outputs::Outputs;
    use crate::samples::{frame, header, mark};

    #[test]
    fn who_follows_from_elsewhere_gets_each_entry_once_with_its_number_and_line() {
        let records = LiveRecords::default();
        let outputs = Outputs::of(vec![records.sink().unwrap()]);
        let run = header("shop");
        let mut seen = None;
        let mut kinds = String::new();
        let mut follow = || {
            outputs.wait_for_room();
            let Some(here) = records.after("shop", seen.as_ref()) else { return kinds.clone() };
            let part = RecordPart::from_bytes(&here.to_bytes()).unwrap();
            assert_eq!((&part.run, part.is_over), (&here.run, here.is_over));
            let told = |part: &RecordPart| -> Vec<_> {
                part.entries.iter().map(|entry| (entry.number(), entry.line())).collect()
            };
            assert_eq!(told(&part), told(&here));
            seen = part.last().or(seen.take());
            kinds.extend(part.entries.iter().map(|entry| match entry.entry() {
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
        assert!(records.after("shop", None).is_some_and(|part| part.is_over));
    }

    #[test]
    fn what_came_broken_is_told_as_nothing() {
        let run = "f00".to_owned();
        let header = LoggedEntry::new(&Entry::Header(Box::new((*header("shop")).clone())));
        let part = RecordPart { run, entries: vec![header.numbered(1)], is_over: false };
        let whole = part.to_bytes();
        assert!(RecordPart::from_bytes(&whole).is_some_and(|part| part.last().is_some()));
        for cut in 0..whole.len() {
            assert!(RecordPart::from_bytes(&whole[..cut]).is_none(), "{cut}");
        }
        let nothing = RecordPart::empty(true).to_bytes();
        let nothing = RecordPart::from_bytes(&nothing).unwrap();
        assert!(nothing.is_of_nothing() && nothing.is_over && nothing.last().is_none());
        for broken in [&b"f00\n"[..], b"f00 maybe\n", b"f00 on 1\n", b"f00 on x\n"] {
            assert!(RecordPart::from_bytes(broken).is_none(), "{broken:?}");
        }
    }
}
