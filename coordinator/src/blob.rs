//! Files by their hash.
//!
//! A scenario and its data are known by BLAKE3 hash and size, which come from the run's manifest,
//! so any member that has a file is as good a source of it as any other.
//!
//! Disks may be slow, and the caller's thread keeps leases alive, so files are read and written on
//! tokio's threads for blocking work.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// How long a transfer may stand still before it is given up.
pub(crate) const STALL: Duration = Duration::from_secs(5);

/// The BLAKE3 hash of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobHash([u8; 32]);

/// A file as a manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Its hash.
    pub hash: BlobHash,
    /// Its length in bytes.
    pub size: u64,
}

/// Where a blob's bytes are.
#[derive(Clone, Debug)]
pub enum BlobSource {
    /// In memory.
    Bytes(Bytes),
    /// In a file, which must not change while it is served.
    File(PathBuf),
}

/// What a node can serve. A closure from a hash to a source is a store too.
pub trait BlobStore: Send + Sync + 'static {
    /// Where the bytes with this hash are, if this node has them. The question comes on the thread
    /// that keeps the cluster alive, so the answer must not block.
    fn find(&self, hash: &BlobHash) -> Option<BlobSource>;
}

impl<F: Fn(&BlobHash) -> Option<BlobSource> + Send + Sync + 'static> BlobStore for F {
    fn find(&self, hash: &BlobHash) -> Option<BlobSource> {
        self(hash)
    }
}

/// How an answer begins; the bytes follow to the end of the stream.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum BlobOffer {
    No,
    Yes { size: u64 },
}

impl BlobHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

impl FromStr for BlobHash {
    type Err = blake3::HexError;

    /// Reads what was printed: 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, blake3::HexError> {
        Ok(Self(*blake3::Hash::from_hex(text)?.as_bytes()))
    }
}

/// What the system says of a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(crate) struct FileError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// Does work on a file on a thread that may wait for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FileError> {
    let done = spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)));
    done.map_err(|source| FileError { path, source })
}
