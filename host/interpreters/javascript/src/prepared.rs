//! What each user begins with: an engine that has evaluated the interpreter's own modules.
//!
//! Making it takes longer than evaluating most scripts. So it is made when the interpreter is
//! built: [`prepare`] runs then, and the memory that it leaves is that with which each instance
//! begins (`host/interpreters/snapshot`). A user pays for what it writes to, and for no module
//! that its script does not use.

use std::cell::RefCell;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{
    Atom, Context, Ctx, Error, Function, Module, Object, Persistent, Runtime, WriteOptions,
};

use crate::loading::LOADING;
use crate::{memory, modules, natives};

/// Bytes of its own stack that a script may use: what is left of two megabytes is for functions of
/// the interpreter that do not count.
const STACK: usize = 384 << 10;

/// What a script may allocate, beyond what is there before it, until objects that hold each other
/// are looked for. Looking writes to all objects, and then no user shares any.
const GARBAGE: u64 = 256 << 10;

/// Names for which there is room: about half of them are the interpreter's own, and a script of a
/// thousand lines has some hundreds.
const NAMES: usize = 4_096;

/// The same of shapes, as QuickJS calls what objects with the same properties have in common. More
/// would take another page of each user for the table itself.
const SHAPES: usize = 1_000;

/// An engine without a script.
pub(crate) struct PreparedEngine {
    pub(crate) context: Context,
    /// The module that holds a script, and the two functions of it that are called most.
    pub(crate) runner: Persistent<Object<'static>>,
    pub(crate) run: Persistent<Function<'static>>,
    pub(crate) turn: Persistent<Function<'static>>,
}

thread_local! {
    static PREPARED: RefCell<Option<PreparedEngine>> = const { RefCell::new(None) };
}

/// Called once, where the interpreter is built.
#[unsafe(no_mangle)]
extern "C" fn prepare() {
    wit_bindgen::rt::run_ctors_once();
    PREPARED.set(Some(made().expect("our own modules are right")));
    memory::begin_users();
}

/// Has the engine's tables of names and of shapes grow while they are empty. A table that is full
/// is doubled, which writes to all that is in it: a user whose script did that would share none of
/// it.
fn make_room(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    // They all exist at the same time.
    let (mut names, mut shaped) = (Vec::new(), Vec::new());
    for number in 0..NAMES {
        names.push(Atom::from_str(ctx.clone(), &format!("name {number}"))?);
    }
    for name in &names[..SHAPES] {
        let object = Object::new(ctx.clone())?;
        object.set(name.clone(), true)?;
        shaped.push(object);
    }
    Ok(())
}

/// The engine for the script of this instance.
pub(crate) fn take() -> PreparedEngine {
    PREPARED.take().expect("it was prepared where it was built, and there is one script")
}

fn made() -> rquickjs::Result<PreparedEngine> {
    let compiled = compiled()?;
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK);
    runtime.set_loader(OwnModules, OwnModules);
    // What was caught after the run was over must not keep a loop going.
    runtime.set_interrupt_handler(Some(Box::new(natives::is_over)));
    let context = Context::full(&runtime)?;
    LOADING.set(true);
    let (runner, run, turn) = context.with(|ctx| {
        make_room(&ctx)?;
        natives::define(&ctx)?;
        // All code lies before all that is made by it: a user writes to the second, and to pages
        // that hold nothing else.
        for bytecode in &compiled {
            // SAFETY: this very QuickJS has written it.
            unsafe { Module::load(ctx.clone(), bytecode) }?;
        }
        for name in modules::names() {
            evaluated(&ctx, &name)?;
        }
        let runner = evaluated(&ctx, modules::RUNNER)?;
        let run = Persistent::save(&ctx, runner.get::<_, Function<'_>>("run")?);
        let turn = Persistent::save(&ctx, runner.get::<_, Function<'_>>("turn")?);
        Ok::<_, Error>((Persistent::save(&ctx, runner), run, turn))
    })?;
    LOADING.set(false);
    drop(compiled);
    runtime.run_gc();
    let used = u64::try_from(runtime.memory_usage().malloc_size).unwrap_or_default();
    runtime.set_gc_threshold(usize::try_from(used + GARBAGE).unwrap_or(usize::MAX));
    Ok(PreparedEngine { context, runner, run, turn })
}

/// Our modules as bytecode without their texts. They come from another engine, whose rubbish goes
/// with it.
fn compiled() -> rquickjs::Result<Vec<Vec<u8>>> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK);
    runtime.set_loader(OwnModules, OwnModules);
    Context::full(&runtime)?.with(|ctx| {
        let compile = |name: String| {
            let module = declared(&ctx, &name)?;
            // A stack trace is read for places in the script alone.
            let options =
                WriteOptions { strip_source: true, strip_debug: true, ..WriteOptions::default() };
            module.write(options)
        };
        modules::names().map(compile).collect()
    })
}

fn declared<'js>(ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Module<'js, Declared>> {
    let source = modules::source(name).ok_or_else(|| Error::new_loading(name))?;
    Module::declare(ctx.clone(), name, source)
}

/// A module, run to its end.
pub(crate) fn evaluated<'js>(ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Object<'js>> {
    Module::import(ctx, name)?.finish()
}

/// Finds the interpreter's own modules by their names.
struct OwnModules;

impl Resolver for OwnModules {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Ok(name.to_owned())
    }
}

impl Loader for OwnModules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        declared(ctx, name)
    }
}
