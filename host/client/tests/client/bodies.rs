//! Decompression, and bodies that mean harm.

use std::io;

use async_compression::tokio::write::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
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
async fn compressed(text: &[u8]) -> TestService {
    let mut bodies = Vec::new();
    for encoding in ENCODINGS {
        bodies.push((encoding, compress(encoding, text).await));
    }
    TestService::scripted(move |seen| {
        let (encoding, body) = bodies
            .iter()
            .find(|(encoding, _)| *encoding == &seen.path()[1..])
            .expect("a known encoding");
        answer(
            "200 OK",
            &[&format!("content-encoding: {}", encoding.trim_start_matches("raw-"))],
            body,
        )
    })
    .await
}

fn asking(service: &TestService, path: &str, limit: usize) -> Request {
    Request { keep: Keep::Body { limit }, decompress: true, ..get(service, path) }
}

#[test]
fn every_encoding_is_undone_and_the_connection_kept() {
    run(async {
        let text = b"to be or not to be ".repeat(1000);
        let service = compressed(&text).await;
        let session = session();
        for encoding in ENCODINGS {
            let response = session
                .send(asking(&service, &format!("/{encoding}"), text.len()))
                .await
                .result
                .expect(encoding);
            assert_eq!(response.body, text, "{encoding}");
            assert!(
                response.body_size < 2000,
                "{encoding}: {} bytes came over the wire",
                response.body_size
            );
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
        let raw = session
            .send(Request { decompress: false, ..asking(&service, "/gzip", 1000) })
            .await
            .result
            .expect("an answer");
        assert_eq!(raw.body, compress("gzip", b"text").await);
    });
}

#[test]
fn a_compressed_body_that_is_broken_or_cut_is_a_protocol_error() {
    run(async {
        let whole = compress("gzip", b"some text to compress").await;
        let service = TestService::scripted(move |seen| match seen.path() {
            "/cut" => answer("200 OK", &["content-encoding: gzip"], &whole[..whole.len() / 2]),
            "/broken" => answer("200 OK", &["content-encoding: gzip"], b"this is no gzip at all"),
            "/unknown" => answer("200 OK", &["content-encoding: rot13"], b"grkg"),
            _ => answer("200 OK", &["content-encoding: gzip"], b""),
        })
        .await;
        let session = session();
        for path in ["/cut", "/broken", "/unknown"] {
            let sent = session.send(asking(&service, path, 1000)).await;
            assert_eq!(
                sent.exchange.result,
                Err(ErrorClass::Protocol),
                "{path}: {:?}",
                sent.result
            );
        }
        assert_eq!(status(&session.send(asking(&service, "/empty", 1000)).await), 200);
    });
}

#[test]
fn a_connection_lost_within_a_compressed_body_is_a_reset() {
    run(async {
        let whole = compress("gzip", b"some text to compress").await;
        let service = TestService::scripted(move |_| {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                whole.len()
            );
            vec![send(&head), ServiceAct::Send(whole[..10].to_vec()), ServiceAct::Close]
        })
        .await;
        assert_eq!(
            session().send(asking(&service, "/", 1000)).await.exchange.result,
            Err(ErrorClass::Reset)
        );
    });
}

#[test]
fn a_large_body_is_received_whole_and_counted() {
    run(async {
        let body: Vec<u8> = (0..10_000_000u32).map(|i| i as u8).collect();
        let sent_body = body.clone();
        let service = TestService::scripted(move |_| answer("200 OK", &[], &sent_body)).await;
        let session = session();
        let kept = session
            .send(Request { keep: Keep::Body { limit: 10_000_000 }, ..get(&service, "/") })
            .await
            .result
            .expect("an answer");
        assert!(kept.body == body);
        let discarded = session.send(get(&service, "/")).await;
        assert_eq!(discarded.exchange.body_bytes, 10_000_000);
        assert_eq!(service.connections(), 1);
    });
}

/// Answers `/N` with the Nth of `bodies`, under its headers.
async fn encoded(bodies: Vec<(&'static [&'static str], Vec<u8>)>) -> TestService {
    TestService::scripted(move |seen| {
        let (headers, body) = &bodies[seen.path()[1..].parse::<usize>().expect("a number")];
        answer("200 OK", headers, body)
    })
    .await
}

const SKIPPABLE: &[u8] = b"\x50\x2a\x4d\x18\x04\0\0\0meta";

#[test]
fn codings_are_undone_in_the_order_in_which_they_were_applied() {
    run(async {
        let text = b"to be or not to be ".repeat(1000);
        let one = compress("deflate", &text).await;
        let two = compress("gzip", &one).await;
        let three = compress("br", &compress("zstd", &two).await).await;
        let service = encoded(vec![
            (&["content-encoding: deflate, gzip"], two.clone()),
            (&["content-encoding: deflate", "content-encoding: gzip"], two.clone()),
            (&["content-encoding: Deflate ,, identity", "content-encoding: X-GZIP"], two.clone()),
            (&["content-encoding: deflate, gzip, zstd", "content-encoding: br"], three),
            (&["content-encoding: identity"], text.clone()),
            (&["content-encoding:"], text.clone()),
        ])
        .await;
        let session = session();
        for i in 0..6 {
            let response = session
                .send(asking(&service, &format!("/{i}"), text.len()))
                .await
                .result
                .unwrap_or_else(|e| panic!("{i}: {e}"));
            assert!(response.body == text, "{i}");
        }
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn members_and_frames_follow_each_other_and_what_follows_the_last_is_passed_over() {
    run(async {
        let mut bodies: Vec<(&[&str], Vec<u8>)> = Vec::new();
        let (hello, world) = (compress("gzip", b"hello ").await, compress("gzip", b"world").await);
        let empty = compress("gzip", b"").await;
        for end in [&b""[..], &[0; 8], b"\x1f", b"end", &[0x8b; 70_000]] {
            bodies.push((&["content-encoding: gzip"], [&hello[..], &empty, &world, end].concat()));
        }
        let (hello, world) = (compress("zstd", b"hello ").await, compress("zstd", b"world").await);
        for end in [&b""[..], &[0; 8], b"\x28\xb5", SKIPPABLE] {
            bodies.push((
                &["content-encoding: zstd"],
                [SKIPPABLE, &hello, SKIPPABLE, &world, end].concat(),
            ));
        }
        for coding in ["deflate", "raw-deflate"] {
            bodies.push((
                &["content-encoding: deflate"],
                [compress(coding, b"hello world").await, vec![0; 8]].concat(),
            ));
        }
        bodies.push((
            &["content-encoding: br"],
            [compress("br", b"hello world").await, vec![0; 8]].concat(),
        ));
        let count = bodies.len();
        let service = encoded(bodies).await;
        let session = session();
        for i in 0..count {
            let response = session
                .send(asking(&service, &format!("/{i}"), 1000))
                .await
                .result
                .unwrap_or_else(|e| panic!("{i}: {e}"));
            assert_eq!(response.body, "hello world", "{i}");
        }
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn what_is_cut_short_is_an_error_in_every_coding_and_layer() {
    run(async {
        let text = b"some text to compress, and some more of it";
        let mut bodies: Vec<(&[&str], Vec<u8>)> = Vec::new();
        for (coding, headers) in [
            ("gzip", &["content-encoding: gzip"]),
            ("deflate", &["content-encoding: deflate"]),
            ("raw-deflate", &["content-encoding: deflate"]),
            ("br", &["content-encoding: br"]),
            ("zstd", &["content-encoding: zstd"]),
        ] {
            let whole = compress(coding, text).await;
            for size in 1..whole.len() {
                bodies.push((headers, whole[..size].to_vec()));
            }
        }
        // The second member, the second frame, and a layer whose content is whole.
        for (coding, headers) in
            [("gzip", &["content-encoding: gzip"]), ("zstd", &["content-encoding: zstd"])]
        {
            let whole = compress(coding, text).await;
            bodies.push((headers, [&whole[..], &whole[..whole.len() - 1]].concat()));
        }
        let outer = compress("gzip", &compress("zstd", text).await).await;
        bodies.push((&["content-encoding: zstd, gzip"], outer[..outer.len() - 1].to_vec()));
        let count = bodies.len();
        let service = encoded(bodies).await;
        let session = session();
        for i in 0..count {
            let sent = session.send(asking(&service, &format!("/{i}"), 1000)).await;
            assert_eq!(sent.exchange.result, Err(ErrorClass::Protocol), "{i}: {:?}", sent.result);
        }
    });
}

#[test]
fn a_coding_that_nobody_asked_for_is_named_and_too_many_are_refused() {
    run(async {
        let service = encoded(vec![
            (&["content-encoding: gzip, compress"], b"x".to_vec()),
            (
                &["content-encoding: gzip, gzip, gzip", "content-encoding: gzip, gzip, gzip"],
                b"x".to_vec(),
            ),
        ])
        .await;
        let session = session();
        for (path, word) in [("/0", "\"compress\""), ("/1", "6 content-encodings")] {
            let error = session.send(asking(&service, path, 1000)).await.result.expect_err(path);
            assert!(error.class == ErrorClass::Protocol && error.message.contains(word), "{error}");
        }
    });
}

#[test]
fn a_bomb_within_a_bomb_ends_at_the_limit_too() {
    run(async {
        let inner = compress("gzip", &vec![0; 8 << 20]).await;
        let service = encoded(vec![(
            &["content-encoding: gzip, gzip, br"],
            compress("br", &compress("gzip", &inner).await).await,
        )])
        .await;
        let sent = session().send(asking(&service, "/0", 1 << 20)).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::TooLarge));
    });
}
