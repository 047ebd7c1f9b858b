//! When a request is sent again: once, if it may arrive twice, and only because a connection that
//! had been idle turned out to have closed.

use http::Method;
use swell_client::Request;
use swell_core::exchange::ErrorClass;

use crate::service::*;

/// Answers the first request of each connection, reads the second and ends.
async fn second_fails(end: fn() -> ServiceAct) -> TestService {
    TestService::scripted(move |seen| if seen.nth == 0 { ok("x") } else { vec![end()] }).await
}

#[test]
fn an_idempotent_request_is_sent_once_more_when_its_reused_connection_closes_without_a_word() {
    run(async {
        for end in [|| ServiceAct::Close, || ServiceAct::Reset] {
            for method in [
                Method::GET,
                Method::HEAD,
                Method::PUT,
                Method::DELETE,
                Method::OPTIONS,
                Method::TRACE,
            ] {
                let service = second_fails(end).await;
                let session = session();
                session.send(get(&service, "/")).await;
                // A HEAD would wait for no body; the script's answer to it has one, which ends its
                // connection.
                let sent =
                    session.send(Request { method: method.clone(), ..get(&service, "/") }).await;
                assert_eq!(
                    (status(&sent), sent.exchange.reconnects, sent.exchange.written),
                    (200, 1, 2),
                    "{method}"
                );
                assert_eq!(service.heads(), 3);
            }
        }
    });
}

#[test]
fn a_post_is_never_sent_again() {
    run(async {
        for method in [Method::POST, Method::PATCH] {
            let service = second_fails(|| ServiceAct::Close).await;
            let session = session();
            session.send(get(&service, "/")).await;
            let sent = session.send(Request { method, ..get(&service, "/") }).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written, sent.exchange.reconnects),
                (Err(ErrorClass::Reset), 1, 0)
            );
            assert_eq!(service.heads(), 2);
        }
    });
}

#[test]
fn a_fresh_connection_that_closes_is_an_error_and_so_is_a_second_close() {
    run(async {
        let service = TestService::scripted(|seen| {
            if seen.connection == 0 && seen.nth == 0 { ok("x") } else { vec![ServiceAct::Close] }
        })
        .await;
        let session = session();
        session.send(get(&service, "/")).await;
        let twice = session.send(get(&service, "/")).await;
        assert_eq!(
            (twice.exchange.result, twice.exchange.written, twice.exchange.reconnects),
            (Err(ErrorClass::Reset), 2, 1)
        );
        let fresh = session.send(get(&service, "/")).await;
        assert_eq!(
            (fresh.exchange.result, fresh.exchange.written, fresh.exchange.reconnects),
            (Err(ErrorClass::Reset), 1, 0)
        );
        assert_eq!(service.heads(), 4);
    });
}

#[test]
fn an_answer_that_has_begun_is_never_asked_for_again() {
    run(async {
        let service = TestService::scripted(|seen| {
            if seen.nth == 0 { ok("x") } else { vec![send("H"), ServiceAct::Close] }
        })
        .await;
        let session = session();
        session.send(get(&service, "/")).await;
        let sent = session.send(get(&service, "/")).await;
        assert_eq!(
            (sent.exchange.result, sent.exchange.written, sent.exchange.reconnects),
            (Err(ErrorClass::Reset), 1, 0)
        );
    });
}

#[test]
fn a_connection_that_was_seen_to_close_while_idle_is_replaced_without_a_retry() {
    run(async {
        for method in [Method::GET, Method::POST] {
            let service = TestService::scripted(|_| {
                [ok("x"), vec![ServiceAct::Close]].into_iter().flatten().collect()
            })
            .await;
            let session = session();
            for _ in 0..20 {
                let sent =
                    session.send(Request { method: method.clone(), ..get(&service, "/") }).await;
                assert_eq!(
                    (status(&sent), sent.exchange.written, sent.exchange.reconnects),
                    (200, 1, 0)
                );
                service.all_closed().await;
                // The runtime looks at its sockets between two turns of its tasks.
                tokio::time::sleep(std::time::Duration::ZERO).await;
            }
            assert_eq!(service.heads(), 20);
        }
    });
}

#[test]
fn words_from_an_idle_connection_are_no_answer_to_the_next_request() {
    run(async {
        let farewell = || {
            send("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        };
        let service = TestService::scripted(move |_| {
            [ok("x"), vec![farewell(), ServiceAct::Close]].into_iter().flatten().collect()
        })
        .await;
        let session = session();
        session.send(get(&service, "/")).await;
        service.all_closed().await;
        tokio::time::sleep(std::time::Duration::ZERO).await;
        let sent = session.send(Request { method: Method::POST, ..get(&service, "/") }).await;
        assert_eq!((status(&sent), sent.exchange.written), (200, 1));
    });
}

/// Answers one request a connection and closes it at once, on a thread of its own; tells when it
/// has, and how many requests it read.
fn closing() -> (std::net::SocketAddr, std::sync::mpsc::Receiver<u32>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("bound");
    let (closed, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).expect("a request") == 0 {
                    return;
                }
                head.push(byte[0]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")
                .expect("an open connection");
            drop(stream);
            if closed.send(u32::try_from(nth).expect("few") + 1).is_err() {
                return;
            }
        }
    });
    (address, told)
}

#[test]
fn an_end_that_has_arrived_is_seen_although_the_runtime_has_not_looked() {
    run(async {
        for method in [Method::POST, Method::PATCH, Method::GET] {
            let (address, closed) = closing();
            let (client, session) = session_with(options());
            let mut read = 0;
            for _ in 0..50 {
                let sent =
                    session.send(Request::new(method.clone(), format!("http://{address}/"))).await;
                assert_eq!(
                    (status(&sent), sent.exchange.written, sent.exchange.reconnects),
                    (200, 1, 0),
                    "{method}"
                );
                // The thread waits, and with it the runtime.
                read = closed.recv().expect("it goes on");
            }
            assert_eq!(client.written(), u64::from(read), "{method}");
        }
    });
}
