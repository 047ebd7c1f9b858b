//! Services that say that they speak HTTP/3 elsewhere: who follows, and what becomes of it where
//! nobody answers there.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use swell_client::{AllowList, IpVersion, Keep, Options, Request, Session};
use swell_core::exchange::Phase;
use tokio::net::UdpSocket;
use tokio_rustls::TlsAcceptor;

use crate::quic_peer::*;
use crate::service::*;
use crate::tls::TestAuthority;

/// A service over TCP that says this of others places, but at `/clear`.
async fn over_tcp(authority: &TestAuthority, alternative: String) -> TestService {
    let acceptor = TlsAcceptor::from(Arc::new(authority.server(&[], |_| {})));
    TestService::accepting(move |stream, counts| {
        let (acceptor, alternative) = (acceptor.clone(), alternative.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            play(stream, counts, &move |_| {
                answer("200 OK", &[&format!("alt-svc: {alternative}")], b"tcp")
            })
            .await;
        }
    })
    .await
}

/// A peer that answers over HTTP/3, and takes back at the third request that it does.
fn over_quic(authority: &TestAuthority) -> QuicPeer {
    peer(authority, |mut asked| async move {
        asked.read().await;
        let mut fields = vec![("content-length", "4")];
        if asked.nth == 2 {
            fields.push(("alt-svc", "clear"));
        }
        asked.answer(&[head(200, &fields), frame(DATA, b"quic")].concat()).await;
    })
}

fn following(authority: &TestAuthority) -> Options {
    let mut options = trusting(authority);
    options.follows_alternatives = true;
    options.routes.ip_version = Some(IpVersion::V4);
    options
}

/// Asks a service so many times, and says what answered.
async fn answers(session: &Session, service: &TestService, times: usize) -> Vec<String> {
    let mut answers = Vec::new();
    for _ in 0..times {
        let url = format!("https://localhost:{}/", service.address.port());
        let request = Request::new(Method::GET, url);
        let sent = session.send(Request { keep: Keep::Body { limit: 10 }, ..request }).await;
        assert_eq!(sent.exchange.written, 1);
        let body = sent.result.expect("an answer").body;
        answers.push(String::from_utf8_lossy(&body).into_owned());
    }
    answers
}

#[test]
fn who_follows_asks_where_the_service_says_until_it_takes_that_back() {
    run(async {
        let authority = TestAuthority::new();
        let peer = over_quic(&authority);
        let alternative = format!("h3=\":{}\"; ma=60", peer.address.port());
        let service = over_tcp(&authority, alternative).await;
        let session = session_with(following(&authority)).1;
        let said = answers(&session, &service, 6).await;
        assert_eq!(said, ["tcp", "quic", "quic", "quic", "tcp", "quic"]);
        assert_eq!((peer.seen(), service.heads()), ((2, 4), 2), "a place that is left is closed");
        // Another user has to be told by itself, and who does not follow stays.
        let other = session_with(following(&authority)).1;
        assert_eq!(answers(&other, &service, 2).await, ["tcp", "quic"]);
        let stays = session_of(&authority);
        assert_eq!(answers(&stays, &service, 3).await, ["tcp", "tcp", "tcp"]);
    });
}

#[test]
fn what_the_plan_does_not_allow_is_not_asked() {
    run(async {
        let authority = TestAuthority::new();
        let peer = over_quic(&authority);
        let alternative = format!("h3=\":{}\"", peer.address.port());
        let service = over_tcp(&authority, alternative).await;
        let mut options = following(&authority);
        let allowed = format!("localhost:{}", service.address.port());
        options.allow = AllowList::parse([&*allowed]).expect("an entry");
        let session = session_with(options).1;
        assert_eq!(answers(&session, &service, 3).await, ["tcp", "tcp", "tcp"]);
        assert_eq!(peer.seen(), (0, 0));
    });
}

#[test]
fn where_nobody_answers_the_request_goes_over_tcp_and_that_is_remembered() {
    run(async {
        let authority = TestAuthority::new();
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = silent.local_addr().expect("bound").port();
        let service = over_tcp(&authority, format!("h3=\":{port}\"")).await;
        let mut options = following(&authority);
        options.timeouts.connect = Duration::from_millis(200);
        let session = session_with(options).1;
        let url = format!("https://localhost:{}/", service.address.port());
        let mut tried = Vec::new();
        for _ in 0..4 {
            let sent = session.send(Request::new(Method::GET, &*url)).await;
            assert_eq!((status(&sent), sent.exchange.written), (200, 1));
            tried.push(sent.exchange.phases.get(Phase::Connecting) > Duration::ZERO);
        }
        assert_eq!(tried, [true, true, false, false], "TCP, then QUIC in vain, and never again");
        assert_eq!(service.connections(), 1);
    });
}

#[test]
fn a_stranger_at_the_other_place_is_not_taken_for_the_service() {
    run(async {
        let authority = TestAuthority::new();
        let stranger = over_quic(&TestAuthority::new());
        let alternative = format!("h3=\":{}\"", stranger.address.port());
        let service = over_tcp(&authority, alternative).await;
        let session = session_with(following(&authority)).1;
        assert_eq!(answers(&session, &service, 3).await, ["tcp", "tcp", "tcp"]);
        assert_eq!(stranger.seen(), (0, 0));
    });
}
