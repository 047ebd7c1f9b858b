//! A thousand answers that are wrong, each in its own way.

use std::fmt::Write;

use http::Method;
use swell_client::{Keep, Request};
use swell_core::exchange::ErrorClass;

use crate::service::*;

/// A small generator (xorshift), so that a seed says which answer it was.
struct NoiseSource(u64);

impl NoiseSource {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..1 + self.below(most)).map(|_| self.below(256) as u8).collect()
    }
}

/// An answer that cannot be taken for a whole one, whatever the seed.
fn malformed(seed: u64) -> Vec<u8> {
    let mut random = NoiseSource(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let noise = random.bytes(300);
    let join = |parts: &[&[u8]]| parts.concat();
    match seed % 10 {
        0 => join(&[b"\x16\x03", &noise]),
        1 => join(&[b"HTTP/", &noise, b"\r\n\r\n"]),
        2 => format!(
            "HTTP/1.1 {} \u{fffd}OK\r\n\r\n",
            ["20", "2000", "-20", "abc", "2 0", ""][random.below(6)]
        )
        .into_bytes(),
        3 => join(&[b"HTTP/1.1 200 OK\r\nname\x00", &noise, b": x\r\n\r\n"]),
        4 => format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            ["-1", "1x", "99999999999999999999999", "1, 2", "0x10", ""][random.below(6)]
        )
        .into_bytes(),
        5 => {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\nshort", 6 + random.below(1 << 30))
                .into_bytes()
        }
        6 => join(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz", &noise]),
        7 => format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\nshort",
            6 + random.below(1 << 30)
        )
        .into_bytes(),
        8 => {
            let mut head = String::from("HTTP/1.1 200 OK\r\n");
            for i in 0..101 + random.below(50) {
                write!(head, "x-{i}: {}\r\n", "y".repeat(random.below(1000)))
                    .expect("a string takes all");
            }
            (head + "\r\n").into_bytes()
        }
        _ => {
            let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nserver: x\r\n\r\nhello";
            whole[..random.below(whole.len())].to_vec()
        }
    }
}

#[test]
fn a_thousand_malformed_answers_are_a_thousand_classified_errors() {
    run(async {
        let service = TestService::scripted(|seen| {
            vec![
                ServiceAct::Send(malformed(seen.path()[1..].parse().expect("a seed"))),
                ServiceAct::Close,
            ]
        })
        .await;
        let (client, session) = session_with(options());
        let mut written = 0;
        let mut classes = std::collections::BTreeMap::new();
        for seed in 0..1000 {
            let keep = if seed % 2 == 0 { Keep::Discard } else { Keep::Body { limit: 1 << 20 } };
            let sent = session
                .send(Request {
                    keep,
                    ..Request::new(Method::GET, service.url(&format!("/{seed}")))
                })
                .await;
            let class = sent.exchange.result.expect_err(&format!("seed {seed} is an answer"));
            assert!(
                matches!(class, ErrorClass::Protocol | ErrorClass::Reset | ErrorClass::TooLarge),
                "seed {seed}: {class:?} {:?}",
                sent.result
            );
            *classes.entry(class).or_insert(0) += 1;
            written += sent.exchange.written;
        }
        assert_eq!((written, client.written()), (service.heads(), u64::from(written)));
        assert_eq!(classes.values().sum::<u32>(), 1000);
        assert_eq!(classes.len(), 3, "every class occurs: {classes:?}");
    });
}
