//! Runs that a script's `conduct` begins, and what they came to.

use std::cell::{Cell, RefCell};

use rquickjs::{Ctx, Exception, Function, Object};

use super::calls::{outside, pairs};
use crate::bindings::runs::{Run, Stamp, Stats, Times};

thread_local! {
    static BEGUN: RefCell<Vec<Run>> = const { RefCell::new(Vec::new()) };
    /// Whether `conduct` goes on: the host ends an instance that asks for runs elsewhere.
    static CONDUCTS: Cell<bool> = const { Cell::new(false) };
}

/// Lets the script begin runs.
pub(crate) fn allow() {
    CONDUCTS.set(true);
}

pub(super) fn define<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> rquickjs::Result<()> {
    natives.set("startRun", Function::new(ctx.clone(), start)?)?;
    natives.set("waitForRun", Function::new(ctx.clone(), wait)?)?;
    natives.set("setTps", Function::new(ctx.clone(), set_tps)?)?;
    natives.set("stopOneRun", Function::new(ctx.clone(), stop)?)
}

/// Begins a run with settings, each a name and a value; its number.
fn start(ctx: Ctx<'_>, scenario: String, settings: Vec<String>) -> rquickjs::Result<usize> {
    outside(&ctx)?;
    if !CONDUCTS.get() {
        let words = "runs are begun by the function conduct, and by nothing else";
        return Err(Exception::throw_message(&ctx, words));
    }
    let run = Run::start(&scenario, &pairs(&settings)).map_err(|words| thrown(&ctx, &words))?;
    Ok(BEGUN.with_borrow_mut(|begun| {
        begun.push(run);
        begun.len() - 1
    }))
}

/// What a run came to, when it has ended.
fn wait<'js>(ctx: Ctx<'js>, run: usize) -> rquickjs::Result<Object<'js>> {
    let stats = with(&ctx, run, Run::wait)?;
    let object = Object::new(ctx.clone())?;
    let Stats { stamp, seconds, started, ok, failed, interrupted, unsent, .. } = stats;
    let stamp = match stamp {
        Stamp::Valid => "valid",
        Stamp::Suspect => "suspect",
        Stamp::Invalid => "invalid",
    };
    object.set("stamp", stamp)?;
    object.set("seconds", seconds)?;
    for (name, count) in [
        ("started", started),
        ("ok", ok),
        ("failed", failed),
        ("interrupted", interrupted),
        ("unsent", unsent),
        ("users", stats.users),
    ] {
        object.set(name, count as f64)?;
    }
    object.set("errorRate", stats.error_rate)?;
    object.set("goalTps", stats.goal_tps)?;
    object.set("actualTps", stats.actual_tps)?;
    object.set("concurrency", stats.concurrency)?;
    object.set("response", times(&ctx, &stats.response)?)?;
    object.set("service", times(&ctx, &stats.service)?)?;
    object.set("tpsLimited", stats.tps_limited)?;
    Ok(object)
}

/// In milliseconds.
fn times<'js>(ctx: &Ctx<'js>, times: &Times) -> rquickjs::Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (name, time) in [
        ("p50", times.p50),
        ("p90", times.p90),
        ("p95", times.p95),
        ("p99", times.p99),
        ("p999", times.p999),
    ] {
        object.set(name, time.map(|time| time as f64 / 1e6))?;
    }
    Ok(object)
}

fn set_tps(ctx: Ctx<'_>, run: usize, tps: f64) -> rquickjs::Result<()> {
    with(&ctx, run, |run| run.set_tps(tps))
}

fn stop(ctx: Ctx<'_>, run: usize) -> rquickjs::Result<()> {
    with(&ctx, run, |run| {
        run.stop();
        Ok(())
    })
}

fn with<T>(
    ctx: &Ctx<'_>,
    run: usize,
    call: impl FnOnce(&Run) -> Result<T, String>,
) -> rquickjs::Result<T> {
    BEGUN
        .with_borrow(|begun| begun.get(run).map_or_else(|| Err("no such run".to_owned()), call))
        .map_err(|words| thrown(ctx, &words))
}

fn thrown(ctx: &Ctx<'_>, words: &str) -> rquickjs::Error {
    Exception::throw_message(ctx, words)
}
