//! Undoing what a service did to a body: content codings (RFC 9110, 8.4), one within another.
//!
//! Each coding is a layer over the coding that was applied after it, down to the wire. Where a
//! format has members, a layer decodes one member after the other, and ignores what follows the
//! last one, as gzip and browsers do. It still reads to the end: a body that is cut short is an
//! error in whatever layer, and the connection is free only after the end. A layer decodes no more
//! than it is asked for, and a layer that makes much output of little input lets other tasks have
//! the thread.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, HeaderMap};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::error::Error;
use crate::net::time_slice::TimeSlice;

/// The codings that a request asks for in `accept-encoding`.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// A content coding that can be applied and undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls deflate.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// The most codings of a body, as in curl. No real service applies more than two, and each can make
/// a thousand bytes of one.
const MAX_CODINGS: usize = 5;

/// RFC 9659: no more than 8 MiB of window in HTTP. Without it a server could ask for 128 MiB of
/// memory.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How much a layer decodes at once.
const PIECE: usize = 16 << 10;

/// The codings of a body in the order in which they were applied, whether in one line or in
/// several.
pub(crate) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Error> {
    let mut codings = Vec::new();
    for line in headers.get_all(CONTENT_ENCODING) {
        for name in line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            codings.push(match &*name.to_ascii_lowercase() {
                b"" | b"identity" => continue,
                b"gzip" | b"x-gzip" => Coding::Gzip,
                b"deflate" => Coding::Deflate,
                b"br" => Coding::Brotli,
                b"zstd" => Coding::Zstd,
                _ => {
                    return Err(Error::protocol(format!(
                        "content-encoding {:?} was not asked for",
                        String::from_utf8_lossy(name)
                    )));
                }
            });
        }
    }
    if codings.len() > MAX_CODINGS {
        return Err(Error::protocol(format!(
            "the body has {} content-encodings, one within another",
            codings.len()
        )));
    }
    Ok(codings)
}

/// Reads `wire` to the end and returns the content before `codings` were applied, if that is at
/// most `limit` bytes.
pub(crate) async fn decode(
    wire: Box<dyn Pieces + '_>,
    codings: &[Coding],
    limit: usize,
) -> Result<Bytes, Error> {
    let mut body = undone(wire, codings);
    let mut whole = BytesMut::new();
    let mut slice = TimeSlice::new();
    loop {
        let piece = poll_fn(|cx| body.poll_piece(cx)).await.map_err(fault)?;
        if piece.is_empty() {
            return Ok(whole.freeze());
        }
        if whole.len() + piece.len() > limit {
            return Err(Error::body_too_large(limit));
        }
        whole.extend_from_slice(&piece);
        slice.pass().await;
    }
}

/// The content before `codings` were applied to `wire`, piece by piece: as soon as a service has
/// flushed what it compresses, what it compressed is here.
pub(crate) fn undone<'a>(wire: Box<dyn Pieces + 'a>, codings: &[Coding]) -> Box<dyn Pieces + 'a> {
    codings.iter().rev().fold(wire, |source, &coding| Box::new(Decoding::over(source, coding)))
}

/// What went wrong in a layer, or under the last one.
pub(crate) fn fault(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(received) => received,
        Err(decoding) => Error::protocol(format!("malformed compressed body: {decoding}")),
    }
}

/// A body that comes in pieces; an empty piece is its end. Our own failures travel inside of I/O
/// errors.
pub(crate) trait Pieces {
    /// The next piece.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>>;
}

/// A coding that is being undone.
struct Decoding<'a> {
    coding: Coding,
    state: DecodingState<'a>,
    /// How many members have begun.
    members: u64,
}

/// Where the decoding is between the members of a coding.
enum DecodingState<'a> {
    /// Before a member, if there is another.
    Before(Ahead<'a>),
    /// Within a member.
    Within(Decoder<'a>),
    /// After the last member.
    After(Ahead<'a>),
    /// The decoding failed, or is being polled.
    Lost,
}

/// The decoder of the present member.
type Decoder<'a> = Box<dyn MemberDecoder<'a> + 'a>;

/// A decoder of one member, which returns its input afterwards.
trait MemberDecoder<'a>: AsyncRead + Unpin {
    fn into_source(self: Box<Self>) -> Ahead<'a>;
}

macro_rules! members {
    ($($decoder:ident),*) => {
        $(impl<'a> MemberDecoder<'a> for $decoder<Ahead<'a>> {
            fn into_source(self: Box<Self>) -> Ahead<'a> {
                self.into_inner()
            }
        })*
    };
}

members!(GzipDecoder, ZlibDecoder, DeflateDecoder, BrotliDecoder, ZstdDecoder);

impl<'a> Decoding<'a> {
    fn over(source: Box<dyn Pieces + 'a>, coding: Coding) -> Self {
        Self {
            coding,
            state: DecodingState::Before(Ahead {
                source,
                piece: Bytes::new(),
                ended: false,
                slice: TimeSlice::new(),
            }),
            members: 0,
        }
    }

    /// The decoder of the member that begins with `ahead`; `None` where no member begins.
    fn member(&self, start: &[u8]) -> Option<fn(Ahead<'a>) -> Decoder<'a>> {
        let first = self.members == 0;
        match self.coding {
            // An empty input has no coding.
            _ if start.is_empty() => None,
            Coding::Gzip if first || start.starts_with(&[0x1f, 0x8b]) => {
                Some(|ahead| Box::new(GzipDecoder::new(ahead)))
            }
            Coding::Zstd if first || is_zstd(start) => Some(|ahead| {
                Box::new(ZstdDecoder::with_params(
                    ahead,
                    &[DParameter::window_log_max(ZSTD_WINDOW_LOG)],
                ))
            }),
            // The name says "zlib format", and half the world sends raw deflate.
            Coding::Deflate if first && is_zlib(start) => {
                Some(|ahead| Box::new(ZlibDecoder::new(ahead)))
            }
            Coding::Deflate if first => Some(|ahead| Box::new(DeflateDecoder::new(ahead))),
            Coding::Brotli if first => Some(|ahead| Box::new(BrotliDecoder::new(ahead))),
            _ => None,
        }
    }

    /// One step, from state to state; returns a piece where the step makes one.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        match &mut self.state {
            DecodingState::Before(ahead) => {
                ready!(ahead.slice.poll(cx));
                ready!(ahead.poll_ahead(cx, MAX_MAGIC))?;
                let DecodingState::Before(ahead) =
                    mem::replace(&mut self.state, DecodingState::Lost)
                else {
                    unreachable!("it was matched")
                };
                self.state = match self.member(&ahead.piece) {
                    Some(decoder) => DecodingState::Within(decoder(ahead)),
                    None => DecodingState::After(ahead),
                };
                self.members += 1;
            }
            DecodingState::Within(decoder) => {
                let mut piece = vec![0; PIECE];
                let mut filled = ReadBuf::new(&mut piece);
                ready!(Pin::new(decoder).poll_read(cx, &mut filled))?;
                let size = filled.filled().len();
                if size > 0 {
                    piece.truncate(size);
                    return Poll::Ready(Ok(Some(piece.into())));
                }
                let DecodingState::Within(decoder) =
                    mem::replace(&mut self.state, DecodingState::Lost)
                else {
                    unreachable!("it was matched")
                };
                self.state = DecodingState::Before(decoder.into_source());
            }
            DecodingState::After(ahead) => {
                ready!(Pin::new(&mut *ahead).poll_fill_buf(cx))?;
                if ahead.piece.is_empty() {
                    return Poll::Ready(Ok(Some(Bytes::new())));
                }
                ahead.piece.clear();
            }
            DecodingState::Lost => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        }
        Poll::Ready(Ok(None))
    }
}

impl Pieces for Decoding<'_> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            match ready!(self.poll_step(cx)) {
                Ok(None) => {}
                Ok(Some(piece)) => return Poll::Ready(Ok(piece)),
                Err(error) => {
                    self.state = DecodingState::Lost;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

/// How far a layer looks ahead.
const MAX_MAGIC: usize = 4;

/// Whether bytes are the beginning of a frame, or of one to be skipped (RFC 8878, 3.1).
fn is_zstd(start: &[u8]) -> bool {
    matches!(start, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether the first two bytes are a zlib header: method 8, and a multiple of 31.
fn is_zlib(start: &[u8]) -> bool {
    let [first, second, ..] = start else { return false };
    first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0
}

/// Pieces as the decoders want to read them, with a look at the bytes to come.
struct Ahead<'a> {
    source: Box<dyn Pieces + 'a>,
    piece: Bytes,
    ended: bool,
    slice: TimeSlice,
}

impl Ahead<'_> {
    /// Waits until `wanted` bytes are in the present piece, or all that is left.
    fn poll_ahead(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<()>> {
        while self.piece.len() < wanted && !self.ended {
            ready!(self.slice.poll(cx));
            let next = ready!(self.source.poll_piece(cx))?;
            self.ended = next.is_empty();
            self.piece = if self.piece.is_empty() {
                next
            } else {
                [&self.piece[..], &next[..]].concat().into()
            };
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Ahead<'_> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let ahead = self.get_mut();
        ready!(ahead.poll_ahead(cx, 1))?;
        Poll::Ready(Ok(&ahead.piece))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().piece.advance(amount);
    }
}

impl AsyncRead for Ahead<'_> {
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
