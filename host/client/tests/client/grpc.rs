//! gRPC: calls of one message and streams, over one connection, and what is told of them.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server;
use http::{HeaderMap, HeaderValue, Response};
use swell_client::{GrpcCall, GrpcError, GrpcIncoming, GrpcStatus};
use swell_core::exchange::{ErrorClass, Phase, Protocol};
use tokio::net::TcpStream;

use crate::grpc_peer::*;
use crate::service::*;
use crate::tls::{TestAuthority, secure_session};

/// Sends back all that comes, piece by piece, and ends when that does; of `Silent` it reads
/// nothing.
async fn echo(stream: TcpStream) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((mut request, mut respond))) = connection.accept().await {
        tokio::task::spawn_local(async move {
            if request.uri().path().ends_with("Silent") {
                _ = poll_fn(|cx| respond.poll_reset(cx)).await;
                return;
            }
            let response = Response::builder().header("content-type", "application/grpc").body(());
            let mut out = respond.send_response(response.expect("a head"), false).expect("open");
            while let Some(Ok(piece)) = request.body_mut().data().await {
                _ = request.body_mut().flow_control().release_capacity(piece.len());
                _ = out.send_data(piece, false);
            }
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            trailers.insert("x-tail", HeaderValue::from_static("end"));
            _ = out.send_trailers(trailers);
        });
    }
}

async fn echoing() -> TestService {
    TestService::accepting(|stream, _| echo(stream)).await
}

#[test]
fn calls_share_a_connection_and_are_told_whole() {
    run(async {
        let service = echoing().await;
        let session = session();
        for connections in [1, 0, 0] {
            let called = say(&session, &service).await;
            let reply = called.result.expect("an answer");
            assert_eq!(reply.message.as_deref(), Some(&b"hello"[..]));
            assert_eq!(reply.end.status, GrpcStatus::default());
            assert_eq!(reply.end.trailers, [("x-tail".to_owned(), b"end".to_vec())]);
            let exchange = called.exchange;
            assert_eq!((exchange.protocol, exchange.result), (Protocol::Grpc, Ok(0)));
            assert_eq!((exchange.written, exchange.connections), (1, connections));
            assert_eq!((called.messages.sent, called.messages.received), (1, 1));
            assert_eq!((called.messages.bytes_sent, called.messages.bytes_received), (5, 5));
            assert_eq!(exchange.body_bytes, 10, "with what goes before the message");
        }
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_large_message_goes_both_ways_through_windows_that_are_smaller() {
    run(async {
        let service = echoing().await;
        let large: Vec<u8> = (0..9 << 20).map(|at| (at % 251) as u8).collect();
        let call = GrpcCall { limit: 16 << 20, ..call_of(&service) };
        let called = session().call(call, large.clone().into()).await;
        let reply = called.result.expect("an answer");
        assert!(reply.message.is_some_and(|message| message == large));
    });
}

#[test]
fn over_tls_a_service_must_agree_to_http2() {
    run(async {
        let authority = TestAuthority::new();
        for (offer, expected) in [("h2", Ok(0)), ("http/1.1", Err(ErrorClass::Tls))] {
            let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(
                authority.server(&[offer], |_| {}),
            ));
            let service = TestService::accepting(move |stream, _| {
                let acceptor = acceptor.clone();
                async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    take_calls(stream, 1, |_, number, _| Some(whole(number, b"hello"))).await;
                }
            })
            .await;
            let session = secure_session(&authority.trusted());
            let target = format!("https://localhost:{}", service.address.port());
            let call = GrpcCall { target, ..call_of(&service) };
            let called = session.call(call, Bytes::from_static(b"hello")).await;
            assert_eq!(called.exchange.result, expected, "{:?}", called.result);
        }
    });
}

#[test]
fn a_stream_sends_and_receives_as_it_likes_and_says_how_it_ended() {
    run(async {
        let service = echoing().await;
        let session = session();
        let Ok(mut stream) = session.open_call(call_of(&service)).await else { panic!() };
        for word in [&b"one"[..], b"", b"three"] {
            stream.send(word).await.expect("it is taken");
            let came = stream.receive(None).await.expect("it comes back");
            assert_eq!(came, GrpcIncoming::Message(Bytes::copy_from_slice(word)));
        }
        let nothing = poll_fn(|cx| Poll::Ready(stream.poll_ready(cx))).await;
        assert!(nothing.is_pending() && !stream.has_ended());
        stream.finish().await.expect("it may end");
        stream.finish().await.expect("again");
        let refused = stream.send(b"more").await.expect_err("it was finished");
        assert_eq!(refused.class(), ErrorClass::Invalid);
        for _ in 0..2 {
            let end = stream.receive(None).await.expect("an end");
            assert!(matches!(end, GrpcIncoming::Ended(end) if end.status.code == 0));
        }
        assert_eq!(stream.send(b"more").await, Err(GrpcError::Ended));
        let messages = stream.take_messages();
        assert_eq!((messages.sent, messages.received, messages.bytes_received), (3, 3, 8));
        let closed = stream.close();
        assert_eq!(
            (closed.exchange.protocol, closed.exchange.result),
            (Protocol::GrpcStream, Ok(0))
        );
        assert_eq!((closed.exchange.written, service.connections()), (1, 1));
    });
}

#[test]
fn a_stream_that_is_left_is_cancelled_and_the_connection_goes_on() {
    run(async {
        let service = echoing().await;
        let session = session();
        let Ok(mut stream) = session.open_call(call_of(&service)).await else { panic!() };
        stream.send(b"hello").await.expect("it is taken");
        let closed = stream.close();
        assert_eq!(closed.exchange.result, Ok(1));
        assert_eq!(say(&session, &service).await.exchange.result, Ok(0));
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_deadline_ends_calls_and_streams_with_a_status() {
    run(async {
        let service = echoing().await;
        let session = session();
        let call = GrpcCall {
            method: "/swell.test.Echo/Silent".into(),
            deadline: Some(Duration::from_millis(50)),
            ..call_of(&service)
        };
        let called = session.call(call.clone(), Bytes::from_static(b"hello")).await;
        assert_eq!(called.exchange.result, Ok(4));
        let took = called.exchange.phases.total();
        assert!((50..500).contains(&took.as_millis()), "{took:?}");
        let status = called.result.expect("a status").end.status;
        assert_eq!(status.message, "the deadline of 50ms passed while waiting");
        let Ok(mut stream) = session.open_call(call).await else { panic!() };
        let end = stream.receive(None).await.expect("a status");
        assert!(matches!(end, GrpcIncoming::Ended(end) if end.status.code == 4));
        assert_eq!(stream.close().exchange.result, Ok(4));
    });
}

#[test]
fn a_service_that_never_reads_takes_what_fits_and_then_nothing() {
    run(async {
        let service = echoing().await;
        let mut options = options();
        options.timeouts.response = Duration::from_millis(100);
        let session = session_with(options).1;
        let call = GrpcCall { method: "/swell.test.Echo/Silent".into(), ..call_of(&service) };
        let called = session.call(call.clone(), vec![0; 1 << 20].into()).await;
        assert_eq!(called.exchange.result, Err(ErrorClass::Timeout(Phase::Sending)));
        assert_eq!(called.messages.sent, 0);
        let Ok(mut stream) = session.open_call(call).await else { panic!() };
        let mut sent = 0;
        let error = loop {
            match stream.send(&[0; 10_000]).await {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 1_000, "it takes all");
        };
        assert_eq!(error.class(), ErrorClass::Timeout(Phase::Sending));
        assert_eq!(stream.take_messages().sent, sent);
        assert_eq!(stream.close().exchange.result, Err(ErrorClass::Timeout(Phase::Sending)));
    });
}

#[test]
fn a_wait_for_a_message_ends_the_stream_when_its_time_is_over() {
    run(async {
        let service = echoing().await;
        let session = session();
        let call = GrpcCall { method: "/swell.test.Echo/Silent".into(), ..call_of(&service) };
        let Ok(mut stream) = session.open_call(call).await else { panic!() };
        let error = stream.receive(Some(Duration::from_millis(20))).await.expect_err("nothing");
        assert_eq!(error.class(), ErrorClass::Timeout(Phase::Waiting));
        assert_eq!(stream.close().exchange.result, Err(ErrorClass::Timeout(Phase::Waiting)));
    });
}

#[test]
fn what_is_wrong_itself_is_refused_before_anything_is_sent() {
    run(async {
        let service = echoing().await;
        let session = session();
        let call = |method: &str| GrpcCall { method: method.into(), ..call_of(&service) };
        let with = |name: &str| GrpcCall {
            metadata: vec![(name.to_owned(), b"x".to_vec())],
            ..call_of(&service)
        };
        for wrong in [call("Say"), call("/a/b/c"), with("grpc-status"), with("Te")] {
            let called = session.call(wrong, Bytes::new()).await;
            assert_eq!(called.exchange.result, Err(ErrorClass::Invalid));
        }
        let elsewhere = GrpcCall { target: "http://elsewhere.test:1".into(), ..call_of(&service) };
        let called = session.call(elsewhere, Bytes::new()).await;
        assert_eq!(called.exchange.result, Err(ErrorClass::Denied));
        assert_eq!(service.connections(), 0);
    });
}
