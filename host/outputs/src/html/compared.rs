//! `host compare … --out html=FILE`: the same page, with the records of both sides and what was
//! found of them.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use super::embedded::{EmptyPage, MAX_BYTES, PAGE};
use super::kept::KeptRun;

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparedSide {
    /// What is compared with.
    A,
    /// What is compared.
    B,
}

/// See the module's documentation.
pub struct ComparisonPage {
    page: EmptyPage,
    runs: Vec<(Option<&'static str>, KeptRun)>,
}

impl ComparisonPage {
    /// One without runs.
    ///
    /// # Errors
    /// This host was built without the page.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { page: EmptyPage::new(PAGE, MAX_BYTES)?, runs: Vec::new() })
    }

    /// Adds a run of a side from its record; of one that is cut, what there is.
    ///
    /// # Errors
    /// It cannot be read, or is no record.
    pub fn add(&mut self, side: ComparedSide, record: &Path) -> anyhow::Result<()> {
        let side = match side {
            ComparedSide::A => "a",
            ComparedSide::B => "b",
        };
        self.runs.push((Some(side), KeptRun::of_record(record)?));
        Ok(())
    }

    /// The page, with a comparison as JSON. `taken` moves while it is made.
    ///
    /// # Errors
    /// A record cannot be packed.
    pub fn whole(self, comparison: &str, taken: &AtomicU64) -> anyhow::Result<String> {
        self.page.whole(self.runs, Some(comparison), taken)
    }
}

#[cfg(test)]
mod tests {
    use swell_report::record::Entry;

    use super::*;
    use crate::record_file::{Bounds, RecordFile};
    use crate::samples::{frame, header};

    #[test]
    fn a_page_of_two_sides_has_the_records_of_both_and_the_comparison() {
        let folder = tempfile::tempdir().unwrap();
        let text = "<html>@@RECORDS@@</html>";
        let page = EmptyPage::new(Some(text), 100_000).unwrap();
        let mut page = ComparisonPage { page, runs: Vec::new() };
        for (name, side) in [("old", ComparedSide::A), ("new", ComparedSide::B)] {
            let path = folder.path().join(name);
            let mut record = RecordFile::create(&path, &header(name), Bounds::default()).unwrap();
            record.add(&Entry::Frame(Box::new((*frame(0, 3)).clone()))).unwrap();
            drop(record);
            page.add(side, &path).unwrap();
        }
        let text = page.whole("{\"schema\": \"swell.compare/1\"}", &AtomicU64::new(0)).unwrap();
        for part in ["record\" data-side=\"a\"", "record\" data-side=\"b\"", "comparison\""] {
            let found = text.matches(&format!("type=\"application/vnd.swell.{part}>")).count();
            assert_eq!(found, 1, "{part}: {text}");
        }
        let none = ComparisonPage { page: EmptyPage::new(Some("x"), 1).unwrap(), runs: Vec::new() };
        assert!(none.whole("{}", &AtomicU64::new(0)).is_err());
    }
}
