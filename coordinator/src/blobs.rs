//! Files by their hash, from any member that has them.
//!
//! A scenario and its data are known by BLAKE3 hash and size, which come from the run's manifest.
//! Whoever wants a file asks a peer for the hash on a stream of its own; the answer says the size,
//! and a size that is not the expected one ends it before a byte is read. What comes is hashed as
//! it comes, 1 MiB at a time, and handed out only when the whole has the hash: a peer that sends
//! something else has wasted some bandwidth, and another one can be asked.
//!
//! Disks are slow at the worst of times and the caller's thread keeps leases alive, so files are
//! read and written on tokio's threads for blocking work.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, VarInt};
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use crate::identity::NodeId;
use crate::link::{Ask, LinkError, Peer, encode};
use crate::token::random;

/// The most that is taken of a file at a time.
const CHUNK: usize = 1024 * 1024;
/// The most that is read of a file at a time to be sent: eight files to each of some hundred peers
/// should not add up to much.
const SENT_CHUNK: usize = 256 * 1024;
/// How long nothing may come, or nothing be taken, before a transfer is given up.
const STALL: Duration = Duration::from_secs(5);
/// In what time each chunk is there: a link slower than 35 KB/s is no link for load tests, and a
/// peer that sends a byte now and then is not waited for.
const CHUNK_DEADLINE: Duration = Duration::from_secs(30);
/// The code of a stream on which the rest of a file cannot be read.
const UNREADABLE: VarInt = VarInt::from_u32(1);

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

/// What a node can serve. Closures from a hash to a source are stores too.
pub trait BlobStore: Send + Sync + 'static {
    /// Where the bytes with this hash are, if this node has them. It is asked on the thread that
    /// keeps the cluster alive and must not block.
    fn find(&self, hash: &BlobHash) -> Option<BlobSource>;
}

impl<F: Fn(&BlobHash) -> Option<BlobSource> + Send + Sync + 'static> BlobStore for F {
    fn find(&self, hash: &BlobHash) -> Option<BlobSource> {
        self(hash)
    }
}

/// Why a blob was not got. Nothing is kept of it, and another peer can be asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is larger than the caller allows. Nothing was asked.
    #[error("blob {hash} of {size} bytes is above the limit of {most}")]
    TooLarge {
        /// Which.
        hash: BlobHash,
        /// Its size.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// The peer does not have it.
    #[error("host {node} does not have blob {hash}")]
    Missing {
        /// The peer.
        node: NodeId,
        /// Which.
        hash: BlobHash,
    },
    /// The peer has something of another size. No byte of it was read.
    #[error("host {node} has {found} bytes for blob {hash}, which has {size}")]
    OtherSize {
        /// The peer.
        node: NodeId,
        /// Which.
        hash: BlobHash,
        /// The size it should have.
        size: u64,
        /// The size that the peer says.
        found: u64,
    },
    /// What the peer sent has another hash, or is longer or shorter than it said.
    #[error(
        "host {node} sent something else for blob {hash}\nhelp: its copy is damaged, or the host \
        is; take the file from another one"
    )]
    Corrupt {
        /// The peer.
        node: NodeId,
        /// Which.
        hash: BlobHash,
    },
    /// The peer cannot read the rest of it.
    #[error("host {node} cannot read blob {hash} to its end")]
    Unreadable {
        /// The peer.
        node: NodeId,
        /// Which.
        hash: BlobHash,
    },
    /// Nothing came for five seconds, or little for thirty.
    #[error("blob {hash} does not come on from host {node}: {got} of {size} bytes are there")]
    Stalled {
        /// The peer.
        node: NodeId,
        /// Which.
        hash: BlobHash,
        /// Its size.
        size: u64,
        /// What had come.
        got: u64,
    },
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The file cannot be written here.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// How an answer begins; the bytes follow to the end of the stream.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Found {
    No,
    Yes { size: u64 },
}

/// Fetches a blob into memory. `most` is what the caller has room for. Two files come from one peer
/// at a time, further ones wait. A peer allows 1,024 files at once and 64 a second after that.
/// Dropping the future ends the transfer.
pub async fn fetch(peer: &Peer, blob: BlobRef, most: u64) -> Result<Bytes, BlobError> {
    let mut transfer = Transfer::begin(peer, blob, most).await?;
    let mut whole = BytesMut::new();
    while let Some(chunk) = transfer.next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Fetches a blob into a file, which is there when it is whole and verified, and replaces one of
/// that name. Dropping the future ends the transfer; what was written is removed, by then or as
/// soon as the disk has done what it is at.
pub async fn fetch_to(peer: &Peer, blob: BlobRef, most: u64, path: &Path) -> Result<(), BlobError> {
    let mut transfer = Transfer::begin(peer, blob, most).await?;
    let mut part = PartFile::create(path).await?;
    loop {
        match transfer.next().await {
            Ok(Some(chunk)) => part = part.write(chunk).await?,
            Ok(None) => return part.complete().await,
            Err(error) => {
                part.discard().await;
                return Err(error);
            }
        }
    }
}

/// A blob on its way here.
struct Transfer<'a> {
    _turn: SemaphorePermit<'a>,
    node: NodeId,
    blob: BlobRef,
    ahead: Bytes,
    stream: RecvStream,
    hasher: blake3::Hasher,
    got: u64,
    ended: bool,
}

impl<'a> Transfer<'a> {
    async fn begin(peer: &'a Peer, blob: BlobRef, most: u64) -> Result<Self, BlobError> {
        let BlobRef { hash, size } = blob;
        if size > most {
            return Err(BlobError::TooLarge { hash, size, most });
        }
        let turn = peer.turn_to_fetch().await;
        let node = peer.id();
        let mut reader = peer.ask(&Ask::Blob(hash)).await?;
        match peer.answer(&mut reader).await? {
            Found::No => Err(BlobError::Missing { node, hash }),
            Found::Yes { size: found } if found != size => {
                Err(BlobError::OtherSize { node, hash, size, found })
            }
            Found::Yes { .. } => {
                let (ahead, stream) = reader.into_rest();
                Ok(Self {
                    _turn: turn,
                    node,
                    blob,
                    ahead,
                    stream,
                    hasher: blake3::Hasher::new(),
                    got: 0,
                    ended: false,
                })
            }
        }
    }

    /// The next bytes, at most 1 MiB; none when all are there and have the hash.
    async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        let mut chunk = BytesMut::new();
        let by = Instant::now() + CHUNK_DEADLINE;
        while chunk.len() < CHUNK && !self.ended {
            match self.read(CHUNK - chunk.len(), by).await? {
                Some(bytes) => chunk.extend_from_slice(&bytes),
                None => self.ended = true,
            }
        }
        if chunk.is_empty() {
            let whole = self.got == self.blob.size
                && self.hasher.finalize() == blake3::Hash::from_bytes(self.blob.hash.0);
            return if whole { Ok(None) } else { Err(self.corrupt()) };
        }
        self.got += chunk.len() as u64;
        if self.got > self.blob.size {
            return Err(self.corrupt());
        }
        self.hasher.update(&chunk);
        Ok(Some(chunk.freeze()))
    }

    /// What has come, up to `most` bytes; none at the end of the stream.
    async fn read(&mut self, most: usize, by: Instant) -> Result<Option<Bytes>, BlobError> {
        if !self.ahead.is_empty() {
            return Ok(Some(self.ahead.split_to(most.min(self.ahead.len()))));
        }
        let by = by.min(Instant::now() + STALL);
        let (node, BlobRef { hash, size }) = (self.node, self.blob);
        match timeout_at(by, self.stream.read_chunk(most, true)).await {
            Err(_) => Err(BlobError::Stalled { node, hash, size, got: self.got }),
            Ok(Ok(chunk)) => Ok(chunk.map(|chunk| chunk.bytes)),
            Ok(Err(ReadError::ConnectionLost(error))) => Err(LinkError::of(error, node).into()),
            Ok(Err(_)) => Err(BlobError::Unreadable { node, hash }),
        }
    }

    const fn corrupt(&self) -> BlobError {
        BlobError::Corrupt { node: self.node, hash: self.blob.hash }
    }
}

/// A file that is not yet whole, under a name of its own beside the one it will have. Dropping it
/// removes it.
///
/// It goes along to the thread that writes it, so it is removed too when nobody waits for the
/// outcome any more.
struct PartFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
}

impl PartFile {
    async fn create(path: &Path) -> Result<Self, BlobError> {
        let path = path.to_owned();
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{:016x}.part", u64::from_be_bytes(random())));
        let part = PathBuf::from(part);
        blocking(part.clone(), move || {
            let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
            Ok(Self { path, part, file })
        })
        .await
    }

    async fn write(mut self, chunk: Bytes) -> Result<Self, BlobError> {
        blocking(self.part.clone(), move || self.file.write_all(&chunk).map(|()| self)).await
    }

    /// Gives the file its name.
    async fn complete(self) -> Result<(), BlobError> {
        blocking(self.path.clone(), move || std::fs::rename(&self.part, &self.path)).await
    }

    async fn discard(self) {
        // That it cannot be removed is no news beside why it must be.
        let _ = blocking(self.part.clone(), move || {
            drop(self);
            Ok(())
        })
        .await;
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After its completion it has another name, and nothing is found.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Does work on a file where it may wait for the disk.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let done = spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)));
    done.map_err(|source| BlobError::File { path, source })
}

/// Sends a blob, or that there is none. Nothing is told to the caller: a peer that lost interest,
/// or is gone, is no fault.
pub(crate) async fn serve(send: &mut SendStream, hash: BlobHash, store: &dyn BlobStore) {
    let opened = match store.find(&hash) {
        None => None,
        Some(BlobSource::Bytes(bytes)) => Some((bytes.len() as u64, Opened::Bytes(bytes))),
        Some(BlobSource::File(path)) => {
            let opened = blocking(path.clone(), move || {
                let file = File::open(&path)?;
                Ok((file.metadata()?.len(), Opened::File { path, file: Some(file) }))
            });
            opened.await.inspect_err(|e| tracing::warn!("blob {hash} cannot be served: {e}")).ok()
        }
    };
    let found = opened.as_ref().map_or(Found::No, |(size, _)| Found::Yes { size: *size });
    let Ok(frame) = encode(&found) else { return };
    // Files give way to messages.
    let _ = send.set_priority(-1);
    if !write(send, frame).await {
        return;
    }
    if let Some((_, mut opened)) = opened {
        loop {
            match opened.next().await {
                Ok(Some(chunk)) => {
                    if !write(send, chunk).await {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!("blob {hash} cannot be read to its end: {error}");
                    let _ = send.reset(UNREADABLE);
                    return;
                }
            }
        }
    }
    let _ = send.finish();
}

/// Writes all of it, or finds that the peer does not take it.
async fn write(send: &mut SendStream, mut bytes: Bytes) -> bool {
    while !bytes.is_empty() {
        match timeout(STALL, send.write(&bytes)).await {
            Ok(Ok(written)) => drop(bytes.split_to(written)),
            _ => {
                let _ = send.reset(UNREADABLE);
                return false;
            }
        }
    }
    true
}

/// A blob that is being sent.
enum Opened {
    Bytes(Bytes),
    File { path: PathBuf, file: Option<File> },
}

impl Opened {
    /// The next bytes; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        match self {
            Self::Bytes(rest) if rest.is_empty() => Ok(None),
            Self::Bytes(rest) => Ok(Some(rest.split_to(rest.len().min(SENT_CHUNK)))),
            Self::File { path, file } => {
                let Some(mut open) = file.take() else { return Ok(None) };
                let (open, chunk) = blocking(path.clone(), move || {
                    let mut chunk = Vec::new();
                    (&mut open).take(SENT_CHUNK as u64).read_to_end(&mut chunk)?;
                    Ok((open, chunk))
                })
                .await?;
                *file = Some(open);
                Ok((!chunk.is_empty()).then(|| chunk.into()))
            }
        }
    }
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
