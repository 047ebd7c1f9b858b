//! Compilation in a child process with limits, and which compiled code is trusted.
//!
//! A scenario is somebody else's code, and a small hostile file can make a compiler take much time
//! and memory. So the host runs itself as a child that limits its own memory, reads the component
//! from stdin and writes the compiled form to stdout; the parent kills it when its time is over.
//!
//! ## Why the limit is on data and not on address space
//! The kernel can bound what a process may write (`RLIMIT_DATA`) and what it may address
//! (`RLIMIT_AS`), but not what is resident. An allocator with a thread a core addresses gigabytes
//! that it never touches, so that a limit of 1 GiB there would depend on the machine's cores. Data
//! is what counts: memory that the child can fill. Address space is bounded as well, far above, for
//! what is not data.
//!
//! ## What is trusted
//! Loading compiled code is only as safe as the place it comes from. It is read from nowhere but
//! the child and the private cache ([`crate::cache`]), under a key made of the component's hash,
//! the compiler's settings and version, and this machine's CPU. The file also carries the hash of
//! its own content, so that a torn write or a bad disk shows. What a user, another node or a
//! scenario hands over is never loaded as compiled code.

#![allow(unsafe_code)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::error::LoadError;
use crate::limits::{GuestLimits, Stack};
use crate::runtime::{AddressSpace, plain_engine};

/// How compilation is bounded, and how the child that does it is started.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program to start: the host itself.
    pub program: PathBuf,
    /// The argument that makes the program call [`compile_child`].
    pub argument: String,
    /// The folder of the cache; if it is `None`, each call compiles anew.
    pub cache: Option<PathBuf>,
    /// The child is killed after this time. Default 30 s: a scenario of 20 MB (a Python
    /// interpreter) takes about ten.
    pub time: Duration,
    /// Memory that the child may fill, in bytes. Default 1 GiB: 16 MiB of code in 20,000 functions
    /// took 354 MiB on two cores, and one function of 2 MiB, which no compiler makes, 1.3 GiB.
    pub memory: u64,
}

impl Compiler {
    /// The defaults, with the cache in the user's cache folder (`$XDG_CACHE_HOME/swell/compiled` or
    /// `~/.cache/swell/compiled`).
    pub fn new(program: PathBuf, argument: &str) -> Self {
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
        Self {
            program,
            argument: argument.to_owned(),
            cache: base.map(|base| base.join("swell").join("compiled")),
            time: Duration::from_secs(30),
            memory: 1 << 30,
        }
    }
}

/// Whether a component was compiled for this call or found in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiled {
    /// Compiled now; it took this long.
    Now(Duration),
    /// Found in the cache.
    Cached,
}

/// Address space of the child: four times what Debian's libc reserves for the threads of a large
/// machine and never touches.
const ADDRESS_SPACE: u64 = 16 << 30;

/// A component's compiled form, as bytes for [`load`]: their hash goes before them.
pub(crate) struct CompiledCode(Vec<u8>);

const HASH: usize = blake3::OUT_LEN;

impl CompiledCode {
    /// Takes these bytes if their hash is right.
    fn checked(bytes: Vec<u8>) -> Option<Self> {
        let (hash, content) = bytes.split_at_checked(HASH)?;
        (blake3::hash(content).as_bytes() == hash).then_some(Self(bytes))
    }
}

/// Loads the compiled form into an engine.
pub(crate) fn load(engine: &Engine, artifact: &CompiledCode) -> Result<Component, LoadError> {
    // SAFETY: the bytes come from our own child process through a folder that only this user may
    // enter, and their hash was checked; see the module's head.
    unsafe { Component::deserialize(engine, &artifact.0[HASH..]) }.map_err(|error| {
        let reason = format!("{error:#}");
        if BEYOND_LIMITS.iter().any(|words| reason.contains(words)) {
            LoadError::BeyondLimits { reason }
        } else {
            LoadError::Engine { reason: format!("compiled code not accepted: {reason}") }
        }
    })
}

/// The pool's messages about instances that are larger than it has room for.
const BEYOND_LIMITS: [&str; 2] = ["exceeds the limit of", "exceeds the configured maximum of"];

/// The compiled form of a component, from the cache or from a child process, and the component that
/// this engine made of it.
pub(crate) fn compile(
    compiler: &Compiler,
    engine: &Engine,
    limits: GuestLimits,
    space: AddressSpace,
    component: &[u8],
) -> Result<(CompiledCode, Compiled, Component), LoadError> {
    let key = cache_key(engine, component);
    let cache = compiler.cache.as_deref().and_then(|folder| {
        let opened = Cache::open(folder);
        opened.inspect_err(|reason| tracing::warn!("compiling without a cache: {reason}")).ok()
    });
    // Compiled code that this engine does not accept, perhaps because it was made for a CPU that
    // only looked the same, is made anew.
    if let Some(artifact) =
        cache.as_ref().and_then(|cache| CompiledCode::checked(cache.find(&key)?))
        && let Ok(component) = load(engine, &artifact)
    {
        return Ok((artifact, Compiled::Cached, component));
    }
    let began = Instant::now();
    let artifact = run_child(compiler, limits, space, component)?;
    let component = load(engine, &artifact)?;
    let took = began.elapsed();
    if let Some(cache) = cache
        && let Err(error) = cache.keep(&key, &artifact.0)
    {
        tracing::warn!("the compiled form is not kept in the cache: {error}");
    }
    Ok((artifact, Compiled::Now(took), component))
}

/// Names what the compiled form depends on: the component, the compiler and its settings, and the
/// CPU that it is for.
fn cache_key(engine: &Engine, component: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut hasher = blake3::Hasher::new();
    hasher.update(component);
    hasher.update(&settings.finish().to_le_bytes());
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(cpu().as_bytes());
    hasher.finalize().to_hex()[..40].to_owned()
}

/// The CPU's model and features, as the kernel lists them; the home folder may be shared by
/// machines that differ.
fn cpu() -> String {
    let listing = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let wanted = |line: &&str| {
        line.starts_with("flags") || line.starts_with("model name") || line.starts_with("Features")
    };
    listing.lines().filter(wanted).take(2).collect::<Vec<_>>().join("\n")
}

fn run_child(
    compiler: &Compiler,
    limits: GuestLimits,
    space: AddressSpace,
    component: &[u8],
) -> Result<CompiledCode, LoadError> {
    let engine_error = |what: &str, error: std::io::Error| LoadError::Engine {
        reason: format!("{what}: {error}"),
    };
    let mut child = Command::new(&compiler.program)
        .arg(&compiler.argument)
        .arg(compiler.memory.to_string())
        .arg(limits.memory.to_string())
        .arg(space.word())
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| engine_error("cannot start the compiler process", error))?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let mut stderr = child.stderr.take().expect("stderr is piped");
    let (ended, compiled, said) = std::thread::scope(|scope| {
        // The child may end without reading everything: then the write fails, and its exit says
        // why.
        scope.spawn(move || stdin.write_all(component));
        let compiled = scope.spawn(move || {
            let mut compiled = Vec::new();
            stdout.read_to_end(&mut compiled).map(|_| compiled)
        });
        let said = scope.spawn(move || {
            let mut said = Vec::new();
            // Half a message is better than none.
            let _ = stderr.by_ref().take(64 << 10).read_to_end(&mut said);
            String::from_utf8_lossy(&said).trim().to_owned()
        });
        let ended = wait_until(&mut child, Instant::now() + compiler.time);
        let reading = "reading a pipe does not panic";
        (ended, compiled.join().expect(reading), said.join().expect(reading))
    });
    match ended.map_err(|error| engine_error("cannot wait for the compiler process", error))? {
        None => Err(LoadError::CompileLimit { limit: format!("{} s", compiler.time.as_secs()) }),
        Some(status) if status.success() => {
            let compiled = compiled
                .map_err(|error| engine_error("cannot read from the compiler process", error))?;
            CompiledCode::checked(compiled).ok_or_else(|| LoadError::Engine {
                reason: "what the compiler process wrote is damaged".to_owned(),
            })
        }
        Some(status) if status.code() == Some(REFUSED) => Err(LoadError::Compile { reason: said }),
        Some(status) if OUT_OF_MEMORY.iter().any(|words| said.contains(words)) => {
            tracing::debug!(%status, said, "the compiler process ran out of memory");
            Err(LoadError::CompileLimit {
                limit: format!("{} MiB of memory", compiler.memory >> 20),
            })
        }
        Some(status) => Err(LoadError::Compile {
            reason: format!("the compiler process broke down ({status}): {said}"),
        }),
    }
}

/// The messages of Rust's allocator, the kernel and the compiler when there is no memory.
const OUT_OF_MEMORY: [&str; 4] =
    ["memory allocation", "Cannot allocate", "allocate memory", "out of memory"];

/// The child's exit status; `None` when the child had to be killed at the deadline.
fn wait_until(
    child: &mut std::process::Child,
    deadline: Instant,
) -> std::io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Exit code of the child for a component that the compiler refuses.
const REFUSED: i32 = 3;

/// The child's part: limits itself, reads a component from stdin and writes its compiled form to
/// stdout. Returns the exit code of the process.
///
/// `arguments`: the memory that the child may fill and the guest's memory limit, both in bytes, and
/// the word for what a memory reserves.
pub fn compile_child(arguments: &[std::ffi::OsString]) -> i32 {
    match compile_as_child(arguments) {
        Ok(()) => 0,
        Err(LoadError::Compile { reason }) => {
            write_to_parent(&reason);
            REFUSED
        }
        Err(error) => {
            write_to_parent(&error.to_string());
            1
        }
    }
}

/// The child's message to its parent. If the parent has ended, nobody misses it.
#[expect(
    clippy::disallowed_methods,
    reason = "what it says is read by its parent, and by no person"
)]
fn write_to_parent(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

fn compile_as_child(arguments: &[std::ffi::OsString]) -> Result<(), LoadError> {
    let usage = || LoadError::Engine {
        reason: "the compiler process takes two numbers and a word".to_owned(),
    };
    let [data, memory, space] = arguments else { return Err(usage()) };
    let number = |text: &std::ffi::OsString| {
        text.to_str().and_then(|text| text.parse::<u64>().ok()).ok_or_else(usage)
    };
    let (data, memory) = (number(data)?, number(memory)?);
    let space = space.to_str().and_then(AddressSpace::from_word).ok_or_else(usage)?;

    for (resource, most) in [(Resource::Data, data), (Resource::As, ADDRESS_SPACE)] {
        // A limit that was given to the host may be lowered, and not raised.
        let most = getrlimit(resource).maximum.map_or(most, |given| given.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(
            |error| LoadError::Engine {
                reason: format!("cannot limit the compiler process: {error}"),
            },
        )?;
    }
    let io = |error: std::io::Error| LoadError::Engine { reason: error.to_string() };
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(io)?;

    let limits = GuestLimits {
        memory: usize::try_from(memory).map_err(|_| usage())?,
        ..GuestLimits::default()
    };
    let engine = plain_engine(limits, space, Stack::OF_A_SCENARIO)?;
    let compiled = engine
        .precompile_component(&component)
        .map_err(|error| LoadError::Compile { reason: format!("{error:#}") })?;

    #[expect(clippy::disallowed_methods, reason = "what goes to the parent is code, not text")]
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(blake3::hash(&compiled).as_bytes())
        .and_then(|()| stdout.write_all(&compiled))
        .and_then(|()| stdout.flush())
        .map_err(io)
}
