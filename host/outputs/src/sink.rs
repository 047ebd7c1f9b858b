//! What every place is where results go, and how it is asked for.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use swell_report::record::{Frame, Mark, RecordHeader};
use swell_report::{Report, Written};

use crate::exporter::Exporter;

/// A place where results go: a view of each run's record. Whether the run goes on or its record is
/// read from a file makes no difference to it.
pub trait Sink: Send {
    /// A run begins.
    fn begin(&mut self, _run: &Arc<RecordHeader>) {}

    /// What a run counted since the frame before, about a second ago, and where it is.
    fn frame(&mut self, _run: &RecordHeader, _frame: &Arc<Frame>) {}

    /// Something happened. It comes after the frame in which it did.
    fn mark(&mut self, _run: &RecordHeader, _mark: &Mark) {}

    /// A run is over, with what it came to; without where it broke off.
    fn over(&mut self, _run: &RecordHeader, _report: Option<&Report>) {}

    /// Whether it does anything with what is counted meanwhile, which costs a sum a second.
    fn hears_frames(&self) -> bool {
        false
    }

    /// Whether it has nothing to write where there are no results, as those of a run that was cut
    /// off.
    fn needs_results(&self) -> bool {
        !self.hears_frames()
    }

    /// All runs are over, or took place elsewhere, and these are their results. Bytes are counted
    /// as they are taken, so that a reader who takes none is found out.
    ///
    /// # Errors
    /// They could not be written.
    fn end(&mut self, results: &Written, taken: &AtomicU64) -> anyhow::Result<()>;

    /// The same where there are no results and never will be, as those of a run whose process was
    /// killed: what is made of seconds is written as far as they go, the rest not at all.
    ///
    /// # Errors
    /// It could not be written.
    fn end_without_results(&mut self, _taken: &AtomicU64) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether nobody has asked for it: nothing waits for it, and where it fails nothing else does.
    fn is_optional(&self) -> bool {
        false
    }

    /// Whether it sends to somebody who may not be there. It comes after the summary, has some
    /// seconds, and says itself what did not arrive.
    fn goes_elsewhere(&self) -> bool {
        false
    }

    /// Nothing follows but its end. One with a thread may finish from here on, so that several
    /// finish at once.
    fn close(&mut self) {}

    /// Whether it needs stdout for itself.
    fn takes_stdout(&self) -> bool {
        false
    }

    /// Whether it can take what comes next as it is. Whoever reads a record waits for that; a run
    /// does not.
    fn has_room(&mut self) -> bool {
        true
    }

    /// What a person is to be told of it when all is over.
    fn last_words(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// The file in which it keeps the record of a run, by the run's identity.
    fn record_of(&self, _run: &str) -> Option<PathBuf> {
        None
    }

    /// What it wants to be served while runs go on, and where.
    fn page(&self) -> Option<(SocketAddr, Arc<Exporter>)> {
        None
    }
}

/// A kind of sink.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The flag by which it is asked for.
    pub flag: Flag,
    /// What it does: after the form of its value, or as its own flag tells.
    pub help: &'static str,
    /// Whether it is made of each second of a run, and not of results alone.
    pub needs_seconds: bool,
    /// What its value names.
    pub value: KindValue,
    /// Reads its value, and looks whether the place can be written to. A pipe is opened, which
    /// lasts until somebody reads it.
    pub open: fn(value: &str, stdout: Stdout) -> anyhow::Result<Box<dyn Sink>>,
}

/// What the value of a kind of sink names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindValue {
    /// A file, and that alone.
    File,
    /// A file, or stdout by a name of it.
    FileOrStdout,
    /// An address at which it is served.
    Address,
    /// Somebody who is sent what it makes.
    Receiver,
}

/// How a kind of sink is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `--out KIND=VALUE`.
    Out,
    /// `--to KIND=VALUE`.
    To,
    /// A flag of its own, of its name.
    Own,
}

/// Writes bytes to stdout as they are.
pub type Stdout = fn(&[u8]) -> io::Result<()>;
