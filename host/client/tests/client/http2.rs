//! HTTP/2: by prior knowledge and by ALPN, many streams on one connection, and what its errors are called.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, server};
use http::{Method, Response};
use swell_client::{Keep, Request, Version, header};
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::service::*;
use crate::tls::{Authority, secure_session};

/// Counts heads, and answers each by its path: `/N` is a body of N bytes.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, counts: Rc<Counts>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    let number = counts.connections.get();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        counts.heads.set(counts.heads.get() + 1);
        match request.uri().path() {
            "/hang" => {
                tokio::task::spawn_local(async move {
                    let cancelled = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                    assert_eq!(cancelled.ok(), Some(Reason::CANCEL));
                });
            }
            "/refuse" => respond.send_reset(Reason::INTERNAL_ERROR),
            // Refuses what the first connection is asked for, as a server does that restarts.
            "/goaway" if number == 1 => connection.abrupt_shutdown(Reason::NO_ERROR),
            "/headers" => {
                let long = Response::builder().header("x-long", "a".repeat(20_000)).body(()).expect("a response");
                respond.send_response(long, true).expect("an open stream");
            }
            "/echo" => {
                tokio::task::spawn_local(echo(request, respond));
            }
            path => {
                let size = path[1..].parse().unwrap_or(0);
                let mut stream = respond.send_response(Response::new(()), false).expect("an open stream");
                stream.send_data(Bytes::from(vec![b'x'; size]), true).expect("an open stream");
            }
        }
    }
}

async fn echo(mut request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\n", value.to_str().expect("ASCII"));
    }
    while let Some(piece) = request.body_mut().data().await {
        let piece = piece.expect("a body");
        request.body_mut().flow_control().release_capacity(piece.len()).expect("received");
        text += std::str::from_utf8(&piece).expect("ASCII");
    }
    let mut stream = respond.send_response(Response::new(()), false).expect("an open stream");
    stream.send_data(text.into(), true).expect("an open stream");
}

fn over_http2(service: &Service, path: &str) -> Request {
    Request { version: Version::Http2, ..get(service, path) }
}

#[test]
fn prior_knowledge_needs_no_tls_and_one_connection_carries_all() {
    run(async {
        let service = Service::accepting(serve).await;
        let session = session();
        let sent = session.send_all((0..50).map(|i| over_http2(&service, &format!("/{}", i * 1000))).collect()).await;
        for (i, sent) in sent.iter().enumerate() {
            assert_eq!((status(sent), sent.exchange.body_bytes, sent.exchange.written), (200, i as u64 * 1000, 1));
        }
        assert_eq!((service.connections(), service.heads()), (1, 50));
        assert_eq!(sent.iter().map(|sent| sent.exchange.connections).sum::<u32>(), 1);
        let again = session.send(over_http2(&service, "/5")).await.result.expect("an answer");
        assert!(again.reused);
        drop(session);
        service.all_closed().await;
    });
}

#[test]
fn alpn_chooses_http2_where_both_speak_it() {
    run(async {
        let authority = Authority::new();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(&["h2", "http/1.1"], |_| {})));
        let service = Service::accepting(move |stream, counts| {
            let acceptor = acceptor.clone();
            async move {
                let stream = acceptor.accept(stream).await.expect("a handshake");
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve(stream, counts).await;
                } else {
                    play(stream, counts, &|_| ok("http/1.1")).await;
                }
            }
        })
        .await;
        let session = secure_session(&authority.trusted());
        let request = |version| Request {
            version,
            keep: Keep::Body { limit: 1000 },
            ..Request::new(Method::GET, format!("https://localhost:{}/7", service.address.port()))
        };
        let sent = session.send_all(vec![request(Version::Automatic); 20]).await;
        assert!(sent.iter().all(|sent| sent.result.as_ref().is_ok_and(|response| response.body == "xxxxxxx")));
        assert_eq!(service.connections(), 1);
        let old = session.send(request(Version::Http1)).await.result.expect("an answer");
        assert_eq!((&old.body[..], service.connections()), (&b"http/1.1"[..], 2));
    });
}

#[test]
fn a_request_arrives_whole_without_what_http2_forbids() {
    run(async {
        let service = Service::accepting(serve).await;
        let mut request = over_http2(&service, "/echo?q");
        request.method = Method::POST;
        request.keep = Keep::Body { limit: 10_000 };
        request.body = Bytes::from_static(b"the body");
        for (name, value) in [("connection", "keep-alive"), ("transfer-encoding", "chunked"), ("host", "virtual.test"), ("x-own", "1")] {
            request.headers.push(header(name, value).expect("a header"));
        }
        let body = session().send(request).await.result.expect("an answer").body;
        let text = String::from_utf8(body.to_vec()).expect("ASCII");
        assert!(text.starts_with("POST http://virtual.test/echo?q\n") && text.ends_with("\nthe body"), "{text}");
        assert!(text.contains("x-own: 1\n") && text.contains("user-agent: swell/") && text.contains("content-length: 8\n"), "{text}");
        assert!(!text.contains("connection") && !text.contains("chunked") && !text.contains("\nhost"), "{text}");
    });
}

#[test]
fn a_stream_that_is_reset_is_a_reset_and_leaves_the_connection() {
    run(async {
        let service = Service::accepting(serve).await;
        let session = session();
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        let refused = session.send(over_http2(&service, "/refuse")).await;
        assert_eq!((refused.exchange.result, refused.exchange.written, refused.exchange.reconnects), (Err(ErrorClass::Reset), 1, 0));
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        assert_eq!((service.connections(), service.heads()), (1, 3));
    });
}

#[test]
fn a_connection_that_says_goodbye_is_replaced_and_the_request_sent_once_more() {
    run(async {
        let service = Service::accepting(serve).await;
        let session = session();
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        let sent = session.send(over_http2(&service, "/goaway")).await;
        assert_eq!((status(&sent), sent.exchange.reconnects, sent.exchange.written), (200, 1, 2));
        assert_eq!((service.connections(), service.heads()), (2, 3));
    });
}

#[test]
fn a_dropped_send_resets_its_stream_and_not_the_others() {
    run(async {
        let service = Service::accepting(serve).await;
        let session = session();
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        {
            let mut send = std::pin::pin!(session.send(over_http2(&service, "/hang")));
            while service.heads() < 2 {
                tokio::select! { biased; _ = &mut send => panic!("nobody answers"), () = tokio::task::yield_now() => {} }
            }
        }
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_head_over_its_limit_is_too_large_here_too() {
    run(async {
        let service = Service::accepting(serve).await;
        let mut options = options();
        options.header_limit = 10_000;
        let (_, session) = session_with(options);
        assert_eq!(session.send(over_http2(&service, "/headers")).await.exchange.result, Err(ErrorClass::TooLarge));
    });
}

#[test]
fn a_server_without_http2_is_an_error_of_its_own_making() {
    run(async {
        let service = Service::accepting(|mut stream, _| async move {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.expect("open");
        })
        .await;
        let class = session().send(over_http2(&service, "/")).await.exchange.result.expect_err("no HTTP/2");
        assert!(matches!(class, ErrorClass::Protocol | ErrorClass::Reset), "{class:?}");
    });
}
