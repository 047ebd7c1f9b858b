//! What becomes of a body: read and counted, or kept up to a limit, decompressed on the way.
//!
//! A body that is kept is never larger in memory than its limit, however small it came over the
//! wire: decompression runs piece by piece and stops there.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;

use crate::error::Error;
use crate::http::coding::{Pieces, codings, decode};
use crate::http::http1::Http1Connection;
use crate::http::shared::SharedBody;
use crate::net::time_slice::TimeSlice;

/// A body on its way in, with what of it has been received.
pub(crate) struct Incoming<'a> {
    source: BodySource<'a>,
    /// How many bytes were handed on; over HTTP/1.1 the connection counts them.
    taken: u64,
    /// A copy of what was received, where somebody looks on.
    copy: Option<Copied>,
}

/// What was received of a body, up to a limit.
struct Copied {
    bytes: Vec<u8>,
    limit: usize,
    room: KeptRoom,
}

/// For how many bytes of bodies that are copied there is room. All hops of one request have it
/// together, and all requests of one `send_all`: each body alone is limited, and there may be
/// hundreds of them.
#[derive(Clone, Debug)]
pub(crate) struct KeptRoom(Rc<Cell<usize>>);

impl KeptRoom {
    /// Four bodies as large as they may be: who has to see more at once has other tools.
    pub(crate) const WHOLE: usize = 64 << 20;

    pub(crate) fn new() -> Self {
        Self(Rc::new(Cell::new(Self::WHOLE)))
    }

    /// Takes room for so many bytes, or for fewer where that is all that is left; says for how
    /// many.
    pub(crate) fn take(&self, bytes: usize) -> usize {
        let taken = bytes.min(self.0.get());
        self.0.set(self.0.get() - taken);
        taken
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.0.set(self.0.get() + bytes);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.get() == 0
    }
}

/// Which connection carries it.
pub(crate) enum BodySource<'a> {
    Http1(&'a mut Http1Connection),
    Shared(&'a mut SharedBody),
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(source: BodySource<'a>) -> Self {
        Self { source, taken: 0, copy: None }
    }

    /// Has it keep a copy of the first `limit` bytes that it receives, as far as there is room.
    pub(crate) fn copy(&mut self, limit: usize, room: KeptRoom) {
        self.copy = Some(Copied { bytes: Vec::new(), limit, room });
    }

    /// What was copied of it.
    pub(crate) fn take_copy(&mut self) -> Vec<u8> {
        self.copy.take().map(|copy| copy.bytes).unwrap_or_default()
    }

    /// Reads to the end and stores nothing.
    pub(crate) async fn discard(&mut self) -> Result<(), Error> {
        if let BodySource::Http1(connection) = &mut self.source
            && self.copy.is_none()
        {
            return poll_fn(|cx| connection.poll_discard(cx)).await;
        }
        let mut slice = TimeSlice::new();
        while let Some(piece) = self.next().await {
            piece?;
            slice.pass().await;
        }
        Ok(())
    }

    /// Reads to the end and returns all of it, if that is at most `limit` bytes.
    pub(crate) async fn keep(&mut self, limit: usize) -> Result<Bytes, Error> {
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(Error::body_too_large(limit));
        }
        // Most bodies come in one piece, which needs no copy.
        let Some(second) = self.next().await.transpose()? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        let mut slice = TimeSlice::new();
        while let Some(piece) = next {
            if whole.len() + piece.len() > limit {
                return Err(Error::body_too_large(limit));
            }
            whole.extend_from_slice(&piece);
            slice.pass().await;
            next = self.next().await.transpose()?;
        }
        Ok(whole.freeze())
    }

    /// As [`Incoming::keep`], decompressing as `headers` say; the limit is that of the decompressed
    /// body.
    pub(crate) async fn decompress(
        &mut self,
        limit: usize,
        headers: &HeaderMap,
    ) -> Result<Bytes, Error> {
        if self.is_end() {
            return Ok(Bytes::new());
        }
        let codings = codings(headers)?;
        if codings.is_empty() {
            self.keep(limit).await
        } else {
            decode(Box::new(Undecoded(self)), &codings, limit).await
        }
    }

    /// Whether the body has ended; true at once for an answer without a body.
    pub(crate) fn is_end(&self) -> bool {
        match &self.source {
            BodySource::Http1(connection) => connection.is_end(),
            BodySource::Shared(body) => body.is_end(),
        }
    }

    /// Bytes received, before decompression.
    pub(crate) fn received(&self) -> u64 {
        match &self.source {
            BodySource::Http1(connection) => connection.received(),
            BodySource::Shared(_) => self.taken,
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let piece = ready!(match &mut self.source {
            BodySource::Http1(connection) => connection.poll_data(cx),
            BodySource::Shared(body) => body.poll_data(cx),
        });
        if let Some(Ok(piece)) = &piece {
            self.taken += piece.len() as u64;
            if let Some(Copied { bytes, limit, room }) = &mut self.copy {
                let kept = room.take(piece.len().min(*limit - bytes.len()));
                bytes.extend_from_slice(&piece[..kept]);
                if kept < piece.len() {
                    // Room that is given back later must not leave a hole.
                    *limit = bytes.len();
                }
            }
        }
        Poll::Ready(piece)
    }

    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}

/// A body as it is received, for what undoes its codings.
struct Undecoded<'a, 'b>(&'a mut Incoming<'b>);

impl Pieces for Undecoded<'_, '_> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        Poll::Ready(match ready!(self.0.poll_next(cx)) {
            None => Ok(Bytes::new()),
            Some(piece) => piece.map_err(io::Error::other),
        })
    }
}
