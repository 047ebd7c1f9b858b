//! Messages in the stream of a call: five bytes before each, a flag and its length.
//!
//! A length is only believed within the limit, and memory is taken for what has come and not for
//! what was announced. A message that came in one piece is not copied.

use bytes::{BufMut as _, Bytes, BytesMut};
use swell_core::exchange::ErrorClass;

use crate::error::Error;

/// The flag, and the length in four bytes, the highest first.
const PREFIX: usize = 5;

/// A message with what goes before it.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a message is smaller than its limit");
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    framed.freeze()
}

/// Reads messages, one after the other.
#[derive(Debug)]
pub(crate) struct MessageReader {
    /// What was received and not looked at.
    input: Bytes,
    /// The beginning of a message, with what goes before it, whose end has not come.
    partial: BytesMut,
    /// The most bytes of a message.
    limit: usize,
}

impl MessageReader {
    /// One that refuses messages of more than so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { input: Bytes::new(), partial: BytesMut::new(), limit }
    }

    /// Takes in what was received, when all before it has been [read](Self::next).
    pub(crate) fn take(&mut self, input: Bytes) {
        debug_assert!(self.input.is_empty(), "what was received before is not lost");
        self.input = input;
    }

    /// The next message in what was received; nothing where its end has not come.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.partial.is_empty() {
            let Some(length) = self.announced(&self.input)? else {
                self.keep(PREFIX);
                return Ok(None);
            };
            if self.input.len() >= PREFIX + length {
                let message = self.input.split_to(PREFIX + length);
                return Ok(Some(message.slice(PREFIX..)));
            }
        }
        self.keep(PREFIX);
        let Some(length) = self.announced(&self.partial)? else { return Ok(None) };
        self.keep(PREFIX + length);
        if self.partial.len() < PREFIX + length {
            return Ok(None);
        }
        Ok(Some(self.partial.split().freeze().slice(PREFIX..)))
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_amid(&self) -> bool {
        !(self.partial.is_empty() && self.input.is_empty())
    }

    /// The length of the message that begins there, if all that goes before it has come.
    fn announced(&self, from: &[u8]) -> Result<Option<usize>, Error> {
        let Some([flag, length @ ..]) = from.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        match flag {
            0 if length <= self.limit => Ok(Some(length)),
            0 => Err(Error::new(
                ErrorClass::TooLarge,
                format!("a message of {length} bytes came, and the limit is {}", self.limit),
            )),
            1 => Err(Error::protocol("a message came compressed, and none was asked for")),
            flag => Err(Error::protocol(format!("a message came with the flag {flag}"))),
        }
    }

    /// Has so many bytes be kept of what begins, as far as they have come.
    fn keep(&mut self, most: usize) {
        let lacking = most.saturating_sub(self.partial.len()).min(self.input.len());
        self.partial.extend_from_slice(&self.input.split_to(lacking));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of a stream that comes in pieces of `size` bytes, and what is left of it.
    fn messages(stream: &[u8], size: usize) -> Result<(Vec<Bytes>, bool), Error> {
        let mut reader = MessageReader::new(1_000);
        let mut messages = Vec::new();
        for piece in stream.chunks(size) {
            reader.take(Bytes::copy_from_slice(piece));
            while let Some(message) = reader.next()? {
                messages.push(message);
            }
        }
        Ok((messages, reader.is_amid()))
    }

    #[test]
    fn however_a_stream_is_cut_its_messages_are_the_same() {
        let sent = [&b"hello"[..], b"", &[7; 1_000], b"x"];
        let stream: Vec<u8> = sent.iter().flat_map(|message| framed(message)).collect();
        for size in 1..=stream.len() {
            let (came, is_amid) = messages(&stream, size).expect("small messages");
            assert_eq!(
                (came, is_amid),
                (sent.map(Bytes::copy_from_slice).to_vec(), false),
                "{size}"
            );
        }
        for cut in 1..PREFIX + 5 {
            let (came, is_amid) = messages(&stream[..cut], 3).expect("a small message");
            assert_eq!((came.len(), is_amid), (0, true), "cut after {cut} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_kept_for_it() {
        for length in [1_001, u32::MAX] {
            let head = [&[0][..], &length.to_be_bytes()].concat();
            for size in 1..=PREFIX {
                let refused = messages(&head, size).expect_err("it is too long");
                assert_eq!(refused.class, ErrorClass::TooLarge, "{length} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_compressed_or_no_message_breaks_the_rules() {
        for flag in [1, 2, 255] {
            let refused = messages(&[flag, 0, 0, 0, 0], 5).expect_err("no such flag was asked for");
            assert_eq!(refused.class, ErrorClass::Protocol, "{flag}");
        }
    }
}
