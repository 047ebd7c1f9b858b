//! A session that is looked on: all that is sent and received is kept, and nothing else changes.

use http::Method;
use swell_client::{Client, Keep, Request, Session, header};
use swell_core::observer::{ObservedAnswer, ObservedHop};

use crate::service::*;

fn seen_session() -> Session {
    Session::seen(&Client::new(options()).expect("options"))
}

fn answer_of(hop: &ObservedHop) -> &ObservedAnswer {
    hop.answer.as_ref().expect("an answer")
}

/// The headers as the service got them.
fn lines(request: &SeenRequest) -> Vec<String> {
    request.head.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_a_scenario_discards_is_seen_all_the_same() {
    run(async {
        let service =
            TestService::scripted(|_| answer("201 Created", &["x-id: 7"], b"a body")).await;
        let mut request = Request { method: Method::POST, ..get(&service, "/items?q=1") };
        request.body = "asked".into();
        request.headers.push(header("x-mine", "1").expect("a header"));
        let sent = seen_session().send(request.clone()).await;
        let [hop] = &sent.hops[..] else { panic!("{:?}", sent.hops) };
        assert_eq!((&*hop.method, &*hop.body), ("POST", b"asked".as_slice()));
        assert_eq!(
            (&*hop.url, hop.version, hop.reused),
            (&*service.url("/items?q=1"), Some("HTTP/1.1"), false)
        );
        let shown: Vec<String> =
            hop.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(shown, lines(&service.seen()[0]));
        let answer = answer_of(hop);
        assert_eq!(
            (answer.status, answer.reason, &*answer.body),
            (201, "Created", b"a body".as_slice())
        );
        assert!(answer.headers.contains(&("x-id".to_owned(), "7".to_owned())));
        assert_eq!((answer.received, &answer.body_lacks), (6, &None));
        assert_eq!(hop.phases, sent.exchange.phases);

        // The scenario is told what it would be told otherwise.
        let unseen = session().send(request).await;
        assert!(unseen.hops.is_empty());
        let told = |sent: swell_client::Sent| {
            let response = sent.result.expect("an answer");
            (response.status, response.headers, response.body, response.body_size)
        };
        assert_eq!(told(sent), told(unseen));
    });
}

#[test]
fn each_redirect_is_a_hop_with_its_own_body_and_times() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/1" => answer("302 Found", &["location: /2"], b"moved"),
            _ => ok("there"),
        })
        .await;
        let sent = seen_session().send(Request { redirects: 1, ..get(&service, "/1") }).await;
        let seen: Vec<_> = sent
            .hops
            .iter()
            .map(|hop| (&*hop.url, hop.reused, answer_of(hop).status, &*answer_of(hop).body))
            .collect();
        let (first, second) = (service.url("/1"), service.url("/2"));
        assert_eq!(
            seen,
            [
                (&*first, false, 302, b"moved".as_slice()),
                (&*second, true, 200, b"there".as_slice())
            ]
        );
        let total: std::time::Duration = sent.hops.iter().map(|hop| hop.phases.total()).sum();
        assert_eq!(total, sent.exchange.phases.total());
    });
}

#[test]
fn a_coded_body_is_seen_decoded_and_one_that_cannot_be_says_why() {
    run(async {
        // "hello" by gzip.
        const HELLO: [u8; 25] = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6,
            0x10, 0x36, 5, 0, 0, 0,
        ];
        let service = TestService::scripted(|seen| match seen.path() {
            "/broken" => answer("200 OK", &["content-encoding: gzip"], b"hello"),
            _ => answer("200 OK", &["content-encoding: gzip"], &HELLO),
        })
        .await;
        let session = seen_session();
        let sent = session.send(get(&service, "/")).await;
        let answer = answer_of(&sent.hops[0]);
        assert_eq!((&*answer.body, answer.received), (b"hello".as_slice(), 25));
        let sent = session.send(get(&service, "/broken")).await;
        assert!(sent.result.is_ok(), "the scenario does not want it decoded");
        let answer = answer_of(&sent.hops[0]);
        let lacks = answer.body_lacks.as_deref().unwrap_or_default();
        assert!(answer.body == b"hello" && lacks.starts_with("still coded"), "{lacks}");
    });
}

#[test]
fn what_is_kept_of_one_call_has_a_sum() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/small" => ok("small"),
            _ => answer("200 OK", &[], &vec![b'x'; 16 << 20]),
        })
        .await;
        let session = seen_session();
        let requests = (0..5).map(|n| get(&service, &format!("/{n}"))).collect();
        let all = session.send_all(requests).await;
        let answers: Vec<_> = all.iter().map(|sent| answer_of(&sent.hops[0])).collect();
        assert!(answers.iter().all(|answer| answer.received == 16 << 20));
        assert_eq!(answers.iter().map(|answer| answer.body.len()).sum::<usize>(), 64 << 20);
        for answer in answers {
            let lacks = answer.body_lacks.as_deref();
            assert_eq!(lacks.is_some(), answer.body.len() < 16 << 20);
            let why = ": one call keeps 64 MiB of bodies in all";
            assert!(lacks.is_none_or(|lacks| lacks.ends_with(why)), "{lacks:?}");
        }
        // The next call has its own.
        let sent = session.send(get(&service, "/small")).await;
        assert_eq!(answer_of(&sent.hops[0]).body, b"small");
    });
}

#[test]
fn what_had_no_answer_is_seen_as_it_was_sent() {
    run(async {
        let service = TestService::scripted(|_| vec![ServiceAct::Close]).await;
        let sent = seen_session().send(get(&service, "/")).await;
        let [hop] = &sent.hops[..] else { panic!("{:?}", sent.hops) };
        let error = sent.result.expect_err("no answer");
        let seen = hop.error.as_ref().map(|error| (error.class, &*error.words));
        assert_eq!((&hop.answer, seen), (&None, Some((error.class, &*error.message))));
        assert!(hop.headers.iter().any(|(name, _)| name == "user-agent"));

        // A body that is longer than the scenario takes is seen as far as it came.
        let service = TestService::scripted(|_| ok("longer than that")).await;
        let mut request = get(&service, "/");
        request.keep = Keep::Body { limit: 3 };
        let sent = seen_session().send(request).await;
        assert!(sent.result.is_err());
        assert_eq!(answer_of(&sent.hops[0]).body, b"longer than that");
    });
}

#[test]
fn a_request_that_is_sent_anew_is_a_hop_for_each_time() {
    run(async {
        let service = TestService::scripted(|seen| match seen.nth {
            1 => vec![ServiceAct::Close],
            _ => ok("well"),
        })
        .await;
        let session = seen_session();
        let first = session.send(get(&service, "/")).await;
        assert_eq!(first.hops.len(), 1);
        let second = session.send(get(&service, "/")).await;
        assert_eq!(status(&second), 200);
        let seen: Vec<_> = second
            .hops
            .iter()
            .map(|hop| (hop.reused, hop.answer.is_some(), hop.error.is_some()))
            .collect();
        assert_eq!(seen, [(true, false, true), (false, true, false)]);
    });
}
