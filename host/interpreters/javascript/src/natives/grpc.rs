//! The contract's gRPC, for the module that scripts import.
//!
//! Messages are JSON for scripts, and are turned here: a message is handed over once. A stream is a
//! number in JavaScript, a place in a table that is emptied when an iteration ends.

use std::cell::RefCell;

use rquickjs::{Array, Ctx, Exception, Function, Object, Value};

use super::calls::{outside, over, pairs};
use crate::bindings::clock;
use crate::bindings::grpc::{self, Breach, Call, CallStream, Entry, Error, Incoming, Status};
use crate::body::bytes;

thread_local! {
    static OPEN: RefCell<Vec<Option<CallStream>>> = const { RefCell::new(Vec::new()) };
}

/// What stands for a status in k6 where a call has none, as the library that it uses has it.
const UNAVAILABLE: u32 = 14;
const DEADLINE_EXCEEDED: u32 = 4;
const INTERNAL: u32 = 13;
const RESOURCE_EXHAUSTED: u32 = 8;

/// Ends what an iteration has left open.
pub(crate) fn close_all() {
    // A user that opened none writes nothing here: what it writes to is memory of its own.
    if OPEN.with_borrow(|open| !open.is_empty()) {
        OPEN.with_borrow_mut(Vec::clear);
    }
}

pub(super) fn define<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> rquickjs::Result<()> {
    natives.set("grpcDescribe", Function::new(ctx.clone(), describe)?)?;
    natives.set("grpcInvoke", Function::new(ctx.clone(), invoke)?)?;
    natives.set("grpcOpen", Function::new(ctx.clone(), open)?)?;
    natives.set("grpcSend", Function::new(ctx.clone(), send)?)?;
    natives.set("grpcFinish", Function::new(ctx.clone(), finish)?)?;
    natives.set("grpcReady", Function::new(ctx.clone(), ready)?)?;
    natives.set("grpcReceive", Function::new(ctx.clone(), receive)?)?;
    natives.set("grpcDrop", Function::new(ctx.clone(), let_go)?)
}

/// Takes in files, as names and texts.
fn describe(ctx: Ctx<'_>, files: Vec<String>) -> rquickjs::Result<()> {
    outside(&ctx)?;
    grpc::describe(&pairs(&files)).map_err(|words| Exception::throw_message(&ctx, &words))
}

/// Where a call goes: its target, its method, milliseconds or 0, and the most bytes of a message.
type CallTarget = (String, String, f64, f64);

/// Calls a method with a message in JSON: the code of the status, its words, the answer in JSON,
/// metadata at its head and at its end as names and values.
fn invoke<'js>(
    ctx: Ctx<'js>,
    target: String,
    method: String,
    times: Vec<f64>,
    metadata: Vec<Value<'js>>,
    json: String,
) -> rquickjs::Result<Array<'js>> {
    outside(&ctx)?;
    let asked = asked(target, method, &times);
    let message = encoded(&ctx, &asked.1, &json)?;
    let metadata = entries(&metadata)?;
    let told = Array::new(ctx.clone())?;
    match grpc::unary(call(&asked, &metadata.iter().collect::<Vec<_>>()), &message) {
        Ok(reply) => {
            let answer = reply.message.filter(|_| reply.status.code == 0);
            put_status(&told, reply.status)?;
            if let Some(message) = answer {
                told.set(2, decoded(&ctx, &asked.1, &message)?)?;
            }
        }
        Err(error) => put_error(&ctx, &told, error)?,
    }
    Ok(told)
}

/// Opens a stream: its number or -1, and why there is none.
fn open<'js>(
    ctx: Ctx<'js>,
    target: String,
    method: String,
    times: Vec<f64>,
    metadata: Vec<Value<'js>>,
) -> rquickjs::Result<Array<'js>> {
    outside(&ctx)?;
    let asked = asked(target, method, &times);
    let metadata = entries(&metadata)?;
    let told = Array::new(ctx.clone())?;
    match CallStream::open(call(&asked, &metadata.iter().collect::<Vec<_>>())) {
        Ok(stream) => {
            let number = OPEN.with_borrow_mut(|open| {
                open.push(Some(stream));
                open.len() - 1
            });
            told.set(0, number as f64)?;
        }
        Err(Error::RunOver) => return Err(over(&ctx)),
        Err(error) => {
            let (code, words) = words(error);
            told.set(0, -1)?;
            told.set(1, code)?;
            told.set(2, words)?;
        }
    }
    Ok(told)
}

/// Sends a message in JSON; whether the call goes on.
fn send(ctx: Ctx<'_>, number: usize, method: String, json: String) -> rquickjs::Result<bool> {
    let message = encoded(&ctx, &method, &json)?;
    match with(&ctx, number, |stream| stream.send(&message))? {
        Ok(()) => Ok(true),
        Err(Error::RunOver) => Err(over(&ctx)),
        // What has ended it is received.
        Err(_) => Ok(false),
    }
}

/// Says that no message follows.
fn finish(ctx: Ctx<'_>, number: usize) -> rquickjs::Result<()> {
    match with(&ctx, number, CallStream::finish)? {
        Err(Error::RunOver) => Err(over(&ctx)),
        // What has ended it is received.
        _ => Ok(()),
    }
}

/// Which of these has something to receive, by its place; -1 when the time is over.
fn ready(ctx: Ctx<'_>, numbers: Vec<usize>, milliseconds: f64) -> rquickjs::Result<i32> {
    outside(&ctx)?;
    let longest = (milliseconds * 1e6) as u64;
    let due = clock::now().saturating_add(longest);
    let place = OPEN.with_borrow(|open| {
        let all: Option<Vec<&CallStream>> =
            numbers.iter().map(|&number| open.get(number)?.as_ref()).collect();
        all.map(|all| grpc::ready(&all, longest))
    });
    match place {
        Some(Some(place)) => Ok(i32::try_from(place).unwrap_or(-1)),
        // A wait that ends before its time ends with the run.
        Some(None) if clock::now() < due => Err(over(&ctx)),
        Some(None) => Ok(-1),
        None => Err(closed(&ctx)),
    }
}

/// What comes next: "data" with its JSON, or "end" with what `invoke` gives.
fn receive<'js>(ctx: Ctx<'js>, number: usize, method: String) -> rquickjs::Result<Array<'js>> {
    let told = Array::new(ctx.clone())?;
    match with(&ctx, number, |stream| stream.receive(0))? {
        Ok(Incoming::Message(message)) => {
            told.set(0, "data")?;
            told.set(1, decoded(&ctx, &method, &message)?)?;
        }
        Ok(Incoming::Ended(status)) => {
            told.set(0, "end")?;
            told.set(1, status.code)?;
            told.set(2, status.message)?;
        }
        Err(Error::RunOver) => return Err(over(&ctx)),
        Err(error) => {
            let (code, words) = words(error);
            told.set(0, "end")?;
            told.set(1, code)?;
            told.set(2, words)?;
        }
    }
    Ok(told)
}

fn let_go(number: usize) {
    OPEN.with_borrow_mut(|open| {
        if let Some(place) = open.get_mut(number) {
            *place = None;
        }
    });
}

fn with<T>(
    ctx: &Ctx<'_>,
    number: usize,
    call: impl FnOnce(&CallStream) -> T,
) -> rquickjs::Result<T> {
    outside(ctx)?;
    let done = OPEN.with_borrow(|open| open.get(number)?.as_ref().map(call));
    done.ok_or_else(|| closed(ctx))
}

fn closed(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_message(ctx, "the stream has ended")
}

/// Of times there are milliseconds, and the most bytes of a message.
fn asked(target: String, method: String, times: &[f64]) -> CallTarget {
    let of = |place: usize| times.get(place).copied().unwrap_or(0.0);
    (target, method, of(0), of(1))
}

fn call<'a>(asked: &'a CallTarget, metadata: &'a [&'a Entry]) -> Call<'a> {
    let (target, method, milliseconds, limit) = asked;
    Call {
        method,
        target,
        metadata,
        deadline: (milliseconds * 1e6) as u64,
        limit: *limit as u32,
        expected: &[],
        keep_metadata: true,
    }
}

/// Metadata, of a list in which each name is followed by its value.
fn entries(metadata: &[Value<'_>]) -> rquickjs::Result<Vec<Entry>> {
    let entry = |pair: &[Value<'_>]| {
        let name = String::from_utf8_lossy(&bytes(&pair[0])?).to_lowercase();
        Ok((name, bytes(&pair[1])?))
    };
    metadata.chunks_exact(2).map(entry).collect()
}

fn encoded(ctx: &Ctx<'_>, method: &str, json: &str) -> rquickjs::Result<Vec<u8>> {
    grpc::encode(method, json).map_err(|words| Exception::throw_message(ctx, &words))
}

fn decoded(ctx: &Ctx<'_>, method: &str, message: &[u8]) -> rquickjs::Result<String> {
    grpc::decode(method, message).map_err(|words| Exception::throw_message(ctx, &words))
}

fn put_status(told: &Array<'_>, status: Status) -> rquickjs::Result<()> {
    let Status { code, message, details: _, headers, trailers } = status;
    told.set(0, code)?;
    told.set(1, message)?;
    told.set(3, shown(headers))?;
    told.set(4, shown(trailers))
}

fn put_error(ctx: &Ctx<'_>, told: &Array<'_>, error: Error) -> rquickjs::Result<()> {
    match error {
        Error::RunOver => Err(over(ctx)),
        Error::Invalid(text) => Err(Exception::throw_message(ctx, &text)),
        error => {
            let (code, words) = words(error);
            told.set(0, code)?;
            told.set(1, words)
        }
    }
}

fn shown(entries: Vec<Entry>) -> Vec<String> {
    let pair = |(name, value): Entry| [name, String::from_utf8_lossy(&value).into_owned()];
    entries.into_iter().flat_map(pair).collect()
}

/// Why a call has no status, with the code that k6 has for it.
fn words(error: Error) -> (u32, String) {
    match error {
        Error::Dns(text)
        | Error::Connect(text)
        | Error::Tls(text)
        | Error::Goaway(text)
        | Error::Denied(text)
        | Error::LocalPorts(text)
        | Error::LocalFiles(text)
        | Error::Reset(Breach { text, .. }) => (UNAVAILABLE, text),
        Error::Protocol(text) | Error::Invalid(text) => (INTERNAL, text),
        Error::TooLarge(text) => (RESOURCE_EXHAUSTED, text),
        Error::Timeout(_) => (DEADLINE_EXCEEDED, "nothing came, or went, in time".to_owned()),
        Error::Ended => (INTERNAL, "the call has ended".to_owned()),
        Error::RunOver => (UNAVAILABLE, "the run is over".to_owned()),
    }
}
