//! Runs an interpreter where there is no host.

use std::io::Write as _;

use anyhow::{Context, ensure};
use wasmi::{
    Caller, Config, Engine, ExternType, Instance, Linker, Memory, Module, Store, Val, WasmParams,
    WasmResults,
};

use crate::PREPARE;

const WASI: &str = "wasi_snapshot_preview1";

/// An instance of an interpreter.
pub(crate) struct LoneInstance {
    /// Whether what a host would do is left out, and no error.
    store: Store<bool>,
    instance: Instance,
}

/// The memory after `prepare`, with each block that it allocates in the place that is given.
pub(crate) fn prepared(module: &[u8], places: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stage = LoneInstance::new(module)?;
    let length = u32::try_from(places.len())?;
    let at: u32 = stage.call("prepare-places", length)?;
    stage.write(at, places)?;
    stage.call::<(), ()>(PREPARE, ())?;
    let count: u32 = stage.call("prepare-count", ())?;
    ensure!(count == length, "{length} blocks were allocated, and then {count}");
    Ok(stage.bytes("memory")?.to_vec())
}

impl LoneInstance {
    /// It knows nothing of this machine: no import does anything but those by which a standard
    /// library begins and a panic is shown.
    pub(crate) fn new(module: &[u8]) -> anyhow::Result<Self> {
        let mut config = Config::default();
        config.wasm_multi_memory(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, module)?;
        let mut store = Store::new(&engine, false);
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(kind) = import.ty() else { continue };
            let (from, name) = (import.module().to_owned(), import.name().to_owned());
            linker.func_new(
                &from.clone(),
                &name.clone(),
                kind.clone(),
                // What it gives is 0, which is no error of WASI's.
                move |caller, given, _| called(caller, &from, &name, given),
            )?;
        }
        let instance = linker.instantiate_and_start(&mut store, &module)?;
        Ok(Self { store, instance })
    }

    /// Calls one of its functions.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        given: P,
    ) -> anyhow::Result<R> {
        let function = self.instance.get_typed_func::<P, R>(&self.store, name)?;
        function.call(&mut self.store, given).with_context(|| format!("{name} has failed"))
    }

    /// From here on what a host would do is not done.
    pub(crate) fn rehearse(&mut self) {
        *self.store.data_mut() = true;
    }

    /// The bytes of one of its memories.
    pub(crate) fn bytes(&self, memory: &str) -> anyhow::Result<&[u8]> {
        Ok(self.memory(memory)?.data(&self.store))
    }

    /// Sets one of its memories to zeros, or to what it was.
    pub(crate) fn set(&mut self, memory: &str, before: Option<&[u8]>) -> anyhow::Result<()> {
        let bytes = self.memory(memory)?.data_mut(&mut self.store);
        let before = before.unwrap_or_default();
        bytes[..before.len()].copy_from_slice(before);
        bytes[before.len()..].fill(0);
        Ok(())
    }

    /// Writes to its memory.
    fn write(&mut self, at: u32, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.memory("memory")?.write(&mut self.store, at as usize, bytes)?)
    }

    fn memory(&self, name: &str) -> anyhow::Result<Memory> {
        let memory = self.instance.get_memory(&self.store, name);
        memory.with_context(|| format!("it exports no {name}"))
    }
}

/// A call of an import.
fn called(
    mut caller: Caller<'_, bool>,
    module: &str,
    name: &str,
    given: &[Val],
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
        _ if *caller.data() => {}
        _ => {
            let words = format!("{PREPARE} calls {module} {name}, which is there in a run alone");
            return Err(wasmi::Error::new(words));
        }
    }
    Ok(())
}

/// Shows pieces of text, each by its place and length, and says how long they are together.
fn shown(
    caller: &Caller<'_, bool>,
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
