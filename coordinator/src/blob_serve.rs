//! Sending a file to the peer that asked for it.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use quinn::{SendStream, VarInt};
use tokio::time::timeout;

use crate::blob::{BlobHash, BlobOffer, BlobSource, BlobStore, FileError, STALL, blocking};
use crate::wire::frame::encode;

/// The most bytes that are read of a file at a time: eight files to each of some hundred peers
/// should not add up to much.
const SENT_CHUNK: usize = 256 * 1024;
/// The code of a stream on which the rest of a file cannot be read.
const UNREADABLE: VarInt = VarInt::from_u32(1);

/// Sends a blob, or says that there is none. The caller learns nothing: it is no fault when a peer
/// has lost interest or is gone.
pub(crate) async fn serve(send: &mut SendStream, hash: BlobHash, store: &dyn BlobStore) {
    let opened = match store.find(&hash) {
        None => None,
        Some(BlobSource::Bytes(bytes)) => Some((bytes.len() as u64, BlobReader::Bytes(bytes))),
        Some(BlobSource::File(path)) => {
            let opened = blocking(path.clone(), move || {
                let file = File::open(&path)?;
                Ok((file.metadata()?.len(), BlobReader::File { path, file: Some(file) }))
            });
            opened.await.inspect_err(|e| tracing::warn!("blob {hash} cannot be served: {e}")).ok()
        }
    };
    let offer = opened.as_ref().map_or(BlobOffer::No, |(size, _)| BlobOffer::Yes { size: *size });
    let Ok(frame) = encode(&offer) else { return };
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
enum BlobReader {
    Bytes(Bytes),
    /// The file is lent to the thread that reads it, and gone after an error.
    File {
        path: PathBuf,
        file: Option<File>,
    },
}

impl BlobReader {
    /// The next bytes; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, FileError> {
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
