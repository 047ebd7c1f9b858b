//! Answers that are read while they come.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::Request;
use super::request::from_host;
use super::response::{Phases, first_header};
use crate::bindings::http_stream as host;
use crate::error::{Error, Result};
use crate::think::nanoseconds;

/// An answer that is read while it comes, in pieces or in server-sent events.
///
/// ```no_run
/// # use swell::prelude::*;
/// # fn scenario() -> Result<()> {
/// let question = json!({"stream": true, "messages": [{"role": "user", "content": "Why?"}]});
/// let mut answer = http::post("/v1/chat/completions").json(&question).open()?;
/// while let Some(event) = answer.event()? {
///     if event.data == "[DONE]" {
///         break;
///     }
/// }
/// answer.discard()?;
/// # Ok(()) }
/// ```
///
/// It is one request of the report, and counts when it is over: read to its end, failed, or
/// dropped. One that is dropped before its end counts as left, which is no failure, and its
/// connection is closed. It belongs to the transaction in which it was opened, and ends with that.
pub struct Stream {
    exchange: host::Exchange,
    head: host::Head,
    timeout_nanoseconds: u64,
}

/// A server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type: "message" where the service names none.
    pub kind: String,
    /// Its lines of data, with a line feed between two.
    pub data: String,
    /// The last id that was given, by this event or one before it.
    pub id: String,
    /// After how long to connect again, where the service has said so since the event before.
    pub retry: Option<Duration>,
    /// When it came: how long after the request had been handed to the network.
    pub after: Duration,
}

/// What became of a streamed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// Whether it was read to its end.
    pub is_complete: bool,
    /// Bytes of the body as received, before decompression.
    pub body_size: u64,
    /// How long each part took.
    pub phases: Phases,
}

impl Request<'_> {
    /// Sends the request and waits for the head of the answer, whatever its status; the body is
    /// then read as it comes.
    ///
    /// Of what the request says, [`keep_body_up_to`](Self::keep_body_up_to) bounds an event (1 MiB
    /// without), and [`timeout`](Self::timeout) the whole, as long as it lasts.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn open(self) -> Result<Stream> {
        let exchange = host::Exchange::open(self.borrow()).map_err(from_host)?;
        let head = exchange.head().map_err(from_host)?;
        Ok(Stream { exchange, head, timeout_nanoseconds: 0 })
    }
}

impl Stream {
    /// Waits for at most so long for each piece or event from now on; without it, for what
    /// `--timeout` says (60 s by default). What does not come in time fails the answer.
    pub fn wait_at_most(&mut self, time: Duration) {
        self.timeout_nanoseconds = nanoseconds(time).max(1);
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The first header of this name, in whichever case.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when there is none, or the request did not ask to keep the headers.
    pub fn header(&self, name: &str) -> Result<&str> {
        first_header(self.headers()?, name)
    }

    /// All headers, in the order in which they came.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] when the request did not ask to keep them.
    pub fn headers(&self) -> Result<&[(String, String)]> {
        let not_kept = || {
            Error::Answer(
                "the headers were not kept: call .keep_headers() before .open()".to_owned(),
            )
        };
        self.head.headers.as_deref().ok_or_else(not_kept)
    }

    /// Whether an open connection was reused.
    #[must_use]
    pub fn reused(&self) -> bool {
        self.head.reused
    }

    /// How many redirects were followed.
    #[must_use]
    pub fn redirects(&self) -> u8 {
        self.head.redirects
    }

    /// Where the answer came from, if a redirect was followed.
    #[must_use]
    pub fn final_url(&self) -> Option<&str> {
        self.head.final_url.as_deref()
    }

    /// The next bytes of the body, at most 64 KiB; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] when the answer breaks off, or nothing comes in time; [`Error::RunOver`]
    /// outside any transaction when the run is over.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.exchange.read_chunk(self.timeout_nanoseconds).map_err(from_host)
    }

    /// The next server-sent event; `None` at the end of the answer.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and when an event is larger than it may be.
    pub fn event(&mut self) -> Result<Option<Event>> {
        let event = self.exchange.read_event(self.timeout_nanoseconds).map_err(from_host)?;
        Ok(event.map(|event| Event {
            kind: event.kind,
            data: event.data,
            id: event.id,
            retry: event.retry.map(Duration::from_millis),
            after: Duration::from_nanos(event.after),
        }))
    }

    /// All pieces to the end: `for piece in answer.chunks() { piece?; }`.
    pub fn chunks(&mut self) -> impl Iterator<Item = Result<Vec<u8>>> {
        until_the_end(|| self.chunk())
    }

    /// All events to the end: `for event in answer.events() { event?; }`.
    pub fn events(&mut self) -> impl Iterator<Item = Result<Event>> {
        until_the_end(|| self.event())
    }

    /// Reads to the end, keeps nothing, and returns the number of bytes.
    ///
    /// After events it throws away what is left, which is nothing where the last one was the end.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub fn discard(&mut self) -> Result<u64> {
        self.exchange.discard(self.timeout_nanoseconds).map_err(from_host)
    }

    /// Ends it if it is not over, and says what became of it.
    pub fn end(self) -> Ending {
        let ending = self.exchange.end();
        Ending {
            is_complete: ending.complete,
            body_size: ending.body_size,
            phases: Phases::new(&ending.phases),
        }
    }
}

/// What there is up to the end, or to the first error.
fn until_the_end<T>(
    mut next: impl FnMut() -> Result<Option<T>>,
) -> impl Iterator<Item = Result<T>> {
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let item = next().transpose();
        is_over = !matches!(item, Some(Ok(_)));
        item
    })
}

impl Event {
    /// The data as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] when they are not the JSON expected.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        Ok(serde_json::from_str(&self.data)?)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("head", &self.head).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_ends_with_the_answer_or_its_first_error() {
        let mut left = 3;
        let mut next = || {
            left -= 1;
            if left == 0 { Err("broken".into()) } else { Ok(Some(left)) }
        };
        let all: Vec<_> = until_the_end(&mut next).collect();
        assert_eq!((all.len(), all.last().is_some_and(Result::is_err)), (3, true));
        assert_eq!(until_the_end(|| Ok(None::<u8>)).count(), 0);
    }
}
