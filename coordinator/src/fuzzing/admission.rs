//! What a stranger asks to be admitted by, a member to be renewed by, and how both are answered.

use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use rustls::RootCertStore;
use swell_protocol::message::NodeId;

use super::link::renewal;
use crate::admission::desk::Desk;
use crate::admission::message::{Grant, JoinAnswer, question};
use crate::authority::Authority;
use crate::certificate::{Pin, verify_node};
use crate::clock::ClusterClock;
use crate::identity::{Applicant, Identity, draw_node_id};
use crate::register::TokenRegister;
use crate::token::Token;
use crate::wire::frame::decode;
use crate::wire::hello::Hello;

const NOW: u64 = 1_800_000_000;
const CONNECTION: [u8; 32] = [1; 32];

/// One cluster for all: keys are drawn, and dear.
static CLUSTER: LazyLock<(Desk, Token)> = LazyLock::new(|| {
    let desk = Desk::new(Authority::found().expect("a key can be drawn"), TokenRegister::default());
    let (clock, life) = (ClusterClock::showing(NOW), Duration::from_secs(u64::MAX));
    let token = desk
        .issue(vec!["10.0.0.1:7600".into()], life, NonZeroU32::MAX, &clock)
        .expect("the address is one");
    (desk, token)
});

/// The first byte says what the others are: a question, a signing request with its proof, one for a
/// renewal, the answer to a question or to a renewal.
pub(super) fn target(bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = bytes.split_first() else { return false };
    let (desk, token) = &*CLUSTER;
    let hello = Hello {
        protocol: 1,
        release: "0.1.0".into(),
        contract: [7; 32],
        engine: "wasmtime 48".into(),
    };
    match kind % 5 {
        0 => {
            let (asked, ruling) = desk.rule(bytes, &hello, &CONNECTION, NOW);
            assert!(
                asked.token != Some(token.id()) || asked.node.is_none(),
                "nobody proves to know a secret that was never told"
            );
            drop(ruling.inspect_err(|refusal| assert!(!refusal.to_string().is_empty())));
            asked.token.is_some()
        }
        1 => {
            let question = question(token, &hello, bytes.to_vec(), &CONNECTION);
            let (asked, ruling) = desk.rule(&question[4..], &hello, &CONNECTION, NOW);
            assert_eq!(asked.node.is_some(), ruling.is_ok(), "{ruling:?}");
            asked.node.zip(ruling.ok()).is_some_and(|(node, grant)| is_of(node, &grant))
        }
        2 => {
            let Some((member, request)) = bytes.split_first_chunk() else { return false };
            let member = NodeId(u64::from_be_bytes(*member));
            desk.renew(member, request, NOW).is_ok_and(|grant| is_of(member, &grant))
        }
        3 => match decode(bytes) {
            Ok(JoinAnswer::Refused(refusal)) => {
                let text = refusal.printable().to_string();
                assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
                true
            }
            Ok(JoinAnswer::Admitted { grant, .. }) => {
                let authority = grant.authority();
                let _ = Pin::of_certificate(&authority);
                let applicant = Applicant::new(draw_node_id()).expect("a key can be drawn");
                let clock = ClusterClock::showing(grant.now_unix_s());
                assert!(
                    Identity::new(applicant, grant.certificate(), authority, clock).is_err(),
                    "no certificate is for a key just drawn"
                );
                true
            }
            Err(_) => false,
        },
        _ => renewal(bytes).is_some_and(|grant| {
            static MEMBER: LazyLock<Identity> = LazyLock::new(|| {
                CLUSTER
                    .0
                    .authority()
                    .identity(ClusterClock::showing(NOW))
                    .expect("a certificate can be signed")
            });
            let applicant = Applicant::new(MEMBER.id()).expect("a key can be drawn");
            assert!(
                MEMBER.adopt(applicant, grant.certificate(), grant.now_unix_s()).is_err(),
                "no certificate is for a key just drawn"
            );
            assert!(
                MEMBER.clock().unix_s().abs_diff(NOW) < 24 * 3600,
                "a time is believed only with its certificate"
            );
            true
        }),
    }
}

/// Whether a grant is what a node was to be granted.
fn is_of(node: NodeId, grant: &Grant) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(grant.authority()).expect("the cluster's own certificate is one");
    verify_node(&grant.certificate(), &roots, node, &ClusterClock::showing(NOW))
        .expect("what is granted is good");
    true
}

/// Messages as they are, each with what it is before it.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use crate::refusal::JoinRefusal;
    use crate::wire::frame::encode;

    let (desk, token) = &*CLUSTER;
    let hello = Hello {
        protocol: 1,
        release: "0.1.0".into(),
        contract: [7; 32],
        engine: "wasmtime 48".into(),
    };
    let node = NodeId(7);
    let request = Applicant::new(node).unwrap().request().unwrap();
    let grant = || desk.renew(node, &request, NOW).unwrap();
    let answer = |answer: &JoinAnswer| encode(answer).unwrap()[4..].to_vec();
    let of = |kind: u8, bytes: &[u8]| [&[kind], bytes].concat();
    vec![
        (
            "question",
            of(0, &question(token, &hello, b"a signing request".to_vec(), &CONNECTION)[4..]),
        ),
        ("signing-request", of(1, &request)),
        ("renewal", of(2, &[&node.0.to_be_bytes()[..], &request].concat())),
        ("refused", of(3, &answer(&JoinAnswer::Refused(JoinRefusal::Expired { ended_s_ago: 3 })))),
        ("other-version", {
            let (release, joining_release) = ("0.1.0".to_owned(), "0.2.0\u{7}".to_owned());
            of(
                3,
                &answer(&JoinAnswer::Refused(JoinRefusal::OtherVersion {
                    release,
                    protocol: 1,
                    joining_release,
                    joining_protocol: 2,
                })),
            )
        }),
        ("admitted", of(3, &answer(&JoinAnswer::Admitted { grant: grant(), coordinator: node }))),
        ("renewed", of(4, &super::link::granted(grant()))),
    ]
}
