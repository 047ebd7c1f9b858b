//! Answers that a script reads while they come.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rquickjs::{Array, ArrayBuffer, Ctx, Exception, Function, Object};

use super::calls::{outside, over};
use super::requests::{AskedRequest, explained, lines};
use crate::bindings::http::Error;
use crate::bindings::http_stream::{Ending, Event, Exchange, Head};

thread_local! {
    static STREAMS: RefCell<ScriptStreams> = const { RefCell::new(ScriptStreams::new()) };
}

/// Those of an iteration, by their numbers.
struct ScriptStreams {
    held: BTreeMap<u32, Exchange>,
    next: u32,
}

impl ScriptStreams {
    const fn new() -> Self {
        Self { held: BTreeMap::new(), next: 0 }
    }
}

/// Ends what an iteration has left open.
pub(super) fn close_all() {
    STREAMS.with_borrow_mut(|streams| streams.held.clear());
}

pub(super) fn define<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> rquickjs::Result<()> {
    natives.set("openStream", Function::new(ctx.clone(), open)?)?;
    natives.set("readChunk", Function::new(ctx.clone(), read_chunk)?)?;
    natives.set("readEvent", Function::new(ctx.clone(), read_event)?)?;
    natives.set("discardStream", Function::new(ctx.clone(), discard)?)?;
    natives.set("endStream", Function::new(ctx.clone(), end)?)
}

/// Sends a request: the number of its stream, status, headers (a line each, if they are kept), and
/// the URL after redirects.
fn open<'js>(ctx: Ctx<'js>, asked: Array<'js>) -> rquickjs::Result<Array<'js>> {
    outside(&ctx)?;
    let asked = AskedRequest::read(&asked)?;
    let exchange = told(&ctx, Exchange::open(asked.request()))?;
    let Head { status, headers, final_url, .. } = told(&ctx, exchange.head())?;
    let number = STREAMS.with_borrow_mut(|streams| {
        streams.next += 1;
        streams.held.insert(streams.next, exchange);
        streams.next
    });
    let answer = Array::new(ctx)?;
    answer.set(0, number)?;
    answer.set(1, status)?;
    answer.set(2, headers.map(|headers| lines(&headers)))?;
    answer.set(3, final_url)?;
    Ok(answer)
}

/// The next bytes; nothing at the end.
fn read_chunk<'js>(
    ctx: Ctx<'js>,
    stream: u32,
    milliseconds: f64,
) -> rquickjs::Result<Option<ArrayBuffer<'js>>> {
    outside(&ctx)?;
    let read = with(&ctx, stream, |exchange| exchange.read_chunk(nanoseconds(milliseconds)))?;
    read.map(|bytes| ArrayBuffer::new(ctx, bytes)).transpose()
}

/// The next event, as its type, data, id, milliseconds to connect again after, and milliseconds
/// after which it came; nothing at the end.
fn read_event<'js>(
    ctx: Ctx<'js>,
    stream: u32,
    milliseconds: f64,
) -> rquickjs::Result<Option<Array<'js>>> {
    outside(&ctx)?;
    let read = with(&ctx, stream, |exchange| exchange.read_event(nanoseconds(milliseconds)))?;
    let Some(Event { kind, data, id, retry, after }) = read else { return Ok(None) };
    let event = Array::new(ctx)?;
    event.set(0, kind)?;
    event.set(1, data)?;
    event.set(2, id)?;
    event.set(3, retry.map(|retry| retry as f64))?;
    event.set(4, after as f64 / 1e6)?;
    Ok(Some(event))
}

fn discard(ctx: Ctx<'_>, stream: u32, milliseconds: f64) -> rquickjs::Result<f64> {
    outside(&ctx)?;
    let read = with(&ctx, stream, |exchange| exchange.discard(nanoseconds(milliseconds)))?;
    Ok(read as f64)
}

/// Whether it was read to its end, bytes of its body, and milliseconds from its head to its end.
fn end<'js>(ctx: Ctx<'js>, stream: u32) -> rquickjs::Result<Array<'js>> {
    let Ending { complete, body_size, phases } = with(&ctx, stream, |exchange| Ok(exchange.end()))?;
    let ending = Array::new(ctx)?;
    ending.set(0, complete)?;
    ending.set(1, body_size as f64)?;
    ending.set(2, phases.receiving as f64 / 1e6)?;
    Ok(ending)
}

fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6) as u64
}

/// Calls something of a stream that the iteration holds.
fn with<T>(
    ctx: &Ctx<'_>,
    stream: u32,
    call: impl FnOnce(&Exchange) -> Result<T, Error>,
) -> rquickjs::Result<T> {
    let called = STREAMS.with_borrow(|streams| streams.held.get(&stream).map(call));
    match called {
        Some(result) => told(ctx, result),
        None => {
            let words = "the stream has ended with the iteration that opened it";
            Err(Exception::throw_message(ctx, words))
        }
    }
}

/// What the host said: an error is thrown, and the end of the run ends the iteration.
fn told<T>(ctx: &Ctx<'_>, result: Result<T, Error>) -> rquickjs::Result<T> {
    result.map_err(|error| match error {
        Error::RunOver => over(ctx),
        error => Exception::throw_message(ctx, &explained(error).0),
    })
}
