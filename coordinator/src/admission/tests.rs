//! The ruling without a network: what is asked, on which connection, at what time. And the bytes of
//! one connection on another.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use swell_protocol::message::NodeId;

use super::desk::Desk;
use super::join::{JoinError, ask, join};
use super::message::{JoinAnswer, JoinQuestion, exporter, question};
use crate::authority::Authority;
use crate::blob::BlobHash;
use crate::certificate::ADMITTING_NODE;
use crate::clock::ClusterClock;
use crate::identity::{Applicant, draw_node_id};
use crate::link::NodeEndpoint;
use crate::refusal::JoinRefusal;
use crate::register::TokenRegister;
use crate::socket::Socket;
use crate::tls::{self, JOIN_PROTOCOL};
use crate::token::Token;
use crate::wire::hello::Hello;

const NOW: u64 = 1_800_000_000;
const CONNECTION: [u8; 32] = [1; 32];
const OTHER_CONNECTION: [u8; 32] = [2; 32];

fn hello() -> Hello {
    Hello { protocol: 1, release: "0.1.0".into(), contract: [7; 32], engine: "wasmtime 48".into() }
}

fn desk() -> Desk {
    Desk::new(Authority::found().unwrap(), TokenRegister::default())
}

fn token(desk: &Desk, lifetime_s: u64, uses: u32) -> Token {
    let clock = ClusterClock::showing(NOW);
    desk.issue(
        vec!["10.0.0.1:7600".into()],
        Duration::from_secs(lifetime_s),
        NonZeroU32::new(uses).unwrap(),
        &clock,
    )
    .unwrap()
}

fn asked(token: &Token, hello: &Hello) -> Vec<u8> {
    let request = Applicant::new(draw_node_id()).unwrap().request().unwrap();
    question(token, hello, request, &CONNECTION)[4..].to_vec()
}

fn refusal(desk: &Desk, message: &[u8], exporter: &[u8; 32], now: u64) -> JoinRefusal {
    desk.rule(message, &hello(), exporter, now).1.unwrap_err()
}

#[test]
fn a_good_token_is_granted_a_certificate_and_spends_one_use() {
    let desk = desk();
    let token = token(&desk, 60, 2);
    let (asked, ruling) = desk.rule(&asked(&token, &hello()), &hello(), &CONNECTION, NOW);
    assert!(ruling.is_ok() && asked.node.is_some());
    assert_eq!(asked.token, Some(token.id()));
    assert_eq!(desk.tokens()[0].uses_left, 1);
}

#[test]
fn a_question_of_another_connection_proves_nothing_and_spends_nothing() {
    let desk = desk();
    let token = token(&desk, 60, 1);
    let captured = asked(&token, &hello());
    assert_eq!(refusal(&desk, &captured, &OTHER_CONNECTION, NOW), JoinRefusal::BadProof);
    assert_eq!(desk.tokens()[0].uses_left, 1);
    assert!(desk.rule(&captured, &hello(), &CONNECTION, NOW).1.is_ok());
}

#[test]
fn a_proof_for_one_key_is_none_for_another() {
    let desk = desk();
    let token = token(&desk, 60, 1);
    let ((protocol, release, mut question), _): ((u32, String, JoinQuestion), _) =
        postcard::take_from_bytes(&asked(&token, &hello())).unwrap();
    question.signing_request = Applicant::new(draw_node_id()).unwrap().request().unwrap();
    let forged = postcard::to_stdvec(&(protocol, release, question)).unwrap();
    assert_eq!(refusal(&desk, &forged, &CONNECTION, NOW), JoinRefusal::BadProof);
}

#[test]
fn an_expired_a_revoked_and_an_unknown_token_are_told_apart() {
    let desk = desk();
    let token = token(&desk, 60, 1);
    let message = asked(&token, &hello());
    assert_eq!(
        refusal(&desk, &message, &CONNECTION, NOW + 61),
        JoinRefusal::Expired { ended_s_ago: 1 }
    );
    assert!(desk.revoke(token.id()));
    assert_eq!(refusal(&desk, &message, &CONNECTION, NOW), JoinRefusal::Revoked);
    assert_eq!(refusal(&self::desk(), &message, &CONNECTION, NOW), JoinRefusal::UnknownToken);
}

#[test]
fn who_does_not_know_the_secret_does_not_learn_whether_a_token_has_ended() {
    let desk = desk();
    let token = token(&desk, 60, 1);
    assert_eq!(
        refusal(&desk, &asked(&token, &hello()), &OTHER_CONNECTION, NOW + 61),
        JoinRefusal::BadProof
    );
}

#[test]
fn another_protocol_is_refused_with_both_versions_before_anything_else_is_read() {
    let message = postcard::to_stdvec(&(9u32, "9.9.9", "whatever comes then")).unwrap();
    let refusal = refusal(&desk(), &message, &CONNECTION, NOW);
    assert_eq!(
        refusal,
        JoinRefusal::OtherVersion {
            release: "0.1.0".into(),
            protocol: 1,
            joining_release: "9.9.9".into(),
            joining_protocol: 9
        }
    );
    let text = refusal.to_string();
    assert!(
        text.contains("0.1.0 with protocol 1") && text.contains("9.9.9 with protocol 9"),
        "{text}"
    );
}

#[test]
fn garbage_is_called_so() {
    for message in [&[][..], &[0xff; 40], &postcard::to_stdvec(&(1u32, "0.1.0", 5u8)).unwrap()] {
        assert!(matches!(
            refusal(&desk(), message, &CONNECTION, NOW),
            JoinRefusal::Malformed { .. }
        ));
    }
}

#[test]
fn a_member_cannot_renew_another_s_certificate() {
    let desk = desk();
    let request = Applicant::new(NodeId(1)).unwrap().request().unwrap();
    assert!(desk.renew(NodeId(1), &request, NOW).is_ok());
    assert!(desk.renew(NodeId(2), &request, NOW).is_err());
}

#[tokio::test]
async fn a_join_captured_on_one_connection_is_refused_on_another() {
    let authority = Authority::found().unwrap();
    let clock = ClusterClock::of_this_machine();
    let identity = Arc::new(authority.identity(clock.clone()).unwrap());
    let desk = Arc::new(Desk::new(authority, TokenRegister::default()));
    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.address();
    let coordinator = NodeEndpoint::open(
        socket,
        identity,
        hello(),
        Arc::new(|_: &BlobHash| None),
        Some(Arc::clone(&desk)),
    );
    let token = desk
        .issue(
            vec![address.to_string()],
            Duration::from_secs(60),
            NonZeroU32::new(5).unwrap(),
            &clock,
        )
        .unwrap();

    let thief = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dial = || async {
        thief
            .dial_first(
                &tls::join_client(token.pin()),
                token.addresses(),
                ADMITTING_NODE,
                JOIN_PROTOCOL,
            )
            .await
            .unwrap()
    };
    let victim = dial().await;
    let request = Applicant::new(draw_node_id()).unwrap().request().unwrap();
    let captured = question(&token, &hello(), request, &exporter(&victim).unwrap());

    let replayed = ask(&dial().await, address, captured.clone()).await.unwrap();
    assert!(matches!(replayed, JoinAnswer::Refused(JoinRefusal::BadProof)), "{replayed:?}");
    assert_eq!(desk.tokens()[0].uses_left, 5);
    let genuine = ask(&victim, address, captured).await.unwrap();
    assert!(matches!(genuine, JoinAnswer::Admitted { .. }), "{genuine:?}");
    coordinator.close().await;
}

#[tokio::test]
async fn a_node_of_another_protocol_is_told_both_versions() {
    let authority = Authority::found().unwrap();
    let clock = ClusterClock::of_this_machine();
    let identity = Arc::new(authority.identity(clock.clone()).unwrap());
    let desk = Arc::new(Desk::new(authority, TokenRegister::default()));
    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let token = desk
        .issue(vec![socket.address().to_string()], Duration::from_secs(60), NonZeroU32::MIN, &clock)
        .unwrap();
    let _coordinator =
        NodeEndpoint::open(socket, identity, hello(), Arc::new(|_: &BlobHash| None), Some(desk));

    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let other = Hello { protocol: 2, release: "0.2.0".into(), ..hello() };
    let error = join(&socket, &token, &other).await.unwrap_err().to_string();
    assert!(
        error.contains("0.1.0 with protocol 1") && error.contains("0.2.0 with protocol 2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_with_a_wrong_secret_is_refused_and_spends_nothing() {
    let authority = Authority::found().unwrap();
    let clock = ClusterClock::of_this_machine();
    let identity = Arc::new(authority.identity(clock.clone()).unwrap());
    let desk = Arc::new(Desk::new(authority, TokenRegister::default()));
    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let token = desk
        .issue(vec![socket.address().to_string()], Duration::from_secs(60), NonZeroU32::MIN, &clock)
        .unwrap();
    let _coordinator = NodeEndpoint::open(
        socket,
        identity,
        hello(),
        Arc::new(|_: &BlobHash| None),
        Some(Arc::clone(&desk)),
    );

    let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = join(&socket, &token.clone().mistrusted(), &hello()).await.unwrap_err();
    assert!(matches!(error, JoinError::Refused { refusal: JoinRefusal::BadProof, .. }), "{error}");
    assert_eq!(desk.tokens()[0].uses_left, 1);
    assert!(join(&socket, &token, &hello()).await.is_ok());
}
