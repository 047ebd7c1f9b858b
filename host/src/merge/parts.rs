//! The records of a run's hosts, as `host merge` is given them.

use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};
use swell_core::plain::line;
use swell_report::Header;
use swell_report::record::{
    Entry, Frame, Mark, MarkKind, PartAbout, RecordHeader, RecordReader, Unreadable,
};

/// What one host kept of its part.
#[derive(Debug)]
pub(super) struct KeptPart {
    pub(super) header: RecordHeader,
    pub(super) about: PartAbout,
    pub(super) frames: PartFrames,
}

/// The frames of a record, up to where it ends or is broken, which is told.
#[derive(Debug)]
pub(super) struct PartFrames {
    path: PathBuf,
    reader: RecordReader<BufReader<File>>,
    /// Whether the host says that it left; its last frame follows that.
    leaves: Rc<Cell<bool>>,
}

/// Opens the records of the hosts of one run, in the order of their identities.
///
/// # Errors
/// One cannot be read, is no host's record of its part, or is of another run.
pub(super) fn read_parts(paths: &[PathBuf]) -> anyhow::Result<Vec<KeptPart>> {
    let mut parts: Vec<KeptPart> = Vec::with_capacity(paths.len());
    for path in paths {
        let part = KeptPart::open(path)?;
        if let Some(first) = parts.first().filter(|first| !is_of_one_run(first, &part)) {
            bail!(
                "{} is of run {}, and the journals before it of {id}\nhelp: give those of one run, \
                as DIR/*-{id}-*.swell",
                path.display(),
                line(&part.header.run.id),
                id = line(&first.header.run.id)
            );
        }
        let host = part.about.host;
        if parts.iter().any(|before| before.about.host == host) {
            bail!("{}: the journal of host {host} was given twice", path.display());
        }
        parts.push(part);
    }
    parts.sort_by_key(|part| part.about.host);
    Ok(parts)
}

fn is_of_one_run(one: &KeptPart, other: &KeptPart) -> bool {
    let what = |part: &KeptPart| {
        let Header { id, name, seed, scenario, file, file_hash, .. } = part.header.run.clone();
        (id, name, seed, scenario, file, file_hash)
    };
    what(one) == what(other) && one.header.settings == other.header.settings
}

impl KeptPart {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let opened = RecordReader::open(BufReader::new(file));
        if let Err(Unreadable::Empty | Unreadable::Foreign) = opened {
            bail!("{shown} is no journal\nhelp: `host node --journal DIR` writes them");
        }
        let (reader, mut header) = opened.with_context(|| shown.to_string())?;
        let Some(about) = header.part.take() else {
            bail!(
                "{shown} is the record of a whole run, and not what one of several hosts kept of \
                it\nhelp: `host report {shown}` shows its results"
            );
        };
        Ok(Self { header, about, frames: PartFrames::new(path, reader) })
    }
}

impl PartFrames {
    fn new(path: &Path, reader: RecordReader<BufReader<File>>) -> Self {
        Self { path: path.to_owned(), reader, leaves: Rc::default() }
    }

    /// What says, once the last frame was given, whether the host left of its own accord.
    pub(super) fn leaves(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.leaves)
    }
}

impl Iterator for PartFrames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        loop {
            match self.reader.entry() {
                Ok(Some(Entry::Frame(frame))) => return Some(*frame),
                Ok(Some(Entry::Mark(Mark { kind, .. }))) => {
                    self.leaves.set(self.leaves.get() || kind == MarkKind::HostLeft);
                }
                Ok(Some(Entry::Header(_) | Entry::End(_)) | None) => return None,
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    tracing::warn!("{}: {error:#}", self.path.display());
                    return None;
                }
            }
        }
    }
}
