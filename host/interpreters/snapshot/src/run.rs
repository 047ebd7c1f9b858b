//! Runs `prepare` and takes the memory that it leaves.

use std::io::Write as _;

use anyhow::Context;
use wasmi::{Caller, Engine, ExternType, Linker, Memory, Module, Store, Val};

use crate::PREPARE;

const WASI: &str = "wasi_snapshot_preview1";

/// The memory after `prepare`, which knows nothing of this machine: no import does anything but
/// those by which a standard library begins and a panic is shown.
pub(crate) fn prepared(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let engine = Engine::default();
    let module = Module::new(&engine, module)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        let ExternType::Func(kind) = import.ty() else { continue };
        let (from, name) = (import.module().to_owned(), import.name().to_owned());
        linker.func_new(
            &from.clone(),
            &name.clone(),
            kind.clone(),
            move |caller, given, result| called(caller, &from, &name, given, result),
        )?;
    }
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    instance
        .get_typed_func::<(), ()>(&store, PREPARE)?
        .call(&mut store, ())
        .with_context(|| format!("{PREPARE} has failed"))?;
    let memory = instance.get_memory(&store, "memory").context("it exports no memory")?;
    Ok(memory.data(&store).to_vec())
}

/// A call of an import.
fn called(
    mut caller: Caller<'_, ()>,
    module: &str,
    name: &str,
    given: &[Val],
    result: &mut [Val],
) -> Result<(), wasmi::Error> {
    let memory = caller.get_export("memory").and_then(|memory| memory.into_memory());
    let memory = memory.ok_or_else(|| wasmi::Error::new("it exports no memory"))?;
    let at = |index: usize| match given.get(index) {
        Some(Val::I32(place)) => *place as u32 as usize,
        _ => 0,
    };
    match (module, name) {
        // The clock of each instance begins at 0.
        (WASI, "clock_time_get") => memory.write(&mut caller, at(2), &[0; 8])?,
        // There are no variables of the environment, of which the first call asks how many.
        (WASI, "environ_sizes_get") => {
            memory.write(&mut caller, at(0), &[0; 4])?;
            memory.write(&mut caller, at(1), &[0; 4])?;
        }
        (WASI, "environ_get") => {}
        // For tables that only the script itself fills; who chooses its keys hurts no one else.
        (WASI, "random_get") => memory.write(&mut caller, at(0), &vec![0; at(1)])?,
        (WASI, "fd_write") => {
            let written = shown(&caller, memory, at(1), at(2))?;
            memory.write(&mut caller, at(3), &written.to_le_bytes())?;
        }
        _ => {
            let words = format!("{PREPARE} calls {module} {name}, which is there in a run alone");
            return Err(wasmi::Error::new(words));
        }
    }
    if let Some(errno) = result.first_mut() {
        *errno = Val::I32(0);
    }
    Ok(())
}

/// Shows pieces of text, each by its place and length, and says how long they are together.
fn shown(
    caller: &Caller<'_, ()>,
    memory: Memory,
    list: usize,
    pieces: usize,
) -> Result<u32, wasmi::Error> {
    let data = memory.data(caller);
    let outside = || wasmi::Error::new("text outside the memory");
    let number = |place: usize| {
        let bytes = data.get(place..place + 4).ok_or_else(outside)?;
        Ok::<_, wasmi::Error>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let mut written = 0;
    for piece in 0..pieces {
        let (place, length) = (number(list + piece * 8)?, number(list + piece * 8 + 4)?);
        let text = data.get(place as usize..(place + length) as usize).ok_or_else(outside)?;
        // If standard error is closed, nobody reads it.
        _ = std::io::stderr().write_all(text);
        written += length;
    }
    Ok(written)
}
