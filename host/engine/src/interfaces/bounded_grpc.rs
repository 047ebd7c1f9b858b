//! The imports of `grpc` that look how much they were handed before they copy it; see `bounded`.

use std::sync::Arc;

use swell_client::Error as ClientError;
use swell_core::exchange::ErrorClass;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Resource, WasmList};
use wasmtime::{Error, StoreContextMut};

use crate::bindings::OpenCall;
use crate::bindings::swell::scenario::grpc;
use crate::contract::full_name;
use crate::state::GuestState;
use crate::text::GuestText;

/// Metadata, and statuses that are expected, that one call may have: as of a request.
const MAX_ENTRIES: usize = 1_000;

/// Streams that one call may wait for: as many as a user may have.
const MAX_STREAMS: usize = 256;

/// Bytes of a method, a target or a value of metadata that are looked at.
const MAX_LINE: u32 = 256 << 10;

/// The most bytes that a message may have, as of a body.
pub(super) const MAX_MESSAGE: u32 = 16 << 20;

/// Files that describe services, in one call, and bytes of one.
const MAX_FILES: usize = 1_000;
const MAX_FILE: u32 = 4 << 20;

/// Bytes of a message that are copied before others go first.
const PIECE: usize = 1 << 20;

/// What to call, with lists that are still the guest's.
#[derive(ComponentType, Lift)]
#[component(record)]
struct LiftedCall {
    method: GuestText<MAX_LINE>,
    target: GuestText<MAX_LINE>,
    metadata: WasmList<(GuestText, WasmList<u8>)>,
    deadline: u64,
    limit: u32,
    expected: WasmList<u32>,
    #[component(name = "keep-metadata")]
    keep_metadata: bool,
}

impl LiftedCall {
    fn take(self, caller: &mut CallingGuest<'_>) -> wasmtime::Result<grpc::Call> {
        let (entries, codes) = (self.metadata.len(), self.expected.len());
        if entries > MAX_ENTRIES || codes > MAX_ENTRIES {
            return Err(Error::msg(format!(
                "a call has {entries} metadata and expects {codes} statuses; it may have \
                {MAX_ENTRIES} of each"
            )));
        }
        let mut metadata = Vec::with_capacity(entries);
        let mut lists = Vec::with_capacity(entries);
        for entry in self.metadata.iter(&mut *caller)? {
            let (name, value) = entry?;
            if name.is_cut || value.len() > MAX_LINE as usize {
                return Err(Error::msg(format!(
                    "a value of a call's metadata has more than {MAX_LINE} bytes, or its name \
                    more than 8 KiB"
                )));
            }
            lists.push((name.text, value));
        }
        for (name, value) in lists {
            metadata.push((name, value.as_le_slice(&*caller).to_vec()));
        }
        let expected = self.expected.iter(&mut *caller)?.collect::<wasmtime::Result<_>>()?;
        Ok(grpc::Call {
            method: self.method.text,
            target: self.target.text,
            metadata,
            deadline: self.deadline,
            limit: self.limit,
            expected,
            keep_metadata: self.keep_metadata,
        })
    }
}

/// Copies a message out of the guest's memory, if it is not too large.
async fn take_message(
    list: WasmList<u8>,
    caller: &mut CallingGuest<'_>,
) -> Result<Vec<u8>, ClientError> {
    if list.len() > MAX_MESSAGE as usize {
        return Err(ClientError {
            class: ErrorClass::TooLarge,
            message: format!("a message has at most {MAX_MESSAGE} bytes"),
            lacks_target: false,
        });
    }
    let mut bytes = Vec::with_capacity(list.len());
    while bytes.len() < list.len() {
        if !bytes.is_empty() {
            Arc::clone(&caller.data().cpu).give_way().await;
        }
        let left = &list.as_le_slice(&*caller)[bytes.len()..];
        bytes.extend_from_slice(&left[..left.len().min(PIECE)]);
    }
    Ok(bytes)
}

/// The guest that calls, with its memory.
type CallingGuest<'a> = StoreContextMut<'a, GuestState>;

/// Puts them in the place of the generated ones, which the linker has.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut interface = linker.instance(&full_name("grpc"))?;
    interface.func_wrap_async(
        "unary",
        |mut caller: CallingGuest<'_>, (call, message): (LiftedCall, WasmList<u8>)| {
            Box::new(async move {
                let call = call.take(&mut caller)?;
                let message = take_message(message, &mut caller).await;
                Ok((caller.data_mut().unary_call(call, message).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "[static]call-stream.open",
        |mut caller: CallingGuest<'_>, (call,): (LiftedCall,)| {
            Box::new(async move {
                let call = call.take(&mut caller)?;
                Ok((grpc::HostCallStream::open(caller.data_mut(), call).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "[method]call-stream.send",
        |mut caller: CallingGuest<'_>, (stream, message): (Resource<OpenCall>, WasmList<u8>)| {
            Box::new(async move {
                let message = take_message(message, &mut caller).await;
                Ok((caller.data_mut().send_message(&stream, message).await?,))
            })
        },
    )?;
    interface.func_wrap_async(
        "ready",
        |mut caller: CallingGuest<'_>, (list, timeout): (WasmList<Resource<OpenCall>>, u64)| {
            Box::new(async move {
                if list.len() > MAX_STREAMS {
                    return Err(Error::msg(format!(
                        "ready was given {} streams; it takes at most {MAX_STREAMS}",
                        list.len()
                    )));
                }
                let list = list.iter(&mut caller)?.collect::<wasmtime::Result<Vec<_>>>()?;
                Ok((grpc::Host::ready(caller.data_mut(), list, timeout).await?,))
            })
        },
    )?;
    add_descriptions(&mut interface)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What turns JSON into messages, and messages into it.
fn add_descriptions(interface: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    interface.func_wrap(
        "describe",
        |mut caller: CallingGuest<'_>, (list,): (WasmList<(GuestText, GuestText<MAX_FILE>)>,)| {
            if list.len() > MAX_FILES {
                let words = format!("{} files are described; at most {MAX_FILES}", list.len());
                return Ok((Err(words),));
            }
            let mut files = Vec::with_capacity(list.len());
            for file in list.iter(&mut caller)? {
                let (name, text) = file?;
                if text.is_cut {
                    return Ok((Err(format!("{}: more than {MAX_FILE} bytes", name.text)),));
                }
                files.push((name.text, text.text));
            }
            Ok((grpc::Host::describe(caller.data_mut(), files)?,))
        },
    )?;
    interface.func_wrap(
        "encode",
        |mut caller: CallingGuest<'_>, (method, json): (GuestText, GuestText<MAX_MESSAGE>)| {
            if json.is_cut {
                return Ok((Err(format!("the JSON has more than {MAX_MESSAGE} bytes")),));
            }
            Ok((grpc::Host::encode(caller.data_mut(), method.text, json.text)?,))
        },
    )?;
    interface.func_wrap(
        "decode",
        |mut caller: CallingGuest<'_>, (method, message): (GuestText, WasmList<u8>)| {
            if message.len() > MAX_MESSAGE as usize {
                return Ok((Err(format!("the message has more than {MAX_MESSAGE} bytes")),));
            }
            let message = message.as_le_slice(&caller).to_vec();
            Ok((grpc::Host::decode(caller.data_mut(), method.text, message)?,))
        },
    )
}
