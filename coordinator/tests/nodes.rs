//! Nodes on one machine: they join, talk, fetch files, and are refused.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use swell_cluster::{
    Admission, Authority, BlobError, BlobHash, BlobRef, BlobSource, CloseCode, ClusterClock, Desk,
    DialError, Hello, JoinError, JoinRefusal, LinkError, MAX_MESSAGE, NodeEndpoint, Peer,
    RenewError, Socket, SocketError, Token, TokenRegister, fetch, fetch_to, join,
};
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits as long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster of one, which admits.
struct LoneCoordinator {
    desk: Arc<Desk>,
    clock: ClusterClock,
    endpoint: NodeEndpoint,
}

fn hello() -> Hello {
    Hello { protocol: 1, release: "0.1.0".into(), contract: [7; 32], engine: "wasmtime 48".into() }
}

fn local() -> Socket {
    Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn nothing(_: &BlobHash) -> Option<BlobSource> {
    None
}

fn coordinator() -> LoneCoordinator {
    let authority = Authority::found().unwrap();
    let clock = ClusterClock::of_this_machine();
    let identity = authority.identity(clock.clone()).unwrap();
    let desk = Arc::new(Desk::new(authority, TokenRegister::default()));
    let endpoint = NodeEndpoint::open(
        local(),
        Arc::new(identity),
        hello(),
        Arc::new(nothing),
        Some(Arc::clone(&desk)),
    );
    LoneCoordinator { desk, clock, endpoint }
}

impl LoneCoordinator {
    fn token(&self, lifetime_s: u64, uses: u32) -> Token {
        let addresses = vec![self.endpoint.address().to_string()];
        self.desk
            .issue(
                addresses,
                Duration::from_secs(lifetime_s),
                NonZeroU32::new(uses).unwrap(),
                &self.clock,
            )
            .unwrap()
    }

    async fn node(
        &self,
        store: impl Fn(&BlobHash) -> Option<BlobSource> + Send + Sync + 'static,
    ) -> NodeEndpoint {
        let socket = local();
        let Admission { identity, coordinator, address } =
            join(&socket, &self.token(60, 1), &hello()).await.unwrap();
        assert_eq!((coordinator, address), (self.endpoint.id(), self.endpoint.address()));
        NodeEndpoint::open(socket, Arc::new(identity), hello(), Arc::new(store), None)
    }
}

/// Dials, and gives both ends.
async fn connect(from: &NodeEndpoint, to: &NodeEndpoint) -> (Peer, Peer) {
    let (dialled, accepted) = tokio::join!(from.dial(to.address(), Some(to.id())), to.accept());
    (dialled.unwrap(), accepted.unwrap())
}

async fn refusal(token: &Token) -> JoinRefusal {
    let began = Instant::now();
    let error = join(&local(), token, &hello()).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    match error {
        JoinError::Refused { refusal, .. } => refusal,
        other => panic!("not refused: {other}"),
    }
}

#[tokio::test]
async fn two_admitted_nodes_know_each_other_and_exchange_messages_in_order() {
    let coordinator = coordinator();
    let (one, other) = (coordinator.node(nothing).await, coordinator.node(nothing).await);
    let (there, here) = connect(&one, &other).await;
    assert_eq!((there.id(), here.id()), (other.id(), one.id()));
    assert_eq!((there.address(), here.address()), (other.address(), one.address()));
    assert_eq!(there.hello(), &hello());
    for n in 0..100u32 {
        there.send(&(n, "there")).await.unwrap();
        here.send(&(n, "here")).await.unwrap();
    }
    for n in 0..100u32 {
        assert_eq!(here.receive::<(u32, String)>().await.unwrap(), (n, "there".to_owned()));
        assert_eq!(there.receive::<(u32, String)>().await.unwrap(), (n, "here".to_owned()));
    }
    assert!(there.round_trip() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_token_survives_being_copied_and_admits_as_often_as_it_says() {
    let coordinator = coordinator();
    let token: Token = coordinator.token(60, 2).to_string().parse().unwrap();
    let one = join(&local(), &token, &hello()).await.unwrap();
    let other = join(&local(), &token, &hello()).await.unwrap();
    assert_ne!(one.identity.id(), other.identity.id());
    assert_eq!(refusal(&token).await, JoinRefusal::UsedUp { uses: 2 });
}

#[tokio::test]
async fn an_expired_a_revoked_and_an_unknown_token_are_refused_within_a_second() {
    let coordinator = coordinator();
    let expired = coordinator.token(0, 1);
    assert!(matches!(refusal(&expired).await, JoinRefusal::Expired { .. }));
    let revoked = coordinator.token(60, 1);
    assert!(coordinator.desk.revoke(revoked.id()));
    assert_eq!(refusal(&revoked).await, JoinRefusal::Revoked);
    let pin = coordinator.desk.authority().pin();
    let unknown = Token::draw(
        vec![coordinator.endpoint.address().to_string()],
        pin,
        u64::MAX,
        NonZeroU32::MIN,
    )
    .unwrap();
    assert_eq!(refusal(&unknown).await, JoinRefusal::UnknownToken);
}

#[tokio::test]
async fn a_token_that_was_made_offline_admits_when_it_is_registered() {
    let authority = Authority::found().unwrap();
    let (certificate, key) = (authority.certificate_pem().to_owned(), authority.key_pem());
    let socket = local();
    let word =
        Token::draw(vec![socket.address().to_string()], authority.pin(), u64::MAX, NonZeroU32::MIN)
            .unwrap()
            .to_string();

    let authority = Authority::from_pem(&certificate, &key).unwrap();
    let identity = authority.identity(ClusterClock::of_this_machine()).unwrap();
    let mut register = TokenRegister::default();
    let token = word.parse().unwrap();
    register.add(&token);
    let desk = Arc::new(Desk::new(authority, register));
    let _coordinator =
        NodeEndpoint::open(socket, Arc::new(identity), hello(), Arc::new(nothing), Some(desk));
    assert!(join(&local(), &token, &hello()).await.is_ok());
}

#[tokio::test]
async fn a_node_that_does_not_admit_says_so_and_cannot_pose_as_one_that_does() {
    let coordinator = coordinator();
    let member = coordinator.node(nothing).await;
    let pin = coordinator.desk.authority().pin();
    let token =
        Token::draw(vec![member.address().to_string()], pin, u64::MAX, NonZeroU32::MIN).unwrap();
    let error = join(&local(), &token, &hello()).await.unwrap_err();
    assert!(matches!(error, JoinError::Dial(DialError::Stranger { .. })), "{error}");

    let authority = Authority::found().unwrap();
    let identity = authority.identity(ClusterClock::of_this_machine()).unwrap();
    let without_desk =
        NodeEndpoint::open(local(), Arc::new(identity), hello(), Arc::new(nothing), None);
    let token = Token::draw(
        vec![without_desk.address().to_string()],
        authority.pin(),
        u64::MAX,
        NonZeroU32::MIN,
    )
    .unwrap();
    assert_eq!(refusal(&token).await, JoinRefusal::NotHere);
}

#[tokio::test]
async fn a_token_of_another_cluster_is_told_so_within_a_second() {
    let (coordinator, other) = (coordinator(), coordinator());
    let pin = other.desk.authority().pin();
    let token = Token::draw(
        vec![coordinator.endpoint.address().to_string()],
        pin,
        u64::MAX,
        NonZeroU32::MIN,
    )
    .unwrap();
    let began = Instant::now();
    let error = join(&local(), &token, &hello()).await.unwrap_err();
    assert!(matches!(error, JoinError::Dial(DialError::Stranger { .. })), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_member_of_another_cluster_is_a_stranger() {
    let (coordinator, other) = (coordinator(), coordinator());
    let error = other.endpoint.dial(coordinator.endpoint.address(), None).await.unwrap_err();
    assert!(matches!(error, LinkError::Dial(DialError::Stranger { .. })), "{error}");
}

#[tokio::test]
async fn a_member_that_is_not_the_one_dialled_is_a_stranger_and_oneself_is_told() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let error = node.dial(coordinator.endpoint.address(), Some(node.id())).await.unwrap_err();
    assert!(matches!(error, LinkError::Dial(DialError::Stranger { .. })), "{error}");
    let error = node.dial(node.address(), None).await.unwrap_err();
    assert!(matches!(error, LinkError::Itself { .. }), "{error}");
}

#[tokio::test]
async fn a_member_of_another_release_is_refused_on_both_sides_with_both_versions() {
    let log = Log::default();
    let _logging = log.listen();
    let coordinator = coordinator();
    let socket = local();
    let admission = join(&socket, &coordinator.token(60, 1), &hello()).await.unwrap();
    let newer = Hello { protocol: 2, release: "0.2.0".into(), ..hello() };
    let newer =
        NodeEndpoint::open(socket, Arc::new(admission.identity), newer, Arc::new(nothing), None);
    let error = newer.dial(coordinator.endpoint.address(), None).await.unwrap_err();
    assert!(matches!(error, LinkError::OtherVersion { .. }), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("0.1.0 with protocol 1")
            && error.contains("0.2.0 with protocol 2")
            && error.contains("help:"),
        "{error}"
    );
    log.holds("runs release 0.2.0 with protocol 2, and this node release 0.1.0 with protocol 1")
        .await;
}

#[tokio::test]
async fn each_refusal_and_each_admission_leaves_a_line_and_no_secret() {
    let log = Log::default();
    let _logging = log.listen();
    let coordinator = coordinator();
    let token = coordinator.token(60, 1);
    let admission = join(&local(), &token, &hello()).await.unwrap();
    log.holds(&format!("node {} at 127.0.0.1", admission.identity.id())).await;
    log.holds(&format!("joined with token {}", token.id())).await;
    refusal(&token).await;
    log.holds(&format!("with token {} refused: the token has been used 1 times", token.id())).await;
    let word = token.to_string();
    assert!(!log.text().contains(&word[word.len() - 40..]));
}

#[tokio::test]
async fn who_keeps_failing_is_turned_away_and_told_that_it_is_busy() {
    let coordinator = coordinator();
    let pin = coordinator.desk.authority().pin();
    let unknown = Token::draw(
        vec![coordinator.endpoint.address().to_string()],
        pin,
        u64::MAX,
        NonZeroU32::MIN,
    )
    .unwrap();
    let socket = local();
    for attempt in 0.. {
        assert!(attempt < 1000, "never turned away");
        match join(&socket, &unknown, &hello()).await.unwrap_err() {
            JoinError::Refused { refusal: JoinRefusal::UnknownToken, .. } => {}
            JoinError::Dial(DialError::Busy { .. }) => break,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_node_renews_its_certificate_where_nodes_are_admitted_and_only_there() {
    let coordinator = coordinator();
    let (node, other) = (coordinator.node(nothing).await, coordinator.node(nothing).await);
    let (peer, _accepted) = connect(&node, &coordinator.endpoint).await;
    node.renew(&peer).await.unwrap();
    let (again, _accepted) = connect(&node, &other).await;
    let error = node.renew(&again).await.unwrap_err();
    assert!(matches!(error, RenewError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn nodes_whose_clocks_are_an_hour_off_to_both_sides_still_talk() {
    let authority = Authority::found().unwrap();
    let now = ClusterClock::of_this_machine().unix_s();
    let node = |unix_s| {
        let identity = authority.identity(ClusterClock::showing(unix_s)).unwrap();
        NodeEndpoint::open(local(), Arc::new(identity), hello(), Arc::new(nothing), None)
    };
    let (behind, ahead) = (node(now - 3600), node(now + 3600));
    connect(&behind, &ahead).await;
    connect(&ahead, &behind).await;
}

#[tokio::test]
async fn a_receive_that_is_dropped_again_and_again_loses_nothing() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let (there, here) = connect(&node, &coordinator.endpoint).await;
    let message: Vec<u8> = (0..MAX_MESSAGE / 2).map(|n| n as u8).collect();
    let sending = async {
        for _ in 0..5 {
            there.send(&message).await.unwrap();
        }
    };
    let mut dropped = 0;
    let receiving = async {
        for _ in 0..5 {
            let received = loop {
                tokio::select! {
                    biased;
                    received = here.receive::<Vec<u8>>() => break received.unwrap(),
                    () = tokio::task::yield_now() => dropped += 1,
                }
            };
            assert!(received == message);
        }
    };
    timeout(PATIENCE, async { tokio::join!(sending, receiving) }).await.unwrap();
    assert!(dropped > 5, "{dropped}");
}

#[tokio::test]
async fn a_message_above_the_limit_is_not_sent_and_the_link_goes_on() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let (there, here) = connect(&node, &coordinator.endpoint).await;
    let error = there.send(&vec![0u8; MAX_MESSAGE]).await.unwrap_err();
    assert!(matches!(error, LinkError::MessageTooLong { .. }), "{error}");
    there.send(&5u32).await.unwrap();
    assert_eq!(here.receive::<u32>().await.unwrap(), 5);
}

#[tokio::test]
async fn datagrams_go_both_ways_and_one_that_does_not_fit_is_refused() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let (there, here) = connect(&node, &coordinator.endpoint).await;
    there.send_datagram(&"ping").unwrap();
    assert_eq!(
        timeout(PATIENCE, here.receive_datagram::<String>()).await.unwrap().unwrap(),
        "ping"
    );
    here.send_datagram(&vec![7u8; 1100]).unwrap();
    assert_eq!(
        timeout(PATIENCE, there.receive_datagram::<Vec<u8>>()).await.unwrap().unwrap().len(),
        1100
    );
    assert!(matches!(there.send_datagram(&vec![0u8; 5000]), Err(LinkError::Unwritable { .. })));
}

#[tokio::test]
async fn what_was_sent_before_a_goodbye_arrives_and_the_goodbye_is_told() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let (there, here) = connect(&node, &coordinator.endpoint).await;
    let message = vec![1u8; MAX_MESSAGE / 2];
    there.send(&message).await.unwrap();
    let receiving = async {
        assert!(here.receive::<Vec<u8>>().await.unwrap() == message);
        here.receive::<Vec<u8>>().await.unwrap_err()
    };
    let ((), error) =
        timeout(PATIENCE, async { tokio::join!(there.close("done"), receiving) }).await.unwrap();
    assert!(
        matches!(error, LinkError::Closed { here: false, code: Some(CloseCode::Goodbye), .. }),
        "{error}"
    );
    let own = there.receive::<u32>().await.unwrap_err();
    let LinkError::Closed { here: true, code: Some(CloseCode::Goodbye), reason, .. } = &own else {
        panic!("{own}");
    };
    assert_eq!(reason, "done");
}

#[tokio::test]
async fn a_rejected_peer_is_told_why() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let (there, here) = connect(&node, &coordinator.endpoint).await;
    here.reject("a count below zero");
    let error = timeout(PATIENCE, there.receive::<u32>()).await.unwrap().unwrap_err();
    assert!(
        matches!(error, LinkError::Closed { here: false, code: Some(CloseCode::Rejected), .. }),
        "{error}"
    );
    assert!(error.to_string().contains("a count below zero"), "{error}");
    assert!(matches!(
        here.ended().await,
        LinkError::Closed { here: true, code: Some(CloseCode::Rejected), .. }
    ));
}

#[tokio::test]
async fn closing_an_endpoint_tells_all_its_peers() {
    let coordinator = coordinator();
    let node = coordinator.node(nothing).await;
    let (there, _here) = connect(&node, &coordinator.endpoint).await;
    coordinator.endpoint.close().await;
    let error = timeout(PATIENCE, there.ended()).await.unwrap();
    assert!(
        matches!(error, LinkError::Closed { here: false, code: Some(CloseCode::Goodbye), .. }),
        "{error}"
    );
}

/// Five megabytes and a bit, no two chunks alike.
fn content() -> Vec<u8> {
    (0..5 * MAX_MESSAGE as u32 + 17)
        .flat_map(|n| [(n.wrapping_mul(2_654_435_761) >> 24) as u8])
        .collect()
}

fn named(bytes: &[u8]) -> BlobRef {
    BlobRef { hash: BlobHash::of(bytes), size: bytes.len() as u64 }
}

const MOST: u64 = 64 * 1024 * 1024;

#[tokio::test]
async fn a_blob_of_5_mib_travels_between_memory_and_files() {
    let content = content();
    let blob = named(&content);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("served");
    std::fs::write(&file, &content).unwrap();
    let coordinator = coordinator();
    let in_memory = coordinator.node({
        let bytes = bytes::Bytes::from(content.clone());
        move |hash| (*hash == blob.hash).then(|| BlobSource::Bytes(bytes.clone()))
    });
    let in_memory = in_memory.await;
    let on_disk = coordinator
        .node(move |hash| (*hash == blob.hash).then(|| BlobSource::File(file.clone())))
        .await;
    let (memory, _accepted) = connect(&coordinator.endpoint, &in_memory).await;
    let (disk, _accepted) = connect(&coordinator.endpoint, &on_disk).await;

    assert!(fetch(&memory, blob, MOST).await.unwrap() == content);
    assert!(fetch(&disk, blob, MOST).await.unwrap() == content);
    let fetched = folder.path().join("fetched");
    fetch_to(&memory, blob, MOST, &fetched).await.unwrap();
    assert!(std::fs::read(&fetched).unwrap() == content);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    // More at once than there are turns, and messages beside them.
    let (a, b, c) =
        tokio::join!(fetch(&disk, blob, MOST), fetch(&disk, blob, MOST), fetch(&disk, blob, MOST));
    assert!([a, b, c].into_iter().all(|fetched| fetched.unwrap() == content));
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let coordinator = coordinator();
    let node = coordinator.node(|_| Some(BlobSource::Bytes(bytes::Bytes::new()))).await;
    let (peer, _accepted) = connect(&coordinator.endpoint, &node).await;
    assert!(fetch(&peer, named(b""), MOST).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_corrupt_blob_is_refused_nothing_is_kept_and_another_peer_is_asked() {
    let content = content();
    let blob = named(&content);
    let coordinator = coordinator();
    let mut damaged = content.clone();
    damaged[3 * MAX_MESSAGE] ^= 1;
    let corrupt = coordinator.node(move |_| Some(BlobSource::Bytes(damaged.clone().into()))).await;
    let good = coordinator.node(move |_| Some(BlobSource::Bytes(content.clone().into()))).await;
    let (corrupt, _accepted) = connect(&coordinator.endpoint, &corrupt).await;
    let (good, _accepted) = connect(&coordinator.endpoint, &good).await;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fetched");
    assert!(matches!(fetch(&corrupt, blob, MOST).await, Err(BlobError::Corrupt { .. })));
    assert!(matches!(fetch_to(&corrupt, blob, MOST, &path).await, Err(BlobError::Corrupt { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    fetch_to(&good, blob, MOST, &path).await.unwrap();
    assert_eq!(named(&std::fs::read(&path).unwrap()), blob);
}

#[tokio::test]
async fn a_blob_that_is_missing_too_large_or_of_another_size_is_not_read() {
    let coordinator = coordinator();
    let node = coordinator
        .node(|hash| (*hash == BlobHash::of(b"seven")).then(|| BlobSource::Bytes("seven".into())))
        .await;
    let (peer, _accepted) = connect(&coordinator.endpoint, &node).await;
    assert!(matches!(fetch(&peer, named(b"eight"), MOST).await, Err(BlobError::Missing { .. })));
    assert!(matches!(
        fetch(&peer, named(b"seven"), 4).await,
        Err(BlobError::TooLarge { size: 5, most: 4, .. })
    ));
    let longer = BlobRef { size: 6, ..named(b"seven") };
    assert!(matches!(
        fetch(&peer, longer, MOST).await,
        Err(BlobError::OtherSize { size: 6, found: 5, .. })
    ));
    // The link is as good as before.
    assert_eq!(fetch(&peer, named(b"seven"), MOST).await.unwrap(), "seven");
}

#[tokio::test]
async fn a_file_that_is_gone_is_missing_and_a_fetch_that_is_dropped_leaves_nothing() {
    let content = content();
    let blob = named(&content);
    let coordinator = coordinator();
    let node = coordinator.node(move |hash| {
        let bytes = bytes::Bytes::from(content.clone());
        Some(if *hash == blob.hash {
            BlobSource::Bytes(bytes)
        } else {
            BlobSource::File("/nowhere/at/all".into())
        })
    });
    let (node, folder) = (node.await, tempfile::tempdir().unwrap());
    let (peer, _accepted) = connect(&coordinator.endpoint, &node).await;
    assert!(matches!(fetch(&peer, named(b"gone"), MOST).await, Err(BlobError::Missing { .. })));

    let path = folder.path().join("fetched");
    let began = async {
        while std::fs::read_dir(folder.path()).unwrap().count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = began => {}
        fetched = fetch_to(&peer, blob, MOST, &path) => panic!("it was not seen to begin: \
        {fetched:?}"),
    }
    let gone = async {
        while std::fs::read_dir(folder.path()).unwrap().count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(fetch(&peer, blob, MOST).await.unwrap().len() as u64, blob.size);
}

#[tokio::test]
async fn where_nothing_answers_a_dial_fails_within_five_seconds_and_says_that_udp_is_blocked() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let coordinator = coordinator();
    let token = Token::draw(
        vec![address.to_string()],
        coordinator.desk.authority().pin(),
        u64::MAX,
        NonZeroU32::MIN,
    )
    .unwrap();
    let socket = local();
    let hello = hello();
    let began = Instant::now();
    let (dialled, joined) =
        tokio::join!(coordinator.endpoint.dial(address, None), join(&socket, &token, &hello));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for error in [dialled.unwrap_err().to_string(), joined.unwrap_err().to_string()] {
        let port = format!("open UDP port {}", address.port());
        assert!(
            error.contains("UDP is blocked") && error.contains(&port) && error.contains("--listen"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn of_a_token_s_addresses_the_one_that_answers_is_taken() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let coordinator = coordinator();
    let pin = coordinator.desk.authority().pin();
    let port = coordinator.endpoint.address().port();
    let addresses = vec![
        silent.local_addr().unwrap().to_string(),
        "no-such-host.invalid:7600".into(),
        format!("localhost:{port}"),
    ];
    let token = Token::draw(addresses, pin, u64::MAX, NonZeroU32::MIN).unwrap();
    assert_eq!(refusal(&token).await, JoinRefusal::UnknownToken);
}

#[tokio::test]
async fn a_port_that_is_taken_and_an_address_of_elsewhere_are_named_with_the_cure() {
    let taken = local();
    let error = Socket::bind(taken.address()).unwrap_err();
    assert!(matches!(error, SocketError::Taken { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(&taken.address().to_string()) && error.contains("--listen"), "{error}");
    let elsewhere: SocketAddr = "192.0.2.1:7600".parse().unwrap();
    assert!(matches!(Socket::bind(elsewhere), Err(SocketError::NotHere { .. })));
    let unreachable =
        coordinator().endpoint.dial("[2001:db8::1]:7600".parse().unwrap(), None).await.unwrap_err();
    assert!(matches!(unreachable, LinkError::Dial(DialError::Unreachable { .. })), "{unreachable}");
}

#[tokio::test]
async fn a_socket_for_ipv6_serves_ipv4_too_and_shows_its_addresses_as_such() {
    let authority = Authority::found().unwrap();
    let node = |listen: &str| {
        let identity = authority.identity(ClusterClock::of_this_machine()).unwrap();
        NodeEndpoint::open(
            Socket::bind(listen.parse().unwrap()).unwrap(),
            Arc::new(identity),
            hello(),
            Arc::new(nothing),
            None,
        )
    };
    let (both, ipv4) = (node("[::]:0"), node("127.0.0.1:0"));
    let address = SocketAddr::from(([127, 0, 0, 1], both.address().port()));
    let (dialled, accepted) = tokio::join!(ipv4.dial(address, Some(both.id())), both.accept());
    assert_eq!(
        (dialled.unwrap().address(), accepted.unwrap().address()),
        (address, ipv4.address())
    );
    let (dialled, accepted) = tokio::join!(both.dial(ipv4.address(), None), ipv4.accept());
    assert_eq!(dialled.unwrap().address(), ipv4.address());
    assert_eq!(accepted.unwrap().address(), address);
    let nowhere = ipv4.dial("127.0.0.1:0".parse().unwrap(), None).await.unwrap_err();
    assert!(matches!(nowhere, LinkError::Dial(DialError::NoAddress { .. })), "{nowhere}");
}

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        tracing::subscriber::set_default(
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish(),
        )
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Waits for a line that holds this.
    async fn holds(&self, part: &str) {
        let waiting = async {
            while !self.text().contains(part) {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "no {part:?} in\n{}", self.text());
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
