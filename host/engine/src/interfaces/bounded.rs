//! Imports that look how much they were handed before they copy it: in place of the generated ones,
//! which copy as much as the guest's memory holds, or more where a list names the same bytes again
//! and again, and hold the thread meanwhile.
//!
//! Texts are cut ([`GuestText`]) and lists counted first; of what may be large, a request's body, a
//! piece is copied at a time, and the thread is the others' in between.

use std::sync::Arc;

use wasmtime::component::{ComponentType, Lift, Linker, Resource, WasmList};
use wasmtime::{Error, StoreContextMut};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::udp::{self, OutgoingDatagram, OutgoingDatagramStream};
use wasmtime_wasi::p2::{
    DynOutputStream, DynPollable, IoError as StreamFault, SocketResult, StreamResult,
};
use wasmtime_wasi_io::bindings::wasi::io::{poll, streams};

use super::http::MAX_AT_ONCE;
use super::wasi::socket_view;
use crate::bindings::swell::scenario::{
    checks, context, data, http, http_prepared, http_stream, log, metrics, transactions,
};
use crate::bindings::{OpenTransaction, PreparedRequest};
use crate::contract::full_name;
use crate::limits::HANDLES;
use crate::sockets::udp::{MAX_DATAGRAM, MAX_DATAGRAMS};
use crate::state::GuestState;
use crate::text::GuestText;
use crate::wasi::MAX_WRITTEN;

/// Tags that one value of a metric may have.
const MAX_TAGS: usize = 64;

/// Headers, and ranges of statuses, that one request may have.
const MAX_HEADERS: usize = 1_000;

/// Bytes of a URL or a header that are looked at. The client takes no longer URL.
const MAX_LINE: u32 = 256 << 10;

/// Bytes of a body that are copied before others go first: a tenth of a millisecond, or half of one
/// into fresh memory.
const PIECE: usize = 1 << 20;

/// How a transaction ended in the guest's judgement, as the generated type but for the text.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum LiftedOutcome {
    #[component(name = "ok")]
    Ok,
    #[component(name = "failed")]
    Failed(GuestText),
}

impl From<LiftedOutcome> for transactions::Outcome {
    fn from(outcome: LiftedOutcome) -> Self {
        match outcome {
            LiftedOutcome::Ok => Self::Ok,
            LiftedOutcome::Failed(reason) => Self::Failed(reason.text),
        }
    }
}

/// A request's method, as the generated type but for the text.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum LiftedMethod {
    #[component(name = "get")]
    Get,
    #[component(name = "head")]
    Head,
    #[component(name = "post")]
    Post,
    #[component(name = "put")]
    Put,
    #[component(name = "delete")]
    Delete,
    #[component(name = "patch")]
    Patch,
    #[component(name = "options")]
    Options,
    #[component(name = "other")]
    Other(GuestText),
}

impl From<LiftedMethod> for http::Method {
    fn from(method: LiftedMethod) -> Self {
        match method {
            LiftedMethod::Get => Self::Get,
            LiftedMethod::Head => Self::Head,
            LiftedMethod::Post => Self::Post,
            LiftedMethod::Put => Self::Put,
            LiftedMethod::Delete => Self::Delete,
            LiftedMethod::Patch => Self::Patch,
            LiftedMethod::Options => Self::Options,
            LiftedMethod::Other(name) => Self::Other(name.text),
        }
    }
}

/// A request whose lists are still the guest's.
#[derive(ComponentType, Lift)]
#[component(record)]
struct LiftedRequest {
    method: LiftedMethod,
    url: GuestText<MAX_LINE>,
    headers: WasmList<(GuestText, GuestText<MAX_LINE>)>,
    body: WasmList<u8>,
    keep: http::Keep,
    #[component(name = "keep-headers")]
    keep_headers: bool,
    redirects: u8,
    decompress: bool,
    version: http::Version,
    expect: WasmList<http::StatusRange>,
    timeout: u64,
}

impl LiftedRequest {
    /// Copies it out of the guest's memory.
    async fn take(self, caller: &mut GuestCaller<'_>) -> wasmtime::Result<http::Request> {
        if self.headers.len() > MAX_HEADERS || self.expect.len() > MAX_HEADERS {
            let (headers, ranges) = (self.headers.len(), self.expect.len());
            return Err(Error::msg(format!(
                "a request has {headers} headers and {ranges} ranges of statuses; it may have \
                {MAX_HEADERS} of each"
            )));
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for header in self.headers.iter(&mut *caller)? {
            let (name, value) = header?;
            if name.is_cut || value.is_cut {
                return Err(Error::msg(format!(
                    "a header of a request has more than {MAX_LINE} bytes, or its name more \
                    than 8 KiB"
                )));
            }
            headers.push((name.text, value.text));
        }
        let expect = self.expect.iter(&mut *caller)?.collect::<wasmtime::Result<_>>()?;
        let body = taken(&self.body, caller).await;
        Ok(http::Request {
            method: self.method.into(),
            url: self.url.text,
            headers,
            body,
            keep: self.keep,
            keep_headers: self.keep_headers,
            redirects: self.redirects,
            decompress: self.decompress,
            version: self.version,
            expect,
            timeout: self.timeout,
        })
    }
}

/// A body, copied out of the guest's memory.
async fn taken(list: &WasmList<u8>, caller: &mut GuestCaller<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(list.len());
    while body.len() < list.len() {
        if !body.is_empty() {
            Arc::clone(&caller.data().cpu).give_way().await;
        }
        let left = &list.as_le_slice(&*caller)[body.len()..];
        body.extend_from_slice(&left[..left.len().min(PIECE)]);
    }
    body
}

/// The guest that calls, with its memory.
type GuestCaller<'a> = StoreContextMut<'a, GuestState>;

/// Puts them in the place of the generated ones, which the linker has.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    add_measurements(linker)?;
    add_run(linker)?;
    add_requests(linker)?;
    add_prepared(linker)?;
    add_streams(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What a scenario measures: transactions, checks and metrics.
fn add_measurements(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(&full_name("transactions"))?;
    interface.func_wrap("define", |mut caller: GuestCaller<'_>, (name,): (GuestText,)| {
        Ok((transactions::Host::define(caller.data_mut(), name.text)?,))
    })?;
    interface.func_wrap(
        "[static]transaction.finish",
        |mut caller: GuestCaller<'_>,
         (transaction, outcome): (Resource<OpenTransaction>, LiftedOutcome)| {
            transactions::HostTransaction::finish(caller.data_mut(), transaction, outcome.into())
        },
    )?;
    interface.func_wrap(
        "[method]transaction.end",
        |mut caller: GuestCaller<'_>,
         (transaction, outcome): (Resource<OpenTransaction>, LiftedOutcome)| {
            transactions::HostTransaction::end(caller.data_mut(), transaction, outcome.into())
        },
    )?;

    let mut interface = linker.instance(&full_name("checks"))?;
    interface.func_wrap(
        "check",
        |mut caller: GuestCaller<'_>, (name, passed): (GuestText, bool)| {
            checks::Host::check(caller.data_mut(), name.text, passed)
        },
    )?;

    let mut interface = linker.instance(&full_name("metrics"))?;
    interface.func_wrap(
        "define",
        |mut caller: GuestCaller<'_>, (name, kind): (GuestText, metrics::Kind)| {
            Ok((metrics::Host::define(caller.data_mut(), name.text, kind)?,))
        },
    )?;
    interface.func_wrap(
        "add",
        |mut caller: GuestCaller<'_>,
         (metric, value, tags): (u32, f64, WasmList<(GuestText, GuestText)>)| {
            if tags.len() > MAX_TAGS {
                return Err(Error::msg(format!(
                    "a value of a metric was given {} tags; it takes at most {MAX_TAGS}",
                    tags.len()
                )));
            }
            let tags = tags
                .iter(&mut caller)?
                .map(|tag| tag.map(|(name, value)| (name.text, value.text)))
                .collect::<wasmtime::Result<Vec<_>>>()?;
            metrics::Host::add(caller.data_mut(), metric, value, tags)
        },
    )?;
    Ok(())
}

/// What a scenario says and asks of its run.
fn add_run(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(&full_name("log"))?;
    interface.func_wrap(
        "write",
        |mut caller: GuestCaller<'_>, (level, message): (log::Level, GuestText)| {
            log::Host::write(caller.data_mut(), level, message.text)
        },
    )?;

    let mut interface = linker.instance(&full_name("context"))?;
    interface.func_wrap("variable", |mut caller: GuestCaller<'_>, (name,): (GuestText,)| {
        Ok((context::Host::variable(caller.data_mut(), name.text)?,))
    })?;
    interface.func_wrap("stop-run", |mut caller: GuestCaller<'_>, (reason,): (GuestText,)| {
        context::Host::stop_run(caller.data_mut(), reason.text)
    })?;
    interface.func_wrap("fail-run", |mut caller: GuestCaller<'_>, (reason,): (GuestText,)| {
        context::Host::fail_run(caller.data_mut(), reason.text)
    })?;
    interface.func_wrap("stop-user", |mut caller: GuestCaller<'_>, (reason,): (GuestText,)| {
        context::Host::stop_user(caller.data_mut(), reason.text)
    })?;

    let mut interface = linker.instance(&full_name("data"))?;
    interface.func_wrap("open", |mut caller: GuestCaller<'_>, (name,): (GuestText,)| {
        Ok((data::Host::open(caller.data_mut(), name.text)?,))
    })?;
    Ok(())
}

/// What a scenario sends.
fn add_requests(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(&full_name("http"))?;
    interface.func_wrap_async(
        "send",
        |mut caller: GuestCaller<'_>, (request,): (LiftedRequest,)| {
            Box::new(async move {
                let request = request.take(&mut caller).await?;
                Ok((http::Host::send(caller.data_mut(), request).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "send-all",
        |mut caller: GuestCaller<'_>, (list,): (WasmList<LiftedRequest>,)| {
            Box::new(async move {
                let requests = take_all(&list, &mut caller).await?;
                Ok((http::Host::send_all(caller.data_mut(), requests).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "compress",
        |mut caller: GuestCaller<'_>, (body, coding): (WasmList<u8>, http::Coding)| {
            Box::new(async move {
                let memory = caller.data().allowance.memory();
                if body.len() > memory {
                    return Err(Error::msg(format!(
                        "compress was given a body of {} bytes; it takes at most {memory}, the \
                        limit of --guest-memory",
                        body.len()
                    )));
                }
                let body = taken(&body, &mut caller).await;
                Ok((http::Host::compress(caller.data_mut(), body, coding).await?,))
            })
        },
    )?;
    Ok(())
}

/// What a scenario says once and sends again and again.
fn add_prepared(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(&full_name("http-prepared"))?;
    interface.func_wrap_async(
        "[static]prepared-request.prepare",
        |mut caller: GuestCaller<'_>, (request,): (LiftedRequest,)| {
            Box::new(async move {
                let request = request.take(&mut caller).await?;
                let state = caller.data_mut();
                Ok((http_prepared::HostPreparedRequest::prepare(state, request)?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "[method]prepared-request.send",
        |mut caller: GuestCaller<'_>,
         (prepared, body): (Resource<PreparedRequest>, Option<WasmList<u8>>)| {
            Box::new(async move {
                let body = match body {
                    Some(body) => Some(taken(&body, &mut caller).await),
                    None => None,
                };
                let state = caller.data_mut();
                Ok((http_prepared::HostPreparedRequest::send(state, prepared, body).await?,))
            })
        },
    )?;
    Ok(())
}

/// What a scenario sends and reads the answer of while it comes.
fn add_streams(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(&full_name("http-stream"))?;
    interface.func_wrap_async(
        "[static]exchange.open",
        |mut caller: GuestCaller<'_>, (request,): (LiftedRequest,)| {
            Box::new(async move {
                let request = request.take(&mut caller).await?;
                Ok((http_stream::HostExchange::open(caller.data_mut(), request).await?,))
            })
        },
    )?;
    Ok(())
}

/// Copies requests out of the guest's memory, if they are few enough, and not larger than it.
async fn take_all(
    list: &WasmList<LiftedRequest>,
    caller: &mut GuestCaller<'_>,
) -> wasmtime::Result<Vec<http::Request>> {
    if list.len() > MAX_AT_ONCE {
        return Err(Error::msg(format!(
            "send-all was given {} requests; it takes at most {MAX_AT_ONCE}",
            list.len()
        )));
    }
    let memory = caller.data().allowance.memory();
    let (mut requests, mut bytes) = (Vec::with_capacity(list.len()), 0_usize);
    for index in 0..list.len() {
        let Some(request) = list.get(&mut *caller, index).transpose()? else { break };
        bytes = bytes.saturating_add(request.body.len());
        if bytes > memory {
            return Err(Error::msg(format!(
                "send-all was given bodies of more than {memory} bytes together, the limit of \
                --guest-memory"
            )));
        }
        requests.push(request.take(caller).await?);
    }
    Ok(requests)
}

/// The same of what WASI gives. The version is the one that the linker has; a guest's older one
/// finds it.
pub(crate) fn add_wasi_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut interface = linker.instance("wasi:io/poll@0.2.12")?;
    interface.func_wrap_async(
        "poll",
        |mut caller: GuestCaller<'_>, (list,): (WasmList<Resource<DynPollable>>,)| {
            Box::new(async move {
                if list.len() > HANDLES {
                    return Err(Error::msg(format!(
                        "poll was given {} pollables; it takes at most {HANDLES}",
                        list.len()
                    )));
                }
                let pollables = list.iter(&mut caller)?.collect::<wasmtime::Result<Vec<_>>>()?;
                Ok((poll::Host::poll(caller.data_mut().ctx().table, pollables).await?,))
            })
        },
    )?;
    let mut interface = linker.instance("wasi:io/streams@0.2.12")?;
    interface.func_wrap(
        "[method]output-stream.write",
        |mut caller: GuestCaller<'_>, (stream, list): (Resource<DynOutputStream>, WasmList<u8>)| {
            let bytes = written(&caller, &list)?;
            let table = caller.data_mut().ctx().table;
            let result = streams::HostOutputStream::write(table, stream, bytes);
            to_guest(table, result)
        },
    )?;
    interface.func_wrap_async(
        "[method]output-stream.blocking-write-and-flush",
        |mut caller: GuestCaller<'_>, (stream, list): (Resource<DynOutputStream>, WasmList<u8>)| {
            Box::new(async move {
                let bytes = written(&caller, &list)?;
                let table = caller.data_mut().ctx().table;
                let result =
                    streams::HostOutputStream::blocking_write_and_flush(table, stream, bytes).await;
                to_guest(table, result)
            })
        },
    )?;
    let mut interface = linker.instance("wasi:io/error@0.2.12")?;
    interface.func_wrap(
        "[method]error.to-debug-string",
        |mut caller: GuestCaller<'_>, (error,): (Resource<StreamFault>,)| {
            // What went wrong, and not where in the host somebody noticed.
            Ok((caller.data_mut().ctx().table.get(&error)?.to_string(),))
        },
    )?;
    let mut interface = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    interface.func_wrap(
        "resolve-addresses",
        |mut caller: GuestCaller<'_>, (network, name): (Resource<Network>, GuestText)| {
            let mut view = socket_view(caller.data_mut());
            let stream = ip_name_lookup::Host::resolve_addresses(&mut view, network, name.text);
            socket_to_guest(stream)
        },
    )?;
    let mut interface = linker.instance("wasi:sockets/udp@0.2.12")?;
    interface.func_wrap(
        "[method]outgoing-datagram-stream.send",
        |mut caller: GuestCaller<'_>,
         (stream, list): (Resource<OutgoingDatagramStream>, WasmList<LiftedDatagram>)| {
            let Some(datagrams) = take_datagrams(&list, &mut caller)? else {
                return Ok((Err(ErrorCode::DatagramTooLarge),));
            };
            let mut view = socket_view(caller.data_mut());
            let sent = udp::HostOutgoingDatagramStream::send(&mut view, stream, datagrams);
            socket_to_guest(sent)
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A datagram whose bytes are still the guest's.
#[derive(ComponentType, Lift)]
#[component(record)]
struct LiftedDatagram {
    data: WasmList<u8>,
    #[component(name = "remote-address")]
    remote_address: Option<IpSocketAddress>,
}

/// Copies datagrams out of the guest's memory; `None` if one is larger than any may be.
fn take_datagrams(
    list: &WasmList<LiftedDatagram>,
    caller: &mut GuestCaller<'_>,
) -> wasmtime::Result<Option<Vec<OutgoingDatagram>>> {
    if list.len() > MAX_DATAGRAMS {
        return Err(Error::msg(format!(
            "{} datagrams were sent at once; a socket takes at most {MAX_DATAGRAMS}",
            list.len()
        )));
    }
    let lifted = list.iter(&mut *caller)?.collect::<wasmtime::Result<Vec<_>>>()?;
    if lifted.iter().any(|datagram| datagram.data.len() > MAX_DATAGRAM) {
        return Ok(None);
    }
    let plain = |datagram: LiftedDatagram| OutgoingDatagram {
        data: datagram.data.as_le_slice(&*caller).to_vec(),
        remote_address: datagram.remote_address,
    };
    Ok(Some(lifted.into_iter().map(plain).collect()))
}

/// A socket's answer as the guest is told it.
fn socket_to_guest<T>(result: SocketResult<T>) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.downcast()?),
    },))
}

/// What is to be written, if a stream takes so much at once.
fn written(caller: &GuestCaller<'_>, list: &WasmList<u8>) -> wasmtime::Result<Vec<u8>> {
    if list.len() > MAX_WRITTEN {
        return Err(Error::msg(format!(
            "{} bytes were written at once; a stream takes at most {MAX_WRITTEN}",
            list.len()
        )));
    }
    Ok(list.as_le_slice(caller).to_vec())
}

/// A stream's answer as the guest is told it.
fn to_guest(
    table: &mut wasmtime::component::ResourceTable,
    result: StreamResult<()>,
) -> wasmtime::Result<(Result<(), streams::StreamError>,)> {
    Ok((match result {
        Ok(()) => Ok(()),
        Err(error) => Err(streams::Host::convert_stream_error(table, error)?),
    },))
}
