//! Hosts that share a run over networks that are parted, flap, go one way, are narrow or closed;
//! and hosts whose clocks differ.
//!
//! Each host is in a place of its own, the target too, and hosts reach it whatever lies between
//! them: so nothing but what they agree upon keeps them from sending too much.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use swell_tests::{Behaviour, Finished, Host, ProvingGround, Running};

const SECOND: Duration = Duration::from_secs(1);
/// How long a host that is cut off may start things: its lease, a tenth of a second, and what a
/// busy machine adds.
const DRAINED: Duration = Duration::from_millis(1_300 + 200);
/// What a busy machine may move between one second and the next, as a part of the rate: what is
/// late by 50 ms.
const JITTER: f64 = 0.05;

fn hosts(finished: &Finished) -> Vec<&Value> {
    finished.json_at("/hosts").as_array().expect("hosts are a list").iter().collect()
}

/// How often hosts were lost, all together.
fn times_lost(finished: &Finished) -> u64 {
    hosts(finished).iter().map(|host| host["times_lost"].as_u64().expect("it is a count")).sum()
}

/// Every host has told all, and that is what the target saw.
#[track_caller]
fn expect_exact(finished: &Finished, ground: &ProvingGround) {
    assert!(hosts(finished).iter().all(|host| host["complete"] == true), "{}", finished.stderr);
    assert_eq!(
        finished.count("/requests_written"),
        ground.target.requests(),
        "{}",
        finished.stderr
    );
}

/// No slot was left out, but by a machine too busy to start it.
#[track_caller]
fn expect_all_started(finished: &Finished, slots: u64) {
    let count = |part: &str| finished.count(&format!("/measured/transactions/{part}"));
    assert_eq!(
        (count("started") + count("unsent/host"), count("unsent/lease")),
        (slots, 0),
        "{}",
        finished.stderr
    );
}

/// In no second came more than the rate.
#[track_caller]
fn expect_never_above(rate: f64, ground: &ProvingGround) {
    let most = ground.arrivals().most_in(SECOND);
    assert!(most as f64 <= rate * (1.0 + JITTER), "{most} in a second, of {rate}");
}

/// Two seconds after a cut there is the whole rate again.
#[track_caller]
fn expect_full_after(cut: Duration, rate: f64, ground: &ProvingGround) {
    let seen = ground.arrivals().rate(cut + 2 * SECOND..cut + 4 * SECOND);
    assert!((seen - rate).abs() <= rate * JITTER, "{seen}/s of {rate}/s two seconds after the cut");
}

/// The host in this place started nothing for long after a cut.
#[track_caller]
fn expect_drained_after(cut: Duration, place: usize, ground: &ProvingGround) {
    let active = ground.arrivals_from(place).last().saturating_sub(cut);
    assert!(active < DRAINED, "the host in place {place} was active for {active:?} after the cut");
}

fn expect_done(nodes: impl IntoIterator<Item = Running>) {
    nodes.into_iter().for_each(|node| drop(node.wait().expect_code(0)));
}

#[test]
fn the_side_of_the_leading_host_bears_all_while_a_cluster_is_parted() {
    let Some(ground) = ProvingGround::start(5, Behaviour::constant(1.0)) else { return };
    let (lead, nodes) = ground.share("plain-get", "--tps 500 --duration 22s");
    ground.wait_for_requests(1_000);
    ground.network.part(&[0, 1, 2], &[3, 4]);
    let parted = ground.target.age();
    ground.wait(8 * SECOND);
    expect_drained_after(parted, 3, &ground);
    expect_drained_after(parted, 4, &ground);
    expect_full_after(parted, 500.0, &ground);
    ground.network.join(&[0, 1, 2], &[3, 4]);
    let joined = ground.target.age();
    let finished = lead.wait().expect_code_or_invalid(0);
    assert!(
        [3, 4].iter().all(|&place| ground.arrivals_from(place).last() > joined),
        "{}",
        finished.stderr
    );
    assert_eq!(times_lost(&finished), 2, "{}", finished.stderr);
    expect_never_above(500.0, &ground);
    expect_exact(&finished, &ground);
    expect_done(nodes);
}

#[test]
fn a_link_that_flaps_moves_the_load_once_in_three_seconds_at_most() {
    let Some(ground) = ProvingGround::start(3, Behaviour::constant(1.0)) else { return };
    let (lead, nodes) = ground.share("plain-get", "--tps 300 --duration 16s");
    ground.wait_for_requests(300);
    for _ in 0..10 {
        ground.network.part(&[0], &[1]);
        ground.wait(SECOND * 4 / 5);
        ground.network.join(&[0], &[1]);
        ground.wait(SECOND / 5);
    }
    let finished = lead.wait().expect_code_or_invalid(0);
    assert!(
        (1..=4).contains(&times_lost(&finished)),
        "lost {} times in ten seconds",
        times_lost(&finished)
    );
    expect_never_above(300.0, &ground);
    expect_exact(&finished, &ground);
    expect_done(nodes);
}

#[test]
fn a_host_that_hears_but_is_not_heard_starts_nothing_and_the_others_bear_its_share() {
    let Some(ground) = ProvingGround::start(3, Behaviour::constant(1.0)) else { return };
    let (lead, nodes) = ground.share("plain-get", "--tps 300 --duration 14s");
    ground.wait_for_requests(300);
    ground.network.cut(1, 0);
    let cut = ground.target.age();
    ground.wait(5 * SECOND);
    expect_drained_after(cut, 1, &ground);
    expect_full_after(cut, 300.0, &ground);
    ground.network.mend(1, 0);
    let mended = ground.target.age();
    let finished = lead.wait().expect_code_or_invalid(0);
    assert!(ground.arrivals_from(1).last() > mended, "{}", finished.stderr);
    assert_eq!(times_lost(&finished), 1, "{}", finished.stderr);
    expect_never_above(300.0, &ground);
    expect_exact(&finished, &ground);
    expect_done(nodes);
}

#[test]
fn a_host_that_is_heard_but_hears_nothing_starts_nothing() {
    let Some(ground) = ProvingGround::start(3, Behaviour::constant(1.0)) else { return };
    let (lead, nodes) = ground.share("plain-get", "--tps 300 --duration 14s");
    ground.wait_for_requests(300);
    ground.network.cut(0, 1);
    let cut = ground.target.age();
    ground.wait(5 * SECOND);
    expect_drained_after(cut, 1, &ground);
    ground.network.mend(0, 1);
    let mended = ground.target.age();
    let finished = lead.wait().expect_code_or_invalid(0);
    assert!(ground.arrivals_from(1).last() > mended, "{}", finished.stderr);
    assert!(times_lost(&finished) <= 1, "{}", finished.stderr);
    expect_never_above(300.0, &ground);
    expect_exact(&finished, &ground);
    expect_done(nodes);
}

#[test]
fn two_hosts_without_a_link_send_no_more_than_one_and_their_journals_hold_it_all() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let journal = format!("--journal {}", folder.path().display());
    let Some(ground) = ProvingGround::start(2, Behaviour::constant(1.0)) else { return };
    let (lead, invitation) =
        ground.lead("plain-get", &format!("--tps 300 --duration 8s {journal}"));
    let node = ground.host(1, Host::new("node").args(&invitation).args(&journal));
    ground.wait_for_requests(600);
    ground.network.part(&[0], &[1]);
    let parted = ground.target.age();
    let finished = lead.wait().expect_code_or_invalid(115);
    expect_drained_after(parted, 1, &ground);
    expect_full_after(parted, 300.0, &ground);
    expect_never_above(300.0, &ground);
    let told = finished.count("/measured/transactions/started");
    let unknown =
        |key: &str| hosts(&finished).iter().filter_map(|host| host[key].as_u64()).sum::<u64>();
    let possible = told + unknown("unknown_least")..=told + unknown("unknown_most");
    assert!(
        possible.contains(&ground.target.requests()),
        "{} came, told was {possible:?}",
        ground.target.requests()
    );
    node.interrupt();
    node.wait().expect_code(105);
    let journals: Vec<_> = std::fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    let merged = journals
        .iter()
        .fold(Host::new("merge").args("--out json=-"), Host::arg)
        .finish()
        .expect_code_or_invalid(0);
    let report: Value = serde_json::from_str(&merged.stdout).expect("it is JSON");
    assert_eq!(
        report["requests_written"].as_u64(),
        Some(ground.target.requests()),
        "{}",
        merged.stderr
    );
}

#[test]
fn a_path_that_carries_1280_bytes_at_a_time_is_wide_enough() {
    let Some(ground) = ProvingGround::start(3, Behaviour::constant(1.0)) else { return };
    ground.network.set_mtu(1, 1_280);
    ground.network.set_mtu(2, 1_280);
    let (lead, nodes) = ground.share("plain-get", "--tps 300 --duration 5s");
    let finished = lead.wait().expect_code_or_invalid(0);
    expect_all_started(&finished, 1_500);
    expect_exact(&finished, &ground);
    expect_done(nodes);
}

#[test]
fn where_udp_is_blocked_a_node_says_so_within_five_seconds() {
    let Some(ground) = ProvingGround::start(2, Behaviour::default()) else { return };
    let (lead, invitation) = ground.lead("plain-get", "--tps 10 --duration 1s");
    for (from, to) in [(0, 1), (1, 0)] {
        ground.network.block_udp(from, to);
        let began = Instant::now();
        let node = ground.host(1, Host::new("node").args(&invitation)).wait().expect_code(104);
        assert!(began.elapsed() < 5 * SECOND, "{:?}", began.elapsed());
        assert!(node.stderr.contains("UDP is blocked"), "{}", node.stderr);
        ground.network.unblock_udp(from, to);
    }
    lead.interrupt();
    lead.wait().expect_code(105);
}

#[test]
fn hosts_whose_clocks_began_at_other_times_start_together() {
    let Some(ground) = ProvingGround::start(3, Behaviour::constant(50.0)) else { return };
    // In the closed model all begin at once.
    let (lead, invitation) = ground.lead("plain-get", "--vus 3 --duration 3s");
    let nodes = [(1, "500"), (2, "86400")].map(|(place, ahead)| {
        let clocks =
            ["--time", "--monotonic", ahead, "--boottime", ahead, "--fork", "--kill-child"];
        ground.host(place, Host::new("node").args(&invitation).by("unshare", &clocks))
    });
    ground.wait_for_requests(3);
    let clock = |process: &str| {
        std::fs::read_link(format!("/proc/{process}/ns/time_for_children"))
            .expect("kernels have it since 5.6")
    };
    assert!(nodes.iter().all(|node| clock(&node.pid().to_string()) != clock("self")));
    let finished = lead.wait().expect_code_or_invalid(0);
    let began = [0, 1, 2].map(|place| ground.arrivals_from(place).first());
    let spread = began
        .iter()
        .max()
        .expect("there are three")
        .saturating_sub(*began.iter().min().expect("there are three"));
    // On machines of their own it is a fifth of this.
    assert!(
        spread < Duration::from_millis(25),
        "{spread:?} from the first request of the first host to that of the last"
    );
    expect_exact(&finished, &ground);
    expect_done(nodes);
}

#[test]
fn wall_clocks_that_are_set_in_the_midst_of_a_run_move_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let Some(ground) = ProvingGround::start(3, Behaviour::constant(5.0)) else { return };
    let (lead, invitation) = ground.lead("plain-get", "--tps 300 --duration 8s");
    let library = preloaded_by_faketime();
    // By two hours, so that it is another hour even if one begins meanwhile.
    let nodes = [(1, "+7200"), (2, "-7200")].map(|(place, step)| {
        let file = folder.path().join(step);
        std::fs::write(&file, "+0\n").expect("it can be written");
        let node = Host::new("node")
            .args(&invitation)
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &file);
        let node =
            node.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
        (ground.host(place, node), file, step)
    });
    ground.wait_for_requests(600);
    for (_, file, step) in &nodes {
        std::fs::write(file, format!("{step}\n")).expect("it can be written");
    }
    let finished = lead.wait().expect_code_or_invalid(0);
    for (node, ..) in nodes {
        let node = node.wait().expect_code(0);
        let hour = |line: Option<&str>| line.and_then(|line| line.get(..13)).map(str::to_owned);
        assert_ne!(
            hour(node.stderr.lines().next()),
            hour(node.stderr.lines().last()),
            "its clock was not set: {}",
            node.stderr
        );
    }
    let response =
        |key: &str| finished.number(&format!("/measured/transactions/response_ms/{key}"));
    assert!(
        response("min") >= 5.0 && response("max") < 1_000.0,
        "from {} to {} ms",
        response("min"),
        response("max")
    );
    assert_eq!(times_lost(&finished), 0, "{}", finished.stderr);
    expect_all_started(&finished, 2_400);
    expect_exact(&finished, &ground);
}

/// What the program `faketime` loads into others, to set their clocks.
fn preloaded_by_faketime() -> String {
    let ran = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output();
    let ran = ran.unwrap_or_else(|error| {
        panic!("faketime cannot be started: {error}\nhelp: apt-get install faketime")
    });
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}
