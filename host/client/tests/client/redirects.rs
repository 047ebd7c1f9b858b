//! Following redirects: where to, with what, and when to stop.

use bytes::Bytes;
use http::Method;
use swell_client::{Request, header};
use swell_core::exchange::ErrorClass;

use crate::service::*;

fn redirect(status: &str, to: &str) -> Vec<ServiceAct> {
    answer(status, &[&format!("location: {to}")], b"moved")
}

#[test]
fn a_redirect_is_followed_over_the_same_connection_and_counted() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/1" => redirect("302 Found", "/2"),
            "/2" => redirect("301 Moved", "3?x#y"),
            _ => ok("there"),
        })
        .await;
        let session = session();
        let sent = session.send(Request { redirects: 2, ..get(&service, "/1") }).await;
        assert_eq!(
            (sent.exchange.written, sent.exchange.connections, sent.exchange.body_bytes),
            (3, 1, 15)
        );
        let response = sent.result.expect("an answer");
        assert_eq!((response.redirects, response.body_size), (2, 5));
        assert_eq!(response.final_url, Some(service.url("/3?x#y")));
    });
}

#[test]
fn none_are_followed_unless_asked() {
    run(async {
        let service = TestService::scripted(|_| redirect("302 Found", "/again")).await;
        let sent = session().send(Request { keep_headers: true, ..get(&service, "/") }).await;
        assert_eq!(status(&sent), 302);
        assert_eq!(sent.result.expect("an answer").headers["location"], "/again");
        assert_eq!(service.heads(), 1);
    });
}

#[test]
fn a_loop_ends_at_the_limit_as_an_error() {
    run(async {
        let service = TestService::scripted(|_| redirect("302 Found", "/again")).await;
        let sent = session().send(Request { redirects: 5, ..get(&service, "/") }).await;
        assert_eq!(
            (sent.exchange.result, sent.exchange.written, service.heads()),
            (Err(ErrorClass::Protocol), 6, 6)
        );
    });
}

#[test]
fn another_origin_gets_neither_credentials_nor_cookies() {
    run(async {
        let other = TestService::scripted(|_| ok("")).await;
        let to = other.url("/");
        let service = TestService::scripted(move |_| {
            answer(
                "307 Temporary Redirect",
                &[&format!("location: {to}"), "set-cookie: later=1; Path=/x"],
                b"",
            )
        })
        .await;
        let mut request = Request {
            redirects: 1,
            method: Method::POST,
            body: Bytes::from_static(b"abc"),
            ..get(&service, "/x")
        };
        for (name, value) in [
            ("authorization", "Bearer 1"),
            ("cookie", "a=1"),
            ("host", "virtual.test"),
            ("x-own", "1"),
        ] {
            request.headers.push(header(name, value).expect("a header"));
        }
        let sent = session().send(request).await;
        assert_eq!(status(&sent), 200);
        let seen = &other.seen()[0];
        assert_eq!(
            (seen.header("authorization"), seen.header("cookie"), seen.header("x-own")),
            (None, None, Some("1"))
        );
        assert_eq!(seen.header("host"), Some(other.address.to_string().as_str()));
        assert_eq!(&seen.body, b"abc");
    });
}

#[test]
fn headers_of_the_run_follow_a_redirect_as_the_request_s_own_do() {
    run(async {
        let other = TestService::scripted(|_| ok("")).await;
        let to = other.url("/");
        let service = TestService::scripted(move |seen| match seen.path() {
            "/away" => redirect("302 Found", &to),
            "/within" => redirect("303 See Other", "/"),
            _ => ok(""),
        })
        .await;
        let mut options = options();
        for (name, value) in [
            ("authorization", "Bearer 1"),
            ("proxy-authorization", "Basic 2"),
            ("cookie", "a=1"),
            ("host", "virtual.test"),
            ("content-type", "text/plain"),
            ("x-run", "1"),
        ] {
            options.headers.push(header(name, value).expect("a header"));
        }
        let (_, session) = session_with(options);
        let body = Bytes::from_static(b"abc");
        let request = |path| Request {
            redirects: 1,
            method: Method::POST,
            body: body.clone(),
            ..get(&service, path)
        };
        assert_eq!(status(&session.send(request("/away")).await), 200);
        let seen = &other.seen()[0];
        for name in ["authorization", "proxy-authorization", "cookie", "content-type"] {
            assert_eq!(seen.header(name), None, "{name}");
        }
        assert_eq!(
            (seen.header("x-run"), seen.header("host")),
            (Some("1"), Some(other.address.to_string().as_str()))
        );
        assert_eq!(status(&session.send(request("/within")).await), 200);
        let seen = service.seen();
        let home = seen.last().expect("three requests");
        assert_eq!(
            (home.header("authorization"), home.header("cookie"), home.header("host")),
            (Some("Bearer 1"), Some("a=1"), Some("virtual.test"))
        );
        assert_eq!(
            (home.header("content-type"), home.header("x-run")),
            (None, Some("1")),
            "a GET has no body to describe"
        );
        assert_eq!(home.head.matches("x-run: ").count(), 1);
    });
}

#[test]
fn who_is_sent_back_has_left_the_credentials_behind() {
    run(async {
        let back = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
        let to_home = std::rc::Rc::clone(&back);
        let other = TestService::scripted(move |_| redirect("302 Found", &to_home.borrow())).await;
        let away = other.url("/");
        let service = TestService::scripted(move |seen| {
            if seen.path() == "/away" { redirect("302 Found", &away) } else { ok("") }
        })
        .await;
        back.replace(service.url("/home"));
        let mut options = options();
        options.headers = vec![header("authorization", "Bearer 1").expect("a header")];
        let (_, session) = session_with(options);
        assert_eq!(
            status(&session.send(Request { redirects: 2, ..get(&service, "/away") }).await),
            200
        );
        let seen = service.seen();
        assert_eq!(
            (seen[0].header("authorization"), seen[1].header("authorization")),
            (Some("Bearer 1"), None)
        );
        assert_eq!(status(&session.send(get(&service, "/")).await), 200);
        assert_eq!(
            service.seen()[2].header("authorization"),
            Some("Bearer 1"),
            "the next request has them again"
        );
    });
}

#[test]
fn a_redirect_to_a_host_that_is_not_allowed_is_denied_after_what_was_written() {
    run(async {
        let service = TestService::scripted(|_| redirect("302 Found", "http://127.0.0.9/")).await;
        let sent = session().send(Request { redirects: 3, ..get(&service, "/") }).await;
        assert_eq!(
            (sent.exchange.result, sent.exchange.written, service.heads()),
            (Err(ErrorClass::Denied), 1, 1)
        );
    });
}

#[test]
fn cookies_set_on_the_way_are_sent_at_the_next_hop() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/login" => answer("303 See Other", &["location: /home", "set-cookie: id=7"], b""),
            _ => ok(""),
        })
        .await;
        let request = Request {
            redirects: 1,
            method: Method::POST,
            body: Bytes::from_static(b"user"),
            ..get(&service, "/login")
        };
        assert_eq!(status(&session().send(request).await), 200);
        let seen = service.seen();
        assert!(seen[1].head.starts_with("GET /home "), "{}", seen[1].head);
        assert_eq!(
            (seen[1].header("cookie"), seen[1].header("content-length"), seen[1].body.len()),
            (Some("id=7"), None, 0)
        );
    });
}

#[test]
fn a_location_that_leads_nowhere_is_a_protocol_error_and_none_is_an_answer() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/none" => answer("302 Found", &[], b""),
            "/ftp" => redirect("302 Found", "ftp://127.0.0.1/"),
            "/user" => redirect("302 Found", "http://a:b@127.0.0.1/"),
            _ => redirect("302 Found", "http://:0/"),
        })
        .await;
        let session = session();
        assert_eq!(
            status(&session.send(Request { redirects: 1, ..get(&service, "/none") }).await),
            302
        );
        for path in ["/ftp", "/user", "/wrong"] {
            let sent = session.send(Request { redirects: 1, ..get(&service, path) }).await;
            assert_eq!(
                (sent.exchange.result, sent.exchange.written),
                (Err(ErrorClass::Protocol), 1),
                "{path}"
            );
        }
    });
}
