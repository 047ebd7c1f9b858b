//! The target does what it says, seen from outside through bare sockets.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use swell_target::{Behaviour, CertificateKind, Connections, Overload, Target, TargetSettings};

fn start(behaviour: Behaviour) -> Target {
    Target::start(TargetSettings { behaviour, log: true, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

/// Sends a request on a connection of its own and reads to the end.
fn exchange(addr: &str, request: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect(addr)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    socket.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn get(target: &Target, path: &str) -> io::Result<String> {
    exchange(
        &target.addr().to_string(),
        &format!("GET {path} HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\r\n"),
    )
}

fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status in {answer:?}"))
}

fn post(addr: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    exchange(
        addr,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: target\r\nconnection: \
    close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ),
    )
    .expect("the target answers")
}

fn control(target: &Target, path: &str, body: &str) -> String {
    post(target.control_url().trim_start_matches("http://"), path, "", body)
}

#[test]
fn it_counts_exactly_what_it_saw() {
    let target = start(Behaviour::default());
    for path in ["/ok", "/ok?with=query", "/status/503", "/nowhere"] {
        get(&target, path).expect("the target answers");
    }
    let echoed = post(&target.addr().to_string(), "/echo", "x-mine: yes\r\n", "hello");
    assert!(
        echoed.contains(r#"["x-mine","yes"]"#) && echoed.contains(r#""body":"hello""#),
        "{echoed}"
    );
    let seen = target.seen();
    assert_eq!((seen.connections, seen.requests, seen.answers, seen.body_bytes), (5, 5, 5, 5));
    assert_eq!((seen.path("/ok"), seen.path("/status/503"), seen.path("/echo")), (2, 1, 1));
    assert_eq!((seen.status(200), seen.status(503), seen.status(404)), (3, 1, 1));
    assert_eq!(seen.log.len(), 5);
    assert!(seen.log.iter().all(|passage| passage.from.is_loopback()
        && u128::from(passage.departure_ns) <= target.age().as_nanos()));
    target.reset();
    assert_eq!(target.seen(), swell_target::TargetCounts::default());
}

#[test]
fn many_requests_on_one_connection_are_all_counted() {
    let target = start(Behaviour::default());
    let one = "GET /ok HTTP/1.1\r\nhost: target\r\n\r\n";
    let answers = exchange(
        &target.addr().to_string(),
        &(one.repeat(99) + "GET /close HTTP/1.1\r\nhost: target\r\n\r\n"),
    )
    .expect("all are answered");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 100);
    let seen = target.seen();
    assert_eq!((seen.connections, seen.path("/ok"), seen.path("/close")), (1, 99, 1));
}

#[test]
fn answers_take_the_time_that_the_law_says() {
    let target = start(Behaviour::constant(30.0));
    get(&target, "/ok").expect("the target answers");
    get(&target, "/delay/40").expect("the target answers");
    let times: Vec<_> = target
        .seen()
        .log
        .iter()
        .map(|passage| (passage.departure_ns - passage.arrival_ns) / 1_000_000)
        .collect();
    // The upper bounds leave room for a busy machine.
    assert!((30..200).contains(&times[0]) && (70..240).contains(&times[1]), "{times:?} ms");
}

#[test]
fn a_stall_holds_back_answers_under_way_and_to_come_but_accepts_requests() {
    let target = start(Behaviour::constant(50.0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| get(&target, "/ok"));
        while target.seen().requests < 1 {
            assert!(begun.elapsed() < Duration::from_secs(10), "the first request never came");
            std::thread::yield_now();
        }
        target.stall(Duration::from_millis(400));
        let stalled_at = Instant::now();
        let to_come = scope.spawn(|| get(&target, "/ok"));
        for answer in [under_way, to_come] {
            let answer = answer.join().expect("no panic").expect("the target answers");
            assert_eq!(status(&answer), 200);
        }
        assert!(
            stalled_at.elapsed() >= Duration::from_millis(400),
            "answered after {:?}",
            stalled_at.elapsed()
        );
    });
    let log = target.seen().log;
    assert_eq!(log.len(), 2);
    let accepted_within = log[0].arrival_ns.abs_diff(log[1].arrival_ns);
    assert!(
        accepted_within < 390_000_000,
        "the second request waited {accepted_within} ns to be accepted"
    );
}

#[test]
fn above_its_capacity_it_answers_500() {
    let target = start(Behaviour { capacity: Some(1.0), ..Behaviour::default() });
    let statuses: Vec<_> =
        (0..3).map(|_| status(&get(&target, "/ok").expect("the target answers"))).collect();
    assert_eq!(statuses[0], 200);
    assert!(statuses.contains(&500), "{statuses:?}");
}

#[test]
fn the_control_port_changes_the_behaviour_and_reports_it() {
    let target = start(Behaviour::default());
    let answer =
        control(&target, "/control", r#"{"capacity": 0.001, "overload": "errors", "seed": 3}"#);
    assert!(status(&answer) == 200 && answer.contains(r#""capacity":0.001"#), "{answer}");
    get(&target, "/ok").expect("the target answers");
    assert_eq!(status(&get(&target, "/ok").expect("the target answers")), 500);

    let address = target.control_url();
    let seen = exchange(
        address.trim_start_matches("http://"),
        "GET /seen HTTP/1.1\r\nhost: c\r\nconnection: close\r\n\r\n",
    )
    .expect("control answers");
    assert!(seen.contains(r#""requests":2"#) && !seen.contains("arrival_ns"), "{seen}");
    control(&target, "/reset", "");
    assert_eq!(target.seen().requests, 0);
    control(&target, "/control", "{}");
    let begun = Instant::now();
    control(&target, "/stall", r#"{"ms": 200}"#);
    get(&target, "/ok").expect("the target answers");
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn wrong_control_is_refused_with_its_reason_and_changes_nothing() {
    let target = start(Behaviour::default());
    for (body, reason) in [
        (r#"{"latency": 5}"#, "unknown field `latency`"),
        (r#"{"noise": -1}"#, "noise is -1"),
        ("nonsense", "expected"),
    ] {
        let answer = control(&target, "/control", body);
        assert!(status(&answer) == 400 && answer.contains(reason), "{answer}");
    }
    assert!(
        target
            .behave(Behaviour {
                capacity: Some(-5.0),
                overload: Overload::Queue,
                ..Behaviour::default()
            })
            .is_err()
    );
    assert_eq!(status(&get(&target, "/ok").expect("the target answers")), 200);
}

#[test]
fn connections_can_be_reset_or_left_silent() {
    let target = start(Behaviour { connections: Connections::Reset, ..Behaviour::default() });
    let error = get(&target, "/ok").expect_err("the connection is reset");
    assert!(
        matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
        "{error:?}"
    );

    target
        .behave(Behaviour { connections: Connections::Silent, ..Behaviour::default() })
        .expect("a sane behaviour");
    let mut socket = TcpStream::connect(target.addr()).expect("silent connections are accepted");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("not zero");
    socket.write_all(b"GET /ok HTTP/1.1\r\nhost: target\r\n\r\n").expect("the bytes are taken");
    let error = socket.read(&mut [0]).expect_err("nothing comes");
    assert!(
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        "{error:?}"
    );
    let seen = target.seen();
    assert_eq!((seen.connections, seen.requests), (2, 0));
}

#[test]
fn a_body_can_break_off_in_a_reset() {
    let target = start(Behaviour::default());
    let mut socket = TcpStream::connect(target.addr()).expect("the target listens");
    socket
        .write_all(b"GET /reset-mid-body HTTP/1.1\r\nhost: target\r\n\r\n")
        .expect("the request is taken");
    let mut answer = Vec::new();
    let error = socket.read_to_end(&mut answer).expect_err("the body breaks off");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let text = String::from_utf8_lossy(&answer);
    assert!(
        status(&text) == 200 && text.contains("content-length: 65536"),
        "{}",
        &text[..200.min(text.len())]
    );
    assert!(answer.len() > 32 * 1024, "only {} bytes came before the reset", answer.len());
}

#[test]
fn a_malformed_answer_is_no_http() {
    let target = start(Behaviour::default());
    let answer = get(&target, "/malformed").expect("the connection closes in order");
    assert!(!answer.is_empty() && !answer.contains("HTTP/1.1"), "{answer:?}");
}

#[test]
fn redirects_lead_on_and_cookies_come_back() {
    let target = start(Behaviour::default());
    assert!(
        get(&target, "/redirect/2")
            .expect("the target answers")
            .contains("location: /redirect/1\r\n")
    );
    assert!(
        get(&target, "/redirect-to?url=http%3A%2F%2Fother%2Fx")
            .expect("the target answers")
            .contains("location: http://other/x\r\n")
    );
    assert!(
        get(&target, "/set-cookie?a=1&b=2")
            .expect("the target answers")
            .contains("set-cookie: b=2; Path=/\r\n")
    );
    let cookies = exchange(
        &target.addr().to_string(),
        "GET /cookies HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncookie: a=1; b=2\r\n\r\n",
    );
    assert!(cookies.expect("the target answers").ends_with(r#"{"a":"1","b":"2"}"#));
}

#[test]
fn the_shop_knows_who_is_logged_in() {
    let target = start(Behaviour::default());
    let addr = target.addr().to_string();
    let login = post(&addr, "/login", "", r#"{"user": "ada", "password": "x"}"#);
    assert!(
        login.contains("set-cookie: session=token-of-ada;")
            && login.ends_with(r#"{"token":"token-of-ada"}"#),
        "{login}"
    );
    let account = |header: &str| {
        exchange(
            &addr,
            &format!("GET /account HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{header}\r\n"),
        )
        .expect("the target answers")
    };
    assert_eq!(status(&account("")), 401);
    assert_eq!(status(&account("authorization: Bearer nonsense\r\n")), 401);
    for header in
        ["authorization: Bearer token-of-ada\r\n", "cookie: a=b; session=token-of-ada\r\n"]
    {
        assert!(account(header).ends_with(r#"{"user":"ada"}"#));
    }
    assert_eq!(status(&post(&addr, "/login", "", r#"{"user": "ada", "password": "wrong"}"#)), 401);
    assert_eq!(status(&post(&addr, "/cart", "", r#"{"id": 99}"#)), 404);
    assert!(post(&addr, "/cart", "", r#"{"id": 3}"#).ends_with(r#"{"added":3}"#));
    for order in 1..=2 {
        assert!(post(&addr, "/orders", "", "").ends_with(&format!(r#"{{"order":{order}}}"#)));
    }
    assert_eq!(status(&get(&target, "/orders").expect("the target answers")), 405);
}

#[test]
fn each_certificate_is_good_or_bad_as_asked() {
    for (kind, complaint) in [
        (CertificateKind::Good, None),
        (CertificateKind::Expired, Some("Expired")),
        (CertificateKind::WrongName, Some("NotValidForName")),
        (CertificateKind::SelfSigned, Some("UnknownIssuer")),
    ] {
        let target = Target::start(TargetSettings { tls: Some(kind), ..TargetSettings::default() })
            .expect("loopback has a free port");
        let result = get_over_tls(&target);
        match (result, complaint) {
            (Ok(answer), None) => assert_eq!(status(&answer), 200),
            (Err(error), Some(complaint)) => {
                assert!(format!("{error:?}").contains(complaint), "{kind:?}: {error:?}")
            }
            (result, _) => panic!("{kind:?}: {result:?}"),
        }
    }
}

fn get_over_tls(target: &Target) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    let ca = target.ca_pem().expect("the target speaks TLS");
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).expect("it is PEM"))
        .expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has both versions");
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let session = ClientConnection::new(config, ServerName::try_from("localhost").expect("a name"))
        .expect("a sane configuration");
    let mut stream = StreamOwned::new(session, TcpStream::connect(target.addr())?);
    stream.write_all(b"GET /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_dropped_target_listens_no_more() {
    let target = start(Behaviour::default());
    let addr = target.addr();
    drop(target);
    assert_eq!(
        TcpStream::connect(addr).expect_err("nobody listens").kind(),
        io::ErrorKind::ConnectionRefused
    );
}
