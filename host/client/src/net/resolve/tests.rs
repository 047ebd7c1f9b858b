//! The resolver against a name server on loopback that counts its questions.

use std::cell::RefCell;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use tokio::net::UdpSocket;

use super::*;

const NO_SUCH_NAME: u8 = 3;
const SERVER_FAILURE: u8 = 2;

/// A name server that knows one list of IPv4 addresses for every name.
struct NameServer {
    port: u16,
    asked: Rc<Cell<u32>>,
    addresses: Rc<RefCell<Vec<[u8; 4]>>>,
    /// Whether it says anything when it is asked for IPv6.
    answers_six: Rc<Cell<bool>>,
}

impl NameServer {
    async fn start(code: u8, ttl: u32, addresses: &[[u8; 4]]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = socket.local_addr().expect("bound").port();
        let asked = Rc::<Cell<u32>>::default();
        let known = Rc::new(RefCell::new(addresses.to_vec()));
        let answers_six = Rc::new(Cell::new(true));
        let (counted, answers, says_six) =
            (Rc::clone(&asked), Rc::clone(&known), Rc::clone(&answers_six));
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.expect("a question");
                if !says_six.get()
                    && buffer[..length].windows(5).any(|bytes| bytes == [0, 0, 28, 0, 1])
                {
                    continue;
                }
                let answer = reply(&buffer[..length], code, ttl, &answers.borrow(), &counted);
                socket.send_to(&answer, from).await.expect("loopback");
            }
        });
        Self { port, asked, addresses: known, answers_six }
    }

    fn resolver(&self) -> Resolver {
        self.resolver_by(DnsRules::default())
    }

    fn resolver_by(&self, rules: DnsRules) -> Resolver {
        let mut connection = ConnectionConfig::udp();
        connection.port = self.port;
        let server =
            NameServerConfig::new("127.0.0.1".parse().expect("an address"), true, vec![connection]);
        let config = ResolverConfig::from_name_servers(vec![server]);
        let options = ResolverOpts::default();
        let made =
            NameServers::new(config, options, rules.ttl, "127.0.0.1".into()).expect("a resolver");
        // The machine's own file must not decide.
        let routes = Rc::new(Routes { dns: rules, ..Routes::default() });
        Resolver::with(routes, "/nowhere".into(), OnceCell::from(made))
    }
}

/// A response by hand: the question's header and text, then an A record for each address (RFC 1035,
/// 4.1).
fn reply(question: &[u8], code: u8, ttl: u32, addresses: &[[u8; 4]], asked: &Cell<u32>) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|&byte| byte == 0).expect("a name ends") + 1;
    let is_a = question[end..end + 2] == [0, 1];
    asked.set(asked.get() + u32::from(is_a));
    let answers = if is_a && code == 0 { addresses } else { &[] };
    let mut reply = [
        &question[..2],
        &[0x81, 0x80 | code, 0, 1, 0, answers.len() as u8, 0, 0, 0, 0],
        &question[12..end + 4],
    ]
    .concat();
    for address in answers {
        reply.extend([0xc0, 12, 0, 1, 0, 1]);
        reply.extend(ttl.to_be_bytes());
        reply.extend([0, 4]);
        reply.extend(address);
    }
    reply
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bounded = async {
        tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test hangs")
    };
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
            users.spawn_local(async move {
                resolver.addresses(&name(), 80, &known).await.expect("known")[0]
            });
        }
        let firsts = users.join_all().await;
        assert_eq!(server.asked.get(), 1);
        let at_first =
            firsts.iter().filter(|address| address.to_string() == "127.0.0.1:80").count();
        assert_eq!((at_first, firsts.len()), (50, 100));
    });
}

#[test]
fn an_answer_that_has_run_out_is_asked_for_again() {
    run(async {
        let server = NameServer::start(0, 0, &[[127, 0, 0, 1]]).await;
        let resolver = server.resolver();
        let known = Addresses::default();
        let asked = async || {
            resolver.addresses(&name(), 80, &known).await.expect("known")[0].ip().to_string()
        };
        assert_eq!(asked().await, "127.0.0.1");
        *server.addresses.borrow_mut() = vec![[127, 0, 0, 9]];
        assert_eq!(
            (asked().await.as_str(), server.asked.get()),
            ("127.0.0.1", 1),
            "kept for a second although its TTL is 0"
        );
        known.answer.lock().await.as_mut().expect("an answer").until = Instant::now();
        assert_eq!((asked().await.as_str(), server.asked.get()), ("127.0.0.9", 2));
    });
}

#[test]
fn the_time_to_live_is_that_of_whoever_runs_the_test_if_he_says_one() {
    run(async {
        for (ttl, asked) in [("0", 3), ("1h", 1), ("inf", 1)] {
            let server = NameServer::start(0, 300, &[[127, 0, 0, 1]]).await;
            let resolver = server.resolver_by(format!("ttl={ttl}").parse().expect("rules"));
            let known = Addresses::default();
            for _ in 0..3 {
                resolver.addresses(&name(), 80, &known).await.expect("known");
            }
            assert_eq!(server.asked.get(), asked, "ttl={ttl}");
        }
        let server = NameServer::start(0, 300, &[[127, 0, 0, 1]]).await;
        let resolver = server.resolver_by("ttl=2s".parse().expect("rules"));
        let known = Addresses::default();
        resolver.addresses(&name(), 80, &known).await.expect("known");
        known.answer.lock().await.as_mut().expect("an answer").until = Instant::now();
        resolver.addresses(&name(), 80, &known).await.expect("known");
        assert_eq!(server.asked.get(), 2, "no other cache answers in its place");
    });
}

#[test]
fn a_connection_begins_at_the_address_that_is_chosen_and_has_the_others_behind_it() {
    run(async {
        let server = NameServer::start(0, 60, &[[127, 0, 0, 1], [127, 0, 0, 2]]).await;
        let firsts = async |select: &str| {
            let resolver = server.resolver_by(format!("select={select}").parse().expect("rules"));
            let known = Addresses::default();
            let mut firsts = Vec::new();
            for _ in 0..64 {
                let found = resolver.addresses(&name(), 80, &known).await.expect("known");
                assert_eq!(found.len(), 2, "no address is left out");
                firsts.push(found[0].to_string() == "127.0.0.1:80");
            }
            firsts
        };
        assert_eq!(firsts("first").await, [true; 64]);
        let in_turn = firsts("round-robin").await;
        assert!(in_turn.windows(2).all(|two| two[0] != two[1]), "{in_turn:?}");
        // That all of 64 are the same happens once in 2^63 times.
        let random = firsts("random").await;
        assert!(random.contains(&true) && random.contains(&false), "{random:?}");
    });
}

#[test]
fn addresses_of_the_preferred_version_come_first_and_the_others_stay_behind_them() {
    let ips: Vec<IpAddr> = ["10.0.0.1", "::1", "10.0.0.2", "::2"]
        .iter()
        .map(|ip| ip.parse().expect("an address"))
        .collect();
    let ordered = |rules: &str| {
        let routes = Routes { dns: rules.parse().expect("rules"), ..Routes::default() };
        let resolver = Resolver::new(Rc::new(routes));
        let known = Addresses::default();
        let turn = || {
            let found = resolver.in_order(&known, &ips, 80);
            found.iter().map(|to| to.ip().to_string()).collect::<Vec<_>>().join(" ")
        };
        [turn(), turn()]
    };
    assert_eq!(
        ordered("policy=prefer-ipv6"),
        ["::1 ::2 10.0.0.1 10.0.0.2", "::2 ::1 10.0.0.2 10.0.0.1"]
    );
    assert_eq!(ordered("policy=prefer-ipv4,select=first"), ["10.0.0.1 10.0.0.2 ::1 ::2"; 2]);
    assert_eq!(ordered("policy=any,select=first"), ["10.0.0.1 ::1 10.0.0.2 ::2"; 2]);
}

#[test]
fn the_preferred_version_is_waited_for_and_the_other_taken_where_it_is_alone() {
    run(async {
        // Nobody answers for IPv6.
        let server = NameServer::start(0, 60, &[[127, 0, 0, 7]]).await;
        server.answers_six.set(false);
        let resolver = server.resolver_by("policy=prefer-ipv4".parse().expect("rules"));
        let known = Addresses::default();
        let found = resolver.addresses(&name(), 80, &known).await.expect("IPv4 is known");
        assert_eq!(found[0].to_string(), "127.0.0.7:80");
        // IPv6 has no address.
        server.answers_six.set(true);
        let resolver = server.resolver_by("policy=prefer-ipv6".parse().expect("rules"));
        let known = Addresses::default();
        let found = resolver.addresses(&name(), 80, &known).await.expect("IPv4 is known");
        assert_eq!(found[0].to_string(), "127.0.0.7:80");
        let resolver = server.resolver_by("policy=only-ipv6".parse().expect("rules"));
        let error = resolver.addresses(&name(), 80, &Addresses::default()).await;
        assert_eq!(error.expect_err("no address").class, ErrorClass::Dns);
    });
}

#[test]
fn the_time_to_live_is_the_owner_s() {
    run(async {
        let server = NameServer::start(0, 300, &[[127, 0, 0, 1]]).await;
        let known = Addresses::default();
        server.resolver().addresses(&name(), 80, &known).await.expect("known");
        let left = known
            .answer
            .lock()
            .await
            .as_ref()
            .expect("an answer")
            .until
            .saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(290) && left <= Duration::from_secs(300), "{left:?}");
    });
}

#[test]
fn a_name_that_does_not_exist_or_cannot_be_asked_for_is_a_dns_error() {
    run(async {
        for (code, text) in [(NO_SUCH_NAME, "no such name"), (SERVER_FAILURE, "service.test")] {
            let server = NameServer::start(code, 0, &[]).await;
            let error = server
                .resolver()
                .addresses(&name(), 80, &Addresses::default())
                .await
                .expect_err("no address");
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
            assert!(
                !resolver
                    .addresses(&host, 80, &Addresses::default())
                    .await
                    .expect("known")
                    .is_empty(),
                "{host}"
            );
        }
        assert_eq!(server.asked.get(), 0);
    });
}

#[test]
fn an_ip_version_that_nobody_answers_for_does_not_hold_up_the_other() {
    run(async {
        let server = NameServer::start(0, 60, &[[127, 0, 0, 7]]).await;
        server.answers_six.set(false);
        let known = Addresses::default();
        let start = Instant::now();
        let found = server.resolver().addresses(&name(), 80, &known).await.expect("IPv4 is known");
        // The resolver itself gives up on a question after five seconds, twice.
        assert!(start.elapsed() < Duration::from_secs(4), "held up for {:?}", start.elapsed());
        assert_eq!(found[0].to_string(), "127.0.0.7:80");
        assert!(
            known.answer.lock().await.as_ref().is_some_and(|answer| answer.late.is_some()),
            "the question for IPv6 goes on"
        );
    });
}

#[test]
fn a_name_of_the_hosts_file_asks_nobody_and_needs_no_name_server() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, "127.0.0.5 my_service\n127.0.0.6 localhost\n").expect("a file");
        let server = NameServer::start(NO_SUCH_NAME, 0, &[]).await;
        let resolver = Resolver { hosts, ..server.resolver() };
        for (host, expected) in [
            ("my_service", "127.0.0.5:80"),
            ("my_service.", "127.0.0.5:80"),
            ("localhost", "127.0.0.6:80"),
        ] {
            let found = resolver
                .addresses(&Host::Domain(host.into()), 80, &Addresses::default())
                .await
                .expect("known");
            assert_eq!(
                found.iter().map(SocketAddr::to_string).collect::<Vec<_>>(),
                [expected],
                "{host}"
            );
        }
        assert_eq!(server.asked.get(), 0);
        // Another address is found once the file has changed and the answer is old.
        let known = Addresses::default();
        let found = async || {
            resolver.addresses(&Host::Domain("my_service".into()), 80, &known).await.expect("known")
                [0]
            .to_string()
        };
        assert_eq!(found().await, "127.0.0.5:80");
        let file = std::fs::File::options().write(true).open(&resolver.hosts).expect("the file");
        std::io::Write::write_all(&mut &file, b"127.0.0.8").expect("a file");
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a file");
        assert_eq!(found().await, "127.0.0.5:80");
        known.answer.lock().await.as_mut().expect("an answer").until = Instant::now();
        assert_eq!((found().await.as_str(), server.asked.get()), ("127.0.0.8:80", 0));
        let resolver = Resolver { servers: OnceCell::new(), ..resolver };
        resolver
            .addresses(&Host::Domain("my_service".into()), 80, &Addresses::default())
            .await
            .expect("known without a name server");
        assert!(resolver.servers.get().is_none(), "no name server was looked for");
    });
}

#[test]
fn a_name_with_an_underscore_is_asked_for() {
    run(async {
        let server = NameServer::start(0, 60, &[[127, 0, 0, 1]]).await;
        let resolver = server.resolver();
        for name in ["my_service", "_a._tcp.b_c.test", "whole.test."] {
            resolver
                .addresses(&Host::Domain(name.into()), 80, &Addresses::default())
                .await
                .expect(name);
        }
        assert_eq!(server.asked.get(), 3);
    });
}

#[test]
fn ip_versions_take_turns_beginning_with_the_first() {
    let mixed = |ips: &[&str]| {
        let ips = ips.iter().map(|ip| ip.parse().expect("an address"));
        taking_turns(ips).iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        mixed(&["::1", "::2", "10.0.0.1", "::3", "10.0.0.2"]),
        "::1 10.0.0.1 ::2 10.0.0.2 ::3"
    );
    assert_eq!(mixed(&["10.0.0.1", "10.0.0.2"]), "10.0.0.1 10.0.0.2");
    assert_eq!(mixed(&[]), "");
}
