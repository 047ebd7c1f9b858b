//! WebSockets with a service that breaks the rules, or off: each has its class, and its end.

use std::time::Duration;

use swell_client::{WebSocket, WebSocketError, WebSocketIncoming, WebSocketMessage};
use swell_core::exchange::{ErrorClass, Phase};
use swell_core::record::WebSocketEnd;
use tokio::io::AsyncWriteExt;

use crate::service::*;
use crate::tls::{TestAuthority, secure_session};
use crate::websocket_peer::*;

/// What a handshake comes to that is answered so.
async fn answered(answer: impl Fn(&WebSocketPeer) -> Vec<u8> + Clone + 'static) -> WebSocketError {
    let service = TestService::accepting(move |stream, _| {
        let answer = answer.clone();
        async move {
            let mut peer = WebSocketPeer::asked(stream).await;
            let answer = answer(&peer);
            peer.send(&answer).await;
        }
    })
    .await;
    let opened = session().open_websocket(asking(&service)).await;
    let error = opened.result.err().expect("no WebSocket");
    let recorded = opened.exchange.result;
    match &error {
        WebSocketError::Refused { status, .. } => assert_eq!(recorded, Ok(*status)),
        error => assert_eq!(recorded.err(), error.class()),
    }
    assert_eq!(opened.exchange.written, 1);
    service.all_closed().await;
    error
}

fn http(text: &'static str) -> impl Fn(&WebSocketPeer) -> Vec<u8> + Clone {
    move |_| text.as_bytes().to_vec()
}

#[test]
fn an_answer_with_another_status_is_told_with_what_it_says() {
    run(async {
        for (answer, status, text) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi"),
            ("HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\nnot today", 403, "not today"),
            ("HTTP/1.1 301 Moved\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", 301, ""),
            ("HTTP/1.1 503 Busy\r\n\r\nuntil it closes", 503, "until it closes"),
            ("HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\ncut", 500, "cut"),
        ] {
            let error = answered(http(answer)).await;
            assert_eq!(error, WebSocketError::Refused { status, text: text.into() });
        }
        let long = |_: &WebSocketPeer| {
            ["HTTP/1.1 400 No\r\ncontent-length: 1000000\r\n\r\n", &"x".repeat(9_000)]
                .concat()
                .into()
        };
        let WebSocketError::Refused { text, .. } = answered(long).await else { panic!() };
        assert_eq!(text.len(), 1 << 10);
    });
}

#[test]
fn a_handshake_that_is_none_is_told_by_class() {
    run(async {
        let class = |error: WebSocketError| error.class().expect("a class");
        let wrong_key = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
            connection: Upgrade\r\nsec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
        assert_eq!(class(answered(http(wrong_key)).await), ErrorClass::Protocol);
        let bare = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert_eq!(class(answered(http(bare)).await), ErrorClass::Protocol);
        let deflating = |peer: &WebSocketPeer| {
            peer.switching("sec-websocket-extensions: permessage-deflate\r\n").into_bytes()
        };
        assert_eq!(class(answered(deflating).await), ErrorClass::Protocol);
        let unasked =
            |peer: &WebSocketPeer| peer.switching("sec-websocket-protocol: v9\r\n").into_bytes();
        assert_eq!(class(answered(unasked).await), ErrorClass::Protocol);
        assert_eq!(class(answered(http("SSH-2.0-OpenSSH\r\n\r\n")).await), ErrorClass::Protocol);
        assert_eq!(class(answered(http("")).await), ErrorClass::Reset);
        assert_eq!(class(answered(http("HTTP/1.1 101 Swi")).await), ErrorClass::Reset);
    });
}

#[test]
fn a_handshake_that_is_not_answered_times_out() {
    run(async {
        let service = TestService::accepting(|stream, _| async move {
            WebSocketPeer::asked(stream).await.echo().await;
        })
        .await;
        let mut asked = asking(&service);
        asked.timeout = Some(Duration::from_millis(50));
        let opened = session().open_websocket(asked).await;
        assert_eq!(opened.exchange.result, Err(ErrorClass::Timeout(Phase::Waiting)));
        service.all_closed().await;
    });
}

#[test]
fn a_service_that_is_not_there_and_one_that_is_not_trusted_are_told_apart() {
    run(async {
        let service = websockets(WebSocketPeer::echo).await;
        let mut asked = asking(&service);
        asked.url = "ws://127.0.0.1:1/".into();
        let opened = session().open_websocket(asked).await;
        assert_eq!(opened.exchange.result, Err(ErrorClass::Connect));

        let authority = TestAuthority::new();
        let config = std::sync::Arc::new(authority.server(&[], |_| {}));
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        let secure = TestService::accepting(move |stream, _| {
            let acceptor = acceptor.clone();
            async move { drop(acceptor.accept(stream).await) }
        })
        .await;
        let mut asked = asking(&secure);
        asked.url = format!("wss://localhost:{}/", secure.address.port());
        let opened = session().open_websocket(asked.clone()).await;
        assert_eq!(opened.exchange.result, Err(ErrorClass::Tls));
        // Trusted, it is a service that closes in the handshake.
        let trusted = secure_session(&authority.trusted());
        let opened = trusted.open_websocket(asked).await;
        assert_eq!(opened.exchange.result, Err(ErrorClass::Reset));
    });
}

/// What the first thing received is from a service that sends these bytes and then waits.
async fn received(bytes: Vec<u8>) -> (Result<WebSocketIncoming, WebSocketError>, WebSocketEnd) {
    let service = websockets(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.send(&bytes).await;
            while peer.frame().await.is_some() {}
        }
    })
    .await;
    let session = session();
    let socket = open(&session, &service).await;
    let received = socket.receive(None).await;
    let (end, _) = socket.ended().unwrap_or_else(|| panic!("still open: {received:?}"));
    // It closes by itself, whoever still holds it.
    service.all_closed().await;
    (received, end)
}

#[test]
fn each_broken_rule_ends_the_connection_with_its_class() {
    run(async {
        let close =
            |code: u16, reason: &[u8]| frame(CLOSE, &[&code.to_be_bytes(), reason].concat());
        let masked = vec![TEXT, 0x81, 1, 2, 3, 4, b'a' ^ 1];
        for (what, bytes, class) in [
            (
                "4 GiB",
                [&[BINARY, 127][..], &(4_u64 << 30).to_be_bytes()].concat(),
                ErrorClass::TooLarge,
            ),
            ("2^64 - 1", [&[BINARY, 127][..], &[0xff; 8]].concat(), ErrorClass::TooLarge),
            ("past the limit", frame(TEXT, &vec![b'x'; (1 << 20) + 1]), ErrorClass::TooLarge),
            ("no UTF-8", frame(TEXT, &[0xff, 0xfe]), ErrorClass::Protocol),
            ("half a character", frame(TEXT, &[0xe2, 0x82]), ErrorClass::Protocol),
            ("masked", masked, ErrorClass::Protocol),
            ("reserved bits", frame(0xc1, b"a"), ErrorClass::Protocol),
            ("reserved kind", frame(0x83, b"a"), ErrorClass::Protocol),
            ("a long ping", frame(PING, &[0; 126]), ErrorClass::Protocol),
            ("a ping in pieces", frame(0x09, b"a"), ErrorClass::Protocol),
            ("a piece of nothing", frame(0x80, b"a"), ErrorClass::Protocol),
            (
                "two beginnings",
                [frame(0x01, b"a"), frame(TEXT, b"b")].concat(),
                ErrorClass::Protocol,
            ),
            ("half a code", frame(CLOSE, &[3]), ErrorClass::Protocol),
            ("a code of nobody", close(1006, b""), ErrorClass::Protocol),
            ("a code of zero", close(0, b""), ErrorClass::Protocol),
            ("a reason that is no text", close(1000, &[0xff]), ErrorClass::Protocol),
        ] {
            let (received, end) = received(bytes).await;
            let error = received.expect_err(what);
            assert_eq!(
                (error.class(), end),
                (Some(class), WebSocketEnd::Failed(class)),
                "{what}: {error}"
            );
        }
        let (received, end) = received(frame(CLOSE, &[])).await;
        assert!(matches!(received, Ok(WebSocketIncoming::Closed(closing)) if closing.code == 1005));
        assert_eq!(end, WebSocketEnd::Service(1005));
    });
}

#[test]
fn fragments_without_end_stop_at_the_limit_and_empty_ones_let_others_run() {
    run(async {
        let service = websockets(|mut peer| async move {
            peer.send(&frame(0x01, b"a")).await;
            while peer.stream.write_all(&frame(0x00, &[b'a'; 1_000])).await.is_ok() {}
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        let error = socket.receive(None).await.expect_err("no end");
        assert_eq!(error.class(), Some(ErrorClass::TooLarge));

        let flood = frame(0x00, b"").repeat(10_000);
        let service = websockets(move |mut peer| {
            let flood = flood.clone();
            async move {
                peer.send(&frame(0x01, b"a")).await;
                while peer.stream.write_all(&flood).await.is_ok() {}
            }
        })
        .await;
        let socket = open(&session, &service).await;
        let waited = socket.receive(Some(Duration::from_millis(100))).await.expect_err("no end");
        assert_eq!(waited.class(), Some(ErrorClass::Timeout(Phase::Receiving)));
    });
}

#[test]
fn a_ping_flood_is_answered_and_stops_nobody() {
    run(async {
        let flood = frame(PING, b"flood").repeat(1_000);
        let service = websockets(move |mut peer| {
            let flood = flood.clone();
            async move {
                // It reads nothing, so that answers have no room for long.
                for _ in 0..2_000 {
                    if peer.stream.write_all(&flood).await.is_err() {
                        return;
                    }
                }
                peer.send(&frame(TEXT, b"over")).await;
                while peer.frame().await.is_some() {}
            }
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        let received = socket.receive(None).await;
        let over = WebSocketIncoming::Message(WebSocketMessage::Text("over".into()));
        assert_eq!(received, Ok(over));
    });
}

#[test]
fn a_reset_in_mid_message_and_half_an_end_are_resets() {
    run(async {
        let service = websockets(|mut peer| async move {
            let whole = frame(BINARY, &[0; 10_000]);
            peer.send(&whole[..5_000]).await;
            assert!(peer.frame().await.is_some(), "it waits until it may go");
            peer.stream.reset();
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        socket.send(WebSocketMessage::Text("go".into())).await.expect("sent");
        let error = socket.receive(None).await.expect_err("reset");
        assert_eq!(error.class(), Some(ErrorClass::Reset), "{error}");
        assert_eq!(socket.take_traffic().messages_received, 0);

        let service = websockets(|mut peer| async move {
            peer.stream.shutdown().await.expect("half of it");
            while peer.frame().await.is_some() {}
        })
        .await;
        let socket = open(&session, &service).await;
        let error = socket.receive(None).await.expect_err("an end without a close");
        assert_eq!(error.class(), Some(ErrorClass::Reset), "{error}");
        let Some((end, _)) = socket.ended() else { panic!("open") };
        assert_eq!(end, WebSocketEnd::Failed(ErrorClass::Reset));
        service.all_closed().await;
    });
}

#[test]
fn silence_times_out_and_leaves_the_connection_as_it_was() {
    run_on_virtual_time(async {
        let service = websockets(WebSocketPeer::echo).await;
        let session = session();
        let socket = open(&session, &service).await;
        let began = tokio::time::Instant::now();
        let error = socket.receive(None).await.expect_err("silence");
        assert_eq!(error.class(), Some(ErrorClass::Timeout(Phase::Receiving)));
        assert_eq!(began.elapsed().as_secs(), 60, "as long as an answer over HTTP may take");
        assert!(socket.ended().is_none());
        let said = WebSocketMessage::Text("still there".into());
        assert!(socket.exchange(said, Some(Duration::from_secs(1))).await.is_ok());
    });
}

#[test]
fn a_service_that_never_reads_times_out_and_one_that_never_closes_too() {
    run_on_virtual_time(async {
        let service = websockets(|peer| async move {
            std::future::pending::<()>().await;
            drop(peer);
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        let much = WebSocketMessage::Binary(vec![0; 12 << 20].into());
        let error = socket.send(much).await.expect_err("nobody reads");
        assert_eq!(error.class(), Some(ErrorClass::Timeout(Phase::Sending)));
        let end = |socket: &WebSocket| socket.ended().map(|(end, _)| end);
        let timed_out = |phase| Some(WebSocketEnd::Failed(ErrorClass::Timeout(phase)));
        assert_eq!(end(&socket), timed_out(Phase::Sending));

        let socket = open(&session, &service).await;
        let began = tokio::time::Instant::now();
        let error = socket.close(1000, String::new()).await.expect_err("nobody answers");
        assert_eq!(error.class(), Some(ErrorClass::Timeout(Phase::Receiving)));
        assert_eq!(began.elapsed().as_secs(), 10);
        assert_eq!(end(&socket), timed_out(Phase::Receiving));
    });
}

#[test]
fn a_service_that_goes_on_speaking_after_the_close_is_counted_and_left() {
    run(async {
        let service = websockets(|mut peer| async move {
            assert_eq!(peer.frame().await.map(|(first, _)| first), Some(CLOSE));
            for _ in 0..1_000 {
                peer.send(&frame(TEXT, b"one more thing")).await;
            }
            peer.send(&frame(CLOSE, &1000_u16.to_be_bytes())).await;
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        socket.close(1000, String::new()).await.expect("closed");
        assert_eq!(socket.take_traffic().messages_received, 1_000);
        assert_eq!(socket.ended().map(|(end, _)| end), Some(WebSocketEnd::Scenario));
        let later = socket.receive(None).await.expect_err("it is closed");
        assert_eq!(later.class(), Some(ErrorClass::Closed));
    });
}
