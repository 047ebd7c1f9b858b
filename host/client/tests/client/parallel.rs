//! Many requests at once.

use std::time::Duration;

use swell_core::exchange::{ErrorClass, Phase};

use crate::service::*;

#[test]
fn at_most_six_connections_are_opened_and_the_rest_wait_blocked() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|seen| {
            [vec![ServiceAct::Pause(Duration::from_secs(1))], ok(seen.path())]
                .into_iter()
                .flatten()
                .collect()
        })
        .await;
        let session = session();
        let requests = (0..20).map(|i| get(&service, &format!("/{i}"))).collect();
        let sent = session.send_all(requests).await;
        assert_eq!(sent.len(), 20);
        assert!(sent.iter().all(|sent| status(sent) == 200));
        assert_eq!((service.connections(), service.counts.most_open.get()), (6, 6));
        let blocked = |seconds| {
            sent.iter()
                .filter(|sent| sent.exchange.phases.get(Phase::Blocked).as_secs() == seconds)
                .count()
        };
        assert_eq!([blocked(0), blocked(1), blocked(2), blocked(3)], [6, 6, 6, 2]);
        assert!(sent.iter().all(|sent| sent.exchange.phases.get(Phase::Waiting).as_secs() == 1));
    });
}

#[test]
fn answers_stand_in_the_order_of_the_requests() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|seen| {
            let number: u64 = seen.path()[1..].parse().expect("a number");
            [
                vec![ServiceAct::Pause(Duration::from_millis(500 - number))],
                answer("200 OK", &[], &vec![0; number as usize]),
            ]
            .into_iter()
            .flatten()
            .collect()
        })
        .await;
        let sent =
            session().send_all((0..50).map(|i| get(&service, &format!("/{i}"))).collect()).await;
        let sizes: Vec<_> = sent.iter().map(|sent| sent.exchange.body_bytes).collect();
        assert_eq!(sizes, (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn one_that_fails_leaves_the_others_alone_and_its_place_to_the_next() {
    run(async {
        let service = TestService::scripted(|seen| {
            if seen.path() == "/bad" { vec![ServiceAct::Reset] } else { ok("") }
        })
        .await;
        let session = session();
        let sent = session
            .send_all(
                (0..24).map(|i| get(&service, if i % 2 == 0 { "/bad" } else { "/good" })).collect(),
            )
            .await;
        let (mut written, mut bad) = (0, 0);
        for (i, sent) in sent.iter().enumerate() {
            bad += u32::from(sent.exchange.result == Err(ErrorClass::Reset));
            assert_eq!(sent.exchange.result.is_ok(), i % 2 == 1, "{i}: {:?}", sent.result);
            written += sent.exchange.written;
        }
        assert_eq!((bad, written), (12, service.heads()));
        assert!(
            service.counts.most_open.get() <= 7,
            "the service may not have seen a sixth one close"
        );
    });
}

#[test]
fn nothing_to_send_is_nothing_sent() {
    run(async { assert!(session().send_all(Vec::new()).await.is_empty()) });
}
