//! The imports of `websocket` that look how much they were handed before they copy it; see
//! `bounded`.

use std::sync::Arc;

use swell_client::Error as ClientError;
use swell_core::exchange::ErrorClass;
use wasmtime::component::{ComponentType, Lift, Linker, Resource, WasmList};
use wasmtime::{Error, StoreContextMut};

use super::websocket::to_guest;
use crate::bindings::OpenConnection;
use crate::bindings::swell::scenario::websocket;
use crate::contract::full_name;
use crate::state::GuestState;
use crate::text::GuestText;

/// Headers that one handshake may have, as of a request.
const MAX_HEADERS: usize = 1_000;

/// Subprotocols that one handshake may offer.
const MAX_SUBPROTOCOLS: usize = 100;

/// Connections that one call may wait for: as many as a user may have.
const MAX_CONNECTIONS: usize = 256;

/// Bytes of a URL or a header that are looked at.
const MAX_LINE: u32 = 256 << 10;

/// The most bytes that a message may have, as of a body.
const MAX_MESSAGE: u32 = 16 << 20;

/// Bytes of a message that are copied before others go first.
const PIECE: usize = 1 << 20;

/// What to open, with lists that are still the guest's.
#[derive(ComponentType, Lift)]
#[component(record)]
struct LiftedHandshake {
    url: GuestText<MAX_LINE>,
    headers: WasmList<(GuestText, GuestText<MAX_LINE>)>,
    subprotocols: WasmList<GuestText>,
    #[component(name = "keep-headers")]
    keep_headers: bool,
    timeout: u64,
}

impl LiftedHandshake {
    fn take(self, caller: &mut SocketCaller<'_>) -> wasmtime::Result<websocket::Request> {
        if self.headers.len() > MAX_HEADERS || self.subprotocols.len() > MAX_SUBPROTOCOLS {
            let (headers, subprotocols) = (self.headers.len(), self.subprotocols.len());
            return Err(Error::msg(format!(
                "a handshake has {headers} headers and {subprotocols} subprotocols; it may have \
                {MAX_HEADERS} and {MAX_SUBPROTOCOLS}"
            )));
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for header in self.headers.iter(&mut *caller)? {
            let (name, value) = header?;
            if name.is_cut || value.is_cut {
                return Err(Error::msg(format!(
                    "a header of a handshake has more than {MAX_LINE} bytes, or its name more \
                    than 8 KiB"
                )));
            }
            headers.push((name.text, value.text));
        }
        let subprotocols = self
            .subprotocols
            .iter(&mut *caller)?
            .map(|name| name.map(|name| name.text))
            .collect::<wasmtime::Result<_>>()?;
        Ok(websocket::Request {
            url: self.url.text,
            headers,
            subprotocols,
            keep_headers: self.keep_headers,
            timeout: self.timeout,
        })
    }
}

/// A message of which the bytes are still the guest's.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum LiftedMessage {
    #[component(name = "text")]
    Text(GuestText<MAX_MESSAGE>),
    #[component(name = "binary")]
    Binary(WasmList<u8>),
}

impl LiftedMessage {
    /// Copies it out of the guest's memory, if it is not too large.
    async fn take(self, caller: &mut SocketCaller<'_>) -> Result<websocket::Message, ClientError> {
        let too_large = || ClientError {
            class: ErrorClass::TooLarge,
            message: format!("a message has at most {MAX_MESSAGE} bytes"),
            lacks_target: false,
        };
        match self {
            Self::Text(text) if text.is_cut => Err(too_large()),
            Self::Text(text) => Ok(websocket::Message::Text(text.text)),
            Self::Binary(list) if list.len() > MAX_MESSAGE as usize => Err(too_large()),
            Self::Binary(list) => {
                let mut bytes = Vec::with_capacity(list.len());
                while bytes.len() < list.len() {
                    if !bytes.is_empty() {
                        Arc::clone(&caller.data().cpu).give_way().await;
                    }
                    let left = &list.as_le_slice(&*caller)[bytes.len()..];
                    bytes.extend_from_slice(&left[..left.len().min(PIECE)]);
                }
                Ok(websocket::Message::Binary(bytes))
            }
        }
    }
}

/// The guest that calls, with its memory.
type SocketCaller<'a> = StoreContextMut<'a, GuestState>;

/// Puts them in the place of the generated ones, which the linker has.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut interface = linker.instance(&full_name("websocket"))?;
    interface.func_wrap_async(
        "connect",
        |mut caller: SocketCaller<'_>, (request,): (LiftedHandshake,)| {
            Box::new(async move {
                let request = request.take(&mut caller)?;
                Ok((websocket::Host::connect(caller.data_mut(), request).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "ready",
        |mut caller: SocketCaller<'_>,
         (list, timeout): (WasmList<Resource<OpenConnection>>, u64)| {
            Box::new(async move {
                if list.len() > MAX_CONNECTIONS {
                    return Err(Error::msg(format!(
                        "ready was given {} connections; it takes at most {MAX_CONNECTIONS}",
                        list.len()
                    )));
                }
                let list = list.iter(&mut caller)?.collect::<wasmtime::Result<Vec<_>>>()?;
                Ok((websocket::Host::ready(caller.data_mut(), list, timeout).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "[method]connection.send",
        |mut caller: SocketCaller<'_>,
         (connection, message): (Resource<OpenConnection>, LiftedMessage)| {
            Box::new(async move {
                let message = match message.take(&mut caller).await {
                    Ok(message) => message,
                    Err(error) => return Ok((Err(refused(&mut caller, &connection, error)?),)),
                };
                let state = caller.data_mut();
                Ok((websocket::HostConnection::send(state, connection, message).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "[method]connection.exchange",
        |mut caller: SocketCaller<'_>,
         (connection, message, timeout): (Resource<OpenConnection>, LiftedMessage, u64)| {
            Box::new(async move {
                let message = match message.take(&mut caller).await {
                    Ok(message) => message,
                    Err(error) => return Ok((Err(refused(&mut caller, &connection, error)?),)),
                };
                let state = caller.data_mut();
                let exchanged =
                    websocket::HostConnection::exchange(state, connection, message, timeout);
                Ok((exchanged.await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "[method]connection.close",
        |mut caller: SocketCaller<'_>,
         (connection, code, reason): (Resource<OpenConnection>, u16, GuestText)| {
            Box::new(async move {
                let state = caller.data_mut();
                let closed = websocket::HostConnection::close(state, connection, code, reason.text);
                Ok((closed.await?,))
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Counts a message that could not be taken, and says why.
fn refused(
    caller: &mut SocketCaller<'_>,
    connection: &Resource<OpenConnection>,
    error: ClientError,
) -> wasmtime::Result<websocket::Error> {
    Ok(to_guest(caller.data_mut().user()?.refuse_message(connection.rep(), error)?))
}
