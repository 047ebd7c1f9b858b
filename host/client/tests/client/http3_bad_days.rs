//! HTTP/3 on bad days: what the network, QUIC and the service do wrong is told apart, and nothing
//! of it takes more memory than its limit.

use std::future::pending;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use rcgen::date_time_ymd;
use swell_client::{Keep, Request, Session, TlsOptions, Version};
use swell_core::exchange::{ErrorClass, Phase};
use tokio::net::UdpSocket;

use crate::quic_peer::*;
use crate::service::*;
use crate::tls::TestAuthority;

/// Asks a peer that answers each request with these bytes, and returns what came of it.
async fn answered_with(bytes: Vec<u8>) -> Result<usize, (ErrorClass, String)> {
    let authority = TestAuthority::new();
    let bytes = Rc::new(bytes);
    let peer = peer(&authority, move |mut asked| {
        let bytes = Rc::clone(&bytes);
        async move {
            asked.read().await;
            asked.answer(&bytes).await;
        }
    });
    let mut options = trusting(&authority);
    options.header_limit = 10_000;
    let request = Request { keep: Keep::Body { limit: 1000 }, ..peer.get("/") };
    let sent = session_with(options).1.send(request).await;
    assert_eq!(sent.exchange.written, 1);
    sent.result.map(|answer| answer.body.len()).map_err(|error| (error.class, error.message))
}

#[test]
fn answers_that_break_the_rules_are_told_by_what_they_break() {
    let body = |length: &str, body: &[u8]| {
        [head(200, &[("content-length", length)]), frame(DATA, body)].concat()
    };
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let cases: [(Vec<u8>, ErrorClass, &str); 13] = [
        (body("3", b"four"), ErrorClass::Protocol, "longer"),
        (body("5", b"four"), ErrorClass::Protocol, "shorter"),
        (body("+4", b"four"), ErrorClass::Protocol, "no length"),
        (
            head(200, &[("content-length", "4"), ("content-length", "5")]),
            ErrorClass::Protocol,
            "two different lengths",
        ),
        (cut(whole(b"some body"), 3), ErrorClass::Protocol, "within a frame"),
        ([head(200, &[]), number(DATA)].concat(), ErrorClass::Protocol, "within a frame"),
        (Vec::new(), ErrorClass::Protocol, "without"),
        (frame(DATA, b"no head"), ErrorClass::Protocol, "H3_FRAME_UNEXPECTED"),
        (head(101, &[]), ErrorClass::Protocol, "101"),
        (frame(HEADERS, b"\xff\xff\xff"), ErrorClass::Protocol, "QPACK_DECOMPRESSION_FAILED"),
        (head(200, &[("x-long", &"a".repeat(9_990))]), ErrorClass::TooLarge, "headers"),
        ([number(HEADERS), number(1 << 29)].concat(), ErrorClass::TooLarge, "headers"),
        (head(103, &[("link", &"a".repeat(1000))]).repeat(20), ErrorClass::TooLarge, "1xx"),
    ];
    for (answer, class, words) in cases {
        run(async {
            let (found, message) = answered_with(answer).await.expect_err(words);
            assert_eq!(found, class, "{words}: {message}");
            assert!(message.contains(words), "{words}: {message}");
        });
    }
    assert_eq!(run(answered_with(whole(&[b'x'; 1000]))), Ok(1000));
    let kept = run(answered_with(whole(&[b'x'; 1001])));
    assert_eq!(kept.expect_err("more than is kept").0, ErrorClass::TooLarge);
}

#[test]
fn what_asks_for_a_head_alone_may_be_told_a_length() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            let status = if asked.nth == 0 { 200 } else { 304 };
            asked.answer(&head(status, &[("content-length", "100")])).await;
        });
        let session = session_of(&authority);
        let sent = session.send(Request { method: Method::HEAD, ..peer.get("/") }).await;
        assert_eq!(status(&sent), 200);
        assert_eq!(status(&session.send(peer.get("/")).await), 304);
    });
}

async fn asked_of(
    address: std::net::SocketAddr,
    options: swell_client::Options,
) -> (ErrorClass, String) {
    let url = format!("https://localhost:{}/", address.port());
    let request = Request { version: Version::Http3, ..Request::new(Method::GET, url) };
    let sent = session_with(options).1.send(request).await;
    assert_eq!((sent.exchange.written, sent.exchange.connections), (0, 0));
    let error = sent.result.expect_err("no connection");
    (error.class, error.message)
}

fn only_ipv4() -> swell_client::Options {
    let mut options = options();
    options.routes.ip_version = Some(swell_client::IpVersion::V4);
    options
}

#[test]
fn where_nothing_answers_over_udp_the_error_says_so() {
    run_on_virtual_time(async {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = silent.local_addr().expect("bound");
        let (class, message) = asked_of(address, only_ipv4()).await;
        assert_eq!(class, ErrorClass::Connect);
        assert!(message.contains("no answer over UDP") && message.contains("10.0s"), "{message}");
    });
}

#[test]
fn a_port_that_nobody_has_refuses_at_once() {
    run(async {
        let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = gone.local_addr().expect("bound");
        drop(gone);
        let (class, message) = asked_of(address, only_ipv4()).await;
        assert_eq!(class, ErrorClass::Connect);
        assert!(message.contains("connection refused"), "{message}");
    });
}

#[test]
fn a_peer_of_another_version_of_quic_is_told() {
    run(async {
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = other.local_addr().expect("bound");
        tokio::task::spawn_local(async move {
            let mut datagram = [0; 2000];
            loop {
                let (size, from) = other.recv_from(&mut datagram).await.expect("a datagram");
                // Both IDs change places (RFC 9000, 17.2.1).
                let ids = &datagram[5..size];
                let (to, rest) = ids[1..].split_at(usize::from(ids[0]));
                let own = &rest[1..=usize::from(rest[0])];
                let mut answer = vec![0x80, 0, 0, 0, 0, own.len() as u8];
                answer.extend_from_slice(own);
                answer.push(to.len() as u8);
                answer.extend_from_slice(to);
                answer.extend_from_slice(&[0x6b, 0x33, 0x43, 0xcf]);
                other.send_to(&answer, from).await.expect("sent");
            }
        });
        let (class, message) = asked_of(address, only_ipv4()).await;
        assert_eq!(class, ErrorClass::Protocol, "{message}");
        assert!(message.contains("version 1"), "{message}");
    });
}

#[test]
fn a_certificate_is_judged_as_over_tcp() {
    let authority = TestAuthority::new();
    let stranger = TestAuthority::new();
    let with = |tls: rustls::ServerConfig, options: TlsOptions, host: &str| {
        run(async {
            let peer = QuicPeer::serving(
                tls,
                |_| {},
                |mut asked| async move {
                    asked.read().await;
                    asked.answer(&whole(b"x")).await;
                },
            );
            let url = format!("https://{host}:{}/", peer.address.port());
            let request = Request { version: Version::Http3, ..Request::new(Method::GET, url) };
            let session = crate::tls::secure_session(&options);
            session.send(request).await.result.map_err(|error| (error.class, error.message))
        })
    };
    let good = || authority.server(&["h3"], |_| {});
    assert!(with(good(), authority.trusted(), "localhost").is_ok());
    assert!(with(good(), authority.trusted(), "127.0.0.1").is_ok());
    let insecure = TlsOptions { insecure: true, ..stranger.trusted() };
    assert!(with(good(), insecure, "localhost").is_ok());
    let old = authority.server(&["h3"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let other = authority.server(&["h3"], |params| {
        params.subject_alt_names.retain(|name| !matches!(name, rcgen::SanType::IpAddress(_)));
    });
    for (tls, options, host, words) in [
        (good(), stranger.trusted(), "localhost", "--ca-cert"),
        (old, authority.trusted(), "localhost", "has expired"),
        (other, authority.trusted(), "127.0.0.1", "not valid for 127.0.0.1"),
        (authority.server(&["hq-29"], |_| {}), authority.trusted(), "localhost", "HTTP/3"),
    ] {
        let (class, message) = with(tls, options, host).expect_err(words);
        assert_eq!(class, ErrorClass::Tls, "{message}");
        assert!(message.contains(words), "{words}: {message}");
    }
}

/// Sends one request of 8 MB that a peer does with what it likes.
async fn upload<F: Future<Output = ()> + 'static>(
    serve: impl Fn(AskedStream) -> F + 'static,
) -> (swell_client::Sent, Session, QuicPeer) {
    let authority = TestAuthority::new();
    let peer = peer(&authority, serve);
    let session = session_of(&authority);
    let mut request = peer.get("/");
    request.method = Method::POST;
    request.body = Bytes::from(vec![b'b'; 8_000_000]);
    let sent = session.send(request).await;
    (sent, session, peer)
}

#[test]
fn a_service_that_stops_reading_is_a_timeout_of_sending() {
    run_on_virtual_time(async {
        let (sent, ..) = upload(|asked| async move {
            let _kept = asked;
            pending().await
        })
        .await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Timeout(Phase::Sending)));
        assert_eq!(sent.exchange.written, 1);
    });
}

#[test]
fn an_answer_counts_although_the_service_did_not_want_the_body() {
    run(async {
        let (sent, _, peer) = upload(|mut asked| async move {
            asked.receive.stop(0x100u32.into()).expect("an open stream");
            asked.answer(&head(413, &[])).await;
        })
        .await;
        assert_eq!(status(&sent), 413);
        assert_eq!(peer.seen(), (1, 1));
    });
}

#[test]
fn a_silent_service_is_a_timeout_of_waiting_and_the_connection_outlives_it() {
    run_on_virtual_time(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            if asked.nth == 0 {
                return pending().await;
            }
            asked.answer(&whole(b"x")).await;
        });
        let session = session_of(&authority);
        let silent = session.send(peer.get("/")).await;
        assert_eq!(silent.exchange.result, Err(ErrorClass::Timeout(Phase::Waiting)));
        assert_eq!(status(&session.send(peer.get("/")).await), 200);
        assert_eq!(peer.seen(), (1, 2), "what is said meanwhile keeps the connection");
    });
}

#[test]
fn a_connection_that_ends_within_a_body_is_told_by_its_code() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            let begun = [head(200, &[]), frame(DATA, b"some of it")].concat();
            asked.send.write_all(&begun).await.expect("an open stream");
            tokio::time::sleep(Duration::from_millis(20)).await;
            asked.connection.close(0x102u32.into(), b"out of memory");
        });
        let session = session_of(&authority);
        let sent = session.send_all(vec![peer.get("/"); 3]).await;
        for sent in sent {
            assert_eq!((sent.exchange.written, sent.exchange.body_bytes), (1, 10));
            let error = sent.result.expect_err("cut off");
            assert_eq!(error.class, ErrorClass::Reset);
            assert!(error.message.contains("H3_INTERNAL_ERROR: out of memory"), "{error}");
        }
    });
}

#[test]
fn a_service_that_breaks_the_rules_of_a_connection_is_left() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            if asked.of_connection == 1 {
                // Settings are said once.
                asked.say(&frame(4, &[])).await;
                return pending().await;
            }
            asked.answer(&whole(b"x")).await;
        });
        let session = session_of(&authority);
        let error = session.send(peer.get("/")).await.result.expect_err("broken");
        assert_eq!(error.class, ErrorClass::Protocol);
        assert!(error.message.contains("H3_FRAME_UNEXPECTED"), "{error}");
        assert_eq!(status(&session.send(peer.get("/")).await), 200);
        assert_eq!(peer.seen(), (2, 2));
    });
}

#[test]
fn a_path_that_carries_small_datagrams_alone_is_enough() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            assert!(asked.read().await > 200_000);
            asked.answer(&whole(&vec![b'x'; 300_000])).await;
        });
        let narrow = narrow_way_to(peer.address).await;
        let mut options = trusting(&authority);
        options.routes.ip_version = Some(swell_client::IpVersion::V4);
        let mut request = peer.get("/");
        request.url = format!("https://localhost:{}/", narrow.port());
        request.method = Method::POST;
        request.body = Bytes::from(vec![b'b'; 200_000]);
        let sent = session_with(options).1.send(request).await;
        assert_eq!((status(&sent), sent.exchange.body_bytes), (200, 300_000));
    });
}

/// The address of a way to a peer on which datagrams of more than 1,250 bytes are lost.
async fn narrow_way_to(peer: std::net::SocketAddr) -> std::net::SocketAddr {
    let here = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let there = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = here.local_addr().expect("bound");
    tokio::task::spawn_local(async move {
        let mut client = None;
        let (mut out, mut back) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            tokio::select! {
                came = here.recv_from(&mut out) => {
                    let (size, from) = came.expect("a datagram");
                    client = Some(from);
                    if size <= 1250 {
                        there.send_to(&out[..size], peer).await.expect("sent");
                    }
                }
                came = there.recv_from(&mut back) => {
                    let (size, _) = came.expect("a datagram");
                    if size <= 1250 && let Some(client) = client {
                        here.send_to(&back[..size], client).await.expect("sent");
                    }
                }
            }
        }
    });
    address
}
