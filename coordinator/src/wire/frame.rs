//! Messages on a stream: a length of four bytes, big end first, and that many bytes of postcard.
//!
//! A reader holds no more than one message and believes a length only as far as bytes have come, so
//! a prefix of 4 GiB costs nothing but the connection.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use quinn::{ReadError, RecvStream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

/// The longest message. Longer data is a file, or is sent in parts.
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// How long a message may take once it has begun: 1 MiB at 210 KB/s.
const MESSAGE_DEADLINE: Duration = Duration::from_secs(5);
const PREFIX: usize = 4;

/// Why there is no next message.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The stream has ended between two messages.
    Ended,
    /// It has ended within one.
    Cut,
    /// A length is above the limit.
    TooLong(usize),
    /// A message has begun and did not end in time.
    TooSlow,
    /// The stream or its connection broke.
    Broken(ReadError),
}

/// The messages of one stream. What has come of the next one is kept here, so a wait for it may be
/// dropped.
#[derive(Debug)]
pub(crate) struct FrameReader {
    stream: RecvStream,
    buffer: BytesMut,
    due: Option<Instant>,
}

impl FrameReader {
    pub(crate) fn new(stream: RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new(), due: None }
    }

    /// Waits for the next message of at most `limit` bytes.
    pub(crate) async fn next(&mut self, limit: usize) -> Result<Bytes, FrameError> {
        loop {
            if let Some(message) = take(&mut self.buffer, limit).map_err(FrameError::TooLong)? {
                self.due = None;
                return Ok(message);
            }
            let read = self.stream.read_chunk(PREFIX + limit - self.buffer.len(), true);
            let chunk = if self.buffer.is_empty() {
                read.await
            } else {
                let due = *self.due.get_or_insert_with(|| Instant::now() + MESSAGE_DEADLINE);
                timeout_at(due, read).await.map_err(|_| FrameError::TooSlow)?
            };
            match chunk.map_err(FrameError::Broken)? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
                None if self.buffer.is_empty() => return Err(FrameError::Ended),
                None => return Err(FrameError::Cut),
            }
        }
    }

    /// What comes after the last message, as bytes without lengths: the bytes that were read ahead,
    /// and the stream.
    pub(crate) fn into_rest(self) -> (Bytes, RecvStream) {
        (self.buffer.freeze(), self.stream)
    }
}

/// Takes out the message with which the buffer begins, if it is complete; fails if its length is
/// above the limit.
pub(crate) fn take(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, usize> {
    let Some(prefix) = buffer.first_chunk::<PREFIX>() else { return Ok(None) };
    let length = u32::from_be_bytes(*prefix) as usize;
    if length > limit {
        return Err(length);
    }
    if buffer.len() < PREFIX + length {
        return Ok(None);
    }
    buffer.advance(PREFIX);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// A message with its length, or the length that is too much.
pub(crate) fn encode<T: Serialize + ?Sized>(message: &T) -> Result<Bytes, EncodeError> {
    let mut frame = postcard::to_extend(message, vec![0; PREFIX])
        .map_err(|e| EncodeError::Unwritable(e.to_string()))?;
    let length = frame.len() - PREFIX;
    if length > MAX_MESSAGE {
        return Err(EncodeError::TooLong(length));
    }
    frame[..PREFIX]
        .copy_from_slice(&u32::try_from(length).expect("1 MiB fits into 32 bits").to_be_bytes());
    Ok(frame.into())
}

/// Why a message cannot be sent.
#[derive(Debug)]
pub(crate) enum EncodeError {
    /// It has more bytes than [`MAX_MESSAGE`].
    TooLong(usize),
    /// Its type is none that postcard can write.
    Unwritable(String),
}

/// Reads a message that must be a `T` to its last byte.
pub(crate) fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(message) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes too many", rest.len())),
        Err(e) => Err(e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_to_its_last_byte_or_not_at_all() {
        let frame = encode(&(7u32, "seven")).unwrap();
        let message = &frame[PREFIX..];
        assert_eq!(decode::<(u32, String)>(message), Ok((7, "seven".to_owned())));
        assert!(decode::<u32>(message).is_err());
        assert!(decode::<(u32, String)>(&message[..3]).is_err());
    }

    #[test]
    fn a_message_above_the_limit_is_not_written() {
        assert!(encode(&vec![0u8; MAX_MESSAGE - 8]).is_ok());
        let refused = encode(&vec![0u8; MAX_MESSAGE]);
        let is_too_long = |length: usize| length > MAX_MESSAGE;
        assert!(matches!(refused, Err(EncodeError::TooLong(length)) if is_too_long(length)));
    }
}
