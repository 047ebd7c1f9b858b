//! The page as `host/web` builds it, and what is put into it: each record, and a comparison, as
//! deflated text in base64, in a script of a kind that no browser runs.

use std::io::{self, Write as _};
use std::sync::atomic::AtomicU64;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::kept::KeptRun;
use crate::page::{self, PAGE_MISSING};

/// The page, where it was built before this host.
pub(super) const PAGE: Option<&str> = match page::PAGE {
    Some(page) => Some(page.report),
    None => None,
};

/// Where the records stand in it.
const RECORDS: &str = "@@RECORDS@@";

/// What the records of a page may take together: a browser has that on the screen in a second.
pub(super) const MAX_BYTES: usize = 12_000_000;

/// The page without records.
#[derive(Clone, Copy, Debug)]
pub(super) struct EmptyPage {
    text: &'static str,
    max_bytes: usize,
}

impl EmptyPage {
    /// # Errors
    /// This host carries none.
    pub(super) fn new(text: Option<&'static str>, max_bytes: usize) -> anyhow::Result<Self> {
        let Some(text) = text else {
            bail!("{PAGE_MISSING}");
        };
        Ok(Self { text, max_bytes })
    }

    /// The page with runs in it, each with the side of the comparison that it is on, if there is
    /// one. `taken` moves while it is made.
    ///
    /// # Errors
    /// A record cannot be packed.
    pub(super) fn whole(
        self,
        runs: Vec<(Option<&str>, KeptRun)>,
        comparison: Option<&str>,
        taken: &AtomicU64,
    ) -> anyhow::Result<String> {
        let (before, after) =
            self.text.split_once(RECORDS).context("the page has no place for records")?;
        let each = self.max_bytes / runs.len().max(1);
        let mut page = before.to_owned();
        for (side, run) in runs {
            // Base64 makes four bytes of three.
            let deflated = run.deflated(each / 4 * 3, taken).context("cannot pack the record")?;
            let side = side.map(|side| format!(" data-side=\"{side}\"")).unwrap_or_default();
            put(&mut page, "record", &side, &deflated);
        }
        if let Some(comparison) = comparison {
            let deflated = deflated(comparison).context("cannot pack the comparison")?;
            put(&mut page, "comparison", "", &deflated);
        }
        page.push_str(after);
        Ok(page)
    }
}

fn put(page: &mut String, kind: &str, attributes: &str, deflated: &[u8]) {
    page.push_str(&format!("<script type=\"application/vnd.swell.{kind}\"{attributes}>"));
    STANDARD.encode_string(deflated, page);
    page.push_str("</script>");
}

fn deflated(text: &str) -> io::Result<Vec<u8>> {
    let mut to = ZlibEncoder::new(Vec::new(), Compression::default());
    to.write_all(text.as_bytes())?;
    to.finish()
}
