//! What is typed, and which way follows from it.

use super::*;

fn host(text: &str) -> Host {
    Host::parse(text).expect("a host")
}

fn routes(names: &[&str], services: &[&str]) -> Routes {
    Routes {
        names: names.iter().map(|text| text.parse().expect("a name")).collect(),
        services: services.iter().map(|text| text.parse().expect("a service")).collect(),
        ..Routes::default()
    }
}

#[test]
fn a_name_has_the_addresses_that_were_given_at_its_port_alone() {
    let routes = routes(
        &["Shop.test:443:10.0.0.7,[::1]", "api.test.:80:2001:db8::1", "*:8080:127.0.0.1"],
        &[],
    );
    let told = |name: &str, port| {
        let found = routes.pinned(name, port)?;
        Some(found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(told("shop.test", 443).as_deref(), Some("10.0.0.7 ::1"));
    assert_eq!(told("shop.test.", 443).as_deref(), Some("10.0.0.7 ::1"));
    assert_eq!(told("api.test", 80).as_deref(), Some("2001:db8::1"));
    assert_eq!(told("whatever.test", 8080).as_deref(), Some("127.0.0.1"));
    assert_eq!((told("shop.test", 80), told("www.shop.test", 443)), (None, None));
}

#[test]
fn the_first_service_that_is_meant_says_where_it_stands() {
    let routes =
        routes(&[], &["shop.test:443:10.0.0.7:8443", "shop.test::other.test:", "::[::1]:9"]);
    let way = |name: &str, port| match routes.route_to(&host(name), port) {
        Route::Straight(host, port) => format!("{host}:{port}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(way("shop.test", 443), "10.0.0.7:8443");
    assert_eq!(way("shop.test", 80), "other.test:80");
    assert_eq!(way("api.test", 80), "[::1]:9");
}

#[test]
fn hosts_that_are_excepted_are_reached_without_the_proxy() {
    let routes = Routes {
        proxy: Some("http://10.0.0.1:3128".parse().expect("a proxy")),
        without_proxy: parse_without_proxy("local.test, .internal ,10.0.0.9,").expect("hosts"),
        ..Routes::default()
    };
    let is_straight =
        |name: &str| matches!(routes.route_to(&host(name), 80), Route::Straight(_, 80));
    assert!(
        ["local.test", "a.local.test", "x.internal", "local.test.", "10.0.0.9"]
            .into_iter()
            .all(is_straight)
    );
    assert!(!["notlocal.test", "test", "10.0.0.8"].into_iter().any(is_straight));
}

#[test]
fn a_proxy_reads_no_request_for_a_service_that_stands_elsewhere() {
    let moved = "shop.test:80:10.0.0.7:8080".parse().expect("a service");
    let routes = Routes {
        proxy: Some("http://10.0.0.1:3128".parse().expect("a proxy")),
        services: vec![moved],
        ..Routes::default()
    };
    assert!(routes.proxy_asked_for(&host("api.test"), 80).is_some());
    assert!(routes.proxy_asked_for(&host("shop.test"), 80).is_none(), "it takes a tunnel");
    let to_place = matches!(
        routes.route_to(&host("shop.test"), 80),
        Route::Through(_, at, 8080) if at == host("10.0.0.7")
    );
    assert!(to_place);
}

#[test]
fn a_socket_of_this_machine_takes_all_connections() {
    let routes = Routes { unix_socket: Some("/run/shop.sock".into()), ..Routes::default() };
    let way = routes.route_to(&host("shop.test"), 80);
    assert!(matches!(way, Route::Unix(path) if path.ends_with("shop.sock")));
    assert!(routes.proxy_asked_for(&host("shop.test"), 80).is_none());
}

#[test]
fn what_is_no_route_is_told_with_its_form() {
    for (wrong, told) in [
        ("", "HOST:PORT:ADDRESS"),
        ("shop.test", "HOST:PORT:ADDRESS"),
        ("shop.test:443", "\"\" is no address"),
        ("shop.test:443:other.test", "\"other.test\" is no address"),
        ("shop.test:443:10.0.0.7,", "\"\" is no address"),
        ("shop.test::10.0.0.7", "the port is missing"),
        ("shop.test:70000:10.0.0.7", "\"70000\" is no port"),
        ("shop.test:0:10.0.0.7", "\"0\" is no port"),
        ("10.0.0.1:80:10.0.0.7", "is an address already"),
        ("a b:80:10.0.0.7", "\"a b\" is no host"),
    ] {
        let error = wrong.parse::<PinnedName>().expect_err(wrong);
        assert!(error.contains(told), "{wrong}: {error}");
    }
    for (wrong, told) in [
        ("", "HOST:PORT:HOST:PORT"),
        ("a.test:80:b.test", "HOST:PORT:HOST:PORT"),
        ("a.test:80:b.test:81:82", "HOST:PORT:HOST:PORT"),
        ("a.test:http:b.test:81", "\"http\" is no port"),
        ("a.test:80:b test:81", "\"b test\" is no host"),
    ] {
        let error = wrong.parse::<MovedService>().expect_err(wrong);
        assert!(error.contains(told), "{wrong}: {error}");
    }
    assert!(parse_without_proxy("a.test,b test").expect_err("no host").contains("\"b test\""));
}

#[test]
fn a_look_up_without_a_port_finds_what_is_known_of_the_name_at_any() {
    let routes = routes(
        &["redis.test:6379:10.0.0.7", "redis.test:6380:10.0.0.8,10.0.0.9", "*:1:10.0.0.1"],
        &[],
    );
    let found = |name: &str| {
        let ips = routes.pinned_at_any_port(name);
        ips.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found("redis.test"), ["10.0.0.7", "10.0.0.8", "10.0.0.9"]);
    assert_eq!(found("redis.test."), found("redis.test"));
    assert!(found("elsewhere.test").is_empty());
}
