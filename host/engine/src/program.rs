//! From a scenario file to a program of which users can be made.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::artifact::{FileKind, Surface, componentize, surface};
use crate::bindings::exports::swell::scenario::lifecycle::FileInfo;
use crate::bindings::{ScenarioIndices, ScenarioPre};
use crate::compile::{Compiled, CompiledCode, Compiler, compile, load};
use crate::contract::{LIFECYCLE, PACKAGE, SCRIPT, full_name, is_compatible, is_import};
use crate::description::{Enquiry, SaidOfFile};
use crate::error::LoadError;
use crate::limits::{GuestLimits, Stack};
use crate::link::{link, uses_wasi};
use crate::own_summary::SummaryExport;
use crate::runtime::{AddressSpace, Needs, plain_engine, pooled_engine};
use crate::script::{self, ScriptFile, ScriptSource};
use crate::script_call::LoadedScript;
use crate::source::ScenarioSource;
use crate::state::GuestState;
use crate::ticker::Ticker;

/// One scenario that a file contains, as it describes itself.
pub use crate::bindings::exports::swell::scenario::lifecycle::ScenarioInfo;

/// A scenario file that was read, compiled and asked what it contains. It has no users yet. Of a
/// script it is the interpreter that is compiled.
pub struct ScenarioFile {
    /// What kind of file the component is made of.
    pub kind: FileKind,
    /// The size of that file in bytes.
    pub size: u64,
    /// BLAKE3 of the file, in hexadecimal; of a script, of the interpreter and all files.
    pub hash: String,
    /// What the file contains; at least one scenario.
    pub scenarios: Vec<ScenarioInfo>,
    /// Whether its `conduct` decides what runs and when.
    pub has_conduct: bool,
    /// Whether it ends runs in its own words.
    pub has_summary: bool,
    /// The interfaces that it imports, as "swell:scenario/http@0.1.0".
    pub imports: Vec<String>,
    /// Whether it was compiled now, or found in the cache.
    pub compiled: Compiled,
    limits: GuestLimits,
    code: CompiledCode,
    /// Where that code checks no address: of what, and by what, code is made that does.
    checked: Option<(Vec<u8>, Compiler)>,
    needs: Needs,
    stack: Stack,
    /// The files of the test, if it is a script.
    files: Option<Arc<[ScriptFile]>>,
}

impl ScenarioFile {
    /// Reads and compiles a scenario file. An interpreter may ask for the variables while it is
    /// given its script.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with the file or the machine. Nothing was sent and no user
    /// was created.
    pub fn load(
        source: &ScenarioSource,
        compiler: &Compiler,
        limits: GuestLimits,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, LoadError> {
        let bytes = source.read()?;
        let size = bytes.len() as u64;
        let mut hash = blake3::hash(&bytes);
        let blame = |error| source.blame(error);
        let (kind, component) = componentize(bytes.into()).map_err(blame)?;
        let Surface { imports, exports } = surface(&component).and_then(checked).map_err(blame)?;
        let script = match source {
            ScenarioSource::Script { script, .. } => Some(script),
            ScenarioSource::File(_) | ScenarioSource::Bytes { .. } => None,
        };
        match (is_interpreter(&exports), script) {
            (true, None) => return Err(LoadError::NoScript),
            (false, Some(_)) => return Err(blame(LoadError::NotAnInterpreter)),
            _ => {}
        }
        let (space, stack) = match script {
            Some(_) => (AddressSpace::of_an_interpreter(), Stack::OF_AN_INTERPRETER),
            None => (AddressSpace::Bounded, Stack::OF_A_SCENARIO),
        };

        let engine = plain_engine(limits, space, stack)?;
        let (code, compiled, loaded) =
            compile(compiler, &engine, limits, space, &component).map_err(blame)?;
        let needs = Needs::of(&loaded).map_err(blame)?;
        let enquiry = Enquiry::new(&engine, &loaded, limits, uses_wasi(&imports)).map_err(blame)?;
        let (SaidOfFile { file, has_summary }, files) = match script {
            None => (enquiry.describe()?, None),
            Some(script) => {
                let (said, files) = enquiry.load(script, variables)?;
                hash = script::hash(&hash, &files);
                (said, Some(files))
            }
        };
        let FileInfo { scenarios, has_conduct } = file;
        Ok(Self {
            kind,
            size,
            hash: hash.to_hex().to_string(),
            scenarios,
            has_conduct,
            has_summary,
            imports,
            compiled,
            limits,
            code,
            checked: (space == AddressSpace::Whole).then(|| (component, compiler.clone())),
            needs,
            stack,
            files,
        })
    }

    /// The files of the test, the script first; `None` if it is no script.
    pub fn script_files(&self) -> Option<&[ScriptFile]> {
        self.files.as_deref()
    }

    /// The same scenario with the files that were loaded: whatever becomes of those on the disk, or
    /// wherever this is read.
    pub fn fixed(&self, source: &ScenarioSource) -> ScenarioSource {
        match (source, &self.files) {
            (ScenarioSource::Script { interpreter, script }, Some(files)) => {
                ScenarioSource::Script {
                    interpreter: interpreter.clone(),
                    script: ScriptSource::Files { name: script.name(), files: files.to_vec() },
                }
            }
            _ => source.clone(),
        }
    }

    /// An engine with room for `users` instances, and the component in it. Where these have not the
    /// address space for code that checks nothing, the component is compiled to code that does.
    fn room(&self, users: u32) -> Result<(Engine, Component), LoadError> {
        let engine = |space| pooled_engine(self.limits, space, self.stack, self.needs, users);
        let Some((component, compiler)) = &self.checked else {
            let engine = engine(AddressSpace::Bounded)?;
            let component = load(&engine, &self.code)?;
            return Ok((engine, component));
        };
        if AddressSpace::is_enough_for(self.needs, users)
            && let Ok(engine) = engine(AddressSpace::Whole)
        {
            let component = load(&engine, &self.code)?;
            return Ok((engine, component));
        }
        let space = AddressSpace::Bounded;
        let engine = engine(space)?;
        let (_, _, component) = compile(compiler, &engine, self.limits, space, component)?;
        Ok((engine, component))
    }

    /// Makes room for `users` instances, of whatever scenarios of the file.
    ///
    /// # Errors
    /// The machine does not give the address space, or the component cannot be compiled for so
    /// many.
    pub fn program(&self, users: u32) -> Result<Arc<Program>, LoadError> {
        let (engine, component) = self.room(users)?;
        let uses_wasi = uses_wasi(&self.imports);
        let wrong = |reason: String| LoadError::WrongWorld { reason };
        let scenario = link(&engine, &component, uses_wasi)?;
        let exports = ScenarioIndices::new(scenario.instance_pre())
            .map_err(|error| wrong(format!("{error:#}")))?;
        let lifecycle = component.get_export_index(None, full_name(LIFECYCLE).as_str());
        let run =
            lifecycle.and_then(|lifecycle| component.get_export_index(Some(&lifecycle), "run"));
        let run = run.ok_or_else(|| wrong(format!("its {LIFECYCLE} has no `run`")))?;
        let script = match &self.files {
            None => None,
            Some(files) => Some(
                LoadedScript::new(&component, Arc::clone(files))
                    .ok_or(LoadError::NotAnInterpreter)?,
            ),
        };
        let (summary, ticker) = (SummaryExport::of(&component), Ticker::start(&engine)?);
        Ok(Arc::new(Program { engine, scenario, exports, run, script, summary, uses_wasi, ticker }))
    }
}

/// A scenario file ready to be instantiated on any thread.
pub struct Program {
    pub(crate) engine: Engine,
    pub(crate) scenario: ScenarioPre<GuestState>,
    /// What it exports, and `run` apart: it is called through a type that cuts its text.
    pub(crate) exports: ScenarioIndices,
    pub(crate) run: ComponentExportIndex,
    /// What each instance is given before anything else, if it is an interpreter.
    pub(crate) script: Option<LoadedScript>,
    /// By what it ends runs in its own words, if it can.
    pub(crate) summary: Option<SummaryExport>,
    pub(crate) uses_wasi: bool,
    pub(crate) ticker: Ticker,
}

/// Whether a component with these exports is an interpreter, of this version of the contract.
fn is_interpreter(exports: &[String]) -> bool {
    let version = |name: &String| {
        name.strip_prefix(PACKAGE)?.strip_prefix(SCRIPT)?.strip_prefix('@').map(is_compatible)
    };
    exports.iter().find_map(version) == Some(true)
}

/// What a component imports and exports, after a check that it belongs to this world at all. Names
/// are checked here; the linker checks types.
fn checked(surface: Surface) -> Result<Surface, LoadError> {
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
    Ok(surface)
}
