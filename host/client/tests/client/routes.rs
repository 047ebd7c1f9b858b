//! Services that are reached by another way than their names say.

use http::Method;
use swell_client::{AllowList, Client, IpVersion, Options, Request, Routes, Session, Version};
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener};

use crate::service::*;
use crate::tls::{TestAuthority, secure};

/// A user whose connections take these routes, and who may reach `shop.test`.
fn session_by(routes: Routes) -> Session {
    session_with(Options { routes, ..allowing_shop(options()) }).1
}

fn allowing_shop(mut options: Options) -> Options {
    options.allow = AllowList::parse(["shop.test", "localhost"]).expect("hosts");
    options
}

fn get_of(url: &str) -> Request {
    Request::new(Method::GET, url.to_owned())
}

/// A proxy that opens tunnels to one service, whatever it is asked for, and tells what that was.
async fn tunnelling_to(service: &TestService) -> TestService {
    let to = service.address;
    TestService::accepting(move |mut stream, counts| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("the head of a request"));
        }
        let head = String::from_utf8(head).expect("text");
        counts.seen.borrow_mut().push(SeenRequest { connection: 0, nth: 0, head, body: vec![] });
        stream.write_all(b"HTTP/1.1 200 Opened\r\n\r\n").await.expect("it is read");
        let mut service = TcpStream::connect(to).await.expect("it listens");
        // Whoever closes first.
        let _ = copy_bidirectional(&mut stream, &mut service).await;
    })
    .await
}

fn proxy(service: &TestService, login: &str) -> Routes {
    let url = format!("http://{login}{}", service.address);
    Routes { proxy: Some(url.parse().expect("a proxy")), ..Routes::default() }
}

#[test]
fn a_pinned_name_and_a_moved_service_are_reached_where_they_stand_by_their_own_names() {
    run(async {
        let service = TestService::scripted(|_| ok("hello")).await;
        let port = service.address.port();
        let pinned = format!("shop.test:{port}:127.0.0.1").parse().expect("a name");
        let session = session_by(Routes { names: vec![pinned], ..Routes::default() });
        let url = format!("http://shop.test:{port}/items");
        assert_eq!(status(&session.send(get_of(&url)).await), 200);
        let moved = format!("shop.test:80:127.0.0.1:{port}").parse().expect("a service");
        let session = session_by(Routes { services: vec![moved], ..Routes::default() });
        assert_eq!(status(&session.send(get_of("http://shop.test/items")).await), 200);
        let hosts: Vec<_> =
            service.seen().iter().map(|seen| seen.header("host").map(str::to_owned)).collect();
        assert_eq!(hosts, [Some(format!("shop.test:{port}")), Some("shop.test".to_owned())]);
        let denied = session.send(get_of(&format!("http://127.0.0.1:{port}/"))).await;
        assert_eq!(denied.exchange.result, Err(ErrorClass::Denied), "a way is no permission");
    });
}

#[test]
fn a_socket_of_this_machine_takes_the_connections_for_all_hosts() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        tokio::task::spawn_local(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::task::spawn_local(async move {
                    let mut head = vec![0; 4096];
                    while matches!(stream.read(&mut head).await, Ok(1..)) {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        stream.write_all(answer).await.expect("it is read");
                    }
                });
            }
        });
        let session = session_by(Routes { unix_socket: Some(path.clone()), ..Routes::default() });
        let first = session.send(get_of("http://shop.test/")).await;
        let second = session.send(get_of("http://shop.test/again")).await;
        assert_eq!((status(&first), status(&second)), (200, 200));
        assert_eq!((first.exchange.connections, second.exchange.connections), (1, 0), "it is kept");
        drop(session);
        let gone = folder.path().join("nobody.sock");
        let nobody = session_by(Routes { unix_socket: Some(gone), ..Routes::default() });
        let sent = nobody.send(get_of("http://shop.test/")).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Connect));
        assert!(sent.result.expect_err("nobody").message.contains("nobody.sock"));
    });
}

#[test]
fn plain_requests_are_written_for_the_proxy_with_who_asks() {
    run(async {
        let asked = TestService::scripted(|_| ok("by the proxy")).await;
        let session = session_by(proxy(&asked, "ada:pw@"));
        for _ in 0..2 {
            let url = "http://shop.test/items?page=2#top";
            assert_eq!(status(&session.send(get_of(url)).await), 200);
        }
        let seen = asked.seen();
        assert_eq!(seen[0].path(), "http://shop.test/items?page=2");
        assert_eq!(seen[0].header("host"), Some("shop.test"));
        assert_eq!(seen[0].header("proxy-authorization"), Some("Basic YWRhOnB3"));
        assert_eq!((seen[1].connection, seen[1].nth), (0, 1), "the connection is kept");
    });
}

#[test]
fn what_is_not_plain_goes_through_a_tunnel_and_the_service_learns_nothing_of_the_proxy() {
    run(async {
        let authority = TestAuthority::new();
        let service = secure(authority.server(&[], |_| {})).await;
        let between = tunnelling_to(&service).await;
        let mut options = allowing_shop(options());
        options.tls = authority.trusted().load().expect("files");
        options.routes = proxy(&between, "ada:pw@");
        let (_, session) = session_with(options);
        assert_eq!(status(&session.send(get_of("https://localhost/")).await), 200);
        let asked = between.seen();
        assert!(asked[0].head.starts_with("CONNECT localhost:443 HTTP/1.1\r\n"));
        assert_eq!(asked[0].header("proxy-authorization"), Some("Basic YWRhOnB3"));
        assert_eq!(service.seen()[0].header("proxy-authorization"), None);
        // By prior knowledge: the preface of HTTP/2 arrives, and no request that a proxy reads.
        let plain = TestService::scripted(|_| ok("not HTTP/2")).await;
        let between = tunnelling_to(&plain).await;
        let request = Request { version: Version::Http2, ..get_of("http://shop.test/") };
        let sent = session_by(proxy(&between, "")).send(request).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Protocol));
        assert!(between.seen()[0].head.starts_with("CONNECT shop.test:80 "));
        assert!(plain.seen()[0].head.starts_with("PRI * HTTP/2.0"));
    });
}

#[test]
fn a_version_of_ip_that_is_not_to_be_used_is_not_used() {
    run(async {
        let service = TestService::scripted(|_| ok("hello")).await;
        let port = service.address.port();
        let url = format!("http://shop.test:{port}/");
        let only = |version, addresses| Routes {
            ip_version: Some(version),
            names: vec![format!("shop.test:{port}:{addresses}").parse().expect("a name")],
            ..Routes::default()
        };
        let four = only(IpVersion::V4, "[::1],127.0.0.1");
        assert_eq!(status(&session_by(four).send(get_of(&url)).await), 200);
        let six = only(IpVersion::V6, "127.0.0.1,[::1]");
        let sent = session_by(six).send(get_of(&url)).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Connect), "it listens on IPv4 alone");
        let none = only(IpVersion::V6, "127.0.0.1");
        let sent = session_by(none.clone()).send(get_of(&url)).await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Dns));
        let told = &sent.result.as_ref().expect_err("no address").message;
        assert!(told.contains("has no IPv6 address, and only IPv6 is used"), "{told}");
        let by_address = session_with(Options { routes: none, ..options() }).1;
        let sent = by_address.send(get_of(&service.url("/"))).await;
        let error = sent.result.expect_err("it is of the other version");
        assert!(error.message.contains("127.0.0.1 is not reached: only IPv6 is used"), "{error}");
    });
}

#[test]
fn a_target_of_a_version_of_ip_that_is_not_used_is_refused_before_anything_is_sent() {
    let made = |target: &str, routes: &Routes| {
        let target = Some(target.to_owned());
        Client::new(Options { target, routes: routes.clone(), ..options() }).map(drop)
    };
    let six = Routes { ip_version: Some(IpVersion::V6), ..Routes::default() };
    let error = made("http://127.0.0.1:8080", &six).expect_err("it is of the other version");
    let told = error.to_string();
    assert!(told.starts_with("requests to the target go to 127.0.0.1, and only IPv6 "), "{told}");
    let four = Routes { dns: "policy=only-ipv4".parse().expect("rules"), ..Routes::default() };
    assert!(made("http://[::1]/", &four).is_err());
    assert!(made("http://127.0.0.1/", &four).is_ok() && made("http://[::1]/", &six).is_ok());
    // What counts is where connections go.
    let moved = |to: &str| Routes { services: vec![to.parse().expect("places")], ..six.clone() };
    assert!(made("http://127.0.0.1/", &moved("::[::1]:")).is_ok());
    assert!(made("http://shop.test/", &moved("::10.0.0.7:")).is_err());
    let proxy = Some("http://10.0.0.7:3128".parse().expect("a proxy"));
    assert!(made("http://shop.test/", &Routes { proxy, ..six.clone() }).is_err());
    let unix_socket = Some("/run/shop.sock".into());
    assert!(made("http://127.0.0.1/", &Routes { unix_socket, ..six }).is_ok());
}

#[test]
fn tls_asks_for_the_name_that_was_given_and_wants_its_certificate() {
    run(async {
        let authority = TestAuthority::new();
        let names = |names: &'static str| {
            authority.server(&[], |params| {
                params.subject_alt_names =
                    vec![rcgen::SanType::DnsName(names.try_into().expect("a name"))];
            })
        };
        let service = secure(names("shop.test")).await;
        let url = format!("https://127.0.0.1:{}/", service.address.port());
        let ask = async |name: &str| {
            let mut options = options();
            options.tls = authority.trusted().load().expect("files");
            options.routes.tls_name = Some(name.parse().expect("a name"));
            session_with(options).1.send(get_of(&url)).await
        };
        assert_eq!(status(&ask("shop.test").await), 200);
        let host = service.seen()[0].header("host").map(str::to_owned);
        assert_eq!(host, Some(service.address.to_string()), "`host` is that of the URL");
        let sent = ask("other.test").await;
        assert_eq!(sent.exchange.result, Err(ErrorClass::Tls));
        let told = sent.result.expect_err("another's certificate").message;
        assert!(told.contains("not valid for other.test"), "{told}");
    });
}
