//! HTTP/3: many streams on one connection, what is counted of them, and how connections end in good
//! order.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use swell_client::{Keep, Proxy, Request, Version};
use swell_core::exchange::{ErrorClass, Phase};
use swell_core::record::StreamEnd;

use crate::quic_peer::*;
use crate::service::*;
use crate::tls::TestAuthority;

#[test]
fn one_connection_carries_all_and_is_closed_with_its_user() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            asked.answer(&whole(&vec![b'x'; asked.nth as usize * 1000])).await;
        });
        let session = session_of(&authority);
        let requests = (0..50).map(|i| peer.get(&format!("/{i}"))).collect();
        let sent = session.send_all(requests).await;
        let mut sizes: Vec<u64> = sent.iter().map(|sent| sent.exchange.body_bytes).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, (0..50).map(|i| i * 1000).collect::<Vec<_>>());
        assert!(sent.iter().all(|sent| status(sent) == 200 && sent.exchange.written == 1));
        assert_eq!(sent.iter().map(|sent| sent.exchange.connections).sum::<u32>(), 1);
        let again = session.send(peer.get("/again")).await;
        assert!(again.result.as_ref().is_ok_and(|response| response.reused));
        assert_eq!(again.exchange.phases.get(Phase::Connecting), Duration::ZERO);
        assert_eq!(peer.seen(), (1, 51));
        drop(session);
        assert!(peer.ends(1).await[0].contains("256"), "H3_NO_ERROR: {:?}", peer.ends(1).await);
    });
}

#[test]
fn phases_tell_the_handshake_from_sending_waiting_and_receiving() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            assert!(asked.read().await > 100_000);
            tokio::time::sleep(Duration::from_millis(20)).await;
            asked.answer(&whole(b"done")).await;
        });
        let mut request = peer.get("/");
        request.method = Method::POST;
        request.body = Bytes::from(vec![b'b'; 100_000]);
        request.keep = Keep::Body { limit: 10 };
        let sent = session_of(&authority).send(request).await;
        assert_eq!(sent.result.as_ref().expect("an answer").body, "done");
        let phases = &sent.exchange.phases;
        assert!(phases.get(Phase::Connecting) > Duration::ZERO);
        assert_eq!(phases.get(Phase::Tls), Duration::ZERO, "it is within the handshake of QUIC");
        assert!(phases.get(Phase::Waiting) >= Duration::from_millis(20), "{phases:?}");
        assert_eq!((sent.exchange.written, sent.exchange.connections), (1, 1));
    });
}

#[test]
fn who_asks_for_more_at_once_than_the_service_takes_waits_and_is_told() {
    run(async {
        let authority = TestAuthority::new();
        let peer = QuicPeer::serving(
            authority.server(&["h3"], |_| {}),
            |transport| {
                transport.max_concurrent_bidi_streams(2u32.into());
            },
            |mut asked| async move {
                asked.read().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                asked.answer(&whole(b"x")).await;
            },
        );
        let sent = session_of(&authority).send_all(vec![peer.get("/"); 10]).await;
        assert!(sent.iter().all(|sent| status(sent) == 200));
        assert_eq!(peer.seen(), (1, 10));
        assert!(peer.counts.most_under_way.get() <= 2);
        let waited = |sent: &&swell_client::Sent| {
            sent.exchange.phases.get(Phase::Blocked) >= Duration::from_millis(5)
        };
        assert!(sent.iter().filter(waited).count() >= 8);
    });
}

#[test]
fn a_connection_that_the_service_has_closed_is_followed_by_another() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            asked.answer(&whole(b"x")).await;
            let _read = asked.send.stopped().await;
            asked.connection.close(0x100u32.into(), b"enough");
        });
        let session = session_of(&authority);
        for number in 1..=3 {
            let mut request = peer.get("/");
            request.method = Method::POST;
            let sent = session.send(request).await;
            assert_eq!((status(&sent), sent.exchange.written), (200, 1));
            assert_eq!(peer.seen(), (number, number));
            // It has arrived here when it has ended there.
            peer.ends(number as usize).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn who_is_told_goodbye_goes_on_elsewhere_and_what_was_left_out_is_sent_again() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            if asked.of_connection == 1 && asked.nth == 1 {
                // This one, which is the second, and all after it.
                asked.say_goodbye(4).await;
                return pending().await;
            }
            asked.answer(&whole(b"x")).await;
        });
        let session = session_of(&authority);
        assert_eq!(status(&session.send(peer.get("/first")).await), 200);
        let mut request = peer.get("/second");
        request.method = Method::POST;
        let again = session.send(request).await;
        assert_eq!(
            (status(&again), again.exchange.written, again.exchange.reconnects),
            (200, 2, 1)
        );
        assert_eq!(peer.seen(), (2, 3));
        assert_eq!(status(&session.send(peer.get("/third")).await), 200);
        assert_eq!(peer.seen(), (2, 4));
    });
}

#[test]
fn what_was_rejected_is_sent_again_and_what_was_cancelled_is_not() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            match asked.nth {
                0 => asked.reset(0x10b),
                2 => asked.reset(0x10c),
                _ => asked.answer(&whole(b"x")).await,
            }
        });
        let session = session_of(&authority);
        let rejected = session.send(peer.get("/")).await;
        assert_eq!((status(&rejected), rejected.exchange.written), (200, 2));
        let cancelled = session.send(peer.get("/")).await;
        let error = cancelled.result.expect_err("cancelled");
        assert_eq!((error.class, cancelled.exchange.written), (ErrorClass::Reset, 1));
        assert!(error.message.contains("H3_REQUEST_CANCELLED"), "{error}");
        assert_eq!(peer.seen(), (1, 3));
    });
}

#[test]
fn an_answer_is_read_while_it_comes_and_one_that_is_left_is_stopped() {
    run(async {
        let authority = TestAuthority::new();
        let stopped = Rc::new(Cell::new(None));
        let seen = Rc::clone(&stopped);
        let peer = peer(&authority, move |mut asked| {
            let stopped = Rc::clone(&seen);
            async move {
                asked.read().await;
                let begun = [head(200, &[]), frame(DATA, b"data: first\n\n")].concat();
                asked.send.write_all(&begun).await.expect("an open stream");
                if asked.nth == 0 {
                    asked.answer(&frame(DATA, b"data: last\n\n")).await;
                } else {
                    stopped.set(asked.send.stopped().await.expect("an open connection"));
                }
            }
        });
        let session = session_of(&authority);
        let mut whole =
            session.open(peer.get("/")).await.map_err(|sent| sent.result).expect("open");
        for expected in [Some("first"), Some("last"), None] {
            let event = whole.read_event(None).await.result.expect("an event");
            assert_eq!(event.as_ref().map(|event| &*event.data), expected);
        }
        assert_eq!(whole.finish().0, StreamEnd::Complete);
        let mut left = session.open(peer.get("/")).await.map_err(|sent| sent.result).expect("open");
        assert!(left.read_event(None).await.result.is_ok());
        assert_eq!(left.finish().0, StreamEnd::Left);
        while stopped.get().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(stopped.get(), Some(0x10cu32.into()), "H3_REQUEST_CANCELLED");
    });
}

#[test]
fn announcements_are_passed_over_and_trailers_too() {
    run(async {
        let authority = TestAuthority::new();
        let peer = peer(&authority, |mut asked| async move {
            asked.read().await;
            let answer = [
                head(103, &[("link", "</style.css>")]),
                frame(0x21 + 0x1f * 5, b"what nobody knows"),
                head(200, &[]),
                frame(DATA, b"he"),
                frame(DATA, b""),
                frame(DATA, b"llo"),
                frame(HEADERS, &[0, 0, 0x21, b'x', 1, b'y']),
            ];
            asked.answer(&answer.concat()).await;
        });
        let request = Request { keep: Keep::Body { limit: 10 }, ..peer.get("/") };
        let sent = session_of(&authority).send(request).await;
        assert_eq!(sent.result.expect("an answer").body, "hello");
    });
}

#[test]
fn what_cannot_go_over_quic_is_refused_with_the_cure() {
    run(async {
        let authority = TestAuthority::new();
        let refused = async |options, url: &str| {
            let request = Request::new(Method::GET, url);
            let request = Request { version: Version::Http3, ..request };
            let sent = session_with(options).1.send(request).await;
            let error = sent.result.expect_err("refused");
            assert_eq!((error.class, sent.exchange.written), (ErrorClass::Invalid, 0), "{error}");
            error.message
        };
        let plain = refused(trusting(&authority), "http://localhost:1/").await;
        assert!(plain.contains("https://localhost"), "{plain}");
        let mut options = trusting(&authority);
        let proxy: Proxy = "http://127.0.0.1:3128".parse().expect("a proxy");
        options.routes.proxy = Some(proxy);
        let through = refused(options, "https://localhost:1/").await;
        assert!(through.contains("--proxy"), "{through}");
        let mut options = trusting(&authority);
        options.routes.unix_socket = Some("/run/x.sock".into());
        let unix = refused(options, "https://localhost:1/").await;
        assert!(unix.contains("--unix-socket"), "{unix}");
    });
}
