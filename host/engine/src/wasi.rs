//! WASI 0.2 for guests whose standard library wants it: clocks, randomness that repeats, stdout and
//! stderr to the log, and sockets to what the plan allows (`sockets`). No files, no environment:
//! the interfaces are there, and empty.
//!
//! A wait on WASI's clock is a wait like `clock.sleep`: it ends with the run.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use swell_core::random::Random;
use tokio::time::Instant;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult, subscribe};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView};

use crate::limits::{HANDLES, RANDOM_BYTES};
use crate::log::{Level, UserLog};
use crate::patience::Patience;
use crate::sockets::{SocketView, UserSockets};
use crate::thread_bound::ThreadBound;
use crate::user::UserState;

/// An instance's part of WASI.
pub(crate) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    random: SeededRandom,
    began: Instant,
    patience: Option<ThreadBound<Rc<Patience>>>,
    sockets: Option<ThreadBound<Rc<UserSockets>>>,
}

impl Wasi {
    /// For a user: stdout and stderr go to the log, and waits end with the user's patience.
    pub(crate) fn new(user: &UserState) -> Self {
        let log = user.log();
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(Stdio { log: log.clone(), level: Level::Info })
            .stderr(Stdio { log: log.clone(), level: Level::Warn });
        Self {
            patience: Some(ThreadBound::new(Rc::clone(user.patience()))),
            sockets: Some(ThreadBound::new(Rc::clone(user.sockets()))),
            ..Self::of(builder)
        }
    }

    /// For an instance that only describes itself: what it prints goes nowhere.
    pub(crate) fn silent() -> Self {
        Self::of(WasiCtxBuilder::new())
    }

    fn of(mut builder: WasiCtxBuilder) -> Self {
        let random = SeededRandom::new();
        let context = builder
            .secure_random(random.clone())
            .insecure_random(random.clone())
            .insecure_random_seed(0)
            .max_random_size(RANDOM_BYTES)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self { context, table, random, began: Instant::now(), patience: None, sockets: None }
    }

    /// The state of wasmtime's own implementations.
    pub(crate) fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.context, table: &mut self.table }
    }

    /// The monotonic clock of the instance.
    pub(crate) fn clock(&mut self) -> Clock<'_> {
        Clock { table: &mut self.table, began: self.began, patience: self.patience.as_ref() }
    }

    /// The sockets of the instance's user.
    pub(crate) fn sockets(&mut self) -> SocketView<'_> {
        SocketView { table: &mut self.table, sockets: self.sockets.as_ref() }
    }

    /// From here on random numbers follow from `seed`.
    pub(crate) fn seed(&self, seed: u64) {
        *self.random.0.lock().unwrap_or_else(PoisonError::into_inner) = Random::stream(seed, 0);
    }
}

/// The monotonic clock of one instance.
pub(crate) struct Clock<'a> {
    table: &'a mut ResourceTable,
    began: Instant,
    patience: Option<&'a ThreadBound<Rc<Patience>>>,
}

impl Clock<'_> {
    fn alarm(&mut self, after: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let patience = self.patience.map(|patience| ThreadBound::new(Rc::clone(&**patience)));
        // An instant that is farther away than the clock reaches never comes.
        let alarm =
            self.table.push(ClockPollable { at: Instant::now().checked_add(after), patience })?;
        subscribe(self.table, alarm)
    }
}

impl monotonic_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.now()?;
        self.alarm(Duration::from_nanos(when.saturating_sub(now)))
    }

    fn subscribe_duration(&mut self, after: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.alarm(Duration::from_nanos(after))
    }
}

/// Becomes ready at an instant, or never, and in any case when the user is to wait no longer. If
/// its instant has passed it is ready at once: a guest that asks for it again and again is
/// computing.
struct ClockPollable {
    at: Option<Instant>,
    patience: Option<ThreadBound<Rc<Patience>>>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for ClockPollable {
    async fn ready(&mut self) {
        if self.at.is_some_and(|at| at <= Instant::now()) {
            return;
        }
        let at = self.at;
        let mut sleep = pin!(async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        });
        poll_fn(|context| match (sleep.as_mut().poll(context), &self.patience) {
            (Poll::Pending, Some(patience)) => patience.poll_over(context),
            (polled, _) => polled,
        })
        .await;
    }
}

/// Shared by WASI's generators and by [`Wasi::seed`]; only ever touched by the user's own thread.
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
    log: UserLog,
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
        Box::new(LineStream { log: self.log.clone(), level: self.level, pending: Vec::new() })
    }
}

/// Bytes up to a newline become a line of the log.
struct LineStream {
    log: UserLog,
    level: Level,
    pending: Vec<u8>,
}

/// A longer line is cut here.
const MAX_LINE: usize = 4 << 10;

/// The most bytes that a stream takes at once.
pub(crate) const MAX_WRITTEN: usize = 64 << 10;

impl LineStream {
    fn flush_line(&mut self) {
        if !self.pending.is_empty() {
            self.log.write(self.level, &self.pending);
            self.pending.clear();
        }
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (fitting, rest) = bytes.split_at(bytes.len().min(MAX_LINE - self.pending.len()));
            self.pending.extend_from_slice(fitting);
            bytes = rest;
            if self.pending.len() == MAX_LINE {
                self.flush_line();
            }
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
        for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if number > 0 {
                self.flush_line();
            }
            self.push(line);
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITTEN)
    }
}
