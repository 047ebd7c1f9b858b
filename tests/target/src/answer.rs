//! The paths that a target serves, and a request's way through it.
//!
//! | path | answer |
//! |---|---|
//! | `/` | a small page with a title |
//! | `/ok` | 2 bytes |
//! | `/status/N` | status N |
//! | `/bytes/N` | N bytes |
//! | `/delay/MS` | after MS milliseconds more |
//! | `/slow-body` | 60 bytes, one a second |
//! | `/infinite` | a body without an end |
//! | `/reset-mid-body` | half a body, then a reset |
//! | `/malformed` | bytes that are not HTTP |
//! | `/gzip/N` | N bytes, compressed |
//! | `/gzip-bomb` | 1 MiB that becomes 1 GiB |
//! | `/redirect/N` | N redirects in a row |
//! | `/redirect-to?url=U` | one redirect to U |
//! | `/form` | a page with a form and links |
//! | `/set-cookie?NAME=VALUE` | sets the cookies |
//! | `/cookies` | the cookies received, as JSON |
//! | `/echo` | the request, as JSON |
//! | `/close` | 2 bytes, and the connection is closed |
//!
//! and the [`shop`](crate::shop). Any other path is 404.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Body;
use crate::form::{cookies, json_answer, plain, with, wrong};
use crate::law::RequestFate;
use crate::service::TargetService;
use crate::wire::Fate;

/// Bodies of requests are read to their end, so that a connection can be used again; one longer
/// than this is refused.
const MAX_REQUEST_BODY: usize = 64 << 20;
const MAX_BYTES: usize = 1 << 30;

/// Takes a request through: counted, admitted, answered when the law says.
pub(crate) async fn answer(
    request: Request<Incoming>,
    from: IpAddr,
    service: &TargetService,
    fate: &Fate,
) -> Response<Body> {
    let arrival = service.arrived(from, request.uri().path());
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let (response, leaves) =
        match (Limited::new(body, MAX_REQUEST_BODY).collect().await, arrival.admission) {
            (Err(_), _) => (
                plain(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "the request's body is too large or broken off\n",
                ),
                Duration::ZERO,
            ),
            (Ok(_), RequestFate::Refuse) => {
                (plain(StatusCode::INTERNAL_SERVER_ERROR, "above capacity\n"), Duration::ZERO)
            }
            (Ok(body), RequestFate::Answer { at }) => {
                let body = body.to_bytes();
                service.body_arrived(body.len());
                (route(&head, &body, service, fate), at + delay(path))
            }
        };
    service.wait_until(leaves).await;
    service.left(arrival, path, response.status());
    response
}

fn route(head: &Parts, body: &Bytes, service: &TargetService, fate: &Fate) -> Response<Body> {
    let path = head.uri.path();
    match path {
        "/ok" => plain(StatusCode::OK, "ok"),
        "/" => with(plain(StatusCode::OK, PAGE), CONTENT_TYPE, "text/html; charset=utf-8"),
        "/form" => with(plain(StatusCode::OK, FORM), CONTENT_TYPE, "text/html; charset=utf-8"),
        "/slow-body" => Response::new(Body::slow(60)),
        "/infinite" => Response::new(Body::Infinite),
        "/reset-mid-body" => Response::new(Body::broken(fate.clone())),
        "/malformed" => {
            fate.spoil();
            with(plain(StatusCode::OK, "never seen"), CONNECTION, "close")
        }
        "/gzip-bomb" => with(Response::new(bomb().into()), CONTENT_ENCODING, "gzip"),
        "/redirect-to" => match query(head).find(|(name, _)| name == "url") {
            Some((_, url)) => with(plain(StatusCode::FOUND, ""), LOCATION, &url),
            None => wrong("say where to, as /redirect-to?url=/ok"),
        },
        "/set-cookie" => query(head).fold(plain(StatusCode::OK, "ok"), |answer, (name, value)| {
            with(answer, SET_COOKIE, &format!("{name}={value}; Path=/"))
        }),
        "/cookies" => {
            json_answer(StatusCode::OK, &json!(cookies(head).collect::<BTreeMap<_, _>>()))
        }
        "/echo" => json_answer(StatusCode::OK, &echo(head, body)),
        "/close" => with(plain(StatusCode::OK, "ok"), CONNECTION, "close"),
        _ => numbered(path).unwrap_or_else(|| {
            let shop = service.with_shop(|shop| shop.answer(head, body));
            shop.unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "no such path\n"))
        }),
    }
}

/// Paths that end in a number.
fn numbered(path: &str) -> Option<Response<Body>> {
    let (name, number) = path.strip_prefix('/')?.split_once('/')?;
    let known = matches!(name, "status" | "bytes" | "delay" | "gzip" | "redirect");
    let Ok(number) = number.parse::<usize>() else {
        return known.then(|| wrong("the path must end in a number"));
    };
    Some(match name {
        "status" => match u16::try_from(number)
            .ok()
            .filter(|number| *number >= 200)
            .and_then(|number| StatusCode::from_u16(number).ok())
        {
            Some(status) => plain(status, ""),
            None => wrong("a status is 200 to 999"),
        },
        "bytes" | "gzip" if number > MAX_BYTES => wrong("at most 1 GiB"),
        "bytes" => Response::new(vec![b'x'; number].into()),
        "gzip" => with(Response::new(gzip(number).into()), CONTENT_ENCODING, "gzip"),
        "redirect" if number == 0 => plain(StatusCode::OK, "ok"),
        "redirect" => {
            with(plain(StatusCode::FOUND, ""), LOCATION, &format!("/redirect/{}", number - 1))
        }
        "delay" => plain(StatusCode::OK, "ok"),
        _ => return None,
    })
}

/// What `/delay/MS` adds.
fn delay(path: &str) -> Duration {
    let milliseconds = path.strip_prefix("/delay/").and_then(|number| number.parse::<u32>().ok());
    Duration::from_millis(milliseconds.unwrap_or(0).into())
}

fn query(head: &Parts) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned()
}

fn echo(head: &Parts, body: &Bytes) -> Value {
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "version": format!("{:?}", head.version),
        "headers": headers,
        "body": String::from_utf8_lossy(body),
        "inflated": inflated(head, body),
    })
}

/// A body without its gzip, where that is all that was done to it.
fn inflated(head: &Parts, body: &Bytes) -> Option<String> {
    head.headers.get(CONTENT_ENCODING).filter(|coding| *coding == "gzip")?;
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).ok()?;
    Some(text)
}

fn gzip(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let chunk = [b'x'; 8192];
    for from in (0..bytes).step_by(chunk.len()) {
        encoder
            .write_all(&chunk[..chunk.len().min(bytes - from)])
            .expect("a vector takes everything");
    }
    encoder.finish().expect("a vector takes everything")
}

/// One GiB of zeros, compressed without ever compressing them all: a flushed block refers to
/// nothing before it, so one of a MiB can be repeated.
fn bomb() -> Bytes {
    const BLOCK: usize = 1 << 20;
    const BLOCKS: usize = 1024;
    static BOMB: OnceLock<Bytes> = OnceLock::new();
    let make = || {
        let zeros = vec![0; BLOCK];
        let mut block = Vec::with_capacity(BLOCK / 16);
        Compress::new(Compression::best(), false)
            .compress_vec(&zeros, &mut block, FlushCompress::Full)
            .expect("the block fits");
        let mut one = Crc::new();
        one.update(&zeros);
        let mut all = Crc::new();
        let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let mut bomb = header.to_vec();
        for _ in 0..BLOCKS {
            bomb.extend_from_slice(&block);
            all.combine(&one);
        }
        let empty_last_block = [3, 0];
        bomb.extend_from_slice(&empty_last_block);
        bomb.extend_from_slice(&all.sum().to_le_bytes());
        bomb.extend_from_slice(&all.amount().to_le_bytes());
        bomb.into()
    };
    BOMB.get_or_init(make).clone()
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<title>The little shop</title><link rel="stylesheet" href="/style.css">
<script src="/app.js"></script>
</head>
<body>
<img src="/logo.png" alt="logo"><h1>The little shop</h1><p>Everything a load test could want.</p>
</body>
</html>
"#;

/// As people write pages: some ends are left out, and a link is relative.
const FORM: &str = r#"<!doctype html>
<html><head><title>Sign in</title>
<script>if (1 < 2) { document.write("<form>") }</script></head>
<body>
<form action="echo" method="post">
<input type="hidden" name="csrf" value="t0ken"><input name="user">
<input type="password" name="password"><input type="checkbox" name="stay">
<select name="size"><option value="s">S<option value="m" selected>M</select>
<input type="submit" name="go" value="Sign in">
</form>
<ul><li><a href="/items/1">Tea</a><li><a href="items/2#top">Bread</a></ul>
</body></html>
"#;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_bomb_is_small_and_becomes_a_gibibyte() {
        let bomb = bomb();
        assert!(bomb.len() < 2 << 20, "{} bytes", bomb.len());
        // The decoder checks length and checksum at the end.
        let inflated =
            std::io::copy(&mut flate2::read::GzDecoder::new(&bomb[..]), &mut std::io::sink())
                .expect("it is valid gzip");
        assert_eq!(inflated, 1 << 30);
    }

    #[test]
    fn compressed_bytes_decompress_to_their_number() {
        for bytes in [0, 1, 8192, 100_000] {
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(&gzip(bytes)[..])
                .read_to_end(&mut inflated)
                .expect("it is valid gzip");
            assert_eq!(inflated, vec![b'x'; bytes]);
        }
    }
}
