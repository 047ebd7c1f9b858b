//! The contract's WebSockets, for the modules that scripts import.
//!
//! A connection is a number in JavaScript: a place in a table that is emptied when an iteration
//! ends, as a script cannot keep what its iteration has opened.

use std::cell::RefCell;

use rquickjs::{Array, ArrayBuffer, Ctx, Exception, Function, IntoJs, Object, Value};

use super::calls::{outside, over, pairs};
use crate::bindings::clock;
use crate::bindings::websocket::{
    self, Closing, Connection, Error, Incoming, Message, Phase, Refusal,
};
use crate::body::bytes;

thread_local! {
    static OPEN: RefCell<Vec<Option<Connection>>> = const { RefCell::new(Vec::new()) };
}

/// Closes what an iteration has left open.
pub(crate) fn close_all() {
    // A user that opened none writes nothing here: what it writes to is memory of its own.
    if OPEN.with_borrow(|open| !open.is_empty()) {
        OPEN.with_borrow_mut(Vec::clear);
    }
}

pub(super) fn define<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> rquickjs::Result<()> {
    natives.set("wsConnect", Function::new(ctx.clone(), connect)?)?;
    natives.set("wsSend", Function::new(ctx.clone(), send)?)?;
    natives.set("wsReady", Function::new(ctx.clone(), ready)?)?;
    natives.set("wsReceive", Function::new(ctx.clone(), receive)?)?;
    natives.set("wsExchange", Function::new(ctx.clone(), exchange)?)?;
    natives.set("wsPing", Function::new(ctx.clone(), ping)?)?;
    natives.set("wsClose", Function::new(ctx.clone(), close)?)?;
    natives.set("wsDrop", Function::new(ctx.clone(), let_go)?)
}

/// Opens a WebSocket: its number or -1, the status of the answer (0 without one), why there is
/// none, the answer's headers as names and values, the subprotocol.
fn connect<'js>(
    ctx: Ctx<'js>,
    url: String,
    headers: Vec<String>,
    subprotocols: Vec<String>,
    milliseconds: f64,
) -> rquickjs::Result<Array<'js>> {
    outside(&ctx)?;
    let names: Vec<&str> = subprotocols.iter().map(String::as_str).collect();
    let opened = websocket::connect(websocket::Request {
        url: &url,
        headers: &pairs(&headers),
        subprotocols: &names,
        keep_headers: true,
        timeout: nanoseconds(milliseconds),
    });
    let told = Array::new(ctx.clone())?;
    match opened {
        Ok(connection) => {
            let headers = connection.headers().into_iter();
            let headers: Vec<String> = headers.flat_map(|(name, value)| [name, value]).collect();
            let subprotocol = connection.subprotocol();
            let number = OPEN.with_borrow_mut(|open| {
                open.push(Some(connection));
                open.len() - 1
            });
            told.set(0, number as f64)?;
            told.set(1, 101)?;
            told.set(2, Value::new_null(ctx.clone()))?;
            told.set(3, headers)?;
            told.set(4, subprotocol)?;
        }
        Err(Error::RunOver) => return Err(over(&ctx)),
        Err(error) => {
            let (status, body) = match &error {
                Error::Handshake(Refusal { status, text }) => (*status, text.clone()),
                _ => (0, String::new()),
            };
            told.set(0, -1)?;
            told.set(1, status)?;
            told.set(2, words(error))?;
            told.set(3, Vec::<String>::new())?;
            told.set(4, Value::new_null(ctx.clone()))?;
            told.set(5, body)?;
        }
    }
    Ok(told)
}

/// Sends a text, or the bytes of a buffer; why not, if it failed.
fn send<'js>(ctx: Ctx<'js>, number: usize, data: Value<'js>) -> rquickjs::Result<Option<String>> {
    let message = message(&data)?;
    with(&ctx, number, |open| open.send(&message)).and_then(|sent| failed(&ctx, sent))
}

/// Which of these has something to receive, by its place; -1 when the time is over.
fn ready(ctx: Ctx<'_>, numbers: Vec<usize>, milliseconds: f64) -> rquickjs::Result<i32> {
    outside(&ctx)?;
    let longest = nanoseconds(milliseconds);
    let due = clock::now().saturating_add(longest);
    let place = OPEN.with_borrow(|open| {
        let all: Option<Vec<&Connection>> =
            numbers.iter().map(|&number| open.get(number)?.as_ref()).collect();
        all.map(|all| websocket::ready(&all, longest))
    });
    match place {
        Some(Some(place)) => Ok(i32::try_from(place).unwrap_or(-1)),
        // A wait that ends before its time ends with the run.
        Some(None) if clock::now() < due => Err(over(&ctx)),
        Some(None) => Ok(-1),
        None => Err(closed(&ctx)),
    }
}

/// What comes next within this time (0 is the run's own): "text", "binary", "pong", "closed" or
/// "error", with the data, the milliseconds, the code and reason, or the words.
fn receive<'js>(ctx: Ctx<'js>, number: usize, milliseconds: f64) -> rquickjs::Result<Array<'js>> {
    outside(&ctx)?;
    let told = Array::new(ctx.clone())?;
    match with(&ctx, number, |open| open.receive(nanoseconds(milliseconds)))? {
        Ok(Incoming::Message(message)) => put(&ctx, &told, message)?,
        Ok(Incoming::Pong(time)) => {
            told.set(0, "pong")?;
            told.set(1, time as f64 / 1e6)?;
        }
        Ok(Incoming::Closed(Closing { code, reason })) => {
            told.set(0, "closed")?;
            told.set(1, code)?;
            told.set(2, reason)?;
        }
        Err(Error::RunOver) => return Err(over(&ctx)),
        Err(error) => {
            told.set(0, "error")?;
            told.set(1, words(error))?;
        }
    }
    Ok(told)
}

/// Sends a message, and gives its answer as `receive` does.
fn exchange<'js>(
    ctx: Ctx<'js>,
    number: usize,
    data: Value<'js>,
    milliseconds: f64,
) -> rquickjs::Result<Array<'js>> {
    outside(&ctx)?;
    let asked = message(&data)?;
    let told = Array::new(ctx.clone())?;
    match with(&ctx, number, |open| open.exchange(&asked, nanoseconds(milliseconds)))? {
        Ok(message) => put(&ctx, &told, message)?,
        Err(Error::RunOver) => return Err(over(&ctx)),
        Err(error) => {
            told.set(0, "error")?;
            told.set(1, words(error))?;
        }
    }
    Ok(told)
}

fn ping(ctx: Ctx<'_>, number: usize) -> rquickjs::Result<Option<String>> {
    with(&ctx, number, Connection::ping).and_then(|sent| failed(&ctx, sent))
}

/// Closes a connection, and lets it go.
fn close(
    ctx: Ctx<'_>,
    number: usize,
    code: u16,
    reason: String,
) -> rquickjs::Result<Option<String>> {
    let closed = with(&ctx, number, |open| open.close(code, &reason))?;
    let closed = failed(&ctx, closed)?;
    let_go(number);
    Ok(closed)
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
    call: impl FnOnce(&Connection) -> T,
) -> rquickjs::Result<T> {
    outside(ctx)?;
    let done = OPEN.with_borrow(|open| open.get(number)?.as_ref().map(call));
    done.ok_or_else(|| closed(ctx))
}

fn closed(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_message(ctx, "the WebSocket is closed")
}

fn failed(ctx: &Ctx<'_>, outcome: Result<(), Error>) -> rquickjs::Result<Option<String>> {
    match outcome {
        Ok(()) => Ok(None),
        Err(Error::RunOver) => Err(over(ctx)),
        Err(error) => Ok(Some(words(error))),
    }
}

fn message(data: &Value<'_>) -> rquickjs::Result<Message> {
    match data.as_string() {
        Some(text) => Ok(Message::Text(text.to_string()?)),
        None => Ok(Message::Binary(bytes(data)?)),
    }
}

fn put<'js>(ctx: &Ctx<'js>, told: &Array<'js>, message: Message) -> rquickjs::Result<()> {
    match message {
        Message::Text(text) => {
            told.set(0, "text")?;
            told.set(1, text)
        }
        Message::Binary(bytes) => {
            told.set(0, "binary")?;
            told.set(1, ArrayBuffer::new(ctx.clone(), bytes)?.into_js(ctx)?)
        }
    }
}

/// Zero leaves it to the run; infinity is as long as fits.
fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6) as u64
}

/// Why something did not succeed.
fn words(error: Error) -> String {
    match error {
        Error::Dns(text)
        | Error::Connect(text)
        | Error::Tls(text)
        | Error::Reset(text)
        | Error::Protocol(text)
        | Error::TooLarge(text)
        | Error::Denied(text)
        | Error::LocalPorts(text)
        | Error::LocalFiles(text)
        | Error::Invalid(text) => text,
        Error::Handshake(Refusal { status, .. }) => {
            format!("the handshake was answered with status {status}")
        }
        Error::Closed(Closing { code, reason }) if reason.is_empty() => {
            format!("the connection was closed with {code}")
        }
        Error::Closed(Closing { code, reason }) => {
            format!("the connection was closed with {code}: {reason}")
        }
        Error::Timeout(Phase::Receiving) => "nothing came in time".to_owned(),
        Error::Timeout(Phase::Sending) => "the service does not read".to_owned(),
        Error::Timeout(_) => "the WebSocket was not opened in time".to_owned(),
        Error::RunOver => "the run is over".to_owned(),
    }
}
