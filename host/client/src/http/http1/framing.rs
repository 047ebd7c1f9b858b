//! Where a body's data stand, and where the body ends.

use swell_core::exchange::ErrorClass;

use crate::error::Error;

/// How the end of a body is known.
#[derive(Debug)]
pub(super) enum Framing {
    /// By its length; the number is the bytes that are left.
    Length(u64),
    /// By a last chunk.
    Chunked(Chunked),
    /// By the end of the connection.
    UntilClose,
}

/// The chunked coding (RFC 9112, 7.1). Lines end with CRLF and nothing else: a reader that
/// accepts less disagrees with others about where the answer ends.
#[derive(Debug)]
pub(super) struct Chunked {
    at: ChunkPart,
    /// Bytes of the chunk that are still to come.
    left: u64,
    /// How many more bytes of extensions and trailers are accepted. They mean nothing to the
    /// client, and come as headers do, so the limit of headers holds for them.
    spare: usize,
}

/// What comes next in the chunked coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkPart {
    /// A digit of a chunk's size; the number says how many digits there were.
    Size(u8),
    /// What may follow the size in its line.
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The first byte of a trailer, or of the empty line after the last trailer.
    Line,
    Trailer,
    TrailerLf,
    LastLf,
    End,
}

impl Framing {
    pub(super) fn chunked(limit: usize) -> Self {
        Self::Chunked(Chunked { at: ChunkPart::Size(0), left: 0, spare: limit })
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunked { at: ChunkPart::End, .. }))
    }

    /// Takes in what was received, passes the data in it to `data`, and returns how many bytes
    /// belonged to the body.
    pub(super) fn take(
        &mut self,
        input: &[u8],
        mut data: impl FnMut(&[u8]),
    ) -> Result<usize, Error> {
        match self {
            Self::Length(left) => {
                let taken = most(input.len(), *left);
                data(&input[..taken]);
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunked) => chunked.take(input, data),
            Self::UntilClose => {
                data(input);
                Ok(input.len())
            }
        }
    }
}

impl Chunked {
    fn take(&mut self, input: &[u8], mut data: impl FnMut(&[u8])) -> Result<usize, Error> {
        let mut taken = 0;
        while taken < input.len() && self.at != ChunkPart::End {
            if self.at == ChunkPart::Data {
                let piece = most(input.len() - taken, self.left);
                data(&input[taken..taken + piece]);
                taken += piece;
                self.left -= piece as u64;
                if self.left == 0 {
                    self.at = ChunkPart::DataCr;
                }
            } else {
                self.step(input[taken])?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    fn step(&mut self, byte: u8) -> Result<(), Error> {
        self.at = match (self.at, byte) {
            // 16 digits fill a u64.
            (ChunkPart::Size(digits @ 0..16), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).expect("a hexadecimal digit");
                self.left = self.left << 4 | u64::from(digit);
                ChunkPart::Size(digits + 1)
            }
            (ChunkPart::Size(1..) | ChunkPart::Extension, b'\r') => ChunkPart::SizeLf,
            (ChunkPart::Size(1..), b';' | b' ' | b'\t') => self.spend(ChunkPart::Extension)?,
            (ChunkPart::Extension, _) if byte != b'\n' => self.spend(ChunkPart::Extension)?,
            (ChunkPart::SizeLf, b'\n') => {
                if self.left == 0 {
                    ChunkPart::Line
                } else {
                    ChunkPart::Data
                }
            }
            (ChunkPart::DataCr, b'\r') => ChunkPart::DataLf,
            (ChunkPart::DataLf, b'\n') => ChunkPart::Size(0),
            (ChunkPart::Line, b'\r') => ChunkPart::LastLf,
            (ChunkPart::Trailer, b'\r') => ChunkPart::TrailerLf,
            (ChunkPart::Line | ChunkPart::Trailer, _) if byte != b'\n' => {
                self.spend(ChunkPart::Trailer)?
            }
            (ChunkPart::TrailerLf, b'\n') => ChunkPart::Line,
            (ChunkPart::LastLf, b'\n') => ChunkPart::End,
            _ => {
                return Err(Error::malformed(format_args!(
                    "{:?} in a chunked body's framing",
                    char::from(byte)
                )));
            }
        };
        Ok(())
    }

    fn spend(&mut self, next: ChunkPart) -> Result<ChunkPart, Error> {
        self.spare = self.spare.checked_sub(1).ok_or_else(|| {
            Error::new(
                ErrorClass::TooLarge,
                "the body's chunk extensions and trailers are larger than the limit of headers",
            )
        })?;
        Ok(next)
    }
}

/// How many of the bytes that are left of a body are among `available` bytes.
fn most(available: usize, left: u64) -> usize {
    usize::try_from(left).map_or(available, |left| left.min(available))
}
