//! HTTP/2: by prior knowledge and by ALPN, many streams on one connection, and what its errors are
//! called.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, server};
use http::{Method, Response};
use swell_client::{Keep, Request, Version, header};
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::service::*;
use crate::tls::{TestAuthority, secure_session};

/// Counts heads, and answers each by its path: `/N` is a body of N bytes.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, counts: Rc<ServiceCounts>) {
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
                let long = Response::builder()
                    .header("x-long", "a".repeat(20_000))
                    .body(())
                    .expect("a response");
                respond.send_response(long, true).expect("an open stream");
            }
            "/echo" => {
                tokio::task::spawn_local(echo(request, respond));
            }
            path => {
                let size = path[1..].parse().unwrap_or(0);
                let mut stream =
                    respond.send_response(Response::new(()), false).expect("an open stream");
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

fn over_http2(service: &TestService, path: &str) -> Request {
    Request { version: Version::Http2, ..get(service, path) }
}

#[test]
fn prior_knowledge_needs_no_tls_and_one_connection_carries_all() {
    run(async {
        let service = TestService::accepting(serve).await;
        let session = session();
        let sent = session
            .send_all((0..50).map(|i| over_http2(&service, &format!("/{}", i * 1000))).collect())
            .await;
        for (i, sent) in sent.iter().enumerate() {
            assert_eq!(
                (status(sent), sent.exchange.body_bytes, sent.exchange.written),
                (200, i as u64 * 1000, 1)
            );
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
        let authority = TestAuthority::new();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(&["h2", "http/1.1"], |_| {})));
        let service = TestService::accepting(move |stream, counts| {
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
        assert!(
            sent.iter()
                .all(|sent| sent.result.as_ref().is_ok_and(|response| response.body == "xxxxxxx"))
        );
        assert_eq!(service.connections(), 1);
        let old = session.send(request(Version::Http1)).await.result.expect("an answer");
        assert_eq!((&old.body[..], service.connections()), (&b"http/1.1"[..], 2));
    });
}

#[test]
fn a_request_arrives_whole_without_what_http2_forbids() {
    run(async {
        let service = TestService::accepting(serve).await;
        let mut request = over_http2(&service, "/echo?q");
        request.method = Method::POST;
        request.keep = Keep::Body { limit: 10_000 };
        request.body = Bytes::from_static(b"the body");
        for (name, value) in [
            ("connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("host", "virtual.test"),
            ("x-own", "1"),
        ] {
            request.headers.push(header(name, value).expect("a header"));
        }
        let body = session().send(request).await.result.expect("an answer").body;
        let text = String::from_utf8(body.to_vec()).expect("ASCII");
        assert!(
            text.starts_with("POST http://virtual.test/echo?q\n") && text.ends_with("\nthe body"),
            "{text}"
        );
        assert!(
            text.contains("x-own: 1\n")
                && text.contains("user-agent: swell/")
                && text.contains("content-length: 8\n"),
            "{text}"
        );
        assert!(
            !text.contains("connection") && !text.contains("chunked") && !text.contains("\nhost"),
            "{text}"
        );
    });
}

#[test]
fn a_stream_that_is_reset_is_a_reset_and_leaves_the_connection() {
    run(async {
        let service = TestService::accepting(serve).await;
        let session = session();
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        let refused = session.send(over_http2(&service, "/refuse")).await;
        assert_eq!(
            (refused.exchange.result, refused.exchange.written, refused.exchange.reconnects),
            (Err(ErrorClass::Reset), 1, 0)
        );
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        assert_eq!((service.connections(), service.heads()), (1, 3));
    });
}

#[test]
fn a_connection_that_says_goodbye_is_replaced_and_the_request_sent_once_more() {
    run(async {
        let service = TestService::accepting(serve).await;
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
        let service = TestService::accepting(serve).await;
        let session = session();
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        {
            let mut send = std::pin::pin!(session.send(over_http2(&service, "/hang")));
            while service.heads() < 2 {
                tokio::select! {
                    biased;
                    _ = &mut send => panic!("nobody answers"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        assert_eq!(status(&session.send(over_http2(&service, "/1")).await), 200);
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_head_over_its_limit_is_too_large_here_too() {
    run(async {
        let service = TestService::accepting(serve).await;
        let mut options = options();
        options.header_limit = 10_000;
        let (_, session) = session_with(options);
        assert_eq!(
            session.send(over_http2(&service, "/headers")).await.exchange.result,
            Err(ErrorClass::TooLarge)
        );
    });
}

#[test]
fn a_server_without_http2_is_an_error_of_its_own_making() {
    run(async {
        let service = TestService::accepting(|mut stream, _| async move {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
                .await
                .expect("open");
        })
        .await;
        let error = session().send(over_http2(&service, "/")).await.result.expect_err("no HTTP/2");
        assert!(
            error.class == ErrorClass::Protocol && error.message.contains("speaks HTTP/1.1 alone"),
            "{error:?}"
        );
    });
}

/// A frame: length, type, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `:status: 200` and a body.
fn answered(stream: u32, body: &[u8]) -> ServiceAct {
    ServiceAct::Send([frame(1, 4, stream, b"\x88"), frame(0, 1, stream, body)].concat())
}

/// What is above `last` was not processed.
fn goodbye(last: u32) -> ServiceAct {
    ServiceAct::Send(frame(7, 0, 0, &[last.to_be_bytes(), [0; 4]].concat()))
}

fn refused(stream: u32) -> ServiceAct {
    ServiceAct::Send(frame(3, 0, stream, &7u32.to_be_bytes()))
}

/// Serves frame by frame: after each whole request `script` is given the connection, from 0, and
/// the streams that were opened on it.
async fn by_frames(
    settings: &'static [u8],
    script: impl Fn(u32, &[u32]) -> Vec<ServiceAct> + 'static,
) -> TestService {
    let script = Rc::new(script);
    TestService::accepting(move |stream, counts| {
        let script = Rc::clone(&script);
        async move {
            // The other side may be gone at any moment.
            let _ended = serve_frames(stream, settings, &counts, &*script).await;
        }
    })
    .await
}

async fn serve_frames(
    mut stream: tokio::net::TcpStream,
    settings: &[u8],
    counts: &ServiceCounts,
    script: &dyn Fn(u32, &[u32]) -> Vec<ServiceAct>,
) -> std::io::Result<()> {
    let connection = counts.connections.get() - 1;
    stream.read_exact(&mut [0; 24]).await?;
    stream.write_all(&frame(4, 0, 0, settings)).await?;
    let mut streams = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        match kind {
            1 => {
                counts.heads.set(counts.heads.get() + 1);
                streams.push(u32::from_be_bytes(id));
            }
            4 if flags & 1 == 0 => stream.write_all(&frame(4, 1, 0, &[])).await?,
            _ => {}
        }
        if matches!(kind, 0 | 1) && flags & 1 == 1 {
            for act in script(connection, &streams) {
                match act {
                    ServiceAct::Send(bytes) => stream.write_all(&bytes).await?,
                    ServiceAct::Pause(time) => tokio::time::sleep(time).await,
                    ServiceAct::Close => return stream.shutdown().await,
                    ServiceAct::Hang | ServiceAct::Reset => unreachable!("no script here says so"),
                }
            }
        }
    }
}

fn last(streams: &[u32]) -> u32 {
    *streams.last().expect("a request has a stream")
}

#[test]
fn a_goodbye_leaves_the_streams_that_it_promised_to_answer() {
    run(async {
        let service = by_frames(&[], |connection, streams| match (connection, streams) {
            (0, [first, _, _]) => {
                vec![
                    goodbye(*first),
                    ServiceAct::Pause(Duration::from_millis(50)),
                    answered(*first, b"slow"),
                    ServiceAct::Close,
                ]
            }
            (0, _) => vec![],
            _ => vec![answered(last(streams), b"other")],
        })
        .await;
        let (client, session) = session_with(options());
        let request = |path| Request {
            keep: Keep::Body { limit: 100 },
            method: Method::POST,
            ..over_http2(&service, path)
        };
        let sent = session.send_all(vec![request("/a"), request("/b"), request("/c")]).await;
        let bodies: Vec<_> = sent
            .iter()
            .map(|sent| {
                sent.result.as_ref().map(|response| response.body.clone()).expect("an answer")
            })
            .collect();
        assert_eq!(bodies, ["slow", "other", "other"]);
        assert_eq!(
            sent.iter()
                .map(|sent| (sent.exchange.written, sent.exchange.reconnects))
                .collect::<Vec<_>>(),
            [(1, 0), (2, 1), (2, 1)]
        );
        assert_eq!((service.connections(), service.heads(), client.written()), (2, 5, 5));
    });
}

#[test]
fn what_a_goodbye_says_was_not_processed_is_sent_again_whatever_it_is() {
    run(async {
        let service = by_frames(&[], |connection, streams| match (connection, streams) {
            (0, [first, _]) => vec![goodbye(*first), ServiceAct::Close],
            _ => vec![answered(last(streams), b"done")],
        })
        .await;
        let session = session();
        for nth in 0..3 {
            let request = Request {
                method: Method::POST,
                body: Bytes::from_static(b"order"),
                ..over_http2(&service, "/")
            };
            let sent = session.send(request).await;
            let again = u32::from(nth == 1);
            assert_eq!(
                (status(&sent), sent.exchange.written, sent.exchange.reconnects),
                (200, 1 + again, again)
            );
        }
        assert_eq!((service.connections(), service.heads()), (2, 4));
    });
}

#[test]
fn a_server_that_closes_after_every_second_request_fails_none() {
    run(async {
        let service = by_frames(&[], |_, streams| match streams {
            [_] | [_, _] => {
                let answer = answered(last(streams), b"");
                if streams.len() == 2 { vec![answer, goodbye(last(streams))] } else { vec![answer] }
            }
            _ => vec![],
        })
        .await;
        let (client, session) = session_with(options());
        for _ in 0..10 {
            let page = session
                .send_all((0..11).map(|i| over_http2(&service, &format!("/{i}"))).collect())
                .await;
            assert!(page.iter().all(|sent| sent.exchange.result == Ok(200)));
        }
        assert_eq!(client.written(), u64::from(service.heads()));
    });
}

#[test]
fn a_refused_stream_is_tried_again_on_its_connection_and_then_on_another() {
    run(async {
        let once = by_frames(&[], |_, streams| {
            if streams.len() == 1 { vec![refused(1)] } else { vec![answered(last(streams), b"")] }
        })
        .await;
        let always = by_frames(&[], |connection, streams| {
            if connection == 0 {
                vec![refused(last(streams))]
            } else {
                vec![answered(last(streams), b"")]
            }
        })
        .await;
        for (service, written, connections) in [(once, 2, 1), (always, 3, 2)] {
            let sent = session()
                .send(Request {
                    method: Method::POST,
                    body: Bytes::from_static(b"x"),
                    ..over_http2(&service, "/")
                })
                .await;
            assert_eq!((status(&sent), sent.exchange.written), (200, written));
            assert_eq!((service.heads(), service.connections()), (written, connections));
        }
    });
}

#[test]
fn who_never_processes_anything_is_asked_sixteen_times() {
    run(async {
        let goodbyes = by_frames(&[], |_, _| vec![goodbye(0), ServiceAct::Close]).await;
        let refusals = by_frames(&[], |_, streams| vec![refused(last(streams))]).await;
        for service in [goodbyes, refusals] {
            let (client, session) = session_with(options());
            let sent = session.send(over_http2(&service, "/")).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written, service.heads()),
                (Err(ErrorClass::Reset), 16, 16)
            );
            assert_eq!(client.written(), 16);
        }
    });
}

#[test]
fn a_request_that_never_got_a_stream_was_not_written() {
    run_on_virtual_time(async {
        // One stream at a time, and none is ever answered but the first.
        let service = by_frames(&[0, 3, 0, 0, 0, 1], |_, streams| {
            if streams.len() == 1 { vec![answered(1, b"")] } else { vec![] }
        })
        .await;
        let (client, session) = session_with(options());
        assert_eq!(status(&session.send(over_http2(&service, "/")).await), 200);
        let hanging =
            Request { timeout: Some(Duration::from_millis(200)), ..over_http2(&service, "/") };
        let sent = session.send_all(vec![hanging; 5]).await;
        assert!(
            sent.iter().all(|sent| matches!(sent.exchange.result, Err(ErrorClass::Timeout(_))))
        );
        assert_eq!(
            sent.iter().map(|sent| sent.exchange.written).collect::<Vec<_>>(),
            [1, 0, 0, 0, 0]
        );
        while service.heads() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!((service.heads(), client.written()), (2, 2));
    });
}

#[test]
fn frames_without_end_neither_outlive_a_timeout_nor_hold_the_thread() {
    use std::io::{Read, Write};
    const TIMEOUT: Duration = Duration::from_millis(400);
    let early = frame(1, 4, 1, b"\x08\x03103");
    let head = frame(1, 4, 1, b"\x88");
    for (name, begin, piece) in [
        ("unknown", vec![], frame(0xbb, 0, 0, b"")),
        ("ping", vec![], frame(6, 0, 0, &[0; 8])),
        ("settings", vec![], frame(4, 0, 0, &[])),
        ("interim", vec![], early),
        ("empty data", head.clone(), frame(0, 0, 1, b"")),
        ("padding", head, frame(0, 8, 1, &[200; 201])),
        ("continuation", frame(1, 0, 1, b"\x88"), frame(9, 0, 1, b"")),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut from = stream.try_clone().expect("a descriptor");
            std::thread::spawn(move || while matches!(from.read(&mut [0; 65536]), Ok(1..)) {});
            std::thread::sleep(Duration::from_millis(50));
            let mut sent = stream.write_all(&[frame(4, 0, 0, &[]), begin].concat());
            let pieces = piece.repeat(5000);
            while sent.is_ok() {
                sent = stream.write_all(&pieces);
            }
        });
        run(async {
            let request = Request {
                version: Version::Http2,
                timeout: Some(TIMEOUT),
                ..Request::new(Method::GET, format!("http://{address}/"))
            };
            let (sent, took, others) = send_beside_others(&session(), request).await;
            let class = sent.exchange.result.expect_err(name);
            assert!(
                matches!(
                    class,
                    ErrorClass::Timeout(_) | ErrorClass::Protocol | ErrorClass::TooLarge
                ),
                "{name}: {:?}",
                sent.result
            );
            assert!(took < TIMEOUT * 2, "{name}: {took:?}");
            assert!(
                others > 10 || took < TIMEOUT / 2,
                "{name}: others had the thread {others} times in {took:?}"
            );
        });
    }
}
