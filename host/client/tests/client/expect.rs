//! Bodies that wait until the server asks for them.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::server;
use http::Method;
use swell_client::{Options, Request, Timeouts, Version, header};
use swell_core::exchange::{ErrorClass, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::*;

const BODY: &[u8] = b"the body";

/// What a server does that has read a head which expects 100.
#[derive(Clone, Copy)]
enum WordOfServer {
    /// Asks for the body, twice over, and says `ok` once it has it.
    Asks,
    /// Says nothing until it has the body.
    Silent,
    /// Answers without the body.
    Refuses,
    /// Asks for the body and closes the connection in its place.
    Leaves,
}

/// Reads a head, does what it does, and keeps how many bytes came behind the head.
async fn serve(mut stream: TcpStream, counts: Rc<ServiceCounts>, word: WordOfServer) {
    while let Some(head) = read_head(&mut stream).await {
        counts.heads.set(counts.heads.get() + 1);
        let mut body = vec![0; BODY.len()];
        let answer: &[u8] = match word {
            WordOfServer::Refuses => {
                b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 4\r\n\r\nnope"
            }
            WordOfServer::Asks | WordOfServer::Silent | WordOfServer::Leaves => {
                b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            }
        };
        if let WordOfServer::Asks | WordOfServer::Leaves = word {
            let twice = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
            stream.write_all(twice).await.expect("an open connection");
        }
        match word {
            WordOfServer::Leaves => return,
            WordOfServer::Refuses => body.clear(),
            WordOfServer::Asks | WordOfServer::Silent => {
                stream.read_exact(&mut body).await.expect("a body");
            }
        }
        counts.seen.borrow_mut().push(SeenRequest { connection: 0, nth: 0, head, body });
        stream.write_all(answer).await.expect("an open connection");
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).expect("ASCII"))
}

async fn serving(word: WordOfServer) -> TestService {
    TestService::accepting(move |stream, counts| serve(stream, counts, word)).await
}

fn expecting(service: &TestService) -> Request {
    let mut request = Request::new(Method::POST, service.url("/"));
    request.body = Bytes::from_static(BODY);
    request.headers.push(header("Expect", "100-Continue").expect("a header"));
    request
}

#[test]
fn a_body_is_sent_when_it_is_asked_for_and_its_connection_kept() {
    run(async {
        let service = serving(WordOfServer::Asks).await;
        let session = session();
        for reused in [false, true] {
            let sent = session.send(expecting(&service)).await;
            assert_eq!((status(&sent), sent.exchange.written), (200, 1));
            assert_eq!(sent.result.expect("an answer").reused, reused);
        }
        assert!(service.seen().iter().all(|seen| seen.body == BODY));
        assert_eq!(service.seen()[0].header("expect"), Some("100-Continue"));
    });
}

#[test]
fn a_body_that_nobody_asks_for_is_sent_after_its_time() {
    run_on_virtual_time(async {
        let service = serving(WordOfServer::Silent).await;
        let sent = session().send(expecting(&service)).await;
        assert_eq!((status(&sent), sent.exchange.written), (200, 1));
        assert_eq!(service.seen()[0].body, BODY);
        assert_eq!(sent.exchange.phases.get(Phase::Sending).as_secs(), 1);
        let timeouts = Timeouts { word: Duration::from_secs(7), ..Timeouts::default() };
        let (_, session) = session_with(Options { timeouts, ..options() });
        let sent = session.send(expecting(&service)).await;
        assert_eq!(sent.exchange.phases.get(Phase::Sending).as_secs(), 7);
    });
}

#[test]
fn what_is_answered_before_it_is_asked_for_is_never_sent() {
    run(async {
        let service = serving(WordOfServer::Refuses).await;
        let session = session();
        for _ in 0..2 {
            let sent = session.send(expecting(&service)).await;
            assert_eq!((status(&sent), sent.exchange.written), (417, 1));
            assert_eq!(sent.exchange.body_bytes, 4);
        }
        // A server that had kept its connection would take the next head for the body.
        assert_eq!((service.connections(), service.heads()), (2, 2));
    });
}

#[test]
fn a_server_that_asks_and_leaves_is_a_reset_and_a_time_that_is_too_short_a_timeout() {
    run(async {
        let service = serving(WordOfServer::Leaves).await;
        let sent = session().send(expecting(&service)).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Reset));
    });
    run_on_virtual_time(async {
        let service = serving(WordOfServer::Silent).await;
        let mut request = expecting(&service);
        request.timeout = Some(Duration::from_millis(300));
        let sent = session().send(request).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Timeout(Phase::Sending)));
        assert!(service.seen().is_empty(), "the body has not come");
    });
}

#[test]
fn without_a_body_there_is_nothing_to_wait_with() {
    run(async {
        let service = TestService::scripted(|_| ok("hello")).await;
        let mut request = expecting(&service);
        request.body = Bytes::new();
        let sent = session().send(request).await;
        assert_eq!((sent.exchange.result, sent.exchange.written), (Err(ErrorClass::Invalid), 0));
        let headers = vec![header("expect", "100-continue").expect("a header")];
        let (_, session) = session_with(Options { headers, ..options() });
        assert_eq!(status(&session.send(get(&service, "/")).await), 200);
        assert_eq!(service.seen()[0].header("expect"), None);
        let mut request = Request::new(Method::POST, service.url("/other"));
        request.body = Bytes::from_static(BODY);
        request.headers.push(header("expect", "something-else").expect("a header"));
        assert_eq!(status(&session.send(request).await), 200);
        assert_eq!(service.seen()[1].header("expect"), Some("something-else"));
    });
}

#[test]
fn over_http2_a_body_waits_as_well() {
    run(async {
        let service = TestService::accepting(|stream, counts| async move {
            let mut connection = server::handshake(stream).await.expect("a handshake");
            while let Some(Ok((mut request, mut respond))) = connection.accept().await {
                counts.heads.set(counts.heads.get() + 1);
                let refuses = request.uri().path() == "/refuse";
                tokio::task::spawn_local(async move {
                    let mut received = 0;
                    if !refuses {
                        let word = http::Response::builder().status(100).body(());
                        respond.send_informational(word.expect("a head")).expect("open");
                        while let Some(piece) = request.body_mut().data().await {
                            received += piece.expect("a body").len();
                        }
                    }
                    let status = if refuses { 413 } else { 200 };
                    let head = http::Response::builder().status(status).body(());
                    let mut body =
                        respond.send_response(head.expect("a head"), false).expect("open");
                    body.send_data(received.to_string().into(), true).expect("open");
                });
            }
        })
        .await;
        let session = session();
        let request = |path: &str| Request {
            url: service.url(path),
            version: Version::Http2,
            keep: swell_client::Keep::Body { limit: 100 },
            ..expecting(&service)
        };
        let sent = session.send(request("/take")).await;
        assert_eq!((status(&sent), &*sent.result.expect("an answer").body), (200, &b"8"[..]));
        let sent = session.send(request("/refuse")).await;
        assert_eq!((status(&sent), &*sent.result.expect("an answer").body), (413, &b"0"[..]));
        assert_eq!(status(&session.send(request("/take")).await), 200);
        assert_eq!((service.connections(), service.heads()), (1, 3));
    });
}
