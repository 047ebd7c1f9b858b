//! Fetching a file from a peer, by its hash.
//!
//! A node that wants a file asks a peer for the hash on a stream of its own. The answer says the
//! size; if it is not the expected size, nothing is read. The bytes are hashed as they come, 1 MiB
//! at a time, and handed out only when all of them have the hash: a peer that sends something else
//! has wasted some bandwidth, and another peer can be asked.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream};
use swell_protocol::message::NodeId;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::blob::{BlobHash, BlobOffer, BlobRef, FileError, STALL, blocking};
use crate::link::error::LinkError;
use crate::link::peer::Peer;
use crate::link::question::PeerQuestion;
use crate::random::random;

/// The most bytes of a file that are taken at a time.
const CHUNK: usize = 1024 * 1024;
/// How long each chunk may take: a link slower than 35 KB/s is no link for load tests, and nobody
/// waits for a peer that sends a byte now and then.
const CHUNK_DEADLINE: Duration = Duration::from_secs(30);

/// Why a blob was not fetched. Nothing of it is kept, and another peer can be asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The blob is larger than the caller allows. Nothing was asked.
    #[error("blob {hash} of {size} bytes is above the limit of {most}")]
    TooLarge {
        /// The blob.
        hash: BlobHash,
        /// Its size.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// The peer does not have the blob.
    #[error("node {node} does not have blob {hash}")]
    Missing {
        /// The peer.
        node: NodeId,
        /// The blob.
        hash: BlobHash,
    },
    /// The peer has bytes of another size under this hash. Nothing of them was read.
    #[error("node {node} has {found} bytes for blob {hash}, which has {size}")]
    OtherSize {
        /// The peer.
        node: NodeId,
        /// The blob.
        hash: BlobHash,
        /// The size it should have.
        size: u64,
        /// The size that the peer says.
        found: u64,
    },
    /// The bytes that the peer sent have another hash, or are more or fewer than it said.
    #[error(
        "node {node} sent something else for blob {hash}\nhelp: its copy is damaged, or the host \
        is; take the file from another one"
    )]
    Corrupt {
        /// The peer.
        node: NodeId,
        /// The blob.
        hash: BlobHash,
    },
    /// The peer cannot read the rest of the blob.
    #[error("node {node} cannot read blob {hash} to its end")]
    Unreadable {
        /// The peer.
        node: NodeId,
        /// The blob.
        hash: BlobHash,
    },
    /// Nothing came for five seconds, or too little in thirty.
    #[error("blob {hash} does not come on from node {node}: {got} of {size} bytes are there")]
    Stalled {
        /// The peer.
        node: NodeId,
        /// The blob.
        hash: BlobHash,
        /// Its size.
        size: u64,
        /// How much had come.
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

impl From<FileError> for BlobError {
    fn from(FileError { path, source }: FileError) -> Self {
        Self::File { path, source }
    }
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

/// Fetches a blob into a file. The file appears when it is complete and verified, and replaces a
/// file of the same name. If the future is dropped, the transfer ends; what was written is removed,
/// by then or as soon as the disk has finished its present work.
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
    /// The peer's room for files, held until this is dropped.
    _turn: SemaphorePermit<'a>,
    node: NodeId,
    blob: BlobRef,
    /// Bytes of it that were read with the answer.
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
        let mut reader = peer.ask(&PeerQuestion::Blob(hash)).await?;
        match peer.read_answer(&mut reader).await? {
            BlobOffer::No => Err(BlobError::Missing { node, hash }),
            BlobOffer::Yes { size: found } if found != size => {
                Err(BlobError::OtherSize { node, hash, size, found })
            }
            BlobOffer::Yes { .. } => {
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
                && self.hasher.finalize() == blake3::Hash::from_bytes(*self.blob.hash.as_bytes());
            return if whole { Ok(None) } else { Err(self.corrupt()) };
        }
        self.got += chunk.len() as u64;
        if self.got > self.blob.size {
            return Err(self.corrupt());
        }
        self.hasher.update(&chunk);
        Ok(Some(chunk.freeze()))
    }

    /// The bytes that have come, up to `most`; none at the end of the stream.
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
/// The thread that writes the file owns it, so the file is also removed when nobody waits for the
/// result any more.
struct PartFile {
    /// The name that it gets when it is whole.
    path: PathBuf,
    /// The name that it has until then.
    part: PathBuf,
    file: File,
}

impl PartFile {
    async fn create(path: &Path) -> Result<Self, BlobError> {
        let path = path.to_owned();
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{:016x}.part", u64::from_be_bytes(random())));
        let part = PathBuf::from(part);
        let created = blocking(part.clone(), move || {
            let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
            Ok(Self { path, part, file })
        });
        Ok(created.await?)
    }

    async fn write(mut self, chunk: Bytes) -> Result<Self, BlobError> {
        let part = self.part.clone();
        Ok(blocking(part, move || self.file.write_all(&chunk).map(|()| self)).await?)
    }

    /// Gives the file its name.
    async fn complete(self) -> Result<(), BlobError> {
        let path = self.path.clone();
        Ok(blocking(path, move || std::fs::rename(&self.part, &self.path)).await?)
    }

    async fn discard(self) {
        // An error while removing it would say nothing beside the reason why it must be removed.
        let _ = blocking(self.part.clone(), move || {
            drop(self);
            Ok(())
        })
        .await;
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After it is complete it has another name, and this finds nothing.
        let _ = std::fs::remove_file(&self.part);
    }
}
