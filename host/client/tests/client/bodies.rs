//! Decompression, and bodies that mean harm.

use std::io;

use async_compression::tokio::write::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use swell_client::{Keep, Request};
use swell_core::exchange::ErrorClass;
use tokio::io::AsyncWriteExt;

use crate::service::*;

const ENCODINGS: [&str; 5] = ["gzip", "deflate", "raw-deflate", "br", "zstd"];

async fn compress(encoding: &str, text: &[u8]) -> Vec<u8> {
    macro_rules! with {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            encoder.write_all(text).await?;
            encoder.shutdown().await?;
            Ok::<_, io::Error>(encoder.into_inner())
        }};
    }
    async {
        match encoding {
            "gzip" => with!(GzipEncoder),
            "deflate" => with!(ZlibEncoder),
            "raw-deflate" => with!(DeflateEncoder),
            "br" => with!(BrotliEncoder),
            _ => with!(ZstdEncoder),
        }
    }
    .await
    .expect("memory can be written")
}

/// Serves `text` in each encoding under its name.
async fn compressed(text: &[u8]) -> Service {
    let mut bodies = Vec::new();
    for encoding in ENCODINGS {
        bodies.push((encoding, compress(encoding, text).await));
    }
    Service::scripted(move |seen| {
        let (encoding, body) = bodies.iter().find(|(encoding, _)| *encoding == &seen.path()[1..]).expect("a known encoding");
        answer("200 OK", &[&format!("content-encoding: {}", encoding.trim_start_matches("raw-"))], body)
    })
    .await
}

fn asking(service: &Service, path: &str, limit: usize) -> Request {
    Request { keep: Keep::Body { limit }, decompress: true, ..get(service, path) }
}

#[test]
fn every_encoding_is_undone_and_the_connection_kept() {
    run(async {
        let text = b"to be or not to be ".repeat(1000);
        let service = compressed(&text).await;
        let session = session();
        for encoding in ENCODINGS {
            let response = session.send(asking(&service, &format!("/{encoding}"), text.len())).await.result.expect(encoding);
            assert_eq!(response.body, text, "{encoding}");
            assert!(response.body_size < 2000, "{encoding}: {} bytes came over the wire", response.body_size);
        }
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_bomb_ends_at_the_limit() {
    run(async {
        let service = compressed(&vec![0; 8 << 20]).await;
        let session = session();
        for encoding in ENCODINGS {
            let sent = session.send(asking(&service, &format!("/{encoding}"), 1 << 20)).await;
            assert_eq!(sent.exchange.result, Err(ErrorClass::TooLarge), "{encoding}");
        }
    });
}

#[test]
fn what_is_discarded_or_not_asked_for_is_left_as_it_came() {
    run(async {
        let service = compressed(b"text").await;
        let session = session();
        let discarded = session.send(Request { decompress: true, ..get(&service, "/gzip") }).await;
        assert_eq!(discarded.result.expect("an answer").body.len(), 0);
        let raw = session.send(Request { decompress: false, ..asking(&service, "/gzip", 1000) }).await.result.expect("an answer");
        assert_eq!(raw.body, compress("gzip", b"text").await);
    });
}

#[test]
fn a_compressed_body_that_is_broken_or_cut_is_a_protocol_error() {
    run(async {
        let whole = compress("gzip", b"some text to compress").await;
        let service = Service::scripted(move |seen| match seen.path() {
            "/cut" => answer("200 OK", &["content-encoding: gzip"], &whole[..whole.len() / 2]),
            "/broken" => answer("200 OK", &["content-encoding: gzip"], b"this is no gzip at all"),
            "/unknown" => answer("200 OK", &["content-encoding: rot13"], b"grkg"),
            _ => answer("200 OK", &["content-encoding: gzip"], b""),
        })
        .await;
        let session = session();
        for path in ["/cut", "/broken", "/unknown"] {
            let sent = session.send(asking(&service, path, 1000)).await;
            assert_eq!(sent.exchange.result, Err(ErrorClass::Protocol), "{path}: {:?}", sent.result);
        }
        assert_eq!(status(&session.send(asking(&service, "/empty", 1000)).await), 200);
    });
}

#[test]
fn a_connection_lost_within_a_compressed_body_is_a_reset() {
    run(async {
        let whole = compress("gzip", b"some text to compress").await;
        let service = Service::scripted(move |_| {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", whole.len());
            vec![send(&head), Act::Send(whole[..10].to_vec()), Act::Close]
        })
        .await;
        assert_eq!(session().send(asking(&service, "/", 1000)).await.exchange.result, Err(ErrorClass::Reset));
    });
}

#[test]
fn a_large_body_is_received_whole_and_counted() {
    run(async {
        let body: Vec<u8> = (0..10_000_000u32).map(|i| i as u8).collect();
        let sent_body = body.clone();
        let service = Service::scripted(move |_| answer("200 OK", &[], &sent_body)).await;
        let session = session();
        let kept = session.send(Request { keep: Keep::Body { limit: 10_000_000 }, ..get(&service, "/") }).await.result.expect("an answer");
        assert!(kept.body == body);
        let discarded = session.send(get(&service, "/")).await;
        assert_eq!(discarded.exchange.body_bytes, 10_000_000);
        assert_eq!(service.connections(), 1);
    });
}
