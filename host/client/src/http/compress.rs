//! Applying a content coding to what is to be sent (RFC 9110, 8.4), a part at a time.
//!
//! To compress a megabyte takes tens of milliseconds, in which a thread that does nothing else
//! would start nothing. Whoever asks for it takes one step after the other, and lets others have
//! the thread in between.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::http::coding::Coding;

/// A body that is being compressed.
pub struct Compressing {
    encoder: Box<dyn Encoder>,
    compressed: Vec<u8>,
}

/// How much of a body is compressed in one step: what takes one or two milliseconds.
const STEP: usize = 64 << 10;

/// How much is taken of an encoder at once.
const PIECE: usize = 16 << 10;

/// How well brotli compresses: as web servers do it for each answer anew. Its default is the best
/// that it can do, for files that are compressed once, and takes fifty times as long.
const BROTLI_LEVEL: i32 = 5;

impl Compressing {
    /// Takes a body, of which nothing is compressed yet.
    pub fn new(body: Vec<u8>, coding: Coding) -> Self {
        let source = SteppedSource { body, taken: 0, left: 0 };
        let encoder: Box<dyn Encoder> = match coding {
            Coding::Gzip => Box::new(GzipEncoder::new(source)),
            Coding::Deflate => Box::new(ZlibEncoder::new(source)),
            Coding::Brotli => {
                Box::new(BrotliEncoder::with_quality(source, Level::Precise(BROTLI_LEVEL)))
            }
            Coding::Zstd => Box::new(ZstdEncoder::new(source)),
        };
        Self { encoder, compressed: Vec::new() }
    }

    /// Compresses some more; `true` once all of it is.
    pub fn step(&mut self) -> bool {
        self.encoder.allow(STEP);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let before = self.compressed.len();
            self.compressed.resize(before + PIECE, 0);
            let mut piece = ReadBuf::new(&mut self.compressed[before..]);
            let polled = Pin::new(&mut *self.encoder).poll_read(&mut context, &mut piece);
            let made = piece.filled().len();
            self.compressed.truncate(before + made);
            match polled {
                Poll::Pending => return false,
                Poll::Ready(read) => {
                    read.expect("what is in memory can be read and compressed");
                    if made == 0 {
                        return true;
                    }
                }
            }
        }
    }

    /// What has come of it.
    pub fn finish(self) -> Vec<u8> {
        self.compressed
    }
}

/// What compresses a body.
trait Encoder: AsyncRead + Unpin + Send {
    /// Lets it read so many bytes more.
    fn allow(&mut self, bytes: usize);
}

macro_rules! encoders {
    ($($encoder:ident),*) => {
        $(impl Encoder for $encoder<SteppedSource> {
            fn allow(&mut self, bytes: usize) {
                self.get_mut().left = bytes;
            }
        })*
    };
}

encoders!(GzipEncoder, ZlibEncoder, BrotliEncoder, ZstdEncoder);

/// A body in memory, which says "not yet" after each step.
struct SteppedSource {
    body: Vec<u8>,
    /// How much of it was read.
    taken: usize,
    /// How much of it may be read in this step.
    left: usize,
}

impl AsyncBufRead for SteppedSource {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let Self { body, taken, left } = self.get_mut();
        let rest = &body[*taken..];
        if *left == 0 && !rest.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(&rest[..rest.len().min(*left)]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let source = self.get_mut();
        source.taken += amount;
        source.left = source.left.saturating_sub(amount);
    }
}

impl AsyncRead for SteppedSource {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = available.len().min(buf.remaining());
        buf.put_slice(&available[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::coding::{Pieces, decode};

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    struct CodedBody(Bytes);

    impl Pieces for CodedBody {
        fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
            Poll::Ready(Ok(std::mem::take(&mut self.0)))
        }
    }

    async fn undone(compressed: Vec<u8>, codings: &[Coding]) -> Bytes {
        decode(Box::new(CodedBody(compressed.into())), codings, 64 << 20)
            .await
            .expect("it is coded")
    }

    fn compressed(body: &[u8], coding: Coding) -> (Vec<u8>, usize) {
        let mut compressing = Compressing::new(body.to_vec(), coding);
        let mut steps = 1;
        while !compressing.step() {
            steps += 1;
        }
        (compressing.finish(), steps)
    }

    #[tokio::test]
    async fn what_is_compressed_is_the_same_once_it_is_undone() {
        let text = "a line of text that repeats itself\n".repeat(20_000);
        let bodies: [&[u8]; 4] = [b"", b"x", &[7; 70_000], text.as_bytes()];
        for coding in ALL {
            for body in bodies {
                let (coded, _) = compressed(body, coding);
                assert!(body.len() < 100 || coded.len() < body.len() / 50, "{coding:?}");
                assert_eq!(undone(coded, &[coding]).await, body, "{coding:?}");
            }
        }
        let (inner, _) = compressed(text.as_bytes(), Coding::Gzip);
        let (outer, _) = compressed(&inner, Coding::Brotli);
        assert_eq!(undone(outer, &[Coding::Gzip, Coding::Brotli]).await, text);
    }

    #[test]
    fn no_step_reads_more_than_its_part() {
        for coding in ALL {
            let (_, steps) = compressed(&vec![0; 10 * STEP], coding);
            assert!((10..=11).contains(&steps), "{coding:?} in {steps} steps");
        }
    }
}
