//! From a scenario file to a program of which users can be made.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::ComponentExportIndex;

use crate::artifact::{FileKind, componentize, surface};
use crate::bindings::exports::swell::scenario::lifecycle::FileInfo;
use crate::bindings::{ScenarioIndices, ScenarioPre};
use crate::compile::{Compiled, CompiledCode, Compiler, compile, load};
use crate::contract::{LIFECYCLE, PACKAGE, full_name, is_compatible, is_import};
use crate::description::describe;
use crate::error::LoadError;
use crate::limits::GuestLimits;
use crate::link::{link, uses_wasi};
use crate::runtime::{Needs, Ticker, plain_engine, pooled_engine};
use crate::source::ScenarioSource;
use crate::state::GuestState;

/// One scenario that a file contains, as it describes itself.
pub use crate::bindings::exports::swell::scenario::lifecycle::ScenarioInfo;

/// A scenario file that was read, compiled and asked what it contains. It has no users yet.
pub struct ScenarioFile {
    /// What kind of file it was.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// What the file contains; at least one scenario.
    pub scenarios: Vec<ScenarioInfo>,
    /// Whether its `conduct` decides what runs and when.
    pub has_conduct: bool,
    /// The interfaces that it imports, as "swell:scenario/http@0.1.0".
    pub imports: Vec<String>,
    /// Whether it was compiled now, or found in the cache.
    pub compiled: Compiled,
    limits: GuestLimits,
    code: CompiledCode,
    needs: Needs,
}

impl ScenarioFile {
    /// Reads and compiles a scenario file.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with the file or the machine. Nothing was sent and no user
    /// was created.
    pub fn load(
        source: &ScenarioSource,
        compiler: &Compiler,
        limits: GuestLimits,
    ) -> Result<Self, LoadError> {
        let bytes = source.read()?;
        let size = bytes.len() as u64;
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let (kind, component) = componentize(bytes.into())?;
        let imports = checked_imports(&component)?;

        let engine = plain_engine(limits)?;
        let (code, compiled, component) = compile(compiler, &engine, limits, &component)?;
        let needs = Needs::of(&component)?;
        let FileInfo { scenarios, has_conduct } =
            describe(&engine, &component, limits, uses_wasi(&imports))?;
        Ok(Self {
            kind,
            size,
            hash,
            scenarios,
            has_conduct,
            imports,
            compiled,
            limits,
            code,
            needs,
        })
    }

    /// Makes room for `users` instances of the scenario with this index into
    /// [`ScenarioFile::scenarios`].
    ///
    /// # Errors
    /// The machine does not give the address space.
    pub fn program(&self, index: u32, users: u32) -> Result<Arc<Program>, LoadError> {
        let engine = pooled_engine(self.limits, self.needs, users)?;
        let component = load(&engine, &self.code)?;
        let uses_wasi = uses_wasi(&self.imports);
        let wrong = |reason: String| LoadError::WrongWorld { reason };
        let scenario = link(&engine, &component, uses_wasi)?;
        let exports = ScenarioIndices::new(scenario.instance_pre())
            .map_err(|error| wrong(format!("{error:#}")))?;
        let lifecycle = component.get_export_index(None, full_name(LIFECYCLE).as_str());
        let run =
            lifecycle.and_then(|lifecycle| component.get_export_index(Some(&lifecycle), "run"));
        let run = run.ok_or_else(|| wrong(format!("its {LIFECYCLE} has no `run`")))?;
        let ticker = Ticker::start(&engine)?;
        Ok(Arc::new(Program { engine, scenario, exports, run, index, uses_wasi, _ticker: ticker }))
    }
}

/// A scenario ready to be instantiated on any thread.
pub struct Program {
    pub(crate) engine: Engine,
    pub(crate) scenario: ScenarioPre<GuestState>,
    /// What it exports, and `run` apart: it is called through a type that cuts its text.
    pub(crate) exports: ScenarioIndices,
    pub(crate) run: ComponentExportIndex,
    pub(crate) index: u32,
    pub(crate) uses_wasi: bool,
    _ticker: Ticker,
}

/// The component's imports, after a check that it belongs to this world at all. Names are checked
/// here; the linker checks types.
fn checked_imports(component: &[u8]) -> Result<Vec<String>, LoadError> {
    let surface = surface(component)?;
    let wrong = |reason: String| LoadError::WrongWorld { reason };
    let lifecycle = surface
        .exports
        .iter()
        .find_map(|name| name.strip_prefix(PACKAGE)?.strip_prefix(LIFECYCLE)?.strip_prefix('@'));
    match lifecycle {
        None => {
            let exports = if surface.exports.is_empty() {
                "nothing".to_owned()
            } else {
                surface.exports.join(", ")
            };
            return Err(wrong(format!(
                "it does not export {}; it exports {exports}",
                full_name(LIFECYCLE)
            )));
        }
        Some(version) if !is_compatible(version) => {
            return Err(wrong(format!("it exports {PACKAGE}{LIFECYCLE}@{version}")));
        }
        Some(_) => {}
    }
    for import in &surface.imports {
        if import.starts_with("wasi:http/") {
            return Err(wrong(format!(
                "it imports {import}; requests go through {PACKAGE}http, which measures them"
            )));
        }
        if import.starts_with("wasi:") {
            continue;
        }
        let known = import
            .strip_prefix(PACKAGE)
            .and_then(|name| name.split_once('@'))
            .is_some_and(|(interface, version)| is_import(interface) && is_compatible(version));
        if !known {
            return Err(wrong(format!("it imports {import}, which this host does not have")));
        }
    }
    Ok(surface.imports)
}
