//! Bodies: whole ones, and the three bad kinds.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Interval, interval};

use crate::wire::Fate;

/// A body and how it comes.
#[derive(Debug)]
pub(crate) enum Body {
    /// At once.
    Whole(Option<Bytes>),
    /// One byte a second, this many more.
    Slow { clock: Interval, left: u64 },
    /// For ever.
    Infinite,
    /// The first half at once, and then, instead of the second, a reset.
    Broken { first_half: Option<Bytes>, clock: Interval, fate: Fate },
}

/// Half of a body that breaks off: more than a client reads in one go, less than a socket's buffer
/// takes.
const HALF: usize = 32 * 1024;
const INFINITE_CHUNK: &[u8] = &[b'x'; 16 * 1024];

impl Body {
    pub(crate) fn slow(bytes: u64) -> Self {
        Self::Slow { clock: interval(Duration::from_secs(1)), left: bytes }
    }

    /// Breaks off 20 ms after its first half, so that this half has arrived and was not thrown away
    /// with the reset.
    pub(crate) fn broken(fate: Fate) -> Self {
        Self::Broken {
            first_half: Some(Bytes::from_static(&[b'x'; HALF])),
            clock: interval(Duration::from_millis(20)),
            fate,
        }
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self::Whole(Some(bytes.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Slow { left: 0, .. } => Poll::Ready(None),
            Self::Slow { clock, left } => {
                ready!(clock.poll_tick(cx));
                *left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
            }
            Self::Infinite => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(INFINITE_CHUNK)))))
            }
            Self::Broken { first_half, clock, fate } => {
                ready!(clock.poll_tick(cx));
                match first_half.take() {
                    Some(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
                    None => {
                        fate.reset();
                        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Slow { left: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Slow { left, .. } => SizeHint::with_exact(*left),
            Self::Infinite => SizeHint::default(),
            Self::Broken { .. } => SizeHint::with_exact(2 * HALF as u64),
        }
    }
}
