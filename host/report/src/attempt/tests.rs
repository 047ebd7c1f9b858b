use swell_core::RunInstant;
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::observer::{ObservedAnswer, ObservedError, ObservedExchange, ObservedHop};
use swell_core::record::MetricKind;

use super::*;
use crate::exit::Exit;

/// Bodies where they begin, or whole.
const PIECE: bool = false;
const FULL: bool = true;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn phases(times: &[(Phase, u64)]) -> Phases {
    let mut phases = Phases::default();
    for (phase, ms) in times {
        phases.add(*phase, Duration::from_millis(*ms));
    }
    phases
}

fn refused(words: &str) -> Option<ObservedError> {
    Some(ObservedError { class: ErrorClass::Connect, words: words.to_owned() })
}

/// A login whose every part has a secret.
fn login() -> ObservedExchange {
    let answer = ObservedAnswer {
        status: 200,
        reason: "OK",
        headers: pairs(&[("content-type", "application/json"), ("set-cookie", "id=s3cret")]),
        body: b"{\"token\":\"s3cret\"}".to_vec(),
        received: 18,
        body_lacks: None,
    };
    let hop = ObservedHop {
        method: "POST".to_owned(),
        url: "http://me:s3cret@shop.test/login?key=s3cret".to_owned(),
        version: Some("HTTP/1.1"),
        reused: false,
        headers: pairs(&[
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", "Bearer s3cret"),
        ]),
        body: (*b"password=s3cret").into(),
        answer: Some(answer),
        error: None,
        phases: phases(&[(Phase::Connecting, 2), (Phase::Tls, 3), (Phase::Waiting, 20)]),
    };
    exchanged(Ok(200), None, vec![hop])
}

fn exchanged(
    result: Result<u16, ErrorClass>,
    failure: Option<&str>,
    hops: Vec<ObservedHop>,
) -> ObservedExchange {
    let exchange = Exchange {
        protocol: Protocol::Http,
        result,
        phases: Phases::default(),
        written: 1,
        reconnects: 0,
        connections: 1,
        body_bytes: 0,
    };
    let (began, asked) = (RunInstant::from_nanos(1_500_000_000), "POST /login".to_owned());
    ObservedExchange { began, asked, exchange, failure: failure.map(str::to_owned), hops }
}

fn print(is_full: bool, events: &[UserEvent]) -> String {
    let mut printer = Printer::new(is_full);
    let lines = events.iter().flat_map(|event| printer.print(event));
    let text = |line: Vec<Piece>| line.into_iter().map(|piece| piece.text).collect::<String>();
    lines.map(|line| text(line) + "\n").collect()
}

fn began(name: &str) -> UserEvent {
    UserEvent::Began { name: name.to_owned() }
}

fn ended(name: &str, end: ObservedEnd) -> UserEvent {
    UserEvent::Ended { name: name.to_owned(), service: Duration::from_millis(25), end }
}

#[test]
fn an_iteration_is_told_in_its_order_with_what_belongs_to_a_transaction_inside_it() {
    let shown = print(
        PIECE,
        &[
            UserEvent::Called(Function::Iteration(17)),
            began("visit"),
            began("login"),
            UserEvent::Exchanged(Box::new(login())),
            ended("login", ObservedEnd::Ok),
            UserEvent::Checked { name: "is in".to_owned(), passed: false },
            UserEvent::Socket(Ok("connected to 10.0.0.7:6379".to_owned())),
            UserEvent::Socket(Err("a look-up: redis: no such name".to_owned())),
            UserEvent::Waits(Duration::from_secs(2)),
            UserEvent::Logged { level: LogLevel::Info, text: "well".to_owned() },
            UserEvent::Measured {
                metric: "size".to_owned(),
                kind: MetricKind::Trend,
                value: 7.5,
                tags: pairs(&[("page", "front")]),
            },
            UserEvent::CutOff { asked: "GET /b".to_owned(), age: Duration::from_secs(12) },
            ended("visit", ObservedEnd::Failed("status 503\nor so".to_owned())),
            UserEvent::Returned(Err("the iteration failed: no luck".to_owned())),
        ],
    );
    assert_eq!(
        shown,
        "
iteration 17
  ▸ visit
    ▸ login
      POST http://me:s3cret@shop.test/login?key=s3cret 200 OK in 25.0 ms
        > POST /login?key=s3cret HTTP/1.1
        > content-type: application/x-www-form-urlencoded
        > authorization: Bearer s3cret
          password=s3cret
        < HTTP/1.1 200 OK
        < content-type: application/json
        < set-cookie: id=s3cret
          {\"token\":\"s3cret\"}
        connecting 2.0 ms, tls 3.0 ms, waiting 20.0 ms, 18 bytes of body, over a new connection
    ✓ login ok in 25.0 ms
    ✗ check: is in
    connected to 10.0.0.7:6379
    ✗ a look-up: redis: no such name
    waits for 2s
    log info well
    trend size = 7.5 page=front
    ✗ GET /b cut off after 12.0 s: no answer by then
  ✗ visit failed in 25.0 ms: status 503; or so
  ✗ the iteration failed: no luck
"
    );
}

#[test]
fn a_request_without_an_answer_says_why_once() {
    let unsent = exchanged(Err(ErrorClass::Denied), Some("evil.test is not allowed"), vec![]);
    let shown = print(PIECE, &[UserEvent::Exchanged(Box::new(unsent))]);
    assert_eq!(shown, "  POST /login\n    failed: evil.test is not allowed\n");
    let mut hop = login().hops.remove(0);
    (hop.answer, hop.version) = (None, None);
    hop.error = refused("connection refused");
    let exchange = exchanged(Err(ErrorClass::Connect), Some("connection refused"), vec![hop]);
    let shown = print(PIECE, &[UserEvent::Exchanged(Box::new(exchange))]);
    assert_eq!(shown.matches("connection refused").count(), 1, "{shown}");
    assert!(
        shown.contains("no answer after 25.0 ms") && shown.contains("no connection"),
        "{shown}"
    );
}

/// What is shown of a body.
fn body_shown(is_full: bool, body: &[u8]) -> String {
    let mut exchanged = login();
    if let Some(answer) = &mut exchanged.hops[0].answer {
        answer.body = body.to_vec();
    }
    let shown = print(is_full, &[UserEvent::Exchanged(Box::new(exchanged))]);
    let begins = shown.find("set-cookie: id=s3cret\n").expect("the last header") + 22;
    shown[begins..].rsplit_once("    connecting").expect("the phases follow").0.to_owned()
}

#[test]
fn a_long_body_is_shown_where_it_begins_and_whole_if_that_is_asked_for() {
    let long = "0123456789abcde\n".repeat(100);
    let piece = body_shown(PIECE, long.as_bytes());
    assert_eq!(piece.matches("0123456789abcde").count(), 12);
    assert!(piece.ends_with("… 1,408 bytes more (--full shows all)\n"), "{piece}");
    let whole = body_shown(FULL, long.as_bytes());
    assert_eq!(whole.matches("      0123456789abcde\n").count(), 100);
    assert!(!whole.contains("--full"));
    let one_line = "é".repeat(10_000);
    assert!(body_shown(PIECE, one_line.as_bytes()).len() < 1_200);
    assert!(body_shown(FULL, one_line.as_bytes()).contains(&one_line));
}

#[test]
fn a_body_that_is_no_text_is_told_by_its_size_and_one_that_is_cut_in_a_character_is_text() {
    assert_eq!(body_shown(FULL, b"\x89PNG\0\xff").trim(), "(6 bytes that are no text)");
    assert_eq!(body_shown(FULL, &"aé".as_bytes()[..2]).trim(), "a");
    assert_eq!(body_shown(FULL, b"").trim(), "");
}

#[test]
fn nothing_that_a_scenario_or_a_service_says_acts_on_a_terminal() {
    const EVIL: &str = "a\x1b[2J\nFORGED\r\u{202e}\u{9b}31mz";
    let mut exchange = login();
    exchange.failure = Some(EVIL.to_owned());
    let hop = &mut exchange.hops[0];
    (hop.url, hop.method, hop.error) = (EVIL.to_owned(), EVIL.to_owned(), refused(EVIL));
    (hop.headers, hop.body) = (pairs(&[(EVIL, EVIL)]), EVIL.as_bytes().into());
    if let Some(answer) = &mut hop.answer {
        (answer.headers, answer.body) = (pairs(&[(EVIL, EVIL)]), EVIL.into());
        answer.body_lacks = Some(EVIL.to_owned());
    }
    let events = [
        began(EVIL),
        UserEvent::Exchanged(Box::new(exchange)),
        UserEvent::Exchanged(Box::new(exchanged(Err(ErrorClass::Dns), Some(EVIL), vec![]))),
        ended(EVIL, ObservedEnd::Failed(EVIL.to_owned())),
        UserEvent::Checked { name: EVIL.to_owned(), passed: true },
        UserEvent::Logged { level: LogLevel::Error, text: EVIL.to_owned() },
        UserEvent::Measured {
            metric: EVIL.to_owned(),
            kind: MetricKind::Gauge,
            value: 1.0,
            tags: pairs(&[(EVIL, EVIL)]),
        },
        UserEvent::CutOff { asked: EVIL.to_owned(), age: Duration::ZERO },
        UserEvent::Returned(Err(EVIL.to_owned())),
    ];
    let shown = print(FULL, &events);
    assert_eq!(swell_core::plain::page(&shown).to_string(), shown);
    // A body keeps its lines; nothing else has any of its own, and no line stands at the margin.
    assert!(shown.lines().all(|line| line.starts_with("  ")), "{shown}");
    assert_eq!(shown.matches("\n    FORGED").count(), 0, "{shown}");
}

#[test]
fn an_archive_has_what_its_readers_need() {
    let mut har = Har::new(Duration::from_secs(1_700_000_000), Secrets::Kept);
    har.add(&login());
    let archive: serde_json::Value = serde_json::from_str(&har.json()).expect("it is JSON");
    let at = |path: &str| archive.pointer(path).unwrap_or_else(|| panic!("no {path}: {archive:#}"));
    assert_eq!(at("/log/version"), "1.2");
    assert_eq!(at("/log/entries/0/startedDateTime"), "2023-11-14T22:13:21.5Z");
    assert_eq!(at("/log/entries/0/time"), 25.0);
    assert_eq!(at("/log/entries/0/request/postData/text"), "password=s3cret");
    assert_eq!(at("/log/entries/0/request/queryString/0/value"), "s3cret");
    assert_eq!(at("/log/entries/0/response/content/text"), "{\"token\":\"s3cret\"}");
    assert_eq!(at("/log/entries/0/response/content/mimeType"), "application/json");
    let timings = serde_json::json!({
        "blocked": 0.0, "dns": -1, "connect": 5.0, "ssl": 3.0, "send": 0.0, "wait": 20.0,
        "receive": 0.0
    });
    assert_eq!(at("/log/entries/0/timings"), &timings);
}

#[test]
fn an_archive_has_no_secret_unless_it_is_asked_for() {
    let archive = |secrets| {
        let mut har = Har::new(Duration::ZERO, secrets);
        har.add(&login());
        har.json()
    };
    assert!(archive(Secrets::Kept).contains("s3cret"));
    let sanitised = archive(Secrets::LeftOut);
    assert!(!sanitised.contains("s3cret"), "{sanitised}");
    assert!(sanitised.contains("application/json") && sanitised.contains("shop.test/login?key="));
}

#[test]
fn a_request_without_an_answer_is_in_the_archive_as_browsers_write_it() {
    let mut exchange = login();
    exchange.hops[0].answer = None;
    exchange.hops[0].error = refused("no connection to s3cret.test");
    for (secrets, error) in
        [(Secrets::LeftOut, "connect"), (Secrets::Kept, "no connection to s3cret.test")]
    {
        let mut har = Har::new(Duration::ZERO, secrets);
        har.add(&exchange);
        let archive: serde_json::Value = serde_json::from_str(&har.json()).expect("it is JSON");
        assert_eq!(archive.pointer("/log/entries/0/response/status"), Some(&0.into()));
        assert_eq!(archive.pointer("/log/entries/0/_error"), Some(&error.into()));
    }
}

#[test]
fn a_failed_transaction_or_iteration_fails_the_command_and_a_check_does_not() {
    let tally = |events: &[UserEvent]| {
        let mut tally = EventTally::default();
        events.iter().for_each(|event| tally.count(event));
        tally
    };
    let check = |passed| UserEvent::Checked { name: "c".to_owned(), passed };
    let well = tally(&[
        UserEvent::Called(Function::Iteration(0)),
        UserEvent::Exchanged(Box::new(login())),
        ended("a", ObservedEnd::Ok),
        check(false),
        check(true),
    ]);
    assert_eq!(well.exit(), Exit::Passed);
    assert_eq!(
        well.line(Exit::Passed),
        "passed: 1 transaction ok; 1 request ok; 1 check passed, 1 failed"
    );
    assert_eq!(tally(&[ended("a", ObservedEnd::Interrupted)]).exit(), Exit::Threshold);
    let failed = UserEvent::Returned(Err("no".to_owned()));
    let of = |function| tally(&[UserEvent::Called(function), failed.clone()]).exit();
    assert_eq!(of(Function::Iteration(3)), Exit::Threshold);
    assert_eq!(of(Function::Teardown), Exit::Passed, "it says so itself");
    assert_eq!(
        tally(&[]).line(Exit::StoppedByScenario),
        "stopped: no transactions; no requests; no checks"
    );
}
