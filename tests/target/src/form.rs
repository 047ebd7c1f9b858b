//! How answers are put together, and what is read of a request.

use hyper::header::{CONTENT_TYPE, COOKIE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::body::Body;

/// An answer in plain words.
pub(crate) fn plain(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
}

/// An answer in JSON.
pub(crate) fn json_answer(status: StatusCode, value: &Value) -> Response<Body> {
    let mut answer = Response::new(value.to_string().into());
    *answer.status_mut() = status;
    with(answer, CONTENT_TYPE, "application/json")
}

/// An answer to a request that the target does not understand.
pub(crate) fn wrong(why: &'static str) -> Response<Body> {
    plain(StatusCode::BAD_REQUEST, why)
}

/// The answer with one more header; a value that is none, from a query, makes it a 400.
pub(crate) fn with(mut answer: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            answer.headers_mut().append(name, value);
            answer
        }
        Err(_) => wrong("the query has bytes that a header cannot carry"),
    }
}

/// Names and values of the cookies that came.
pub(crate) fn cookies(head: &Parts) -> impl Iterator<Item = (&str, &str)> {
    let lines = head.headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
