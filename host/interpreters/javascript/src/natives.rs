//! The contract's functions, for the modules that scripts import: `globalThis.__swell`.
//!
//! They take and give arrays of plain values, as reading a property by its name costs more than
//! most of what is done here.

mod calls;
mod feeds;
mod grpc;
mod requests;
pub(crate) mod runs;
mod streams;
mod websockets;

use std::cell::{Cell, RefCell};

use rquickjs::{Array, ArrayBuffer, Ctx, Exception, Function, IntoJs, Object, Value, qjs};

pub(crate) use self::calls::is_over;
use self::calls::{outside, over, pairs};
pub(crate) use self::requests::look_for_headers;
use self::requests::{AskedRequest, explained, lines};
use crate::bindings::http::{self, Coding, Error, Phases, Response};
use crate::bindings::transactions::{self, Outcome, Transaction};
use crate::bindings::{checks, clock, context, log, metrics, random};
use crate::body::bytes;
use crate::{digests, loading, page, rehearsal};

thread_local! {
    static OPEN: RefCell<Vec<Transaction>> = const { RefCell::new(Vec::new()) };
    static TIMERS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a script may have timers: since the last time one was made, until there are none.
pub(crate) fn has_timers() -> bool {
    TIMERS.get()
}

/// There are none any more.
pub(crate) fn timers_are_over() {
    TIMERS.set(false);
}

/// Ends what an iteration has left open.
pub(crate) fn close_all() {
    streams::close_all();
    websockets::close_all();
    grpc::close_all();
    while let Some(open) = OPEN.with_borrow_mut(Vec::pop) {
        Transaction::finish(open, Outcome::Failed("not ended"));
    }
}

/// Puts the functions where the modules find them.
pub(crate) fn define<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<()> {
    let natives = Object::new(ctx.clone())?;
    macro_rules! native {
        ($($name:literal: $function:expr),* $(,)?) => {
            $(natives.set($name, Function::new(ctx.clone(), $function)?)?;)*
        };
    }
    native! {
        "send": send,
        "sendAll": send_all,
        "define": |ctx: Ctx<'js>, name: String| outside(&ctx).map(|()| transactions::define(&name)),
        "begin": begin,
        "finish": finish,
        "check": |ctx: Ctx<'js>, name: String, passed: bool| {
            outside(&ctx).map(|()| checks::check(&name, passed))
        },
        "sleep": |ctx: Ctx<'js>, seconds: f64| {
            outside(&ctx).map(|()| clock::sleep((seconds * 1e9) as u64))
        },
        "now": |ctx: Ctx<'js>| outside(&ctx).map(|()| clock::now() as f64 / 1e6),
        "log": write,
        "metric": metric,
        "add": add,
        "random": random,
        "variable": |name: String| context::variable(&name),
        "user": |ctx: Ctx<'js>| outside(&ctx).map(|()| context::user() as f64),
        "iteration": |ctx: Ctx<'js>| outside(&ctx).map(|()| context::iteration() as f64),
        "runId": |ctx: Ctx<'js>| outside(&ctx).map(|()| context::run_id()),
        "stopRun": |ctx: Ctx<'js>, why: String| outside(&ctx).map(|()| context::stop_run(&why)),
        "stopUser": |ctx: Ctx<'js>, why: String| outside(&ctx).map(|()| context::stop_user(&why)),
        "failRun": |ctx: Ctx<'js>, why: String| outside(&ctx).map(|()| context::fail_run(&why)),
        "hasTimers": || TIMERS.set(true),
        "isLoading": || loading::is_loading(),
        "open": open,
        "compress": compress,
        "digest": digests::digest,
        "pages": page::functions,
        "encode": |ctx: Ctx<'js>, text: String| ArrayBuffer::new(ctx, text.into_bytes()),
        "decode": |buffer: Value<'js>| {
            bytes(&buffer).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        },
    }
    feeds::define(ctx, &natives)?;
    runs::define(ctx, &natives)?;
    streams::define(ctx, &natives)?;
    websockets::define(ctx, &natives)?;
    grpc::define(ctx, &natives)?;
    ctx.globals().set("__swell", natives)
}

fn begin(ctx: Ctx<'_>, kind: u32) -> rquickjs::Result<()> {
    outside(&ctx)?;
    if rehearsal::is_on() {
        return Ok(());
    }
    match transactions::begin(kind) {
        Ok(open) => {
            OPEN.with_borrow_mut(|all| all.push(open));
            Ok(())
        }
        Err(_) => Err(over(&ctx)),
    }
}

/// Ends the innermost transaction; with a reason it has failed.
fn finish(reason: Option<String>) {
    if let Some(open) = OPEN.with_borrow_mut(Vec::pop) {
        let outcome = reason.as_deref().map_or(Outcome::Ok, Outcome::Failed);
        Transaction::finish(open, outcome);
    }
}

fn write(level: u32, message: String) {
    // What is said at the top level would be said once a user.
    if !loading::is_loading() {
        let level = match level {
            0 => log::Level::Debug,
            1 => log::Level::Info,
            2 => log::Level::Warn,
            _ => log::Level::Error,
        };
        log::write(level, &message);
    }
}

/// A number from 0 to 1.
fn random(ctx: Ctx<'_>) -> rquickjs::Result<f64> {
    let bits = if loading::is_loading() {
        loading::random()
    } else {
        outside(&ctx)?;
        random::next()
    };
    Ok((bits >> 11) as f64 * 2f64.powi(-53))
}

fn metric(ctx: Ctx<'_>, name: String, kind: u32) -> rquickjs::Result<u32> {
    outside(&ctx)?;
    let kind = match kind {
        0 => metrics::Kind::Counter,
        1 => metrics::Kind::Gauge,
        2 => metrics::Kind::Rate,
        _ => metrics::Kind::Trend,
    };
    Ok(metrics::define(&name, kind))
}

fn add(ctx: Ctx<'_>, metric: u32, value: f64, tags: Vec<String>) -> rquickjs::Result<()> {
    outside(&ctx)?;
    metrics::add(metric, value, &pairs(&tags));
    Ok(())
}

fn open<'js>(ctx: Ctx<'js>, path: String, binary: bool) -> rquickjs::Result<Value<'js>> {
    let content = loading::open(&ctx, &path)?;
    if binary {
        ArrayBuffer::new(ctx.clone(), content)?.into_js(&ctx)
    } else {
        let text = String::from_utf8_lossy(&content);
        text.strip_prefix('\u{feff}').unwrap_or(&text).into_js(&ctx)
    }
}

/// Sends a request: as a transaction of this kind, or as one that the host names.
fn send<'js>(ctx: Ctx<'js>, asked: Array<'js>, kind: Option<u32>) -> rquickjs::Result<Array<'js>> {
    let Some(kind) = kind else { return send_one(&ctx, &asked) };
    begin(ctx.clone(), kind)?;
    let answer = send_one(&ctx, &asked);
    let reason = answer.as_ref().err().map(|error| match error {
        rquickjs::Error::Exception => {
            let thrown = ctx.catch();
            let message = thrown.as_exception().and_then(Exception::message);
            _ = ctx.throw(thrown);
            message.unwrap_or_default()
        }
        error => error.to_string(),
    });
    finish(reason);
    answer
}

fn send_one<'js>(ctx: &Ctx<'js>, asked: &Array<'js>) -> rquickjs::Result<Array<'js>> {
    outside(ctx)?;
    let asked = AskedRequest::read(asked)?;
    let request = asked.request();
    let rehearsed = rehearsal::answer(request.keep_headers);
    let sent = rehearsed.map_or_else(|| http::send(request), Ok);
    answer(ctx, sent, asked.keep)
}

/// A body with a content coding applied, as the host has it.
fn compress<'js>(
    ctx: Ctx<'js>,
    body: Value<'js>,
    coding: String,
) -> rquickjs::Result<ArrayBuffer<'js>> {
    outside(&ctx)?;
    let coding = match coding.as_str() {
        "gzip" => Coding::Gzip,
        "deflate" => Coding::Deflate,
        "br" => Coding::Br,
        "zstd" => Coding::Zstd,
        _ => {
            let words = format!("compression {coding:?} is none of gzip, deflate, br and zstd");
            return Err(Exception::throw_type(&ctx, &words));
        }
    };
    ArrayBuffer::new(ctx, http::compress(&bytes(&body)?, coding))
}

fn send_all<'js>(ctx: Ctx<'js>, asked: Vec<Array<'js>>) -> rquickjs::Result<Vec<Array<'js>>> {
    outside(&ctx)?;
    let asked = asked.iter().map(AskedRequest::read).collect::<rquickjs::Result<Vec<_>>>()?;
    let requests: Vec<_> = asked.iter().map(AskedRequest::request).collect();
    let sent = if rehearsal::is_on() {
        requests.iter().filter_map(|one| rehearsal::answer(one.keep_headers)).map(Ok).collect()
    } else {
        http::send_all(&requests)
    };
    sent.into_iter().zip(&asked).map(|(sent, asked)| answer(&ctx, sent, asked.keep)).collect()
}

/// What came: status, body, headers (a line each; null if they are not kept), error, its number,
/// the URL after redirects, the phases in milliseconds, whether there are cookies, and room for the
/// request.
fn answer<'js>(
    ctx: &Ctx<'js>,
    sent: Result<Response, Error>,
    keep: u8,
) -> rquickjs::Result<Array<'js>> {
    let response = match sent {
        Ok(response) => response,
        Err(Error::RunOver) => return Err(over(ctx)),
        Err(error) => {
            let (text, code) = explained(error);
            let answer = blank(ctx, 0, code, None, false)?;
            answer.set(2, "")?;
            answer.set(3, text)?;
            return Ok(answer);
        }
    };
    let is_cookie = |(name, _): &(String, String)| name.eq_ignore_ascii_case("set-cookie");
    let has_cookies = response.headers.iter().flatten().any(is_cookie);
    let answer = blank(ctx, response.status, 0, Some(&response.phases), has_cookies)?;
    match response.body {
        Some(body) if keep == 1 => match String::from_utf8(body) {
            Ok(text) => answer.set(1, text)?,
            Err(error) => answer.set(1, String::from_utf8_lossy(error.as_bytes()).as_ref())?,
        },
        Some(body) if keep == 2 => answer.set(1, ArrayBuffer::new(ctx.clone(), body)?)?,
        _ => {}
    }
    if let Some(headers) = response.headers {
        answer.set(2, lines(&headers))?;
    }
    if let Some(url) = response.final_url {
        answer.set(5, url)?;
    }
    Ok(answer)
}

/// An answer without words. All its places are made at once, as one that is added to an array is
/// looked for in all that the array inherits.
fn blank<'js>(
    ctx: &Ctx<'js>,
    status: u16,
    code: u32,
    phases: Option<&Phases>,
    has_cookies: bool,
) -> rquickjs::Result<Array<'js>> {
    const NULL: qjs::JSValue = qjs::JS_NULL;
    let number = |number: u32| qjs::JS_NewFloat64(f64::from(number));
    let phase = |of: fn(&Phases) -> u64| match phases {
        Some(phases) => qjs::JS_NewFloat64(of(phases) as f64 / 1e6),
        None => qjs::JS_UNDEFINED,
    };
    let values = [
        number(status.into()),
        NULL,
        NULL,
        NULL,
        number(code),
        NULL,
        phase(|phases| phases.blocked),
        phase(|phases| phases.connecting),
        phase(|phases| phases.tls),
        phase(|phases| phases.sending),
        phase(|phases| phases.waiting),
        phase(|phases| phases.receiving),
        if has_cookies { qjs::JS_TRUE } else { qjs::JS_FALSE },
        NULL,
    ];
    // SAFETY: none of the values is an object, so none is owned.
    let array = unsafe {
        let array = qjs::JS_NewArrayFrom(ctx.as_raw().as_ptr(), values.len() as _, values.as_ptr());
        Value::from_raw(ctx.clone(), array)
    };
    array.into_array().ok_or(rquickjs::Error::Exception)
}
