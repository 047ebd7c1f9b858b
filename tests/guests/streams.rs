//! Reads what `-e PATH=…` answers while it comes, in the way that `-e HOW=…` says.

use swell::prelude::*;

#[scenario(start = come)]
fn streams(of_start: &mut Option<http::Stream>) -> Result<()> {
    let path = context::variable("PATH").ok_or("give -e PATH=…")?;
    let open = || http::get(&path).decompress().open();
    match context::variable("HOW").as_deref() {
        Some("chunks") => {
            transaction("stream", || open()?.chunks().try_for_each(|chunk| chunk.map(drop)))
        }
        Some("discard") => transaction("stream", || open()?.discard().map(drop)),
        Some("early") => transaction("stream", || {
            let first = open()?.event()?;
            ensure!(first.is_some_and(|event| event.data == "0"), "the first event");
            Ok(())
        }),
        Some("left") => left(open),
        Some("outside") => outside(open),
        Some("after") => after(open),
        Some("both") => both(open),
        Some("upon-start") => transaction("event", || {
            of_start.as_mut().ok_or("it was opened in start")?.event().map(drop)
        }),
        _ => transaction("stream", || {
            let mut answer = open()?;
            let events = answer.events().collect::<Result<Vec<_>>>()?;
            check!(
                "all ids",
                (0..).zip(&events).all(|(place, event)| event.id == place.to_string())
            );
            ensure!(answer.end().is_complete, "it was read to its end");
            Ok(())
        }),
    }
}

/// Opens in a transaction what is read after its end.
fn left(open: impl Fn() -> Result<http::Stream>) -> Result<()> {
    let mut kept = transaction("stream", &open)?;
    let error = kept.event().expect_err("it has ended with its transaction");
    ensure!(error.to_string().contains("with its transaction"), "{error}");
    Ok(())
}

/// Opens one outside any transaction, and does other things while it is open.
fn outside(open: impl Fn() -> Result<http::Stream>) -> Result<()> {
    let mut first = open()?;
    first.event()?;
    transaction("within", || http::get("/events?n=1&first=1").send())?;
    let mut second = open()?;
    first.discard()?;
    second.discard()?;
    // The transaction that they had is over, and this is another one.
    transaction("afterwards", || http::get("/events?n=1&first=1").send())?;
    // So is this one, which ends with the iteration.
    std::mem::forget(open()?);
    Ok(())
}

/// Reads on after the end.
fn after(open: impl Fn() -> Result<http::Stream>) -> Result<()> {
    transaction("stream", || {
        let mut answer = open()?;
        for event in answer.events() {
            event?;
        }
        for _ in 0..3 {
            ensure!(answer.event()?.is_none(), "there is nothing after the end");
        }
        ensure!(answer.discard()? == 0, "not a byte");
        Ok(())
    })
}

/// Reads in events, and tries pieces.
fn both(open: impl Fn() -> Result<http::Stream>) -> Result<()> {
    transaction("stream", || {
        let mut answer = open()?;
        answer.event()?;
        let refused = answer.chunk().expect_err("it is read in events");
        ensure!(refused.to_string().starts_with("invalid request"), "{refused}");
        for event in answer.events() {
            event?;
        }
        Ok(())
    })
}

fn come() -> Result<Option<http::Stream>> {
    if context::variable("HOW").as_deref() != Some("upon-start") {
        return Ok(None);
    }
    let path = context::variable("PATH").ok_or("give -e PATH=…")?;
    http::get(&path).open().map(Some)
}
