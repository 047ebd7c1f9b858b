//! Each class of error from a service that earns it, with the count of what was written.

use std::rc::Rc;

use bytes::Bytes;
use http::Method;
use swell_client::{Client, Keep, Options, OptionsError, Request, Version, header};
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::*;

#[test]
fn a_refused_connection_is_a_connect_error_that_names_the_address() {
    run(async {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port");
        let sent = session().send(Request::new(Method::GET, format!("http://{free}/"))).await;
        let error = sent.result.expect_err("nobody listens");
        assert_eq!(
            (error.class, error.message),
            (ErrorClass::Connect, format!("connection refused ({free})"))
        );
        assert_eq!((sent.exchange.written, sent.exchange.connections), (0, 0));
    });
}

#[test]
fn an_unknown_name_is_a_dns_error() {
    run(async {
        let mut options = options();
        options.allow = swell_client::AllowList::parse(["nobody.invalid"]).expect("a host");
        let (_, session) = session_with(options);
        let sent = session.send(Request::new(Method::GET, "http://nobody.invalid/")).await;
        assert_eq!((sent.exchange.result, sent.exchange.written), (Err(ErrorClass::Dns), 0));
        assert!(sent.result.expect_err("no such name").message.contains("nobody.invalid"));
    });
}

#[test]
fn a_connection_closed_or_reset_before_or_within_the_answer_is_a_reset() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/close" => vec![ServiceAct::Close],
            "/reset" => vec![ServiceAct::Reset],
            "/in-head" => vec![send("HTTP/1.1 200 OK\r\ncontent-"), ServiceAct::Close],
            "/in-body" => {
                vec![send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"), ServiceAct::Close]
            }
            "/in-body-reset" => {
                vec![
                    send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
                    ServiceAct::Pause(std::time::Duration::from_millis(1)),
                    ServiceAct::Reset,
                ]
            }
            _ => vec![
                send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
                ServiceAct::Close,
            ],
        })
        .await;
        let session = session();
        let mut written = 0;
        for path in ["/close", "/reset", "/in-head", "/in-body", "/in-body-reset", "/in-chunk"] {
            let sent = session.send(get(&service, path)).await;
            assert_eq!(sent.exchange.result, Err(ErrorClass::Reset), "{path}: {:?}", sent.result);
            assert_eq!((sent.exchange.written, sent.exchange.reconnects), (1, 0), "{path}");
            written += sent.exchange.written;
        }
        assert_eq!(written, service.heads());
    });
}

#[test]
fn what_is_not_http_or_breaks_its_rules_is_a_protocol_error() {
    run(async {
        const ANSWERS: [&str; 6] = [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        ];
        let service = TestService::scripted(|seen| {
            vec![
                send(ANSWERS[seen.path()[1..].parse::<usize>().expect("a number")]),
                ServiceAct::Close,
            ]
        })
        .await;
        let session = session();
        for (i, answer) in ANSWERS.iter().enumerate() {
            let sent = session.send(get(&service, &format!("/{i}"))).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written),
                (Err(ErrorClass::Protocol), 1),
                "{answer:?}: {:?}",
                sent.result
            );
        }
    });
}

#[test]
fn a_head_over_its_limit_is_too_large() {
    run(async {
        let service = TestService::scripted(|seen| {
            let size: usize = seen.path()[1..].parse().expect("a size");
            answer("200 OK", &[&format!("x-long: {}", "a".repeat(size))], b"")
        })
        .await;
        let mut options = options();
        options.header_limit = 10_000;
        let (_, session) = session_with(options);
        assert_eq!(status(&session.send(get(&service, "/9000")).await), 200);
        for size in ["/10001", "/1000000"] {
            let sent = session.send(get(&service, size)).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written),
                (Err(ErrorClass::TooLarge), 1),
                "{size}"
            );
        }
        let mut wide = crate::service::options();
        wide.header_limit = 2 << 20;
        let (_, session) = session_with(wide);
        assert_eq!(
            status(&session.send(get(&service, "/1000000")).await),
            200,
            "a limit may be raised"
        );
    });
}

#[test]
fn what_cannot_be_sent_is_invalid_and_nothing_is_opened() {
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let session = session();
        let mut wrong_length = get(&service, "/");
        wrong_length.body = Bytes::from_static(b"abc");
        wrong_length.headers.push(header("content-length", "4").expect("a header"));
        let connect = Request { method: Method::CONNECT, ..get(&service, "/") };
        for request in [
            wrong_length,
            connect,
            Request::new(Method::GET, "nonsense"),
            Request::new(Method::GET, "/no-target"),
        ] {
            let sent = session.send(request).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written, sent.exchange.connections),
                (Err(ErrorClass::Invalid), 0, 0)
            );
        }
        assert_eq!(service.connections(), 0);
        for (name, value) in [("na me", "x"), ("", "x"), ("name", "a\r\nb: c"), ("name", "\0")] {
            assert_eq!(header(name, value).expect_err("cannot be sent").class, ErrorClass::Invalid);
        }
    });
}

#[test]
fn what_two_readers_could_read_differently_is_invalid_and_nothing_is_opened() {
    const AMBIGUOUS: [&[(&str, &str)]; 27] = [
        &[("content-length", "3"), ("content-length", "0")],
        &[("content-length", "3"), ("Content-Length", "3")],
        &[("content-length", "+3")],
        &[("content-length", "-3")],
        &[("content-length", "03")],
        &[("content-length", " 3")],
        &[("content-length", "3, 3")],
        &[("content-length", "0x3")],
        &[("content-length", "")],
        &[("content-length", "2")],
        &[("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
        &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "chunked"), ("content-length", "3")],
        &[("transfer-encoding", "identity")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "chunked, identity")],
        &[("transfer-encoding", " chunked")],
        &[("transfer-encoding", "\tchunked")],
        &[("transfer-encoding", "xchunked")],
        &[("transfer-encoding", "")],
        &[("host", "a.test"), ("host", "b.test")],
        &[("host", "a.test"), ("host", "a.test")],
        &[("host", "a.test, b.test")],
        &[("host", "user@a.test")],
        &[("host", "a.test/x")],
        &[("connection", "close, Content-Length")],
        &[("connection", "close"), ("connection", "transfer-encoding")],
    ];
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let session = session();
        for version in [Version::Http1, Version::Http2] {
            for headers in AMBIGUOUS {
                let mut request = Request {
                    version,
                    method: Method::POST,
                    body: Bytes::from_static(b"abc"),
                    ..get(&service, "/")
                };
                request.headers = headers
                    .iter()
                    .map(|(name, value)| header(name, value).expect("it can be written"))
                    .collect();
                let sent = session.send(request).await;
                assert_eq!(
                    (sent.exchange.result, sent.exchange.written),
                    (Err(ErrorClass::Invalid), 0),
                    "{headers:?}"
                );
            }
        }
        assert_eq!(service.connections(), 0);
        for (name, value) in [
            ("name ", "x"),
            (" name", "x"),
            ("name:", "x"),
            (":path", "/x"),
            ("na\rme", "x"),
            ("name", "a\rb"),
            ("name", "a\n b"),
            ("name", "a\0b"),
        ] {
            assert_eq!(
                header(name, value).expect_err("cannot be sent").class,
                ErrorClass::Invalid,
                "{name:?}: {value:?}"
            );
        }
    });
}

#[test]
fn headers_of_a_run_are_held_to_the_same_rules() {
    let refused = |headers: &[(&str, &str)]| {
        let mut options = options();
        options.headers = headers
            .iter()
            .map(|(name, value)| header(name, value).expect("it can be written"))
            .collect();
        Client::new(options).is_err()
    };
    assert!(refused(&[("content-length", "3")]) && refused(&[("transfer-encoding", "chunked")]));
    assert!(
        refused(&[("host", "a.test"), ("host", "b.test")])
            && refused(&[("host", "a b")])
            && refused(&[("connection", "host")])
    );
    assert!(!refused(&[
        ("host", "a.test:8080"),
        ("connection", "close"),
        ("x-a", "1"),
        ("x-a", "2")
    ]));
}

#[test]
fn a_host_that_is_not_allowed_is_never_connected_to() {
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let (_, session) = session_with(Options::new(no_roots()));
        let sent = session.send(get(&service, "/")).await;
        assert_eq!((sent.exchange.result, sent.exchange.written), (Err(ErrorClass::Denied), 0));
        assert!(sent.result.expect_err("denied").message.contains(&service.address.to_string()));
        assert_eq!(service.connections(), 0);
    });
}

#[test]
fn a_reset_at_once_is_a_reset_whether_or_not_the_head_had_left() {
    run(async {
        let service = TestService::accepting(|stream, _| async move { stream.reset() }).await;
        let (client, session) = session_with(options());
        let mut outcomes = Vec::new();
        for _ in 0..50 {
            let sent = session.send(get(&service, "/")).await;
            assert!(matches!(sent.exchange.result, Err(ErrorClass::Reset)), "{:?}", sent.result);
            outcomes.push(sent.exchange.written);
        }
        // A head may leave before the reset arrives: then it was handed to the network, and both
        // books say so.
        assert_eq!(
            client.written(),
            outcomes.iter().map(|&written| u64::from(written)).sum::<u64>()
        );
    });
}

#[test]
fn options_that_cannot_work_say_why() {
    let wrong = |change: fn(&mut Options)| -> String {
        let mut options = options();
        change(&mut options);
        Client::new(options)
            .map(|client| Rc::strong_count(&client))
            .expect_err("wrong options")
            .to_string()
    };
    assert!(wrong(|o| o.target = Some("ftp://x/".into())).contains("only http and https"));
    assert!(wrong(|o| o.target = Some("http://x/?q=1".into())).contains("query"));
    assert!(wrong(|o| o.user_agent = "a\nb".into()).contains("user agent"));
    assert!(
        wrong(|o| o.sources = vec!["192.0.2.1".parse().expect("an address")]).contains("192.0.2.1")
    );
    let missing =
        swell_client::TlsOptions { ca_files: vec!["/nowhere/ca.pem".into()], ..Default::default() };
    assert!(matches!(missing.load(), Err(OptionsError::File { .. })));
}

#[test]
fn a_kept_body_over_its_limit_is_too_large_and_closes_its_connection() {
    run(async {
        let service = TestService::scripted(|_| ok(&"a".repeat(1000))).await;
        let session = session();
        let keep = |limit| Request { keep: Keep::Body { limit }, ..get(&service, "/") };
        assert_eq!(session.send(keep(1000)).await.result.expect("fits").body.len(), 1000);
        let sent = session.send(keep(999)).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::TooLarge));
        assert_eq!(status(&session.send(get(&service, "/")).await), 200);
        assert_eq!(service.connections(), 2);
    });
}

#[test]
fn a_server_that_answers_http2_with_http1_is_said_to_speak_that_alone() {
    run(async {
        let service = TestService::accepting(|mut stream, _| async move {
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).await.expect("a preface");
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                .await
                .expect("an open stream");
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let sent = session().send(Request { version: Version::Http2, ..get(&service, "/") }).await;
        let error = sent.result.expect_err("no answer");
        assert_eq!(error.class, ErrorClass::Protocol);
        assert!(error.message.contains("speaks HTTP/1.1 alone"), "{error}");
    });
}
