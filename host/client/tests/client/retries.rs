//! When a request is sent again: once, if it may arrive twice, and only because a connection that had been idle turned out to have closed.

use http::Method;
use swell_client::Request;
use swell_core::exchange::ErrorClass;

use crate::service::*;

/// Answers the first request of each connection, reads the second and ends.
async fn second_fails(end: fn() -> Act) -> Service {
    Service::scripted(move |seen| if seen.nth == 0 { ok("x") } else { vec![end()] }).await
}

#[test]
fn an_idempotent_request_is_sent_once_more_when_its_reused_connection_closes_without_a_word() {
    run(async {
        for end in [|| Act::Close, || Act::Reset] {
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
                let service = second_fails(end).await;
                let session = session();
                session.send(get(&service, "/")).await;
                // A HEAD would wait for no body; the script's answer to it has one, which ends its connection.
                let sent = session.send(Request { method: method.clone(), ..get(&service, "/") }).await;
                assert_eq!((status(&sent), sent.exchange.reconnects, sent.exchange.written), (200, 1, 2), "{method}");
                assert_eq!(service.heads(), 3);
            }
        }
    });
}

#[test]
fn a_post_is_never_sent_again() {
    run(async {
        for method in [Method::POST, Method::PATCH] {
            let service = second_fails(|| Act::Close).await;
            let session = session();
            session.send(get(&service, "/")).await;
            let sent = session.send(Request { method, ..get(&service, "/") }).await;
            assert_eq!((sent.exchange.result, sent.exchange.written, sent.exchange.reconnects), (Err(ErrorClass::Reset), 1, 0));
            assert_eq!(service.heads(), 2);
        }
    });
}

#[test]
fn a_fresh_connection_that_closes_is_an_error_and_so_is_a_second_close() {
    run(async {
        let service = Service::scripted(|seen| if seen.connection == 0 && seen.nth == 0 { ok("x") } else { vec![Act::Close] }).await;
        let session = session();
        session.send(get(&service, "/")).await;
        let twice = session.send(get(&service, "/")).await;
        assert_eq!((twice.exchange.result, twice.exchange.written, twice.exchange.reconnects), (Err(ErrorClass::Reset), 2, 1));
        let fresh = session.send(get(&service, "/")).await;
        assert_eq!((fresh.exchange.result, fresh.exchange.written, fresh.exchange.reconnects), (Err(ErrorClass::Reset), 1, 0));
        assert_eq!(service.heads(), 4);
    });
}

#[test]
fn an_answer_that_has_begun_is_never_asked_for_again() {
    run(async {
        let service = Service::scripted(|seen| if seen.nth == 0 { ok("x") } else { vec![send("H"), Act::Close] }).await;
        let session = session();
        session.send(get(&service, "/")).await;
        let sent = session.send(get(&service, "/")).await;
        assert_eq!((sent.exchange.result, sent.exchange.written, sent.exchange.reconnects), (Err(ErrorClass::Reset), 1, 0));
    });
}

#[test]
fn a_connection_that_was_seen_to_close_while_idle_is_replaced_without_a_retry() {
    run(async {
        for method in [Method::GET, Method::POST] {
            let service = Service::scripted(|_| [ok("x"), vec![Act::Close]].into_iter().flatten().collect()).await;
            let session = session();
            for _ in 0..20 {
                let sent = session.send(Request { method: method.clone(), ..get(&service, "/") }).await;
                assert_eq!((status(&sent), sent.exchange.written, sent.exchange.reconnects), (200, 1, 0));
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
        let farewell = || send("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let service = Service::scripted(move |_| [ok("x"), vec![farewell(), Act::Close]].into_iter().flatten().collect()).await;
        let session = session();
        session.send(get(&service, "/")).await;
        service.all_closed().await;
        tokio::time::sleep(std::time::Duration::ZERO).await;
        let sent = session.send(Request { method: Method::POST, ..get(&service, "/") }).await;
        assert_eq!((status(&sent), sent.exchange.written), (200, 1));
    });
}
