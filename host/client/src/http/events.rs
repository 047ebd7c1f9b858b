//! Server-sent events in a body that comes in pieces, by the rules of the HTML standard (section
//! 9.2.6, "Interpreting an event stream").
//!
//! Lines end with CR, LF or both, and an empty line ends an event. What is no UTF-8 is replaced;
//! since no line end is part of another character, lines can be decoded one by one. The reader
//! looks at each byte once, and keeps no more than one event.

use std::mem;
use std::time::Duration;

use bytes::{Buf, Bytes};
use swell_core::exchange::ErrorClass;

use crate::error::Error;

/// A server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEvent {
    /// Its type: "message" where none was named.
    pub kind: String,
    /// Its lines of data, with a line feed between two.
    pub data: String,
    /// The last id that was given, by this event or one before it.
    pub id: String,
    /// After how many milliseconds to connect again, where that was said since the event before.
    pub retry: Option<u64>,
    /// How long after its request it was taken from the network; zero where nobody has said so yet.
    pub after: Duration,
}

/// Reads events, one after the other.
#[derive(Debug)]
pub(crate) struct EventReader {
    /// What was received and not looked at.
    input: Bytes,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// Whether the line before ended with a CR, so that an LF now belongs to that.
    after_cr: bool,
    /// Whether a line has ended: a byte order mark can only stand before the first one.
    has_begun: bool,
    kind: String,
    data: String,
    has_data: bool,
    id: String,
    retry: Option<u64>,
    /// The most bytes of an event, and of a line.
    limit: usize,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl EventReader {
    /// One that refuses events of more than so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            input: Bytes::new(),
            line: Vec::new(),
            after_cr: false,
            has_begun: false,
            kind: String::new(),
            data: String::new(),
            has_data: false,
            id: String::new(),
            retry: None,
            limit,
        }
    }

    /// Takes in what was received, when all before it has been [read](Self::next).
    pub(crate) fn take(&mut self, input: Bytes) {
        debug_assert!(self.input.is_empty(), "what was received before is not lost");
        self.input = input;
    }

    /// How many bytes were received and not looked at.
    pub(crate) fn unread(&self) -> usize {
        self.input.len()
    }

    /// The next event in what was received; nothing where its end has not come.
    pub(crate) fn next(&mut self) -> Result<Option<StreamEvent>, Error> {
        loop {
            if !self.input.is_empty()
                && mem::take(&mut self.after_cr)
                && self.input.first() == Some(&b'\n')
            {
                self.input.advance(1);
            }
            let end = self.input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = self.input.split_to(end.unwrap_or(self.input.len()));
            if self.line.len() + part.len() + self.data.len() > self.limit {
                return Err(self.too_large());
            }
            let Some(_) = end else {
                self.line.extend_from_slice(&part);
                return Ok(None);
            };
            // An LF after a CR may come with the next piece, or never.
            self.after_cr = self.input.first() == Some(&b'\r');
            self.input.advance(1);
            let event = if self.line.is_empty() {
                self.line_ends(&part)
            } else {
                let mut line = mem::take(&mut self.line);
                line.extend_from_slice(&part);
                self.line_ends(&line)
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn line_ends(&mut self, mut line: &[u8]) -> Option<StreamEvent> {
        if !mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.event_ends();
        }
        let text = String::from_utf8_lossy(line);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            // A comment, whose field has no name, and fields that mean nothing.
            _ => {}
        }
        None
    }

    /// An event without a line of data is none.
    fn event_ends(&mut self) -> Option<StreamEvent> {
        let (kind, data) = (mem::take(&mut self.kind), mem::take(&mut self.data));
        if !mem::take(&mut self.has_data) {
            return None;
        }
        Some(StreamEvent {
            kind: if kind.is_empty() { "message".to_owned() } else { kind },
            data,
            id: self.id.clone(),
            retry: self.retry.take(),
            after: Duration::ZERO,
        })
    }

    fn too_large(&self) -> Error {
        Error::new(
            ErrorClass::TooLarge,
            format!("an event, or a line of one, is larger than {} bytes", self.limit),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a stream that comes in pieces of `size` bytes.
    fn events(stream: &[u8], size: usize) -> Vec<StreamEvent> {
        let mut reader = EventReader::new(1_000);
        let mut events = Vec::new();
        for piece in stream.chunks(size) {
            reader.take(Bytes::copy_from_slice(piece));
            while let Some(event) = reader.next().expect("small events") {
                events.push(event);
            }
        }
        events
    }

    fn event(kind: &str, data: &str, id: &str) -> StreamEvent {
        let [kind, data, id] = [kind, data, id].map(str::to_owned);
        StreamEvent { kind, data, id, retry: None, after: Duration::ZERO }
    }

    /// However the stream is cut, the events are the same.
    #[track_caller]
    fn expect(stream: impl AsRef<[u8]>, expected: &[StreamEvent]) {
        let stream = stream.as_ref();
        for size in 1..=stream.len() {
            assert_eq!(events(stream, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn the_examples_of_the_standard_are_read_as_it_says() {
        expect("data: YHOO\ndata: +2\ndata: 10\n\n", &[event("message", "YHOO\n+2\n10", "")]);
        expect(
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n\
            data:  third\n\n",
            &[
                event("message", "first event", "1"),
                event("message", "second event", ""),
                event("message", " third", ""),
            ],
        );
        // The last one has no end.
        expect(
            "data\n\ndata\ndata\n\ndata:",
            &[event("message", "", ""), event("message", "\n", "")],
        );
        expect("data:test\n\ndata: test\n\n", &vec![event("message", "test", ""); 2]);
    }

    #[test]
    fn lines_end_with_either_or_both_characters() {
        let expected = [event("add", "1\n2", ""), event("message", "3", "")];
        for end in ["\n", "\r", "\r\n"] {
            let lines = ["event: add", "data: 1", "data: 2", "", "data: 3", "", ""];
            expect(lines.join(end), &expected);
        }
        expect("event: add\r\ndata: 1\rdata: 2\n\r\ndata: 3\r\n\n", &expected);
    }

    #[test]
    fn an_event_that_ends_with_a_cr_does_not_wait_for_what_comes_after() {
        let mut reader = EventReader::new(100);
        reader.take(Bytes::from_static(b"data: now\r\r"));
        assert_eq!(reader.next().unwrap(), Some(event("message", "now", "")));
        assert_eq!(reader.next().unwrap(), None);
        reader.take(Bytes::from_static(b"\ndata: then\n\n"));
        assert_eq!(reader.next().unwrap(), Some(event("message", "then", "")));
    }

    #[test]
    fn a_byte_order_mark_stands_before_the_first_line_alone() {
        expect(b"\xef\xbb\xbfdata: 1\n\n", &[event("message", "1", "")]);
        // In another place it is a part of the field's name.
        expect(b"\n\xef\xbb\xbfdata: 1\n\n", &[]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        expect(b"data: a\xff\xc3\n\n", &[event("message", "a\u{fffd}\u{fffd}", "")]);
    }

    #[test]
    fn an_id_stays_until_another_and_a_retry_is_told_once() {
        let mut expected = vec![event("message", "1", "a"), event("message", "2", "a")];
        expected[0].retry = Some(1_500);
        expect("id: a\nretry: 1500\n\ndata: 1\n\ndata: 2\nretry: 1s\nid: b\0\n\n", &expected);
    }

    #[test]
    fn an_event_without_end_is_refused_and_so_are_a_line_and_a_comment() {
        for endless in ["data: x\n", "x", ": "] {
            let mut reader = EventReader::new(1_000);
            let mut taken = 0;
            let refused = loop {
                reader.take(Bytes::from(endless.repeat(10)));
                taken += 10 * endless.len();
                match reader.next() {
                    Ok(found) => assert_eq!((found, taken < 10_000), (None, true), "{endless:?}"),
                    Err(refused) => break refused,
                }
            };
            assert_eq!(refused.class, ErrorClass::TooLarge, "{endless:?}");
        }
    }

    #[test]
    fn an_event_as_large_as_it_may_be_is_read() {
        let mut reader = EventReader::new(100);
        reader.take(Bytes::from(format!("data: {}\n\n", "x".repeat(94))));
        assert_eq!(reader.next().unwrap().expect("an event").data.len(), 94);
    }
}
