//! Makes of an interpreter one that is prepared already: `swell-snapshot IN OUT`.
//!
//! An interpreter sets up an engine and evaluates its own modules before it looks at a script. That
//! is the same for all users of all scripts, and takes longer than most scripts do. So it is done
//! here, once: the module's function `prepare` runs, and the memory that it leaves is that with
//! which the module begins. Wasmtime gives this memory to each instance without copying it, so that
//! users share the pages to which they do not write.
//!
//! These are to be as many as can be. So `prepare` runs before that, in memory that is thrown away,
//! and rehearsals of users' lives show which blocks of it are written and read ([`rehearse`]); the
//! interpreter then has each block where others of its kind are.
//!
//! It is what [Wizer](https://github.com/bytecodealliance/wasmtime/tree/main/crates/wizer) does, by
//! an interpreter of WebAssembly that is built within seconds.

mod places;
mod rehearse;
mod run;
mod watch;
mod write;

use std::path::PathBuf;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = files.as_slice() else { bail!("usage: swell-snapshot IN.wasm OUT.wasm") };
    let module = std::fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
    let places = rehearse::places(&module)?;
    let memory = run::prepared(&module, &places)?;
    let prepared = write::with_memory(&module, &memory)?;
    std::fs::write(to, prepared).with_context(|| format!("can't write {}", to.display()))
}

/// How the names of the functions begin that prepare. The module that is written has none of them.
const PREPARE: &str = "prepare";
