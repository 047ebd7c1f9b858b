//! WASI 0.2 for guests whose standard library wants it: clocks, randomness that repeats, and stdout and stderr to the log. No files, no sockets, no
//! environment: the interfaces are there, and empty.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use swell_core::random::Random;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::interfaces::log::{Level, Lines};
use crate::world::State;

/// What an instance has of WASI.
pub(crate) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    random: SeededRandom,
}

impl Wasi {
    /// Its stdout and stderr go to `lines`.
    pub(crate) fn new(lines: &Lines) -> Self {
        let random = SeededRandom::new();
        let context = WasiCtxBuilder::new()
            .stdout(Stdio { lines: lines.clone(), level: Level::Info })
            .stderr(Stdio { lines: lines.clone(), level: Level::Warn })
            .secure_random(random.clone())
            .insecure_random(random.clone())
            .insecure_random_seed(0)
            .build();
        Self { context, table: ResourceTable::new(), random }
    }

    /// For an instance that only describes itself: what it prints goes nowhere.
    pub(crate) fn silent() -> Self {
        Self { context: WasiCtxBuilder::new().build(), table: ResourceTable::new(), random: SeededRandom::new() }
    }

    /// From here on the numbers follow from `seed`.
    pub(crate) fn seed(&self, seed: u64) {
        *self.random.0.lock().unwrap_or_else(PoisonError::into_inner) = Random::stream(seed, 0);
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.as_mut().expect("a component that imports WASI is given a context of it");
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// Gives a linker all of WASI 0.2.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// Shared by WASI's generators and by whoever seeds them; only ever touched by the user's own thread.
#[derive(Clone)]
struct SeededRandom(Arc<Mutex<Random>>);

impl SeededRandom {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Random::stream(0, 0))))
    }

    fn next(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

impl rand_core::TryRng for SeededRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Stdout or stderr.
struct Stdio {
    lines: Lines,
    level: Level,
}

impl IsTerminal for Stdio {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdio {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineStream { lines: self.lines.clone(), level: self.level, pending: Vec::new() })
    }
}

/// Bytes up to a newline become a line of the log.
struct LineStream {
    lines: Lines,
    level: Level,
    pending: Vec<u8>,
}

/// A line that gets longer is cut here.
const LONGEST_LINE: usize = 4 << 10;

impl LineStream {
    fn flush_line(&mut self) {
        if !self.pending.is_empty() {
            self.lines.write(self.level, &String::from_utf8_lossy(&self.pending));
            self.pending.clear();
        }
    }
}

impl Drop for LineStream {
    fn drop(&mut self) {
        self.flush_line();
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for byte in bytes {
            if byte == b'\n' || self.pending.len() >= LONGEST_LINE {
                self.flush_line();
            }
            if byte != b'\n' {
                self.pending.push(byte);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}
