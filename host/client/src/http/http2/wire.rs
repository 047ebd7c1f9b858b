//! The bytes of an HTTP/2 connection as they pass: which requests were sent, and how much is read
//! at once.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fault::{OTHER_VERSION, fault};
use crate::error::Error;
use crate::net::stream::Stream;
use crate::net::time_slice::{TimeSlice, give_way};

/// What passed over a connection, as far as its senders need to know it.
pub(super) struct Http2Wire {
    /// How many requests all connections of a worker handed to the network.
    written: Rc<Cell<u64>>,
    /// The last stream that was opened. Streams open in the order of their numbers.
    opened: Cell<u32>,
    /// Whether the server's first bytes were those of HTTP/1.
    speaks_http1: Cell<bool>,
    slice: Cell<TimeSlice>,
}

/// A stream whose bytes are followed.
pub(super) struct Tap {
    stream: Stream,
    wire: Rc<Http2Wire>,
    out: Frames,
    has_received: bool,
}

/// Where the next byte stands in the frames that are sent.
struct Frames {
    /// Bytes that do not matter: those of a payload, or of the preface.
    skip: usize,
    head: [u8; FRAME_HEAD],
    /// How many bytes of a frame's head have passed.
    filled: usize,
}

const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const FRAME_HEAD: usize = 9;
/// The type of the frame that opens a stream.
const HEADERS: u8 = 1;

impl Http2Wire {
    pub(super) fn new(written: Rc<Cell<u64>>) -> Rc<Self> {
        Rc::new(Self {
            written,
            opened: Cell::new(0),
            speaks_http1: Cell::new(false),
            slice: Cell::new(TimeSlice::new()),
        })
    }

    /// Whether the head of a request was sent, or its beginning.
    pub(super) fn has_opened(&self, stream: u32) -> bool {
        stream <= self.opened.get()
    }

    /// Lets the connection's task read for another slice of time.
    pub(super) fn begin_turn(&self) {
        self.slice.set(TimeSlice::new());
    }

    /// What went wrong, in our words.
    pub(super) fn error(&self, error: &h2::Error) -> Error {
        if self.speaks_http1.get() {
            return Error::protocol(
                "HTTP/2: the server speaks HTTP/1.1 alone".to_owned() + OTHER_VERSION,
            );
        }
        fault(error)
    }

    fn open(&self, stream: u32) {
        self.opened.set(stream);
        self.written.set(self.written.get() + 1);
    }
}

impl Tap {
    pub(super) fn new(stream: Stream, wire: Rc<Http2Wire>) -> Self {
        Self {
            stream,
            wire,
            out: Frames { skip: PREFACE, head: [0; FRAME_HEAD], filled: 0 },
            has_received: false,
        }
    }
}

impl Frames {
    /// Follows bytes that were sent, and reports the streams that they open.
    fn follow(&mut self, mut bytes: &[u8], mut open: impl FnMut(u32)) {
        while !bytes.is_empty() {
            let passed = if self.skip > 0 {
                let passed = self.skip.min(bytes.len());
                self.skip -= passed;
                passed
            } else {
                let passed = (FRAME_HEAD - self.filled).min(bytes.len());
                self.head[self.filled..self.filled + passed].copy_from_slice(&bytes[..passed]);
                self.filled += passed;
                passed
            };
            bytes = &bytes[passed..];
            if self.filled == FRAME_HEAD {
                let [a, b, c, kind, _flags, stream @ ..] = self.head;
                if kind == HEADERS {
                    open(u32::from_be_bytes(stream));
                }
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                self.filled = 0;
            }
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Frames may follow each other without end although none of them is useful.
        let mut slice = self.wire.slice.get();
        let over = slice.is_over();
        self.wire.slice.set(slice);
        if over {
            return give_way(cx);
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if !std::mem::replace(&mut self.has_received, true) {
            self.wire.speaks_http1.set(buf.filled()[before..].starts_with(b"HTTP/1"));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let amount = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        let Self { out, wire, .. } = &mut *self;
        out.follow(&bytes[..amount], |stream| wire.open(stream));
        Poll::Ready(Ok(amount))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).expect("small").to_be_bytes();
        [&length[1..], &[kind, 0], &stream.to_be_bytes(), &vec![HEADERS; payload]].concat()
    }

    #[test]
    fn streams_are_counted_as_opened_however_their_frames_are_cut() {
        let sent = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(4, 0, 18),
            frame(HEADERS, 1, 300),
            frame(0, 1, 70_000),
            frame(8, 0, 4),
            frame(HEADERS, 3, 0),
            frame(HEADERS, 7, 20),
        ]
        .concat();
        for size in [1, 2, 8, 9, 10, 1000, sent.len()] {
            let mut frames = Frames { skip: PREFACE, head: [0; FRAME_HEAD], filled: 0 };
            let mut opened = Vec::new();
            for piece in sent.chunks(size) {
                frames.follow(piece, |stream| opened.push(stream));
            }
            assert_eq!(opened, [1, 3, 7], "in pieces of {size}");
        }
    }
}
