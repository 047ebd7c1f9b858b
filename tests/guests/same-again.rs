//! Sends the same requests again and again: with other bodies, redirected, wrong ones, and more of
//! them than are prepared at once.

use swell::prelude::*;

#[scenario]
fn same_again() -> Result<()> {
    transaction("bodies", bodies)?;
    transaction("pages", || {
        (0..40).try_for_each(|page| http::get(format!("/ok?page={page}")).send().map(drop))
    })?;
    transaction("redirected", || {
        let answer = http::get("/redirect/2").redirects(2).send()?;
        ensure!(answer.redirects() == 2, "{} redirects", answer.redirects());
        ensure!(answer.final_url().is_some(), "it came from elsewhere");
        Ok(())
    })?;
    for _ in 0..3 {
        let sent = transaction("wrong", || http::get("/ok").header("no name", "x").send());
        ensure!(matches!(sent, Err(Error::Http(http::Error::Invalid(_)))), "it is wrong: {sent:?}");
    }
    Ok(())
}

/// What one sending had, the next has not.
fn bodies() -> Result<()> {
    for number in 0..4 {
        let body = if number == 2 { String::new() } else { format!("body {number}") };
        let answer = http::post("/echo").header("x-own", "1").body(body.as_bytes()).keep_body();
        let answer = answer.send()?;
        let echo = answer.text()?;
        ensure!(echo.contains(&format!(r#""body":"{body}""#)), "{body:?} came back as {echo}");
        let headers = echo.matches("traceparent").count();
        ensure!(headers == 1, "{headers} trace contexts: {echo}");
        ensure!(answer.header("Content-Type")?.contains("json"), "{:?}", answer.headers());
        ensure!(answer.headers()?.len() > 1, "{:?}", answer.headers());
    }
    Ok(())
}
