//! Outputs that are one document, made of the results once all runs are over: written to a file,
//! whole or not at all, or to stdout.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use swell_report::Written;

use crate::aside::Aside;
use crate::sink::{Sink, Stdout};

/// Names of this process's own stdout.
pub(crate) const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Bytes that are written to stdout at a time, so that a reader who takes some is seen to.
const PIECE: usize = 4 << 10;

/// See the module's documentation.
pub(crate) struct Document {
    place: DocumentPlace,
    /// What stands in it.
    text: fn(&Written) -> anyhow::Result<String>,
}

/// Where a document goes.
pub(crate) enum DocumentPlace {
    Stdout(Stdout),
    File(PathBuf, Aside),
}

impl Document {
    /// A document of this kind at the place that `--out KIND=VALUE` names.
    ///
    /// # Errors
    /// As [`DocumentPlace::open`].
    pub(crate) fn open(
        kind: &str,
        value: &str,
        stdout: Stdout,
        text: fn(&Written) -> anyhow::Result<String>,
    ) -> anyhow::Result<Box<dyn Sink>> {
        Ok(Box::new(Self { place: DocumentPlace::open(kind, value, stdout)?, text }))
    }
}

impl Sink for Document {
    fn end(&mut self, results: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        self.place.write(&(self.text)(results)?, taken)
    }

    fn takes_stdout(&self) -> bool {
        self.place.is_stdout()
    }
}

impl DocumentPlace {
    /// Looks whether what `--out KIND=VALUE` names can be written to, and leaves it as it is.
    ///
    /// # Errors
    /// None is named, or it cannot.
    pub(crate) fn open(kind: &str, value: &str, stdout: Stdout) -> anyhow::Result<Self> {
        Ok(match value {
            "" => bail!("--out {kind}=: a file is needed after '='"),
            own if STDOUT.contains(&own) => Self::Stdout(stdout),
            path => {
                let aside = Aside::open(Path::new(path))
                    .with_context(|| format!("--out {kind}={path}: cannot write there"))?;
                Self::File(path.into(), aside)
            }
        })
    }

    /// Writes all of the document. `taken` counts bytes as somebody takes them.
    ///
    /// # Errors
    /// It cannot be written. A file is then as it was.
    pub(crate) fn write(&self, text: &str, taken: &AtomicU64) -> anyhow::Result<()> {
        match self {
            Self::Stdout(stdout) => {
                in_pieces(*stdout, text, taken).context("cannot write the results to stdout")
            }
            Self::File(path, aside) => aside.write(text.as_bytes(), taken).with_context(|| {
                let as_it_was = if path.is_file() { "; the file is as it was" } else { "" };
                format!(
                    "cannot write the {} bytes of results to {}{as_it_was}",
                    text.len(),
                    path.display()
                )
            }),
        }
    }

    pub(crate) const fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }
}

/// Writes a text to stdout; `taken` counts the bytes as they are.
///
/// # Errors
/// It is closed or cannot be written.
pub fn in_pieces(stdout: Stdout, text: &str, taken: &AtomicU64) -> io::Result<()> {
    for piece in text.as_bytes().chunks(PIECE) {
        stdout(piece)?;
        taken.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}
