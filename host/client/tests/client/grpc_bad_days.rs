//! gRPC with a service that breaks the rules, or off: each has its class or its status.

use bytes::Bytes;
use swell_client::{GrpcCall, GrpcError, GrpcIncoming};
use swell_core::exchange::ErrorClass;
use swell_core::grpc::{INTERNAL, OK, UNAVAILABLE, UNKNOWN};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::grpc_peer::*;
use crate::service::*;

const OK_TRAILERS: &[(&str, &str)] = &[("grpc-status", "0")];

/// What a call comes to that is answered by these frames; its connection goes on.
async fn answered(frames: impl Fn(u32) -> Vec<u8> + Clone + 'static) -> Result<u16, ErrorClass> {
    let service = answering(move |_, stream, _| match stream {
        1 => Some(frames(stream)),
        _ => Some(whole(stream, b"next")),
    })
    .await;
    let session = session();
    let called = say(&session, &service).await;
    assert_eq!((called.exchange.written, called.messages.sent), (1, 1), "{:?}", called.result);
    let next = say(&session, &service).await.result.expect("the connection goes on");
    assert_eq!(next.message.as_deref(), Some(&b"next"[..]));
    assert_eq!(service.connections(), 1);
    called.exchange.result
}

#[test]
fn answers_without_a_message_or_with_several_break_the_rules_unless_they_failed() {
    run(async {
        let none = |n| [head(n), trailers(n, OK_TRAILERS)].concat();
        assert_eq!(answered(none).await, Err(ErrorClass::Protocol));
        let two = |n| {
            let hi = message(b"hi");
            [head(n), data(n, &hi), data(n, &hi), trailers(n, OK_TRAILERS)].concat()
        };
        assert_eq!(answered(two).await, Err(ErrorClass::Protocol));
        let failed = |n| [head(n), trailers(n, &[("grpc-status", "14")])].concat();
        assert_eq!(answered(failed).await, Ok(UNAVAILABLE));
        let after =
            |n| [head(n), data(n, &message(b"hi")), trailers(n, &[("grpc-status", "13")])].concat();
        assert_eq!(answered(after).await, Ok(INTERNAL));
        let alone = |n| {
            let fields = [
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-status", "14"),
                ("grpc-message", "gone"),
            ];
            foreign(n, &fields, true)
        };
        assert_eq!(answered(alone).await, Ok(UNAVAILABLE));
    });
}

#[test]
fn an_answer_without_a_status_or_with_a_strange_one_is_unknown() {
    run(async {
        let missing = |n| [head(n), last_data(n, &message(b"hi"))].concat();
        assert_eq!(answered(missing).await, Ok(UNKNOWN));
        let other =
            |n| [head(n), data(n, &message(b"hi")), trailers(n, &[("x-other", "1")])].concat();
        assert_eq!(answered(other).await, Ok(UNKNOWN));
        let strange =
            |n| [head(n), data(n, &message(b"hi")), trailers(n, &[("grpc-status", "99")])].concat();
        assert_eq!(answered(strange).await, Ok(UNKNOWN));
    });
}

#[test]
fn answers_that_are_no_grpc_have_the_status_of_their_http() {
    run(async {
        let html = |n| {
            let fields = [(":status", "503"), ("content-type", "text/html")];
            [foreign(n, &fields, false), last_data(n, b"<h1>busy</h1>")].concat()
        };
        assert_eq!(answered(html).await, Ok(UNAVAILABLE));
        let json = |n| {
            let fields = [(":status", "200"), ("content-type", "application/json")];
            [foreign(n, &fields, false), last_data(n, b"{}")].concat()
        };
        assert_eq!(answered(json).await, Ok(UNKNOWN));
    });
}

#[test]
fn messages_that_are_none_are_refused_and_nothing_is_kept_for_them() {
    run(async {
        let of = |bytes: &'static [u8]| {
            move |n| [head(n), data(n, bytes), trailers(n, OK_TRAILERS)].concat()
        };
        let endless = of(&[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert_eq!(answered(endless).await, Err(ErrorClass::TooLarge));
        let above = of(&[0, 0, 0, 3, 0xe9]);
        assert_eq!(answered(above).await, Err(ErrorClass::TooLarge), "1001 bytes of 1000");
        let compressed = of(&[1, 0, 0, 0, 1, 0]);
        assert_eq!(answered(compressed).await, Err(ErrorClass::Protocol));
        let truncated = of(&[0, 0, 0, 0, 5, b'h', b'e']);
        assert_eq!(answered(truncated).await, Err(ErrorClass::Protocol));
        let cut = of(&[0, 0, 0]);
        assert_eq!(answered(cut).await, Err(ErrorClass::Protocol));
        let other = of(&[9, 0, 0, 0, 0]);
        assert_eq!(answered(other).await, Err(ErrorClass::Protocol));
    });
}

#[test]
fn a_stream_that_is_reset_anywhere_fails_its_call_with_the_reason() {
    run(async {
        let half = message(b"hello")[..7].to_vec();
        let states: [Vec<Vec<u8>>; 4] = [
            vec![reset(1, 11)],
            vec![head(1), reset(1, 11)],
            vec![head(1), data(1, &half), reset(1, 11)],
            vec![head(1), data(1, &message(b"hello")), reset(1, 11)],
        ];
        for state in states {
            let frames = state.concat();
            assert_eq!(answered(move |_| frames.clone()).await, Err(ErrorClass::Reset));
        }
        let service = answering(|_, stream, _| Some(reset(stream, 11))).await;
        let error = say(&session(), &service).await.result.expect_err("it was reset");
        assert!(matches!(error, GrpcError::Reset { code: 11, .. }), "{error:?}");
        // A stream that ends well before all was read of it is not broken off.
        let early = |n| [whole(n, b"hi"), reset(n, 0)].concat();
        assert_eq!(answered(early).await, Ok(OK));
    });
}

#[test]
fn a_connection_that_is_left_is_followed_by_another() {
    run(async {
        // It does nothing with the call, which goes to the next connection.
        let service = answering(|connection, stream, _| {
            Some(if connection == 1 { goaway(0, 0) } else { whole(stream, b"hi") })
        })
        .await;
        let session = session();
        let called = say(&session, &service).await;
        assert_eq!((called.exchange.result, called.exchange.reconnects), (Ok(OK), 1));
        assert_eq!((called.exchange.connections, service.connections()), (2, 2));
        assert_eq!((called.messages.sent, called.exchange.written), (1, 2));

        // It answers the call first, in each state of the answer.
        for first in 0..3 {
            let service = answering(move |connection, stream, _| {
                let mut frames = vec![
                    head(stream),
                    data(stream, &message(b"hi")),
                    trailers(stream, OK_TRAILERS),
                ];
                if connection == 1 {
                    frames.insert(first, goaway(stream, 0));
                }
                Some(frames.concat())
            })
            .await;
            let session = crate::service::session();
            for connections in 1..=2 {
                assert_eq!(say(&session, &service).await.exchange.result, Ok(OK), "{first}");
                assert_eq!(service.connections(), connections, "{first}");
            }
        }
    });
}

#[test]
fn a_service_that_leaves_every_connection_fails_calls_and_is_not_asked_for_ever() {
    run(async {
        let service = answering(|_, _, _| Some(goaway(0, 0))).await;
        let session = session();
        let called = say(&session, &service).await;
        assert_eq!(called.exchange.result, Err(ErrorClass::GoAway));
        assert_eq!(service.connections(), 16);
        // A stream is not sent again, as nobody knows what was said in it.
        let Ok(mut stream) = session.open_call(call_of(&service)).await else { panic!() };
        stream.send(b"hello").await.expect("it is taken");
        stream.finish().await.expect("it may end");
        let error = stream.receive(None).await.expect_err("it is gone");
        assert_eq!(error.class(), ErrorClass::GoAway);
        assert_eq!(stream.close().exchange.result, Err(ErrorClass::GoAway));
    });
}

#[test]
fn connections_that_end_anywhere_are_resets() {
    run(async {
        let states: [fn(u32) -> Vec<u8>; 3] =
            [|_| Vec::new(), head, |n| [head(n), data(n, &message(b"hello"))].concat()];
        for state in states {
            let service = TestService::accepting(move |mut stream, _| async move {
                let mut seen = vec![0; 1_000];
                _ = stream.read(&mut seen).await;
                // The settings of the other side come first.
                _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
                _ = stream.write_all(&state(1)).await;
                _ = stream.read(&mut seen).await;
            })
            .await;
            let called = say(&session(), &service).await;
            assert_eq!(called.exchange.result, Err(ErrorClass::Reset), "{:?}", called.result);
        }
    });
}

#[test]
fn a_server_of_http1_breaks_the_rules_and_nobody_is_told_to_ask_for_another_version() {
    run(async {
        let service = TestService::accepting(|mut stream, _| async move {
            let mut seen = vec![0; 1_000];
            _ = stream.read(&mut seen).await;
            _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            _ = stream.read(&mut seen).await;
        })
        .await;
        let called = say(&session(), &service).await;
        let error = called.result.expect_err("it is no HTTP/2");
        assert_eq!(called.exchange.result, Err(ErrorClass::Protocol));
        assert!(error.to_string().ends_with("speaks HTTP/1.1 alone"), "{error}");
    });
}

#[test]
fn a_fifth_of_calls_that_break_in_mid_message_is_counted_exactly() {
    run(async {
        let service = answering(|_, stream, came| {
            assert_eq!(came, message(b"hello"));
            let half = &message(b"hello")[..7];
            Some(match stream % 5 {
                0 => [head(stream), data(stream, half), reset(stream, 2)].concat(),
                _ => whole(stream, b"hello"),
            })
        })
        .await;
        let session = session();
        let (mut ok, mut broken, mut sent, mut received) = (0, 0, 0, 0);
        for _ in 0..500 {
            let called = say(&session, &service).await;
            match called.exchange.result {
                Ok(OK) => ok += 1,
                Err(ErrorClass::Reset) => broken += 1,
                other => panic!("{other:?}"),
            }
            sent += called.messages.sent;
            received += called.messages.received;
        }
        assert_eq!((ok, broken, sent, received), (400, 100, 500, 400));
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn streams_end_as_calls_do() {
    run(async {
        let half = message(b"hello")[..7].to_vec();
        let breaks: [(Vec<u8>, Result<u16, ErrorClass>); 5] = [
            (reset(1, 8), Err(ErrorClass::Reset)),
            ([head(1), data(1, &half), reset(1, 2)].concat(), Err(ErrorClass::Reset)),
            (
                [head(1), data(1, &half), trailers(1, OK_TRAILERS)].concat(),
                Err(ErrorClass::Protocol),
            ),
            ([head(1), last_data(1, &message(b"x"))].concat(), Ok(UNKNOWN)),
            ([head(1), trailers(1, &[("grpc-status", "14")])].concat(), Ok(UNAVAILABLE)),
        ];
        for (frames, expected) in breaks {
            let service = answering(move |_, _, _| Some(frames.clone())).await;
            let call = GrpcCall { limit: 100, ..call_of(&service) };
            let Ok(mut stream) = session().open_call(call).await else { panic!() };
            stream.send(b"hello").await.expect("it is taken");
            stream.finish().await.expect("it may end");
            let result = loop {
                match stream.receive(None).await {
                    Ok(GrpcIncoming::Message(message)) => assert_eq!(message, Bytes::from("x")),
                    Ok(GrpcIncoming::Ended(end)) => break Ok(end.status.code),
                    Err(error) => break Err(error.class()),
                }
            };
            assert_eq!(result, expected);
            assert_eq!(stream.close().exchange.result, expected);
        }
    });
}
