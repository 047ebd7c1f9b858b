//! A script that was loaded: its files, its modules, and the calls into it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rquickjs::function::IntoArgs;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{
    Array, CatchResultExt, CaughtError, Context, Ctx, Exception, Function, Module, Object,
    Persistent, Value,
};
use swell_javascript::paths::{is_file, is_typescript, resolve, source_of, with_ending};
use swell_javascript::stack::{WideCharacters, place};

use crate::bindings::lifecycle::{FileInfo, ScenarioInfo};
use crate::bindings::script::{Fault, Loaded, Place, TestFile};
use crate::body::bytes;
use crate::loading::{FILES, LOADING, NEEDS, need};
use crate::prepared::{self, PreparedEngine, evaluated};
use crate::typescript::{self, Untranslated};
use crate::{modules, natives};

struct Test {
    context: Context,
    runner: Persistent<Object<'static>>,
    run: Persistent<Function<'static>>,
    turn: Persistent<Function<'static>>,
    /// The scenarios, with the milliseconds after which each begins.
    scenarios: Vec<(String, f64)>,
    /// Whether the script begins its runs itself.
    conducts: bool,
    /// Whether it ends them in its own words.
    has_summary: bool,
}

thread_local! {
    static TEST: RefCell<Option<Test>> = const { RefCell::new(None) };
    /// Their names, for stack traces.
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// What QuickJS counts as more than one column, by file: the texts themselves are not kept.
    static WIDE: RefCell<BTreeMap<String, WideCharacters>> = const {
        RefCell::new(BTreeMap::new())
    };
}

/// Takes in a script.
pub(crate) fn load(files: Vec<TestFile>) -> Result<Loaded, Fault> {
    let name = files[0].path.clone();
    NAMES.set(files.iter().map(|file| file.path.clone()).collect());
    FILES.set(files);
    LOADING.set(true);
    let loaded = evaluate(&name);
    LOADING.set(false);
    FILES.take();
    let needs = NEEDS.take();
    if !needs.is_empty() {
        return Ok(Loaded::Needs(needs));
    }
    let (test, file) = loaded?;
    TEST.set(Some(test));
    Ok(Loaded::Ready(file))
}

fn evaluate(name: &str) -> Result<(Test, FileInfo), Fault> {
    let PreparedEngine { context, runner, run, turn } = prepared::take();
    context.runtime().set_loader(Modules, Modules);
    let (described, conducts, has_summary) = context.with(|ctx| {
        let load = || {
            let script = evaluated(&ctx, name)?;
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            let runner = runner.clone().restore(&ctx)?;
            let describe: Function<'_> = runner.get("describe")?;
            let described: Vec<Vec<String>> = describe.call((script, stem))?;
            let has_summary = runner.get::<_, bool>("hasSummary")?;
            Ok((described, runner.get::<_, bool>("conducts")?, has_summary))
        };
        load().catch(&ctx).map_err(fault)
    })?;
    let described: Vec<_> = described.into_iter().map(scenario).collect();
    // Several begin side by side, as k6's do; one that begins later waits.
    let has_conduct =
        conducts || described.len() > 1 || described.iter().any(|(_, start)| *start > 0.0);
    let begin = described.iter().map(|(scenario, start)| (scenario.name.clone(), *start)).collect();
    let scenarios = described.into_iter().map(|(scenario, _)| scenario).collect();
    let test = Test { context, runner, run, turn, scenarios: begin, conducts, has_summary };
    Ok((test, FileInfo { scenarios, has_conduct }))
}

/// A scenario as the runner describes it: name, description, whether there is a `setup`, after how
/// many milliseconds it begins, and then settings, each a name and a value.
fn scenario(words: Vec<String>) -> (ScenarioInfo, f64) {
    let mut words = words.into_iter();
    let mut next = || words.next().unwrap_or_default();
    let (name, description, has_setup) = (next(), next(), next() == "true");
    let start = next().parse().unwrap_or_default();
    let mut defaults = Vec::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        defaults.push((name, value));
    }
    let hosts = Vec::new();
    (ScenarioInfo { name, description, has_setup, has_start: false, defaults, hosts }, start)
}

/// Finds what a script imports: the interpreter's own modules by their names, files by their paths.
struct Modules;

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        if let Some(own) = modules::named(name) {
            return Ok(own);
        }
        let is_script = FILES.with_borrow(|files| files.iter().any(|file| file.path == name));
        if is_script && !is_file(name) {
            return Ok(name.to_owned());
        }
        if is_file(name) {
            return Ok(file_of(base, name));
        }
        let message = modules::missing(name);
        // The stack does not say where an import stands: it is looked for.
        let line = FILES.with_borrow(|files| {
            let file = files.iter().find(|file| file.path == base)?;
            line_of(&String::from_utf8_lossy(&file.content), name)
        });
        let error = Exception::from_message(ctx.clone(), &message)?;
        if let Some((line, column)) = line {
            error.as_object().set("stack", format!("    at {base}:{line}:{column}\n"))?;
        }
        Err(error.throw())
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let content = FILES.with_borrow(|files| {
            files.iter().find(|file| file.path == name).map(|file| file.content.clone())
        });
        let Some(content) = content else {
            need(name);
            // The other imports say what they need, too, before the host is asked.
            return Module::declare(ctx.clone(), name, "");
        };
        let text = match std::str::from_utf8(&content) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(_) => {
                let words = format!("{name} is not UTF-8 text");
                return Err(Exception::throw_syntax(ctx, &words));
            }
        };
        natives::look_for_headers(text);
        if name.ends_with(".json") {
            return Module::declare(ctx.clone(), name, format!("export default {text}"));
        }
        if !is_typescript(name) {
            return declared(ctx, name, text);
        }
        match typescript::javascript(text) {
            Ok(script) => declared(ctx, name, &script),
            Err(Untranslated { message, line, column }) => {
                let error = Exception::from_message(ctx.clone(), &message)?;
                error.as_object().set("stack", format!("    at {name}:{line}:{column}\n"))?;
                Err(error.throw())
            }
        }
    }
}

/// A module of the script's own.
fn declared<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    script: &str,
) -> rquickjs::Result<Module<'js, Declared>> {
    let wide = WideCharacters::of(script);
    WIDE.with_borrow_mut(|files| files.insert(name.to_owned(), wide));
    Module::declare(ctx.clone(), name, script)
}

/// The column in characters of one in bytes, in a file that QuickJS has read. One that it was never
/// given is told of in characters.
fn column_of(file: &str, line: u32, column: u32) -> u32 {
    WIDE.with_borrow(|files| files.get(file).map_or(column, |wide| wide.column(line, column)))
}

/// The file that an import means: as it is written, or as TypeScript understands it.
fn file_of(base: &str, specifier: &str) -> String {
    let path = with_ending(base, resolve(base, specifier));
    let has = |path: &str| FILES.with_borrow(|files| files.iter().any(|file| file.path == path));
    // The host gives the one for the other, where there is but one.
    source_of(&path).filter(|source| !has(&path) && has(source)).unwrap_or(path)
}

/// The line and the column, in bytes as QuickJS has it, in which a module is imported.
fn line_of(source: &str, name: &str) -> Option<(usize, usize)> {
    // A library's name goes on in the script, with a version.
    let is_whole = !modules::is_library(name);
    source.lines().enumerate().find_map(|(index, line)| {
        let quoted = ["\"", "'"].into_iter().find_map(|quote| {
            let end = if is_whole { quote } else { "" };
            line.find(&format!("{quote}{name}{end}"))
        });
        quoted.map(|at| (index + 1, at + 1))
    })
}

/// The scenarios of the script in the order in which they begin, with the milliseconds after which
/// each does.
pub(crate) fn scenarios() -> Vec<(String, f64)> {
    let mut scenarios = TEST
        .with_borrow(|test| test.as_ref().map(|test| test.scenarios.clone()).unwrap_or_default());
    scenarios.sort_by(|one, other| one.1.total_cmp(&other.1));
    scenarios
}

/// Whether the script begins its runs itself.
pub(crate) fn conducts() -> bool {
    TEST.with_borrow(|test| test.as_ref().is_some_and(|test| test.conducts))
}

/// Whether the script ends its runs in its own words.
pub(crate) fn has_summary() -> bool {
    TEST.with_borrow(|test| test.as_ref().is_some_and(|test| test.has_summary))
}

/// What the script writes about these results: places with their content.
pub(crate) fn summarize(results: String) -> Result<Vec<(String, Vec<u8>)>, String> {
    with_test(|test, ctx| {
        let function: Function<'_> = evaluated(ctx, "swell:summary")?.get("summarize")?;
        let value = finished(test, ctx, function.call((results,))?)?;
        let parts: Vec<Array<'_>> = value.get()?;
        parts.iter().map(|part| Ok((part.get(0)?, bytes(&part.get(1)?)?))).collect()
    })
}

/// Calls a function of the runner to its end; what it returns is text, or nothing.
pub(crate) fn call<A>(name: &str, args: A) -> Result<String, String>
where
    A: for<'js> IntoArgs<'js>,
{
    with_test(|test, ctx| {
        let runner = test.runner.clone().restore(ctx)?;
        let function: Function<'_> = runner.get(name)?;
        let value = finished(test, ctx, function.call(args)?)?;
        Ok(value.as_string().map(|text| text.to_string()).transpose()?.unwrap_or_default())
    })
}

/// One iteration. What the end of the run has cut off is no error.
pub(crate) fn iteration() -> Result<(), String> {
    let ended = with_test(|test, ctx| {
        let run = test.run.clone().restore(ctx)?;
        finished(test, ctx, run.call(())?).map(drop)
    });
    natives::close_all();
    if natives::is_over() { Ok(()) } else { ended }
}

fn with_test<T>(
    call: impl for<'js> FnOnce(&Test, &Ctx<'js>) -> rquickjs::Result<T>,
) -> Result<T, String> {
    TEST.with_borrow(|test| {
        let test = test.as_ref().ok_or("the script was not loaded")?;
        test.context.with(|ctx| call(test, &ctx).catch(&ctx).map_err(words))
    })
}

/// What a function has returned; of one that is asynchronous, what it comes to. Then all timers
/// have run out, and nothing is left to do.
fn finished<'js>(test: &Test, ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Value<'js>> {
    loop {
        while ctx.execute_pending_job() {}
        if !natives::has_timers() {
            break;
        }
        let turn = test.turn.clone().restore(ctx)?;
        if !turn.call::<_, bool>(())? {
            natives::timers_are_over();
        }
    }
    let Some(promise) = value.as_promise() else { return Ok(value) };
    match promise.state() {
        PromiseState::Pending => {
            Err(Exception::throw_message(ctx, "it waits for a promise that nothing settles"))
        }
        _ => promise.result().unwrap_or(Ok(value.clone())),
    }
}

/// "TypeError: no cart (shop.js:4:11)"
fn words(error: CaughtError<'_>) -> String {
    let Fault { message, place } = fault(error);
    match place {
        Some(Place { file, line, column: 0 }) => format!("{message} ({file}:{line})"),
        Some(Place { file, line, column }) => format!("{message} ({file}:{line}:{column})"),
        None => message,
    }
}

/// What was thrown, and where in the script.
fn fault(error: CaughtError<'_>) -> Fault {
    let CaughtError::Exception(thrown) = error else {
        let message = match error {
            CaughtError::Value(value) => format!("thrown: {}", shown(&value)),
            error => error.to_string(),
        };
        return Fault { message, place: None };
    };
    let name: String = thrown.as_object().get("name").unwrap_or_else(|_| "Error".to_owned());
    let message = thrown.message().unwrap_or_default();
    let message =
        if name == "Error" && !message.is_empty() { message } else { format!("{name}: {message}") };
    let is_own = |file: &str| NAMES.with_borrow(|names| names.iter().any(|name| name == file));
    let place = place(&thrown.stack().unwrap_or_default(), is_own);
    let place =
        place.map(|place| Place { file: place.file, line: place.line, column: place.column });
    let place = place
        .or_else(|| of_an_import(&message))
        .map(|place| Place { column: column_of(&place.file, place.line, place.column), ..place });
    Fault { message, place }
}

/// Where a module is imported of which a message says what it lacks; such an error has no trace.
fn of_an_import(message: &str) -> Option<Place> {
    let (_, module) = message.split_once(" in module '")?;
    let module = module.strip_suffix('\'')?;
    FILES.with_borrow(|files| {
        files.iter().find_map(|file| {
            let text = String::from_utf8_lossy(&file.content);
            let (line, column) = line_of(&text, module)?;
            let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
            let (line, column) = (number(line), number(column));
            Some(Place { file: file.path.clone(), line, column })
        })
    })
}

/// A value that was thrown, as JSON.
fn shown(value: &Value<'_>) -> String {
    let json = value.ctx().json_stringify(value.clone()).ok().flatten();
    json.and_then(|json| json.to_string().ok()).unwrap_or_else(|| "undefined".to_owned())
}
