//! Sockets of scenarios: what they reach and what not, what is counted, and how they end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use swell_tests::{
    Finished, Host, NameServer, Peer, PeerManner, RealServer, free_address, wait_until,
};

/// A run of a guest whose peer is there, and allowed.
fn talking_to(guest: &str, peer: SocketAddr) -> Host {
    Host::run_guest(guest)
        .arg("--allow-host")
        .arg(peer.to_string())
        .arg("-e")
        .arg(format!("peer={peer}"))
}

/// One try at something with an address or a name, under these flags.
fn tries(what: &str, with: &str, flags: &str) -> Finished {
    Host::run_guest("socket-denied")
        .args("--vus 1 --iterations 1")
        .args(flags)
        .arg("-e")
        .arg(format!("tries={what}"))
        .arg("-e")
        .arg(format!("with={with}"))
        .finish()
}

/// It was refused, and whoever runs it is told what would allow it.
#[track_caller]
fn expect_denied(what: &str, with: &str, flags: &str, told: &str) {
    let run = tries(what, with, flags).expect_done();
    assert_eq!(run.count("/measured/transactions/ok"), 1, "{what} {with}: {}", run.stdout);
    assert_eq!(run.json_at("/measured/sockets/errors"), &json!({ "denied": 1 }), "{what} {with}");
    assert!(run.stderr.contains(told), "{what} {with}: {}", run.stderr);
    assert_eq!(run.count("/measured/sockets/bytes_sent"), 0);
}

#[test]
fn connections_and_bytes_are_those_that_the_peer_has_seen() {
    let peer = Peer::start(PeerManner::Echoes);
    let run = talking_to("socket-echo", peer.addr())
        .args("--vus 3 --iterations 300 -e size=100000")
        .finish()
        .expect_done();
    assert_eq!(run.count("/measured/transactions/ok"), 300);
    assert_eq!(run.count("/measured/sockets/connections"), 3);
    assert_eq!(run.count("/measured/sockets/bytes_sent"), 30_000_000);
    assert_eq!(run.count("/measured/sockets/bytes_received"), 30_000_000);
    assert_eq!((peer.connections(), peer.received(), peer.sent()), (3, 30_000_000, 30_000_000));
    assert_eq!(run.count("/measured/requests/ok"), 0);
    assert!(
        run.stdout.contains("3 connections opened; 28.6 MiB sent, 28.6 MiB received"),
        "{}",
        run.stdout
    );
    for absent in ["requests", "request ", "statuses"] {
        assert!(!run.stdout.contains(absent), "{absent}: {}", run.stdout);
    }
    assert!(run.stdout.contains("µs a transaction"), "{}", run.stdout);
    wait_until(Duration::from_secs(10), "all to be closed", || (peer.closed() == 3).then_some(()));
}

#[test]
fn thresholds_judge_transactions_and_figures_of_sockets() {
    let peer = Peer::start(PeerManner::Echoes);
    let run = |threshold: &str| {
        let host = talking_to("socket-echo", peer.addr()).args("--vus 1 --iterations 50");
        host.arg("--threshold").arg(threshold).finish()
    };
    run("service[echo].p50 < 10s").expect_code(0);
    run("socket_bytes_sent > 0").expect_code(0);
    run("socket_connections < 0.000001").expect_code(99);
}

#[test]
fn an_address_is_reached_where_it_is_allowed_with_its_port_and_nowhere_else() {
    let peer = Peer::start(PeerManner::Echoes).addr();
    let (port, other) = (peer.port(), free_address().port());
    let here = format!("127.0.0.1:{port}");
    let flag = format!("(--allow-host {here})");
    expect_denied("connect", &here, "", &flag);
    expect_denied("connect", &here, &format!("--allow-host 127.0.0.1:{other}"), &flag);
    expect_denied("connect", &here, "--allow-host 127.0.0.2", &flag);
    expect_denied(
        "connect mapped",
        &format!("[::ffff:{here}]").replace(&format!(":{port}]"), &format!("]:{port}")),
        "",
        &flag,
    );
    expect_denied("send", &here, "", &flag);
    expect_denied("connect datagrams", &here, "", &flag);
    for allowed in [here.as_str(), "127.0.0.1"] {
        let run = tries("connect", &here, &format!("-e allowed=yes --allow-host {allowed}"));
        assert_eq!(run.expect_done().count("/measured/sockets/connections"), 1);
    }
}

#[test]
fn a_target_is_allowed_as_it_is_for_requests() {
    let peer = Peer::start(PeerManner::Echoes).addr();
    let flags = format!("-e allowed=yes --target http://{peer} --no-preflight");
    tries("connect", &peer.to_string(), &flags).expect_done();
}

#[test]
fn a_name_is_looked_up_where_it_is_allowed_and_gives_its_own_ports() {
    let peer = Peer::start(PeerManner::Echoes).addr();
    let (port, other) = (peer.port(), free_address().port());
    let here = format!("localhost:{port}");
    let run = tries("connect", &here, &format!("-e allowed=yes --allow-host {here}"));
    assert_eq!(run.expect_done().count("/measured/sockets/connections"), 1);
    expect_denied("connect", &here, "", "(--allow-host localhost)");
    expect_denied(
        "look up",
        "elsewhere.example",
        "--allow-host localhost",
        "(--allow-host elsewhere.example)",
    );
    expect_denied("look up", "127.0.0.1", "--allow-host localhost", "(--allow-host 127.0.0.1)");
    let only = format!("--allow-host localhost:{other}");
    let run = tries("connect", &here, &only).expect_done();
    assert!(run.stderr.contains(&format!("(--allow-host {here})")), "{}", run.stderr);
}

#[test]
fn a_name_that_nobody_knows_is_an_error_of_its_own() {
    let run = tries("look up", "nobody.invalid", "--allow-host nobody.invalid --allow-all-failed");
    let run = run.expect_done();
    assert_eq!(run.count("/measured/transactions/failed"), 1, "{}", run.stdout);
    let errors = run.json_at("/measured/sockets/errors").to_string();
    assert!(errors.contains("dns") || errors.contains("timeout"), "{errors}");
}

#[test]
fn nothing_listens_and_datagrams_have_no_port_of_their_own_choice() {
    let anywhere = "--allow-host 127.0.0.1 --allow-host 0.0.0.0";
    for (what, with) in [("bind", "127.0.0.1:0"), ("bind", "0.0.0.0:8080"), ("listen", "")] {
        let run = tries(what, with, anywhere).expect_done();
        assert_eq!(run.count("/measured/transactions/ok"), 1, "{what} {with}: {}", run.stdout);
    }
    expect_denied("bind datagrams", "127.0.0.1:5353", anywhere, "it cannot bind 127.0.0.1:5353");
    tries("bind datagrams", "127.0.0.1:0", "-e allowed=yes").expect_done();
}

#[test]
fn datagrams_are_counted_each() {
    let peer = Peer::of_datagrams();
    let run = talking_to("socket-echo", peer.addr())
        .args("--vus 2 --iterations 100 -e by=datagrams -e size=1200")
        .finish()
        .expect_done();
    assert_eq!(run.count("/measured/transactions/ok"), 100);
    let sockets = ["datagrams_sent", "datagrams_received", "bytes_sent", "bytes_received"];
    let counts = sockets.map(|count| run.count(&format!("/measured/sockets/{count}")));
    assert_eq!(counts, [100, 100, 120_000, 120_000]);
    assert_eq!((peer.received(), run.count("/measured/sockets/connections")), (120_000, 0));
    let here = peer.addr().to_string();
    let flags = format!("-e allowed=yes --allow-host {here}");
    let run = tries("send", &here, &flags).expect_done();
    assert_eq!(run.count("/measured/sockets/datagrams_sent"), 1);
}

#[test]
fn a_hundred_thousand_sockets_are_answered_and_cost_what_the_first_cost() {
    let run = Host::run_guest("socket-hoards").args("--vus 1 --iterations 2 --guest-cpu 10s");
    let run = run.finish().expect_done();
    assert_eq!(run.count("/measured/transactions/ok"), 2, "{}", run.stdout);
    let refused = run.count("/measured/sockets/errors/invalid");
    assert_eq!(refused, 2 * (99_872 + 1));
    let resident = run.number("/machine/resident_mib");
    assert!(resident < 400.0, "{resident} MiB");
}

#[test]
fn a_peer_that_reads_nothing_takes_no_memory() {
    let peer = Peer::start(PeerManner::IsSilent);
    let run = Host::run_guest("socket-floods")
        .args("--allow-host 127.0.0.1 --vus 1 --iterations 1")
        .arg("-e")
        .arg(format!("port={}", peer.addr().port()))
        .finish()
        .expect_done();
    assert_eq!(run.count("/measured/transactions/ok"), 1, "{}", run.stdout);
    let taken = run.number("/measured/metrics/0/values/max");
    let sent = run.count("/measured/sockets/bytes_sent") as f64;
    assert!(taken >= sent && taken - sent <= 65_536.0, "{taken} taken, {sent} sent");
}

#[test]
fn a_peer_may_end_its_half_reset_or_refuse_and_each_is_told_as_what_it_is() {
    let expects = |what: &str, peer: SocketAddr| {
        let host = talking_to("socket-breaks", peer).args("--vus 1 --iterations 20");
        let run = host.arg("-e").arg(format!("expects={what}")).finish().expect_done();
        assert_eq!(run.count("/measured/transactions/ok"), 20, "{what}: {}", run.stdout);
        run
    };
    let half = Peer::start(PeerManner::SaysByeAndListens);
    expects("eof", half.addr());
    let heard = || (half.received() == 20 * "and thanks".len() as u64).then_some(());
    wait_until(Duration::from_secs(10), "what was said after the half's end", heard);
    let run = expects("reset", Peer::start(PeerManner::ResetsMidway).addr());
    assert_eq!(run.json_at("/measured/sockets/errors"), &json!({ "reset": 20 }));
    let run = expects("refused", free_address());
    assert_eq!(run.json_at("/measured/sockets/errors"), &json!({ "connect": 20 }));
    assert_eq!(run.count("/measured/sockets/connections"), 0);
}

#[test]
fn a_server_that_never_answers_does_not_hold_up_the_end_of_a_run() {
    let peer = Peer::start(PeerManner::IsSilent);
    for (place, interrupted) in [("outside", 0), ("inside", 5)] {
        let began = Instant::now();
        let run = talking_to("socket-waits", peer.addr())
            .args("--vus 5 --duration 1s --grace 1s --allow-all-failed")
            .arg("-e")
            .arg(format!("where={place}"))
            .finish();
        let run = run.expect_done();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(20), "{place}: {took:?}");
        let cut = run.count("/measured/transactions/interrupted");
        assert_eq!(cut, interrupted, "{place}: {}", run.stdout);
        assert_eq!(run.count("/measured/iterations/failed"), 0, "{place}: {}", run.stdout);
        assert_eq!(run.count("/users/trapped"), 0, "{place}: {}", run.stdout);
    }
    wait_until(Duration::from_secs(10), "all to be closed", || {
        (peer.closed() == peer.connections()).then_some(())
    });
}

#[test]
fn users_that_wait_for_a_silent_peer_compute_nothing() {
    let peer = Peer::start(PeerManner::IsSilent);
    let run = talking_to("socket-waits", peer.addr())
        .args(
            "--vus 2 --duration 2s --grace 1s --guest-cpu 20ms --allow-all-failed -e where=inside",
        )
        .finish()
        .expect_done();
    assert_eq!(run.count("/users/trapped"), 0, "{}", run.stdout);
    assert!(run.number("/machine/cpu_seconds") < 2.0, "{}", run.stdout);
}

#[test]
fn a_machine_without_descriptors_is_to_blame_and_not_the_service() {
    let peer = Peer::start(PeerManner::Echoes);
    let run = Host::run_guest("socket-hoards")
        .args("--vus 1 --iterations 1 --guest-cpu 10s --allow-all-failed --accept invalid")
        .open_files(64)
        .finish();
    let lacking = run.expect_done();
    assert!(lacking.count("/measured/sockets/errors/local_files") > 0, "{}", lacking.stdout);
    assert!(lacking.stdout.contains("INVALID"), "{}", lacking.stdout);
    drop(peer);
}

#[test]
fn a_try_shows_what_a_socket_did() {
    let peer = Peer::start(PeerManner::Echoes);
    let shown = |flags: &str| {
        let file = swell_tests::guest("socket-echo");
        let host = Host::new("try").arg(file).args(flags).arg("-e");
        host.arg(format!("peer={}", peer.addr())).finish()
    };
    let allowed = shown(&format!("--allow-host {}", peer.addr())).expect_code(0);
    assert!(
        allowed.stdout.contains(&format!("connected to {}", peer.addr())),
        "{}",
        allowed.stdout
    );
    let denied = shown("");
    assert!(denied.stdout.contains("a connection: 127.0.0.1:"), "{}", denied.stdout);
}

/// The command of an example's README, against a server of this test's.
fn as_its_readme_says(name: &str, replaced: &[(&str, &str)]) -> Finished {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-examples").join(name);
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("it has a README");
    let command = format!("host run {name}.wasm ");
    let mut flags = readme
        .lines()
        .find_map(|line| line.strip_prefix(&command))
        .unwrap_or_else(|| panic!("no `{command}` in {readme}"))
        .replace("--duration 10s", "--duration 1s");
    for (from, to) in replaced {
        assert!(flags.contains(from), "no {from} in {flags}");
        flags = flags.replace(from, to);
    }
    let run = Host::run_example(name).args(&flags).finish().expect_done();
    assert!(run.count("/measured/transactions/ok") > 0, "{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/failed"), 0, "{}", run.stdout);
    assert_eq!(run.count("/users/trapped"), 0, "{}", run.stdout);
    for (_, check) in run.json_at("/measured/checks").as_object().expect("it is a map") {
        assert_eq!(check["failed"], 0, "{}", run.stdout);
    }
    run
}

#[test]
fn redis_answers_what_its_example_asks() {
    let redis = RealServer::redis();
    let at = format!("{} -e redis={}", redis.addr(), redis.addr());
    let run = as_its_readme_says("redis", &[("localhost:6379", &at)]);
    assert_eq!(run.count("/measured/sockets/connections"), 64);
    let pings = as_its_readme_says(
        "redis",
        &[("localhost:6379", &at), ("--scenario keys", "--scenario pings")],
    );
    let ok = pings.count("/measured/by_name/PING/ok")
        + pings.count("/measured/by_name/PING/interrupted");
    assert_eq!(
        pings.count("/measured/sockets/bytes_sent"),
        ok * "*1\r\n$4\r\nPING\r\n".len() as u64
    );
}

#[test]
fn a_line_goes_out_and_comes_back() {
    let server = Peer::start(PeerManner::Echoes);
    let at = format!("{} -e server={}", server.addr(), server.addr());
    let run = as_its_readme_says("line-protocol", &[("localhost:7000", &at)]);
    assert_eq!(run.count("/measured/sockets/connections"), server.connections());
}

#[test]
fn a_name_server_is_asked_by_datagrams() {
    let server = NameServer::start();
    let addr = server.addr().to_string();
    let run = as_its_readme_says("dns", &[("127.0.0.1:53", &addr)]);
    let sent = run.count("/measured/sockets/datagrams_sent");
    assert_eq!(run.count("/measured/sockets/datagrams_received"), sent);
    assert_eq!(sent, run.count("/measured/transactions/ok"));
}

#[test]
fn postgresql_is_queried_and_says_in_its_own_words_what_is_wrong() {
    let server = RealServer::postgres();
    let at = format!("{} -e postgres={}", server.addr(), server.addr());
    as_its_readme_says("postgres", &[("localhost:5432", &at)]);
    let refused = Host::run_example("postgres")
        .args(&format!("--vus 1 --iterations 1 --allow-host {at} -e database=nowhere"))
        .finish();
    let words = format!("{}{}", refused.stdout, refused.stderr);
    assert!(words.contains("database \"nowhere\" does not exist"), "{words}");
}

#[test]
fn a_broker_of_mqtt_delivers_what_is_published() {
    let server = RealServer::mosquitto();
    let addr = server.addr().to_string();
    let run = as_its_readme_says("mqtt", &[("localhost:1883", &addr)]);
    assert_eq!(run.count("/measured/sockets/connections"), 100);
}
