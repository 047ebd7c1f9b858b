//! What those do who do not keep to the protocol: raw connections against a real endpoint.

use std::time::{Duration, Instant};

use quinn::{Connection, ConnectionError, RecvStream, SendStream};

use super::answer::MAX_QUESTIONS;
use super::*;
use crate::authority::Authority;
use crate::blob::BlobHash;
use crate::clock::ClusterClock;
use crate::identity::draw_node_id;
use crate::socket::DialError;
use crate::tls::JOIN_PROTOCOL;
use crate::wire::frame::{MAX_MESSAGE, encode};

/// Longer than anything here takes; a test that waits as long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

struct Cluster {
    authority: Authority,
    endpoint: NodeEndpoint,
}

/// A connection without our half of the protocol.
struct Raw {
    connection: Connection,
    send: SendStream,
    _recv: RecvStream,
    _socket: Socket,
}

fn hello() -> Hello {
    Hello { protocol: 1, release: "0.1.0".into(), contract: [7; 32], engine: "wasmtime 48".into() }
}

fn local() -> Socket {
    Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn identity(authority: &Authority) -> Arc<Identity> {
    Arc::new(authority.identity(ClusterClock::of_this_machine()).unwrap())
}

fn cluster() -> Cluster {
    let authority = Authority::found().unwrap();
    let endpoint = NodeEndpoint::open(
        local(),
        identity(&authority),
        hello(),
        Arc::new(|_: &BlobHash| None),
        None,
    );
    Cluster { authority, endpoint }
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + DIAL_DEADLINE
}

impl Cluster {
    /// A member that says hello as it should, and is accepted.
    async fn raw(&self) -> (Raw, Peer) {
        let identity = identity(&self.authority);
        let raw = self.raw_saying(&identity, hello().encode(identity.id()).unwrap()).await;
        (raw, timeout(PATIENCE, self.endpoint.accept()).await.unwrap().unwrap())
    }

    async fn raw_saying(&self, identity: &Arc<Identity>, words: bytes::Bytes) -> Raw {
        let socket = local();
        let client = tls::link_client(identity);
        let connection = socket
            .dial(client, self.endpoint.address(), ANY_NODE, LINK_PROTOCOL, soon())
            .await
            .unwrap();
        let (mut send, recv) = connection.open_bi().await.unwrap();
        send.write_chunk(words).await.unwrap();
        Raw { connection, send, _recv: recv, _socket: socket }
    }

    async fn dial_in(
        &self,
        client: quinn::ClientConfig,
        name: &str,
        protocol: &'static str,
    ) -> DialError {
        let socket = local();
        match socket.dial(client, self.endpoint.address(), name, protocol, soon()).await {
            Err(error) => error,
            Ok(connection) => {
                let error = timeout(PATIENCE, connection.closed()).await.unwrap();
                DialError::of(error, self.endpoint.address(), protocol)
            }
        }
    }
}

impl Raw {
    async fn closed_for(&self) -> Option<CloseCode> {
        match timeout(PATIENCE, self.connection.closed()).await.expect("closed in time") {
            ConnectionError::ApplicationClosed(close) => CloseCode::of(close.error_code),
            other => panic!("closed otherwise: {other}"),
        }
    }
}

#[tokio::test]
async fn a_length_of_4_gib_closes_the_connection_and_costs_nothing() {
    let (mut raw, peer) = cluster().raw().await;
    raw.send.write_all(&[0xff; 100]).await.unwrap();
    let error = timeout(PATIENCE, peer.receive::<u32>()).await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::Oversized { bytes: 0xffff_ffff, .. }), "{error}");
    assert_eq!(raw.closed_for().await, Some(CloseCode::TooLong));
    let after = peer.send(&1u32).await.unwrap_err();
    assert!(
        matches!(after, LinkError::Closed { here: true, code: Some(CloseCode::TooLong), .. }),
        "{after}"
    );
}

#[tokio::test]
async fn a_message_that_is_none_closes_the_connection() {
    let (mut raw, peer) = cluster().raw().await;
    raw.send.write_all(&[0, 0, 0, 3, 0xff, 0xff, 0xff]).await.unwrap();
    let error = timeout(PATIENCE, peer.receive::<String>()).await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::Garbage { .. }), "{error}");
    assert_eq!(raw.closed_for().await, Some(CloseCode::Garbage));
}

#[tokio::test]
async fn a_stream_that_ends_within_a_message_closes_the_connection() {
    let (mut raw, peer) = cluster().raw().await;
    raw.send.write_all(&[0, 0, 0, 3, 1]).await.unwrap();
    raw.send.finish().unwrap();
    let error = timeout(PATIENCE, peer.receive::<String>()).await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::Garbage { .. }), "{error}");
}

#[tokio::test]
async fn a_message_that_is_begun_and_not_ended_closes_the_connection() {
    let (mut raw, peer) = cluster().raw().await;
    raw.send.write_all(&[0, 0, 0, 3, 1]).await.unwrap();
    let error = timeout(PATIENCE, peer.receive::<String>()).await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::TooSlow { .. }), "{error}");
    assert_eq!(raw.closed_for().await, Some(CloseCode::TooSlow));
}

#[tokio::test]
async fn ten_thousand_streams_one_after_another_close_the_connection() {
    let (raw, peer) = cluster().raw().await;
    let mut opened = 0;
    while opened < 10_000 {
        let Ok((mut send, _)) =
            timeout(PATIENCE, raw.connection.open_bi()).await.expect("streams are given back")
        else {
            break;
        };
        let _ = send.reset(0u32.into());
        opened += 1;
    }
    assert!(opened < 3_000, "{opened}");
    assert_eq!(raw.closed_for().await, Some(CloseCode::TooManyStreams));
    let error = timeout(PATIENCE, peer.receive::<u32>()).await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            LinkError::Closed { here: true, code: Some(CloseCode::TooManyStreams), .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn ten_thousand_streams_at_once_cannot_be_opened() {
    let (raw, _peer) = cluster().raw().await;
    let mut held = Vec::new();
    // A stream that asks nothing is given back after five seconds; until then no other can be had.
    while let Ok(stream) = timeout(Duration::from_secs(1), raw.connection.open_bi()).await {
        held.push(stream.unwrap());
        assert!(held.len() <= MAX_QUESTIONS as usize);
    }
    assert!(raw.connection.close_reason().is_none());
}

#[tokio::test]
async fn a_question_that_makes_no_sense_closes_the_connection() {
    let (raw, _peer) = cluster().raw().await;
    let (mut send, _recv) = raw.connection.open_bi().await.unwrap();
    send.write_all(&[0, 0, 0, 2, 9, 9]).await.unwrap();
    assert_eq!(raw.closed_for().await, Some(CloseCode::Garbage));
}

#[tokio::test]
async fn a_member_cannot_call_itself_another() {
    let cluster = cluster();
    let raw = cluster
        .raw_saying(&identity(&cluster.authority), hello().encode(draw_node_id()).unwrap())
        .await;
    assert_eq!(raw.closed_for().await, Some(CloseCode::Impostor));
}

#[tokio::test]
async fn a_hello_that_makes_no_sense_or_is_too_long_closes_the_connection() {
    let cluster = cluster();
    for words in [&[0, 0, 0, 2, 0xff, 0xff][..], &[0xff; 8]] {
        let raw = cluster
            .raw_saying(&identity(&cluster.authority), bytes::Bytes::copy_from_slice(words))
            .await;
        assert_eq!(raw.closed_for().await, Some(CloseCode::Garbage));
    }
}

#[tokio::test]
async fn without_a_certificate_nobody_is_heard() {
    let cluster = cluster();
    let client = tls::anonymous_client(cluster.authority.pin(), LINK_PROTOCOL);
    let error = cluster.dial_in(client, ANY_NODE, LINK_PROTOCOL).await;
    assert!(matches!(error, DialError::NotAccepted { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_not_accepted() {
    let cluster = cluster();
    let client =
        tls::foreign_client(cluster.authority.pin(), &identity(&Authority::found().unwrap()));
    let error = cluster.dial_in(client, ANY_NODE, LINK_PROTOCOL).await;
    assert!(
        matches!(error, DialError::NotAccepted { reason: "it is of another cluster", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn another_major_is_told_both() {
    let cluster = cluster();
    for (protocol, ours) in [("swell/2", LINK_PROTOCOL), ("swell-join/2", JOIN_PROTOCOL)] {
        let client = tls::anonymous_client(cluster.authority.pin(), protocol);
        let error = cluster.dial_in(client, ANY_NODE, protocol).await.to_string();
        assert!(
            error.contains(&format!("speaks {ours}, and this node speaks {protocol}")),
            "{error}"
        );
    }
    let client = tls::anonymous_client(cluster.authority.pin(), "swell/99");
    let unknown = cluster.dial_in(client, ANY_NODE, "swell/99").await;
    assert!(matches!(unknown, DialError::OtherMajor { theirs: None, .. }), "{unknown}");
}

#[tokio::test]
async fn a_member_that_does_not_read_is_told_from_one_that_is_gone() {
    let (raw, peer) = cluster().raw().await;
    let message = vec![0u8; MAX_MESSAGE / 2];
    let error = loop {
        match timeout(PATIENCE, peer.send(&message)).await.unwrap() {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LinkError::Stalled { .. }), "{error}");
    raw.connection.close(0u32.into(), b"");
    let error = timeout(PATIENCE, peer.send(&message)).await.unwrap().unwrap_err();
    assert!(
        matches!(error, LinkError::Closed { here: false, code: Some(CloseCode::Goodbye), .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_member_that_freezes_is_lost_after_ten_seconds_and_one_that_is_silent_is_not() {
    let cluster = cluster();
    let (address, frozen) = (cluster.endpoint.address(), identity(&cluster.authority));
    let (thaw, thawed) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (endpoint, peer) = runtime.block_on(async {
            let endpoint =
                NodeEndpoint::open(local(), frozen, hello(), Arc::new(|_: &BlobHash| None), None);
            let peer = endpoint.dial(address, None).await.unwrap();
            (endpoint, peer)
        });
        // Nothing of this node runs any more.
        let _ = thawed.recv();
        drop((endpoint, peer));
    });
    let frozen = timeout(PATIENCE, cluster.endpoint.accept()).await.unwrap().unwrap();
    let (mut raw, silent) = cluster.raw().await;
    let began = Instant::now();
    let error = timeout(PATIENCE, frozen.ended()).await.unwrap();
    assert!(matches!(error, LinkError::Lost { .. }), "{error}");
    assert!((9..13).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    raw.send.write_chunk(encode(&7u32).unwrap()).await.unwrap();
    assert_eq!(timeout(PATIENCE, silent.receive::<u32>()).await.unwrap().unwrap(), 7);
    thaw.send(()).unwrap();
    thread.join().unwrap();
}
