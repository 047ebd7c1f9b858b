//! Calls every function of every interface of the contract, once each, and checks what it is
//! answered. As compiled when the contract was 0.1.0 it is kept in `kept/`: the host must run that
//! file unchanged for ever.

use swell::http::Coding;
use swell::prelude::*;
use swell::raw::{self, clock, transactions};

/// Takes part in everything that one virtual user can.
#[scenario(
    vus = 1,
    iterations = 2,
    hosts("images.example.test"),
    setup = prepare,
    teardown = clean,
    start = come,
    stop = go
)]
fn everything(visits: &mut u64, order: &u32) -> Result<()> {
    ensure!(*order == 42, "setup returned 42, and this is {order}");
    *visits += 1;
    who_and_when()?;
    chance()?;
    rows()?;
    requests()?;
    own_figures();
    transaction("failing", || -> Result<()> { bail!("on purpose") }).unwrap_or_default();
    log::debug!("not shown");
    log::info!("visit {visits}");
    log::warn!("almost done");
    log::error!("done");
    Ok(())
}

/// Ends its run at once.
#[scenario(name = "stops")]
fn stops() -> Result<()> {
    context::stop_run("enough");
    Ok(())
}

/// Ends its run as a failure.
#[scenario(name = "fails")]
fn fails() -> Result<()> {
    context::fail_run("broken");
    Ok(())
}

/// Ends its users one by one.
#[scenario(name = "leaves")]
fn leaves() -> Result<()> {
    context::stop_user("has seen all");
    Ok(())
}

/// Waits for its start and gets a page, again and again.
#[scenario(name = "page")]
fn page() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    Ok(())
}

/// Conducts two runs: one to its end, one with another goal until it is stopped.
#[conduct]
fn conducts() -> Result<()> {
    let whole = runs::plan("page").name("whole").tps(50).duration(secs(1)).start()?;
    let open = runs::plan("page").name("open").tps(10).start()?;
    let stats = whole.wait()?;
    ensure!(stats.ok == 50 && stats.failed == 0 && stats.goal_tps == Some(50.0), "{stats:?}");
    open.set_tps(20.0)?;
    open.stop();
    ensure!(open.wait()?.goal_tps == Some(20.0), "the goal has become 20");
    Ok(())
}

fn prepare() -> Result<u32> {
    http::post("/orders").expect(200..=499).send()?;
    Ok(42)
}

fn clean(order: u32) -> Result<()> {
    ensure!(order == 42, "setup returned 42, and this is {order}");
    log::info!("cleaned");
    Ok(())
}

fn come(order: &u32) -> Result<u64> {
    ensure!(*order == 42, "setup returned 42, and this is {order}");
    Ok(0)
}

fn go(visits: u64) -> Result<()> {
    metrics::counter("visits").add(visits as f64);
    Ok(())
}

fn who_and_when() -> Result<()> {
    ensure!(
        !context::run_id().is_empty() && context::user() == 0 && context::iteration() < 2,
        "a user of this run"
    );
    ensure!(
        context::variable("COLOUR").as_deref() == Some("blue")
            && context::variable("SHAPE").is_none(),
        "what -e gave"
    );
    let before = clock::now();
    think(millis(1));
    let slept = clock::now() - before;
    ensure!(slept >= 1_000_000, "a millisecond of thought took {slept} ns");
    Ok(())
}

fn chance() -> Result<()> {
    let number = random::range(1..=6);
    ensure!((1..=6).contains(&number), "{number} is on no die");
    Ok(())
}

fn rows() -> Result<()> {
    let users = data::feed("users");
    ensure!(users.size()? == 2, "two rows");
    for row in [users.sequential()?, users.random()?, users.unique()?, users.by_user()?] {
        ensure!(["ada", "bob"].contains(&row.text("user")?), "a row of the file");
    }
    ensure!(data::feed("nobody").size().is_err(), "no such feed");
    Ok(())
}

fn requests() -> Result<()> {
    let all_asked_for = http::request("REPORT", "/echo")
        .header("x-colour", "blue")
        .body("hello".as_bytes())
        .keep_body()
        .keep_headers()
        .redirects(3)
        .decompress()
        .version(http::Version::Http1)
        .expect(200)
        .timeout(std::time::Duration::from_secs(5));
    let answer = transaction("echo", || all_asked_for.send())?;
    let echo = answer.text()?;
    ensure!(
        answer.status() == 200
            && echo.contains(r#""method":"REPORT""#)
            && echo.contains(r#""body":"hello""#),
        "{echo}"
    );
    ensure!(
        answer.header("content-type")? == "application/json"
            && answer.body_size() > 0
            && answer.redirects() == 0,
        "the answer is whole"
    );
    ensure!(!answer.phases().waiting.is_zero(), "an answer takes time");
    let followed = transaction("redirect", || {
        ends_in_place();
        http::get("/redirect/2").redirects(3).send()
    })?;
    ensure!(followed.redirects() == 2 && followed.final_url().is_some(), "followed");
    let methods = [
        http::get("/"),
        http::head("/"),
        http::post("/"),
        http::put("/"),
        http::delete("/"),
        http::patch("/"),
        http::options("/"),
    ];
    let answers = transaction("methods", || {
        Ok(http::send_all(methods.map(|request| request.expect(200..=499))))
    })?;
    ensure!(answers.len() == 7 && answers.iter().all(Result::is_ok), "an answer each");
    let denied = http::get("http://denied.example.test/").send();
    ensure!(
        denied.is_err_and(|error| error.to_string().contains("denied.example.test")),
        "a host that nobody allowed"
    );
    http::get("/outside").expect(200..=499).send()?;
    let text = "a line that repeats itself\n".repeat(1_000);
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd] {
        let coded = raw::http::compress(text.as_bytes(), coding);
        ensure!(!coded.is_empty() && coded.len() < text.len() / 10, "{coding:?}: {}", coded.len());
    }
    Ok(())
}

/// Ends a transaction inside another one, and has its handle dropped afterwards.
fn ends_in_place() {
    let kind = transactions::define("in place");
    if let Ok(open) = transactions::begin(kind) {
        open.end(transactions::Outcome::Ok);
    }
}

fn own_figures() {
    check!("is checked", true);
    metrics::counter("coins").add(2);
    metrics::gauge("level").with("side", "left").add(3);
    metrics::rate("lucky").add(true);
    metrics::trend("weight").add(4.5);
}
