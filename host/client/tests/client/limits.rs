//! How many connections a user has, and how long it keeps them.

use std::num::NonZeroU32;
use std::time::Duration;

use swell_client::{ConnectionLimits, Options, Session, Version};
use swell_core::exchange::Phase;

use crate::http2::serve;
use crate::service::*;

/// A user with these limits.
fn session_within(connections: ConnectionLimits) -> Session {
    session_with(Options { connections, ..options() }).1
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("at least one")
}

#[test]
fn no_more_connections_are_opened_at_once_than_there_may_be_and_the_rest_wait_blocked() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|seen| {
            let pause = ServiceAct::Pause(Duration::from_secs(1));
            [vec![pause], ok(seen.path())].into_iter().flatten().collect()
        })
        .await;
        for (most, seconds) in [(1, 9), (4, 2), (10, 0)] {
            let limits = ConnectionLimits { per_host: number(most), ..ConnectionLimits::default() };
            let session = session_within(limits);
            let before = service.connections();
            let requests = (0..10).map(|i| get(&service, &format!("/{i}"))).collect();
            let sent = session.send_all(requests).await;
            assert!(sent.iter().all(|sent| status(sent) == 200));
            assert_eq!(service.connections() - before, most, "of {most} at once");
            let blocked =
                sent.iter().map(|sent| sent.exchange.phases.get(Phase::Blocked).as_secs());
            assert_eq!(blocked.max(), Some(seconds), "of {most} at once");
        }
    });
}

#[test]
fn a_connection_ends_with_the_last_request_that_it_may_carry_which_says_so() {
    run(async {
        let service = TestService::scripted(|_| ok("hello")).await;
        let requests = Some(number(3));
        let session = session_within(ConnectionLimits { requests, ..ConnectionLimits::default() });
        let mut reused = Vec::new();
        for _ in 0..7 {
            let sent = session.send(get(&service, "/")).await;
            reused.push(sent.result.expect("an answer").reused);
        }
        assert_eq!(reused, [false, true, true, false, true, true, false]);
        assert_eq!(service.connections(), 3);
        let said: Vec<bool> =
            service.seen().iter().map(|seen| seen.header("connection").is_some()).collect();
        assert_eq!(said, [false, false, true, false, false, true, false]);
    });
}

#[test]
fn a_connection_of_http2_is_left_behind_once_it_has_carried_what_it_may() {
    run(async {
        let service = TestService::accepting(serve).await;
        for (most, connections) in [(1, 4), (2, 2)] {
            let requests = Some(number(most));
            let limits = ConnectionLimits { requests, ..ConnectionLimits::default() };
            let session = session_within(limits);
            let before = service.connections();
            for _ in 0..4 {
                let mut request = get(&service, "/5");
                request.version = Version::Http2;
                assert_eq!(status(&session.send(request).await), 200);
            }
            assert_eq!(service.connections() - before, connections, "{most} a connection");
        }
    });
}

#[test]
fn a_connection_that_was_idle_for_too_long_is_closed_and_another_opened() {
    for version in [Version::Http1, Version::Http2] {
        run_on_virtual_time(async {
            let service = match version {
                Version::Http2 => TestService::accepting(serve).await,
                _ => TestService::scripted(|_| ok("hello")).await,
            };
            let idle = Some(Duration::from_secs(5));
            let session = session_within(ConnectionLimits { idle, ..ConnectionLimits::default() });
            let ask = async || {
                let mut request = get(&service, "/5");
                request.version = version;
                session.send(request).await.result.expect("an answer").reused
            };
            assert!(!ask().await);
            tokio::time::sleep(Duration::from_millis(4_990)).await;
            assert!(ask().await, "not longer than five seconds: {version:?}");
            tokio::time::sleep(Duration::from_millis(5_010)).await;
            assert!(!ask().await, "longer: {version:?}");
            assert!(ask().await, "{version:?}");
            assert_eq!(service.connections(), 2, "{version:?}");
        });
    }
}

#[test]
fn no_connection_is_idle_while_an_answer_comes() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| {
            let pause = ServiceAct::Pause(Duration::from_secs(30));
            [vec![pause], ok("late")].into_iter().flatten().collect()
        })
        .await;
        let idle = Some(Duration::from_secs(5));
        let limits = ConnectionLimits { idle, ..ConnectionLimits::default() };
        let session = session_within(limits);
        let sent = session.send_all(vec![get(&service, "/1"), get(&service, "/2")]).await;
        assert!(sent.iter().all(|sent| status(sent) == 200));
        let sent = session.send(get(&service, "/3")).await;
        assert!(sent.result.expect("an answer").reused);
        assert_eq!(service.connections(), 2);
    });
}
