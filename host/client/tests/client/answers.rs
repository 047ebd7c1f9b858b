//! Plain exchanges: what is sent, what comes back, and what a session keeps between them.

use bytes::Bytes;
use http::Method;
use swell_client::{Keep, Options, Request, header};
use swell_core::exchange::{ErrorClass, Phase};

use crate::service::*;

fn keeping(service: &TestService, path: &str) -> Request {
    Request { keep: Keep::Body { limit: 1 << 20 }, ..get(service, path) }
}

#[test]
fn a_connection_is_kept_and_its_reuse_is_said() {
    run(async {
        let service = TestService::scripted(|_| ok("hello")).await;
        let session = session();
        let first = session.send(keeping(&service, "/1")).await;
        let second = session.send(keeping(&service, "/2")).await;
        assert_eq!((service.connections(), service.heads()), (1, 2));
        assert_eq!((first.exchange.connections, second.exchange.connections), (1, 0));
        let (first, second) = (first.result.expect("an answer"), second.result.expect("an answer"));
        assert_eq!((first.reused, second.reused), (false, true));
        assert_eq!((&second.body[..], second.body_size), (&b"hello"[..], 5));
        assert!(second.headers.is_empty() && second.final_url.is_none());
    });
}

#[test]
fn users_never_share_a_connection() {
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let (client, one) = session_with(options());
        let other = swell_client::Session::new(&client);
        one.send(get(&service, "/")).await;
        other.send(get(&service, "/")).await;
        assert_eq!(service.connections(), 2);
    });
}

#[test]
fn what_is_missing_is_added_and_what_is_given_is_left() {
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let mut options = options();
        options.headers = vec![
            header("x-run", "7").expect("a header"),
            header("accept", "*/*").expect("a header"),
        ];
        let (_, session) = session_with(options);
        session.send(get(&service, "/a?b=c")).await;
        let mut own = Request::new(Method::POST, service.url("/own"));
        own.body = Bytes::from_static(b"abc");
        own.decompress = true;
        for (name, value) in [
            ("Host", "other.test"),
            ("User-Agent", "me"),
            ("Accept", "text/html"),
            ("X-Two", "1"),
            ("X-Two", "2"),
        ] {
            own.headers.push(header(name, value).expect("a header"));
        }
        session.send(own).await;
        session.send(Request::new(Method::POST, service.url("/empty"))).await;
        let seen = service.seen();
        assert_eq!(seen[0].path(), "/a?b=c");
        assert_eq!(seen[0].header("host"), Some(service.address.to_string().as_str()));
        assert_eq!(seen[0].header("user-agent"), Some("swell/0.1.0"));
        assert_eq!(
            (seen[0].header("x-run"), seen[0].header("accept"), seen[0].header("content-length")),
            (Some("7"), Some("*/*"), None)
        );
        assert_eq!(
            (seen[1].header("host"), seen[1].header("user-agent"), seen[1].header("accept")),
            (Some("other.test"), Some("me"), Some("text/html"))
        );
        assert_eq!((seen[1].header("content-length"), &seen[1].body[..]), (Some("3"), &b"abc"[..]));
        assert_eq!(seen[1].header("accept-encoding"), Some("gzip, deflate, br, zstd"));
        assert_eq!(seen[1].head.matches("x-two: ").count(), 2);
        assert_eq!(seen[2].header("content-length"), Some("0"));
    });
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/head" => vec![send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")],
            "/204" => vec![send("HTTP/1.1 204 No Content\r\n\r\n")],
            "/304" => vec![send("HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\n\r\n")],
            _ => vec![
                send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
                send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            ],
        })
        .await;
        let session = session();
        let head = Request { method: Method::HEAD, ..keeping(&service, "/head") };
        for (request, expected) in [
            (head, 200),
            (keeping(&service, "/204"), 204),
            (keeping(&service, "/304"), 304),
            (keeping(&service, "/1xx"), 200),
        ] {
            let sent = session.send(request).await;
            assert_eq!((status(&sent), sent.exchange.body_bytes), (expected, 0));
        }
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_body_may_be_chunked_or_end_with_its_connection() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/chunked" => vec![
                send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n"),
                send("2\r\nde\r\n0\r\ntrailer: 1\r\n\r\n"),
            ],
            _ => vec![send("HTTP/1.1 200 OK\r\n\r\nup to "), send("the end"), ServiceAct::Close],
        })
        .await;
        let session = session();
        let chunked = session.send(keeping(&service, "/chunked")).await.result.expect("an answer");
        assert_eq!((&chunked.body[..], chunked.body_size), (&b"abcde"[..], 5));
        let closed = session.send(keeping(&service, "/close")).await.result.expect("an answer");
        assert_eq!((&closed.body[..], closed.reused), (&b"up to the end"[..], true));
        session.send(keeping(&service, "/chunked")).await.result.expect("an answer");
        assert_eq!(service.connections(), 2);
    });
}

#[test]
fn a_header_that_goes_on_in_the_next_line_is_one_line() {
    run(async {
        let service = TestService::scripted(|_| {
            vec![send(
                "HTTP/1.1 200 OK\r\nX-Policy: one,\r\n  two,\r\n\tthree\r\nX-Last:\r\n four\r\n \
                \r\nContent-Length:\r\n\t2\r\n\r\nhi",
            )]
        })
        .await;
        let session = session();
        for keep_headers in [true, false] {
            let response = session
                .send(Request { keep_headers, ..keeping(&service, "/") })
                .await
                .result
                .expect("an answer");
            assert_eq!(response.body, "hi");
            if keep_headers {
                assert_eq!(
                    (&response.headers["x-policy"], &response.headers["x-last"]),
                    (
                        &"one, two, three".parse().expect("a value"),
                        &"four".parse().expect("a value")
                    )
                );
            }
        }
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn connection_close_is_honoured_from_either_side() {
    run(async {
        let service = TestService::scripted(|seen| {
            answer(
                "200 OK",
                if seen.path() == "/close" { &["connection: close"] } else { &[] },
                b"x",
            )
        })
        .await;
        let session = session();
        session.send(get(&service, "/close")).await;
        let mut own = get(&service, "/");
        own.headers.push(header("connection", "close").expect("a header"));
        session.send(own).await;
        let last = session.send(get(&service, "/")).await;
        assert_eq!(
            (service.connections(), last.exchange.reconnects, last.exchange.written),
            (3, 0, 1)
        );
    });
}

#[test]
fn every_phase_has_its_time_and_they_add_up() {
    run_on_virtual_time(async {
        use std::time::Duration;
        let service = TestService::scripted(|_| {
            vec![
                ServiceAct::Pause(Duration::from_secs(3)),
                send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"),
                ServiceAct::Pause(Duration::from_secs(2)),
                send("b"),
            ]
        })
        .await;
        let sent = session().send(get(&service, "/")).await;
        let phases = sent.exchange.phases;
        assert_eq!(
            (phases.get(Phase::Waiting).as_secs(), phases.get(Phase::Receiving).as_secs()),
            (3, 2)
        );
        assert_eq!(phases.total().as_secs(), 5);
    });
}

#[test]
fn cookies_return_to_their_host_until_they_are_cleared() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/login" => answer(
                "200 OK",
                &[
                    "set-cookie: id=1; Path=/",
                    "set-cookie: deep=2; Path=/deep",
                    "set-cookie: evil=3; Domain=other.test",
                ],
                b"",
            ),
            "/logout" => answer("200 OK", &["set-cookie: id=; Max-Age=0; Path=/"], b""),
            _ => ok(""),
        })
        .await;
        let session = session();
        session.send(get(&service, "/login")).await;
        session.send(get(&service, "/")).await;
        session.send(get(&service, "/deep/x")).await;
        let mut own = get(&service, "/");
        own.headers.push(header("cookie", "mine=1").expect("a header"));
        session.send(own).await;
        session.send(get(&service, "/logout")).await;
        session.send(get(&service, "/")).await;
        session.send(get(&service, "/login")).await;
        session.clear_cookies();
        session.send(get(&service, "/")).await;
        let cookies: Vec<_> =
            service.seen().iter().map(|seen| seen.header("cookie").map(String::from)).collect();
        assert_eq!(cookies[0], None);
        assert_eq!(cookies[1].as_deref(), Some("id=1"));
        assert_eq!(cookies[2].as_deref(), Some("deep=2; id=1"));
        assert_eq!(cookies[3].as_deref(), Some("mine=1"));
        assert_eq!((&cookies[5], &cookies[7]), (&None, &None));
    });
}

#[test]
fn a_request_with_an_empty_cookie_sends_none_and_the_next_all() {
    run(async {
        let service =
            TestService::scripted(|_| answer("200 OK", &["set-cookie: id=1; Path=/"], b"")).await;
        let session = session();
        session.send(get(&service, "/")).await;
        let mut without = get(&service, "/");
        without.headers.push(header("Cookie", "").expect("a header"));
        session.send(without).await;
        session.send(get(&service, "/")).await;
        let seen = service.seen();
        let sent = seen.iter().map(|seen| seen.header("cookie"));
        assert_eq!(sent.collect::<Vec<_>>(), [None, None, Some("id=1")]);
    });
}

#[test]
fn where_cookies_are_off_none_is_taken_and_a_request_sends_its_own() {
    run(async {
        let service =
            TestService::scripted(|_| answer("200 OK", &["set-cookie: id=1; Path=/"], b"")).await;
        let (_, session) = session_with(Options { takes_cookies: false, ..options() });
        session.send(get(&service, "/")).await;
        session.send(get(&service, "/")).await;
        let mut own = get(&service, "/");
        own.headers.push(header("cookie", "mine=1").expect("a header"));
        session.send(own).await;
        let seen = service.seen();
        let sent = seen.iter().map(|seen| seen.header("cookie"));
        assert_eq!(sent.collect::<Vec<_>>(), [None, None, Some("mine=1")]);
    });
}

#[test]
fn forgetting_or_dropping_a_session_closes_its_connections() {
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let session = session();
        session.send(get(&service, "/")).await;
        session.forget();
        service.all_closed().await;
        assert_eq!(status(&session.send(get(&service, "/")).await), 200);
        drop(session);
        service.all_closed().await;
        assert_eq!(service.connections(), 2);
    });
}

#[test]
fn a_send_that_is_dropped_closes_its_connection_and_spoils_nothing() {
    run(async {
        let service = TestService::scripted(|seen| {
            if seen.path() == "/hang" { vec![ServiceAct::Hang] } else { ok("fine") }
        })
        .await;
        let (client, session) = session_with(options());
        assert_eq!(status(&session.send(get(&service, "/")).await), 200);
        {
            let mut send = std::pin::pin!(session.send(get(&service, "/hang")));
            while service.heads() < 2 {
                tokio::select! {
                    biased;
                    _ = &mut send => panic!("nobody answers"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        service.all_closed().await;
        let after = session.send(get(&service, "/")).await;
        assert_eq!(
            (status(&after), after.exchange.connections, after.exchange.reconnects),
            (200, 1, 0)
        );
        assert_eq!(client.written(), u64::from(service.heads()), "what was cut off is counted");
    });
}

#[test]
fn a_relative_path_goes_to_the_target_which_needs_no_permission() {
    run(async {
        let service = TestService::scripted(|_| ok("")).await;
        let mut options = swell_client::Options::new(no_roots());
        options.target = Some(service.url("/api"));
        let (_, session) = session_with(options);
        assert_eq!(status(&session.send(Request::new(Method::GET, "/x")).await), 200);
        assert_eq!(service.seen()[0].path(), "/api/x");
        let denied = session.send(Request::new(Method::GET, "http://127.0.0.2/")).await;
        assert_eq!(denied.exchange.result, Err(ErrorClass::Denied));
    });
}

#[test]
fn source_addresses_take_turns() {
    run(async {
        let service = TestService::accepting(|stream, counts| async move {
            let peer = stream.peer_addr().expect("connected").ip();
            play(stream, counts, &move |_| ok(&peer.to_string())).await;
        })
        .await;
        let mut options = options();
        options.sources = vec![
            "127.0.0.2".parse().expect("an address"),
            "127.0.0.3".parse().expect("an address"),
        ];
        let (_, session) = session_with(options);
        let mut from = Vec::new();
        for _ in 0..4 {
            from.push(session.send(keeping(&service, "/")).await.result.expect("an answer").body);
            session.forget();
        }
        assert_eq!(from, ["127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.3"]);
    });
}
