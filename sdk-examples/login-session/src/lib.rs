//! State that lives from step to step: a token in the user's hands, a cookie in the host's.

use serde::Deserialize;
use swell::prelude::*;

/// What a user has in its hands from its first iteration to its last.
struct Session {
    token: String,
}

/// Looks at the account, with the token and with a cookie.
#[scenario(start = log_in)]
fn visit(session: &mut Session) -> Result<()> {
    account_by_token(&session.token)?;
    sign_in()?;
    account_by_cookie()?;
    Ok(())
}

/// Runs once a user; what it returns is the user's `&mut Session`.
fn log_in() -> Result<Session> {
    #[derive(Deserialize)]
    struct Login {
        token: String,
    }
    let login: Login = http::post("/login").json(&credentials()).keep_body().send()?.json()?;
    Ok(Session { token: login.token })
}

#[transaction(name = "account by token")]
fn account_by_token(token: &str) -> Result<Response> {
    http::get("/account").bearer(token).send()
}

/// The answer sets a cookie, which the host keeps to the end of this iteration.
#[transaction(name = "sign in")]
fn sign_in() -> Result<Response> {
    http::post("/login").json(&credentials()).send()
}

#[transaction(name = "account by cookie")]
fn account_by_cookie() -> Result<Response> {
    http::get("/account").send()
}

fn credentials() -> impl serde::Serialize {
    json!({ "user": format!("user-{}", context::user()), "password": "secret" })
}
