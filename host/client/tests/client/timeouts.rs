//! Each phase's timeout on virtual time, at its moment and in its class.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use swell_client::{Keep, Request, Sent, Session};
use swell_core::exchange::{ErrorClass, Phase};
use tokio::time::Instant;

use crate::service::*;

async fn timed(session: &Session, request: Request) -> (Sent, f64) {
    let start = Instant::now();
    let sent = session.send(request).await;
    let took = start.elapsed();
    assert!(
        took.abs_diff(sent.exchange.phases.total()) < Duration::from_millis(10),
        "the phases add up"
    );
    (sent, took.as_secs_f64())
}

fn assert_timeout((sent, took): &(Sent, f64), phase: Phase, seconds: f64) {
    assert_eq!(sent.exchange.result, Err(ErrorClass::Timeout(phase)), "{:?}", sent.result);
    assert!((took / seconds - 1.0).abs() < 0.05, "{took} s instead of {seconds}");
}

#[test]
fn a_service_that_never_answers_times_out_waiting() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| vec![ServiceAct::Hang]).await;
        let outcome = timed(&session(), get(&service, "/")).await;
        assert_timeout(&outcome, Phase::Waiting, 60.0);
        assert_eq!((outcome.0.exchange.written, service.heads()), (1, 1));
        service.all_closed().await;
    });
}

#[test]
fn a_body_of_a_byte_a_second_or_without_end_times_out_receiving() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|seen| {
            let (piece, pause) = if seen.path() == "/drip" { (1, 1000) } else { (10_000, 10) };
            let mut acts = vec![send("HTTP/1.1 200 OK\r\n\r\n")];
            acts.extend((0..13_000).flat_map(|_| {
                [
                    ServiceAct::Send(vec![b'x'; piece]),
                    ServiceAct::Pause(Duration::from_millis(pause)),
                ]
            }));
            acts
        })
        .await;
        let session = session();
        let drip = timed(&session, get(&service, "/drip")).await;
        assert_timeout(&drip, Phase::Receiving, 120.0);
        assert!((119..=121).contains(&drip.0.exchange.body_bytes));
        let endless = timed(&session, get(&service, "/endless")).await;
        assert_timeout(&endless, Phase::Receiving, 120.0);
        assert!(endless.0.exchange.body_bytes > 50_000_000, "{}", endless.0.exchange.body_bytes);
    });
}

#[test]
fn a_request_s_own_timeout_holds_over_its_redirects() {
    run_on_virtual_time(async {
        let slow = |status: &'static str| {
            [vec![ServiceAct::Pause(Duration::from_secs(2))], answer(status, &["location: /"], b"")]
                .into_iter()
                .flatten()
                .collect()
        };
        let service = TestService::scripted(move |_| slow("302 Found")).await;
        let request =
            Request { timeout: Some(Duration::from_secs(5)), redirects: 10, ..get(&service, "/") };
        let outcome = timed(&session(), request).await;
        assert_timeout(&outcome, Phase::Waiting, 5.0);
        assert_eq!(outcome.0.exchange.written, 3);
    });
}

#[test]
fn a_service_that_does_not_read_times_out_sending() {
    run_on_virtual_time(async {
        let service = TestService::accepting(|stream, _| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let request = Request {
            method: Method::POST,
            body: Bytes::from(vec![0; 64 << 20]),
            ..get(&service, "/")
        };
        let outcome = timed(&session(), request).await;
        assert_timeout(&outcome, Phase::Sending, 60.0);
    });
}

#[test]
fn a_full_backlog_times_out_connecting_and_a_silent_peer_in_the_handshake() {
    run_on_virtual_time(async {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        socket.listen(0).expect("bound");
        let address = socket.local_addr().expect("bound").as_socket().expect("an address");
        // One connection fits into a backlog of 0; the SYNs of further ones are dropped.
        let _fits = std::net::TcpStream::connect(address).expect("room for one");
        let session = session();
        let outcome =
            timed(&session, Request::new(Method::GET, format!("http://{address}/"))).await;
        assert_timeout(&outcome, Phase::Connecting, 10.0);
        assert_eq!((outcome.0.exchange.written, outcome.0.exchange.connections), (0, 0));

        let silent = TestService::accepting(|stream, _| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let outcome =
            timed(&session, Request::new(Method::GET, format!("https://{}/", silent.address)))
                .await;
        assert_timeout(&outcome, Phase::Tls, 10.0);
        assert_eq!((outcome.0.exchange.written, outcome.0.exchange.connections), (0, 1));
    });
}

#[test]
fn who_finds_no_free_connection_times_out_blocked() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| vec![ServiceAct::Hang]).await;
        let request = Request { timeout: Some(Duration::from_secs(5)), ..get(&service, "/") };
        let sent = session().send_all(vec![request; 8]).await;
        let count = |phase| {
            sent.iter()
                .filter(|sent| sent.exchange.result == Err(ErrorClass::Timeout(phase)))
                .count()
        };
        assert_eq!((count(Phase::Waiting), count(Phase::Blocked)), (6, 2));
        assert_eq!(sent.iter().map(|sent| sent.exchange.written).sum::<u32>(), 6);
    });
}

#[test]
fn a_timeout_frees_the_place_for_the_next_request() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|seen| {
            if seen.connection < 6 { vec![ServiceAct::Hang] } else { ok("") }
        })
        .await;
        let session = session();
        let request = Request { timeout: Some(Duration::from_secs(1)), ..get(&service, "/") };
        session.send_all(vec![request.clone(); 6]).await;
        let after = session.send_all(vec![request; 12]).await;
        assert!(after.iter().all(|sent| sent.exchange.result == Ok(200)));
    });
}

/// A thread that reads a request, answers `head`, and sends `piece` for as long as anybody takes
/// it.
fn flood(head: &'static str, piece: Vec<u8>) -> SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _request = stream.read(&mut [0; 4096]).expect("a request");
        let mut sent = stream.write_all(head.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(&piece);
        }
    });
    address
}

#[test]
fn what_never_ends_is_cut_at_its_timeout_and_leaves_the_thread_to_others() {
    const TIMEOUT: Duration = Duration::from_millis(400);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let gzip = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
    let empty_member = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    let keep = Keep::Body { limit: usize::MAX };
    run(async {
        for (head, piece, keep) in [
            (chunked, b"1\r\nx\r\n".repeat(100_000), Keep::Discard),
            (chunked, b"1\r\nx\r\n".repeat(100_000), keep),
            ("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 1 << 20], Keep::Discard),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n",
                vec![b'x'; 1 << 20],
                Keep::Discard,
            ),
            (gzip, empty_member.repeat(50_000), keep),
        ] {
            let address = flood(head, piece);
            let mut options = options();
            options.body_limit = usize::MAX;
            let (_, session) = session_with(options);
            let request = Request {
                timeout: Some(TIMEOUT),
                decompress: true,
                keep,
                ..Request::new(Method::GET, format!("http://{address}/"))
            };
            let (sent, took, others) = send_beside_others(&session, request).await;
            assert_eq!(
                sent.exchange.result,
                Err(ErrorClass::Timeout(Phase::Receiving)),
                "{head:?}: {:?}",
                sent.result
            );
            assert!((TIMEOUT..TIMEOUT * 2).contains(&took), "{head:?}: {took:?}");
            assert!(others > 20, "{head:?}: others had the thread {others} times");
        }
    });
}

#[test]
fn announcements_without_an_answer_are_too_large_and_a_few_of_them_time_out() {
    run(async {
        for announcement in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n",
        ] {
            let address = flood("", announcement.repeat(10_000).into_bytes());
            let sent =
                session().send(Request::new(Method::GET, format!("http://{address}/"))).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written),
                (Err(ErrorClass::TooLarge), 1),
                "{:?}",
                sent.result
            );
        }
    });
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| {
            (0..100)
                .flat_map(|_| {
                    [
                        send("HTTP/1.1 100 Continue\r\n\r\n"),
                        ServiceAct::Pause(Duration::from_millis(100)),
                    ]
                })
                .collect()
        })
        .await;
        let request = Request { timeout: Some(Duration::from_secs(5)), ..get(&service, "/") };
        assert_timeout(&timed(&session(), request).await, Phase::Waiting, 5.0);
    });
}

#[test]
fn a_head_or_trailers_without_end_are_too_large() {
    run(async {
        let trailers = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
        let extension = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;";
        for (head, piece) in [
            ("HTTP/1.1 200 OK\r\n", "a: b\r\n"),
            ("", "\r\n"),
            (trailers, "a: b\r\n"),
            (extension, "a=b;"),
        ] {
            let address = flood(head, piece.repeat(10_000).into_bytes());
            let sent =
                session().send(Request::new(Method::GET, format!("http://{address}/"))).await;
            assert_eq!(
                sent.exchange.result,
                Err(ErrorClass::TooLarge),
                "{head:?}: {:?}",
                sent.result
            );
        }
    });
}
