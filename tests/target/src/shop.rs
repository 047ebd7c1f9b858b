//! A small shop, for scenarios that have something to do: log in, look, buy.
//!
//! - `POST /login {"user", "password"}`: `{"token"}` and the cookie `session`; 401 for the password
//!   "wrong"
//! - `GET /account`: `{"user"}`; 401 without `Authorization: Bearer TOKEN` or the cookie
//! - `GET /items`: `[{"id", "name", "price"}]`
//! - `GET /items/ID`: `{"id", "name", "price"}`; 404
//! - `POST /cart {"id"}`: `{"added"}`; 404
//! - `POST /orders`: 201, `{"order"}`: numbered from 1
//! - `GET /style.css`, `/app.js`, `/logo.png`: what the front page shows

use bytes::Bytes;
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Body;
use crate::form::{cookies, json_answer, plain, with};

/// The orders so far. Who is logged in needs no memory: a token is made of its user's name.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    orders: u64,
}

const GOODS: [(&str, f64); 8] = [
    ("anvil", 49.5),
    ("bicycle bell", 7.25),
    ("candle", 2.0),
    ("dictionary", 31.0),
    ("envelope", 0.1),
    ("fishing rod", 64.0),
    ("garden hose", 18.75),
    ("hourglass", 12.0),
];
const TOKEN: &str = "token-of-";
/// A PNG of one white pixel.
const LOGO: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\
    \0\0\0\nIDATx\xdac\xf8\x0f\0\x01\x01\x01\0\x1c\xb0\x8c\x99\0\0\0\0IEND\xaeB`\x82";

impl Shop {
    /// The answer to a request that is the shop's; nothing to any other.
    pub(crate) fn answer(&mut self, head: &Parts, body: &Bytes) -> Option<Response<Body>> {
        let path = head.uri.path();
        let method = match path {
            "/login" | "/cart" | "/orders" => Method::POST,
            "/account" | "/items" | "/style.css" | "/app.js" | "/logo.png" => Method::GET,
            _ if path.starts_with("/items/") => Method::GET,
            _ => return None,
        };
        if head.method != method && !(head.method == Method::HEAD && method == Method::GET) {
            return Some(with(plain(StatusCode::METHOD_NOT_ALLOWED, ""), ALLOW, method.as_str()));
        }
        Some(match path {
            "/login" => login(body),
            "/account" => account(head),
            "/items" => json_answer(StatusCode::OK, &(1..=GOODS.len()).filter_map(item).collect()),
            "/cart" => {
                match field(body, "id").and_then(|id| id.as_u64()).and_then(|id| item(id as usize))
                {
                    Some(item) => json_answer(StatusCode::OK, &json!({ "added": item["id"] })),
                    None => plain(StatusCode::NOT_FOUND, "no such item\n"),
                }
            }
            "/orders" => {
                self.orders += 1;
                json_answer(StatusCode::CREATED, &json!({ "order": self.orders }))
            }
            "/style.css" => with(
                plain(StatusCode::OK, "body { font-family: serif; margin: 2em }\n"),
                CONTENT_TYPE,
                "text/css",
            ),
            "/app.js" => with(
                plain(StatusCode::OK, "document.title += ' (open)';\n"),
                CONTENT_TYPE,
                "text/javascript",
            ),
            "/logo.png" => {
                with(Response::new(Bytes::from_static(LOGO).into()), CONTENT_TYPE, "image/png")
            }
            _ => match path.trim_start_matches("/items/").parse().ok().and_then(item) {
                Some(item) => json_answer(StatusCode::OK, &item),
                None => plain(StatusCode::NOT_FOUND, "no such item\n"),
            },
        })
    }
}

fn item(id: usize) -> Option<Value> {
    let (name, price) = GOODS.get(id.checked_sub(1)?)?;
    Some(json!({ "id": id, "name": name, "price": price }))
}

fn login(body: &Bytes) -> Response<Body> {
    let text = |name| {
        field(body, name)
            .and_then(|value| value.as_str().map(str::to_owned))
            .filter(|text| !text.is_empty())
    };
    match (text("user"), text("password")) {
        (Some(_), Some(password)) if password == "wrong" => {
            plain(StatusCode::UNAUTHORIZED, "wrong password\n")
        }
        (Some(user), Some(_)) => {
            let token = format!("{TOKEN}{user}");
            with(
                json_answer(StatusCode::OK, &json!({ "token": token })),
                SET_COOKIE,
                &format!("session={token}; Path=/; HttpOnly"),
            )
        }
        _ => plain(StatusCode::BAD_REQUEST, "give a user and a password, as JSON\n"),
    }
}

fn account(head: &Parts) -> Response<Body> {
    let bearer = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let session = cookies(head).find(|(name, _)| *name == "session").map(|(_, value)| value);
    match bearer.or(session).and_then(|token| token.strip_prefix(TOKEN)) {
        Some(user) => json_answer(StatusCode::OK, &json!({ "user": user })),
        None => plain(StatusCode::UNAUTHORIZED, "log in first\n"),
    }
}

fn field(body: &Bytes, name: &str) -> Option<Value> {
    serde_json::from_slice::<Value>(body).ok()?.get_mut(name).map(Value::take)
}
