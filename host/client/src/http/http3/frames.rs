//! The frames of a stream as they come: how large they are, whether the last one is whole, and what
//! the service says in parting.
//!
//! What reads frames collects each one but those of bodies in memory before it looks at it,
//! whatever its length.

use thiserror::Error;

/// Why nothing more is read from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum StreamFault {
    #[error("a frame has {0} bytes, more than the limit")]
    TooLarge(u64),
    #[error("the stream ends within a frame")]
    CutShort,
    #[error("the other side did nothing with the request")]
    LeftOut,
}

/// What is told of the frames that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameNews {
    /// One for a body has nothing of it.
    EmptyData,
    /// From this stream on requests are left out.
    LeftOutFrom(u64),
}

/// A number as QUIC writes it (RFC 9000, 16), of which a part may have come.
#[derive(Default)]
pub(super) struct Number {
    value: u64,
    has_begun: bool,
    /// Bytes that are still to come.
    left: u8,
}

/// Where the next byte stands.
pub(super) struct Http3Frames {
    limit: u64,
    number: Number,
    /// The type of a frame whose length is still to come.
    kind: Option<u64>,
    /// Bytes of the frame that are still to come.
    left: u64,
    /// The stream that a frame which is under way names, if it is one in parting.
    goodbye: Option<Number>,
}

/// The type of a frame that carries a body.
const DATA: u64 = 0;
/// The type of a frame that says which requests are left out.
const GOAWAY: u64 = 7;

impl Number {
    /// Takes bytes until the number is whole.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Option<u64> {
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            if self.has_begun {
                self.value = self.value << 8 | u64::from(byte);
                self.left -= 1;
            } else {
                self.has_begun = true;
                self.value = u64::from(byte & 0x3f);
                self.left = (1 << (byte >> 6)) - 1;
            }
            if self.left == 0 {
                return Some(std::mem::take(self).value);
            }
        }
        None
    }
}

impl Http3Frames {
    /// Http3Frames of which each but those of bodies may have so many bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, number: Number::default(), kind: None, left: 0, goodbye: None }
    }

    /// Follows bytes that came, and passes on what is told of their frames.
    pub(super) fn follow(
        &mut self,
        mut bytes: &[u8],
        mut tell: impl FnMut(FrameNews),
    ) -> Result<(), StreamFault> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                let (mut part, rest) = bytes.split_at(passed);
                if let Some(goodbye) = &mut self.goodbye
                    && let Some(stream) = goodbye.take(&mut part)
                {
                    tell(FrameNews::LeftOutFrom(stream));
                    self.goodbye = None;
                }
                self.left -= passed as u64;
                bytes = rest;
                continue;
            }
            let Some(number) = self.number.take(&mut bytes) else { return Ok(()) };
            match self.kind.take() {
                None => self.kind = Some(number),
                Some(kind) if kind != DATA && number > self.limit => {
                    return Err(StreamFault::TooLarge(number));
                }
                Some(kind) => {
                    if kind == DATA && number == 0 {
                        tell(FrameNews::EmptyData);
                    }
                    self.left = number;
                    self.goodbye = (kind == GOAWAY).then(Number::default);
                }
            }
        }
        Ok(())
    }

    /// Whether a frame has begun that is not whole.
    pub(super) const fn is_within(&self) -> bool {
        self.left > 0 || self.kind.is_some() || self.number.has_begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a payload of nothing but its type.
    fn frame(kind: u8, length: u16) -> Vec<u8> {
        let [high, low] = (length | 0x4000).to_be_bytes();
        [&[kind, high, low][..], &vec![kind; usize::from(length)]].concat()
    }

    fn followed(bytes: &[u8], size: usize) -> (Result<(), StreamFault>, Vec<FrameNews>, bool) {
        let (mut frames, mut told) = (Http3Frames::new(100), Vec::new());
        for piece in bytes.chunks(size) {
            let outcome = frames.follow(piece, |news| told.push(news));
            if outcome.is_err() {
                return (outcome, told, frames.is_within());
            }
        }
        (Ok(()), told, frames.is_within())
    }

    #[test]
    fn frames_are_known_however_they_are_cut() {
        let goodbye = [7, 4, 0x80, 0, 1, 4];
        let sent =
            [&frame(1, 100)[..], &frame(0, 5000), &goodbye, &frame(0, 0), &frame(33, 7)].concat();
        for size in [1, 2, 3, 5, 1000, sent.len()] {
            let told = vec![FrameNews::LeftOutFrom(260), FrameNews::EmptyData];
            assert_eq!(followed(&sent, size), (Ok(()), told, false), "in pieces of {size}");
            let (_, _, is_within) = followed(&sent[..sent.len() - 1], size);
            assert!(is_within, "in pieces of {size}");
        }
    }

    #[test]
    fn a_head_is_refused_before_it_has_come() {
        let large = &frame(1, 101)[..3];
        assert_eq!(followed(large, 1), (Err(StreamFault::TooLarge(101)), vec![], false));
        let huge = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(followed(&huge, 4).0, Err(StreamFault::TooLarge((1 << 62) - 1)));
    }
}
