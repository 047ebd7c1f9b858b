//! The resolver against a name server on loopback that counts its questions.

use std::cell::RefCell;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::net::UdpSocket;

use super::*;

const NO_SUCH_NAME: u8 = 3;
const SERVER_FAILURE: u8 = 2;

/// A name server that knows one list of IPv4 addresses for every name.
struct NameServer {
    port: u16,
    asked: Rc<Cell<u32>>,
    addresses: Rc<RefCell<Vec<[u8; 4]>>>,
}

impl NameServer {
    async fn start(code: u8, ttl: u32, addresses: &[[u8; 4]]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = socket.local_addr().expect("bound").port();
        let asked = Rc::<Cell<u32>>::default();
        let known = Rc::new(RefCell::new(addresses.to_vec()));
        let (counted, answers) = (Rc::clone(&asked), Rc::clone(&known));
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.expect("a question");
                let answer = reply(&buffer[..length], code, ttl, &answers.borrow(), &counted);
                socket.send_to(&answer, from).await.expect("loopback");
            }
        });
        Self { port, asked, addresses: known }
    }

    fn resolver(&self) -> Resolver {
        let mut connection = ConnectionConfig::udp();
        connection.port = self.port;
        let server = NameServerConfig::new("127.0.0.1".parse().expect("an address"), true, vec![connection]);
        let config = ResolverConfig::from_name_servers(vec![server]);
        let made = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().expect("a resolver");
        let resolver = Resolver::default();
        assert!(resolver.0.set(made).is_ok());
        resolver
    }
}

/// A response by hand: the question's header and text, then an A record for each address (RFC 1035, 4.1).
fn reply(question: &[u8], code: u8, ttl: u32, addresses: &[[u8; 4]], asked: &Cell<u32>) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|&byte| byte == 0).expect("a name ends") + 1;
    let is_a = question[end..end + 2] == [0, 1];
    asked.set(asked.get() + u32::from(is_a));
    let answers = if is_a && code == 0 { addresses } else { &[] };
    let mut reply = [&question[..2], &[0x81, 0x80 | code, 0, 1, 0, answers.len() as u8, 0, 0, 0, 0], &question[12..end + 4]].concat();
    for address in answers {
        reply.extend([0xc0, 12, 0, 1, 0, 1]);
        reply.extend(ttl.to_be_bytes());
        reply.extend([0, 4]);
        reply.extend(address);
    }
    reply
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bounded = async { tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test hangs") };
    tokio::task::LocalSet::new().block_on(&runtime, bounded)
}

fn name() -> Host {
    Host::Domain("service.test".into())
}

#[test]
fn users_that_start_at_once_ask_once_and_spread_over_the_addresses() {
    run(async {
        let server = NameServer::start(0, 60, &[[127, 0, 0, 1], [127, 0, 0, 2]]).await;
        let resolver = Rc::new(server.resolver());
        let known = Rc::new(Addresses::default());
        let mut users = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (resolver, known) = (Rc::clone(&resolver), Rc::clone(&known));
            users.spawn_local(async move { resolver.addresses(&name(), 80, &known).await.expect("known")[0] });
        }
        let firsts = users.join_all().await;
        assert_eq!(server.asked.get(), 1);
        let at_first = firsts.iter().filter(|address| address.to_string() == "127.0.0.1:80").count();
        assert_eq!((at_first, firsts.len()), (50, 100));
    });
}

#[test]
fn an_answer_that_has_run_out_is_asked_for_again() {
    run(async {
        let server = NameServer::start(0, 0, &[[127, 0, 0, 1]]).await;
        let resolver = server.resolver();
        let known = Addresses::default();
        let asked = async || resolver.addresses(&name(), 80, &known).await.expect("known")[0].ip().to_string();
        assert_eq!(asked().await, "127.0.0.1");
        *server.addresses.borrow_mut() = vec![[127, 0, 0, 9]];
        assert_eq!((asked().await.as_str(), server.asked.get()), ("127.0.0.1", 1), "kept for a second although its TTL is 0");
        known.answer.lock().await.as_mut().expect("an answer").until = Instant::now();
        assert_eq!((asked().await.as_str(), server.asked.get()), ("127.0.0.9", 2));
    });
}

#[test]
fn the_time_to_live_is_the_owner_s() {
    run(async {
        let server = NameServer::start(0, 300, &[[127, 0, 0, 1]]).await;
        let known = Addresses::default();
        server.resolver().addresses(&name(), 80, &known).await.expect("known");
        let left = known.answer.lock().await.as_ref().expect("an answer").until.saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(290) && left <= Duration::from_secs(300), "{left:?}");
    });
}

#[test]
fn a_name_that_does_not_exist_or_cannot_be_asked_for_is_a_dns_error() {
    run(async {
        for (code, text) in [(NO_SUCH_NAME, "no such name"), (SERVER_FAILURE, "service.test")] {
            let server = NameServer::start(code, 0, &[]).await;
            let error = server.resolver().addresses(&name(), 80, &Addresses::default()).await.expect_err("no address");
            assert_eq!(error.class, ErrorClass::Dns);
            assert!(error.message.contains(text), "{error}");
        }
    });
}

#[test]
fn a_literal_address_asks_nobody_and_hosts_are_known_from_their_file() {
    run(async {
        let server = NameServer::start(NO_SUCH_NAME, 0, &[]).await;
        let resolver = server.resolver();
        for host in ["10.1.2.3", "[::1]", "localhost"] {
            let host = Host::parse(host).expect("a host");
            assert!(!resolver.addresses(&host, 80, &Addresses::default()).await.expect("known").is_empty(), "{host}");
        }
        assert_eq!(server.asked.get(), 0);
    });
}
