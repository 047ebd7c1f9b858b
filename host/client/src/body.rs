//! What becomes of a body: read and counted, or kept up to a limit, decompressed on the way.
//!
//! A body that is kept is never larger in memory than its limit, however small it came over the wire: decompression runs piece by piece and stops there.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, HeaderMap};
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, ReadBuf};

use crate::error::Error;
use crate::{http1, http2};

/// A body on its way in, with what of it has been received.
pub(crate) struct Incoming<'a> {
    source: Source<'a>,
    /// Bytes handed on; over HTTP/1.1 the connection counts.
    taken: u64,
}

/// Which connection carries it.
pub(crate) enum Source<'a> {
    Http1(&'a mut http1::Connection),
    Http2(http2::Body),
}

/// What is asked for, in `accept-encoding`.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// RFC 9659: no more than 8 MiB of window in HTTP. Without it a server could ask for 128 MiB of memory.
const ZSTD_WINDOW_LOG: u32 = 23;

impl<'a> Incoming<'a> {
    pub(crate) fn new(source: Source<'a>) -> Self {
        Self { source, taken: 0 }
    }

    /// Reads to the end and stores nothing.
    pub(crate) async fn discard(&mut self) -> Result<(), Error> {
        if let Source::Http1(connection) = &mut self.source {
            return poll_fn(|cx| connection.poll_discard(cx)).await;
        }
        while let Some(piece) = self.next().await {
            piece?;
        }
        Ok(())
    }

    /// Reads to the end and returns all of it, if that is at most `limit` bytes.
    pub(crate) async fn keep(&mut self, limit: usize) -> Result<Bytes, Error> {
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_large(limit));
        }
        // Most bodies come in one piece, which needs no copy.
        let Some(second) = self.next().await.transpose()? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if whole.len() + piece.len() > limit {
                return Err(too_large(limit));
            }
            whole.extend_from_slice(&piece);
            next = self.next().await.transpose()?;
        }
        Ok(whole.freeze())
    }

    /// As [`Incoming::keep`], decompressing as `headers` say; the limit is that of the decompressed body.
    pub(crate) async fn decompress(&mut self, limit: usize, headers: &HeaderMap) -> Result<Bytes, Error> {
        let encoding = headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], |value| value.as_bytes()).to_ascii_lowercase();
        if self.is_end() || encoding == b"identity" {
            return self.keep(limit).await;
        }
        let mut pieces = Pieces { incoming: self, piece: Bytes::new() };
        let body = match encoding.as_slice() {
            b"gzip" | b"x-gzip" => {
                let mut decoder = GzipDecoder::new(&mut pieces);
                decoder.multiple_members(true);
                take(decoder, limit).await
            }
            // The name says "zlib format", and half the world sends raw deflate.
            b"deflate" if pieces.is_zlib().await? => take(ZlibDecoder::new(&mut pieces), limit).await,
            b"deflate" => take(DeflateDecoder::new(&mut pieces), limit).await,
            b"br" => take(BrotliDecoder::new(&mut pieces), limit).await,
            b"zstd" => take(ZstdDecoder::with_params(&mut pieces, &[DParameter::window_log_max(ZSTD_WINDOW_LOG)]), limit).await,
            other => Err(Error::protocol(format!("content-encoding {:?} was not asked for", String::from_utf8_lossy(other)))),
        }?;
        // What follows the compressed data says nothing, but the connection is free only after it.
        self.discard().await?;
        Ok(body)
    }

    /// Whether nothing more comes; true at once for an answer without a body.
    pub(crate) fn is_end(&self) -> bool {
        match &self.source {
            Source::Http1(connection) => connection.is_end(),
            Source::Http2(body) => body.is_end(),
        }
    }

    /// Bytes received, before decompression.
    pub(crate) fn received(&self) -> u64 {
        match &self.source {
            Source::Http1(connection) => connection.received(),
            Source::Http2(_) => self.taken,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let piece = ready!(match &mut self.source {
            Source::Http1(connection) => connection.poll_data(cx),
            Source::Http2(body) => body.poll_data(cx),
        });
        if let Some(Ok(piece)) = &piece {
            self.taken += piece.len() as u64;
        }
        Poll::Ready(piece)
    }

    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}

async fn take(decoder: impl AsyncRead + Unpin, limit: usize) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    // One byte more than the limit tells a body that fills it from one that goes over.
    let mut decoder = decoder.take(limit as u64 + 1);
    loop {
        match decoder.read_buf(&mut body).await {
            Ok(0) => return Ok(body.freeze()),
            Ok(_) if body.len() > limit => return Err(too_large(limit)),
            Ok(_) => {}
            Err(error) => {
                return Err(match error.downcast::<Error>() {
                    Ok(received) => received,
                    Err(decoding) => Error::protocol(format!("malformed compressed body: {decoding}")),
                });
            }
        }
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(ErrorClass::TooLarge, format!("the body is larger than {limit} bytes"))
}

/// A body as the decoders want to read it. Its own failures travel inside of I/O errors.
struct Pieces<'a, 'b> {
    incoming: &'a mut Incoming<'b>,
    piece: Bytes,
}

impl Pieces<'_, '_> {
    /// Whether the first two bytes are a zlib header: method 8, and a multiple of 31.
    async fn is_zlib(&mut self) -> Result<bool, Error> {
        while self.piece.len() < 2 {
            let Some(piece) = self.incoming.next().await.transpose()? else { break };
            self.piece = [&self.piece[..], &piece[..]].concat().into();
        }
        Ok(matches!(self.piece[..], [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([first, second]) % 31 == 0))
    }
}

impl AsyncBufRead for Pieces<'_, '_> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let Self { incoming, piece } = self.get_mut();
        while piece.is_empty() {
            match ready!(incoming.poll_next(cx)) {
                None => break,
                Some(next) => *piece = next.map_err(io::Error::other)?,
            }
        }
        Poll::Ready(Ok(piece))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().piece.advance(amount);
    }
}

impl AsyncRead for Pieces<'_, '_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = available.len().min(buf.remaining());
        buf.put_slice(&available[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}
