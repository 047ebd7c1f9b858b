//! Hosts that share a run: real processes that meet over QUIC on loopback, and what becomes of a
//! run when one of them is killed, stopped or deserted.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use swell_tests::{
    Behaviour, Finished, Host, MeasureLock, Notary, Overload, Relay, RelayFates, RelayWeather,
    Running, Target, TargetSettings, alone, free_address, guest, wait_until,
};
use tempfile::{Builder, NamedTempFile};

const PATIENCE: Duration = Duration::from_secs(60);

/// A run that hosts share, and the hosts that joined it.
struct SharedRun {
    target: Target,
    lead: Running,
    nodes: Vec<Running>,
    _alone: MeasureLock,
}

fn target(behaviour: Behaviour) -> Target {
    Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

/// Has a guest run by so many hosts, each in a process of its own.
fn share(hosts: usize, guest: &str, behaviour: Behaviour, args: &str) -> SharedRun {
    let alone = alone();
    let target = target(behaviour);
    let (lead, invitation) = invite(hosts, guest, &target.url(), args);
    let nodes = (1..hosts).map(|_| Host::new("node").args(&invitation).start()).collect();
    SharedRun { target, lead, nodes, _alone: alone }
}

/// Begins a run that waits for other hosts; gives the arguments by which they join.
fn invite(hosts: usize, guest: &str, url: &str, args: &str) -> (Running, String) {
    let listen = format!("--listen {} --hosts {hosts}", free_address());
    let lead = Host::run_guest(guest).target(url).args(&listen).args(args).start();
    let invitation = lead.invitation();
    (lead, invitation)
}

fn hosts(finished: &Finished) -> Vec<&Value> {
    finished.json_at("/hosts").as_array().expect("hosts are a list").iter().collect()
}

impl SharedRun {
    fn wait_for_requests(&self, count: u64) {
        wait_until(PATIENCE, "the load", || (self.target.seen().requests >= count).then_some(()));
    }

    /// Requests a second that the service sees over some time from now on.
    fn rate_over(&self, time: Duration) -> f64 {
        let (from, began) = (self.target.seen().requests, Instant::now());
        wait_until(PATIENCE, "time to pass", || (began.elapsed() >= time).then_some(()));
        (self.target.seen().requests - from) as f64 / began.elapsed().as_secs_f64()
    }
}

/// The texts of the marks of a kind.
fn marked<'a>(report: &'a Value, kind: &str) -> Vec<&'a str> {
    // What is empty is left out.
    let marks = report["marks"].as_array().into_iter().flatten();
    let of_kind = marks.filter(|mark| mark["kind"] == kind);
    of_kind.filter_map(|mark| mark["text"].as_str()).collect()
}

/// What a mark says of a host.
fn says(host: &Value, what: &str) -> String {
    format!("host {} {what}", host["name"].as_str().expect("it has a name"))
}

#[test]
fn three_hosts_start_together_what_one_would_and_their_results_are_one() {
    let cluster = share(3, "plain-get", Behaviour::constant(1.0), "--tps 600 --duration 4s");
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    let transactions = "/measured/transactions";
    assert_eq!(
        finished.count(&format!("{transactions}/started"))
            + finished.count(&format!("{transactions}/unsent/host")),
        2_400
    );
    assert_eq!(finished.count(&format!("{transactions}/unsent/lease")), 0, "{}", finished.stderr);
    assert_eq!(finished.count("/requests_written"), cluster.target.seen().requests);
    assert_eq!(hosts(&finished).len(), 3);
    assert!(hosts(&finished).iter().all(|host| host["complete"] == true
        && host["started"].as_u64().is_some_and(|started| started.abs_diff(800) <= 20)));
    for node in cluster.nodes {
        node.wait().expect_code(0);
    }
}

#[test]
fn a_killed_host_s_share_moves_and_what_it_started_unheard_is_declared() {
    let mut cluster = share(3, "plain-get", Behaviour::constant(1.0), "--tps 600 --duration 9s");
    cluster.wait_for_requests(1_200);
    cluster.nodes[0].kill();
    // The share of the dead host moves within two seconds.
    let died = Instant::now();
    wait_until(PATIENCE, "two seconds", || {
        (died.elapsed() >= Duration::from_secs(2)).then_some(())
    });
    let rate = cluster.rate_over(Duration::from_secs(2));
    assert!((570.0..=630.0).contains(&rate), "{rate}/s two seconds after the death");
    let finished = cluster.lead.wait().expect_code_or_invalid(115);
    assert!(finished.stderr.contains("was lost: between"), "{}", finished.stderr);
    let lost: Vec<&Value> =
        hosts(&finished).into_iter().filter(|host| host["complete"] == false).collect();
    assert_eq!(
        (lost.len(), lost[0]["share"].as_f64(), lost[0]["times_lost"].as_u64()),
        (1, Some(0.0), Some(1))
    );
    assert_eq!(marked(finished.json_at(""), "host-lost"), [says(lost[0], "is not heard any more")]);
    let (merged, seen) =
        (finished.count("/measured/transactions/started"), cluster.target.seen().requests);
    let bound = |key: &str| lost[0][key].as_u64().expect("an open model has bounds");
    assert!(
        (merged + bound("unknown_least")..=merged + bound("unknown_most")).contains(&seen),
        "{merged} merged, {seen} seen, {:?}",
        lost[0]
    );
    assert!(bound("unknown_most") - bound("unknown_least") <= 200 * 17 / 10 + 2);
    // What was answered was written, also on the host that could not say so in the end.
    let (written, ended) =
        (finished.count("/requests_written"), finished.count("/measured/requests/ok"));
    assert!((ended..=seen).contains(&written), "{written} written, {ended} answered, {seen} seen");
    cluster.nodes.remove(1).wait().expect_code(0);
}

#[test]
fn a_stopped_host_makes_up_for_nothing_when_it_goes_on_and_all_counts_are_exact() {
    let cluster = share(3, "plain-get", Behaviour::constant(1.0), "--tps 600 --duration 10s");
    cluster.wait_for_requests(900);
    cluster.nodes[0].signal(Signal::STOP);
    wait_until(PATIENCE, "the others to notice", || {
        cluster.lead.stderr().contains("is lost").then_some(())
    });
    // Well beyond the end of its lease.
    cluster.rate_over(Duration::from_secs(1));
    cluster.nodes[0].signal(Signal::CONT);
    let finished = cluster.lead.wait().expect_code_or_invalid(0);
    let unsent = finished.count("/measured/transactions/unsent/lease");
    let started = finished.count("/measured/transactions/started");
    assert!(unsent > 0 && started + unsent <= 6_000, "{started} started, {unsent} without a lease");
    assert_eq!(finished.count("/requests_written"), cluster.target.seen().requests);
    assert!(hosts(&finished).iter().all(|host| host["complete"] == true));
}

#[test]
fn hosts_whose_coordinator_is_gone_start_nothing_more() {
    let cluster = share(3, "plain-get", Behaviour::constant(1.0), "--tps 600 --duration 1h");
    cluster.wait_for_requests(600);
    cluster.lead.kill();
    let died = Instant::now();
    // A lease is 1.2 s long.
    wait_until(PATIENCE, "the lease to end", || {
        (died.elapsed() >= Duration::from_millis(1_500)).then_some(())
    });
    let before = cluster.target.seen().requests;
    assert_eq!(cluster.rate_over(Duration::from_secs(1)), 0.0);
    assert_eq!(cluster.target.seen().requests, before);
    for node in cluster.nodes {
        node.interrupt();
        node.wait().expect_code(105);
    }
}

/// A guest's file with so many bytes beside it that mean nothing.
fn with_ballast(name: &str, bytes: usize) -> NamedTempFile {
    // A custom section, which the compiler leaves out: its name, and anything.
    let content = [&b"\x07ballast"[..], &vec![0; bytes]].concat();
    let mut file = Builder::new().suffix(".wasm").tempfile().expect("there is room for a file");
    let mut write = |bytes: &[u8]| file.write_all(bytes).expect("there is room for a file");
    write(&std::fs::read(guest(name)).expect("guests are built"));
    write(&[0]);
    // The length, in LEB128.
    let mut left = content.len();
    while left >= 128 {
        write(&[(left % 128) as u8 | 128]);
        left /= 128;
    }
    write(&[left as u8]);
    write(&content);
    file
}

/// Memory of a process that is no file's.
fn memory_bytes(process: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.expect("the kernel tells it") * 1_024
}

#[test]
fn a_node_that_has_prepared_does_not_keep_the_bytes_of_the_scenario() {
    const BALLAST: usize = 96 << 20;
    let _alone = alone();
    let target = target(Behaviour::constant(1.0));
    let file = with_ballast("plain-get", BALLAST);
    let listen = format!("--listen {} --hosts 2", free_address());
    let lead = Host::run_file(file.path()).target(target.url()).args(&listen);
    let lead = lead.args("--tps 100 --duration 1h").start();
    let node = Host::new("node").args(&lead.invitation()).start();
    wait_until(PATIENCE, "the load", || (target.seen().requests >= 100).then_some(()));
    let used = memory_bytes(&node);
    assert!(used < BALLAST as u64, "{used} bytes, and the file alone has {BALLAST}");
    lead.interrupt();
    lead.wait().expect_code_or_invalid(105).expect_whole_counts();
    node.wait().expect_code(0);
}

#[test]
fn a_host_that_comes_later_takes_its_part_and_no_start_is_missed() {
    let alone = alone();
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) = invite(2, "plain-get", &target.url(), "--tps 400 --duration 10s");
    let first = Host::new("node").args(&invitation).start();
    wait_until(PATIENCE, "the load", || (target.seen().requests >= 400).then_some(()));
    let second = Host::new("node").args(&invitation).args("--weight 4").start();
    let finished = lead.wait().expect_code_or_invalid(0);
    let count = |part: &str| finished.count(&format!("/measured/transactions/{part}"));
    assert_eq!(
        (count("started") + count("unsent/host"), count("unsent/lease")),
        (4_000, 0),
        "{}",
        finished.stderr
    );
    let shares: Vec<f64> =
        hosts(&finished).iter().filter_map(|host| host["share"].as_f64()).collect();
    assert_eq!(
        shares.iter().filter(|&&share| share == shares.iter().copied().fold(0.0, f64::max)).count(),
        1,
        "{shares:?}"
    );
    let most = |host: &&&Value| host["share"].as_f64().map(|share| (share * 1e6) as u64);
    let all = hosts(&finished);
    let late = all.iter().max_by_key(most).expect("there are hosts");
    assert_eq!(marked(finished.json_at(""), "host-joined"), [says(late, "takes part")]);
    for node in [first, second] {
        node.wait().expect_code(0);
    }
    drop(alone);
}

#[test]
fn a_host_that_is_interrupted_hands_its_share_over_and_no_start_is_missed() {
    let mut cluster = share(3, "plain-get", Behaviour::constant(1.0), "--tps 600 --duration 8s");
    cluster.wait_for_requests(900);
    let left = cluster.nodes.remove(0);
    left.interrupt();
    let left = left.wait().expect_code(0);
    assert!(left.stderr.contains("over for this node"), "{}", left.stderr);
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    let count = |part: &str| finished.count(&format!("/measured/transactions/{part}"));
    assert_eq!(
        (count("started") + count("unsent/host"), count("unsent/lease")),
        (4_800, 0),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.count("/requests_written"), cluster.target.seen().requests);
    let left: Vec<&Value> =
        hosts(&finished).into_iter().filter(|host| host["share"] == 0.0).collect();
    assert_eq!(
        (left.len(), left[0]["complete"].as_bool(), left[0]["times_lost"].as_u64()),
        (1, Some(true), Some(0))
    );
    assert_eq!(marked(finished.json_at(""), "host-left"), [says(left[0], "left")]);
}

/// Two hosts, of which the second reaches the first by a network like this one.
fn share_over(weather: RelayWeather, args: &str) -> (Finished, RelayFates, u64) {
    let alone = alone();
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) = invite(2, "plain-get", &target.url(), args);
    let (address, token) = invitation.split_once(" --token ").expect("both stand there");
    let address = address.trim_start_matches("--coordinator ").parse().expect("it is an address");
    let relay = Relay::start(address, weather, 1);
    let node =
        Host::new("node").args(&format!("--coordinator {} --token {token}", relay.addr())).start();
    let finished = lead.wait().expect_code_or_invalid(0);
    node.wait().expect_code(0);
    drop(alone);
    (finished, relay.fates(), target.seen().requests)
}

#[test]
fn a_network_that_loses_a_fifth_and_overtakes_changes_no_count() {
    let weather = RelayWeather {
        loss: 0.2,
        doubled: 0.05,
        delay: Duration::from_millis(1),
        jitter: Duration::from_millis(100),
    };
    let (finished, fates, seen) = share_over(weather, "--tps 400 --duration 10s");
    assert!(fates.lost > 20 && fates.doubled > 5, "{fates:?}");
    assert_eq!(finished.count("/requests_written"), seen);
    assert!(hosts(&finished).iter().all(|host| host["complete"] == true), "{}", finished.stderr);
}

#[test]
fn a_network_that_loses_one_in_twenty_loses_no_host() {
    let weather = RelayWeather {
        loss: 0.05,
        doubled: 0.0,
        delay: Duration::from_millis(1),
        jitter: Duration::from_millis(100),
    };
    let (finished, fates, seen) = share_over(weather, "--tps 200 --duration 30s");
    assert!(fates.lost > 20, "{fates:?}");
    assert!(hosts(&finished).iter().all(|host| host["times_lost"] == 0), "{}", finished.stderr);
    let count = |part: &str| finished.count(&format!("/measured/transactions/{part}"));
    // That such a network costs no lease is for the simulation to say: here the machine may stand
    // still.
    assert_eq!(
        (
            count("started") + count("unsent/host") + count("unsent/lease"),
            finished.count("/requests_written")
        ),
        (6_000, seen)
    );
}

#[test]
fn journals_make_the_result_of_a_run_whose_coordinator_was_killed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let journal = format!("--journal {}", folder.path().display());
    let alone = alone();
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) =
        invite(2, "plain-get", &target.url(), &format!("--tps 400 --duration 1h {journal}"));
    let node = Host::new("node").args(&invitation).args(&journal).start();
    wait_until(PATIENCE, "the load", || (target.seen().requests >= 1_200).then_some(()));
    lead.kill();
    let died = Instant::now();
    wait_until(PATIENCE, "the lease to end", || {
        (died.elapsed() >= Duration::from_secs(3)).then_some(())
    });
    let seen = target.seen().requests;
    node.interrupt();
    node.wait().expect_code(105);
    let journals: Vec<_> = std::fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    assert_eq!(journals.len(), 2);
    let merged = journals
        .iter()
        .fold(Host::new("merge").args("--out json=-"), Host::arg)
        .finish()
        .expect_code_or_invalid(115);
    let report: Value = serde_json::from_str(&merged.stdout).expect("it is JSON");
    let started = report["measured"]["transactions"]["started"].as_u64().expect("it is a count");
    // Each of the two was killed, and lacks its last half second.
    assert!((seen - 300..=seen).contains(&started), "{started} of {seen} are in the journals");
    assert_eq!(report["hosts"].as_array().map(Vec::len), Some(2));
    // It lasted until the node's lease was over, and not for as long as it was meant to or the node
    // waited.
    let measured = report["run"]["measured_seconds"].as_f64().expect("it is a number");
    let asked = 400.0 * measured;
    assert!(
        (started as f64..=started as f64 + 700.0).contains(&asked),
        "{started} started in {measured} s"
    );
    assert!(merged.stderr.contains("its coordinator was lost before its end"), "{}", merged.stderr);
    // The journal of the one that led breaks off.
    assert_eq!(marked(&report, "host-lost").len(), 1, "{}", report["marks"]);
    drop(alone);
}

#[test]
fn journals_of_a_whole_run_make_the_same_result() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let journal = format!("--journal {}", folder.path().display());
    let alone = alone();
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) =
        invite(2, "plain-get", &target.url(), &format!("--tps 300 --duration 3s {journal}"));
    let node = Host::new("node").args(&invitation).args(&journal).start();
    let finished = lead.wait().expect_code_or_invalid(0);
    node.wait().expect_code(0);
    let journals: Vec<_> = std::fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    let merged = journals
        .iter()
        .rev()
        .fold(Host::new("merge").args("--out json=-"), Host::arg)
        .finish()
        .expect_code_or_invalid(0);
    let report: Value = serde_json::from_str(&merged.stdout).expect("it is JSON");
    for part in [
        "/measured/transactions",
        "/measured/requests",
        "/run/scenario",
        "/run/seed",
        "/requests_written",
    ] {
        let (live, journaled) =
            (finished.json_at(part).clone(), report.pointer(part).cloned().unwrap_or_default());
        // Rates are over the length, which the live run takes from its clock.
        assert_eq!(without_rates(journaled), without_rates(live), "{part}");
    }
    let of_hosts = ["host-joined", "host-left", "host-lost"].map(|kind| marked(&report, kind));
    assert!(of_hosts.iter().all(Vec::is_empty), "{of_hosts:?}");
    let twice = Host::new("merge").arg(&journals[0]).arg(&journals[0]).finish().expect_code(104);
    assert!(twice.stderr.contains("was given twice"), "{}", twice.stderr);
    let one = Host::new("merge").arg(&journals[0]).finish().expect_code_or_invalid(115);
    assert!(one.stderr.contains("no journal"), "{}", one.stderr);
    drop(alone);
}

fn without_rates(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|key, _| !key.ends_with("per_second") && key != "concurrency");
    }
    value
}

#[test]
fn a_rate_of_iterations_ends_with_the_last_of_them() {
    let cluster = share(3, "plain-get", Behaviour::constant(1.0), "--rate 300 --iterations 700");
    let finished = cluster.lead.wait().expect_code_or_invalid(0);
    assert_eq!(
        (finished.count("/measured/iterations/ok"), cluster.target.seen().requests),
        (700, 700)
    );
}

#[test]
fn iterations_and_users_are_shared_out_exactly() {
    let cluster = share(3, "plain-get", Behaviour::constant(1.0), "--vus 7 --iterations 3000");
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    assert_eq!(
        (finished.count("/measured/iterations/ok"), finished.count("/users/most_at_once")),
        (3_000, 7)
    );
    assert_eq!(cluster.target.seen().requests, 3_000);
}

#[test]
fn each_user_makes_its_own_iterations_on_whatever_host_it_is() {
    let args = "--vus 7 --iterations-per-vu 200";
    let cluster = share(3, "plain-get", Behaviour::constant(1.0), args);
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    assert_eq!(
        (finished.count("/measured/iterations/ok"), finished.count("/users/created")),
        (1_400, 7)
    );
    assert_eq!(cluster.target.seen().requests, 1_400);
    let of_hosts = hosts(&finished).into_iter().map(|host| host["started"].as_u64());
    assert!(of_hosts.flatten().all(|started| [400, 600].contains(&started)), "{finished:?}");
}

#[test]
fn users_of_several_scenarios_are_dealt_by_weight_over_all_hosts() {
    let args = "--scenario browse=3 --scenario order --vus 12 --iterations-per-vu 40";
    let cluster = share(2, "browse-and-order", Behaviour::constant(1.0), args);
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    let seen = cluster.target.seen();
    assert_eq!((seen.path("/items"), seen.path("/orders")), (360, 120), "{}", finished.stderr);
    assert_eq!([1, 2, 3, 4].map(|hook| seen.path(&format!("/bytes/{hook}"))), [1; 4]);
    for (place, (users, iterations)) in [(9, 360), (3, 120)].into_iter().enumerate() {
        let of = |what: &str| finished.count(&format!("/run/scenarios/{place}/{what}"));
        assert_eq!((of("most_users"), of("iterations")), (users, iterations));
    }
    // Each user has what its own `setup` made, on whatever host it is.
    let checks = finished.json_at("/measured/checks").as_object().expect("there are checks");
    assert_eq!(checks.len(), 2);
    assert!(checks.values().all(|check| check["failed"] == 0), "{checks:?}");
    assert!(hosts(&finished).iter().all(|host| host["started"].as_u64() > Some(0)));
}

#[test]
fn a_run_ends_when_no_host_has_a_user_left_because_all_ended_by_themselves() {
    let cluster = share(3, "stop-user", Behaviour::constant(1.0), "--vus 7 -d 60s");
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    assert_eq!(
        (finished.count("/measured/iterations/ok"), finished.count("/users/stopped")),
        (35, 7)
    );
    assert_eq!(finished.count("/users/stop_reasons/has seen enough"), 7);
    assert!(finished.took.as_secs() < 40, "{:?}", finished.took);
}

#[test]
fn users_by_stages_are_shared_out_and_each_host_has_its_own_of_them() {
    let stages = "--vus-stage 2s:9 --vus-stage 1s:9 --vus-stage 2s:3";
    let cluster = share(3, "plain-get", Behaviour::constant(20.0), stages);
    let finished = cluster.lead.wait().expect_code_or_invalid(0).expect_whole_counts();
    assert_eq!(
        (finished.count("/users/created"), finished.count("/users/most_at_once")),
        (9, 9),
        "three on each host"
    );
    assert_eq!(finished.count("/requests_written"), cluster.target.seen().requests);
    assert!(hosts(&finished).iter().all(|host| host["started"].as_u64() > Some(0)));
}

#[test]
fn five_hosts_send_what_one_does() {
    let sent = |hosts: usize| {
        let notary = Notary::start();
        let alone = alone();
        let (lead, invitation) =
            invite(hosts, "random-numbers", &notary.url(), "--vus 5 --iterations 10000 --seed 7");
        let nodes: Vec<Running> =
            (1..hosts).map(|_| Host::new("node").args(&invitation).start()).collect();
        lead.wait().expect_code_or_invalid(0);
        nodes.into_iter().for_each(|node| drop(node.wait().expect_code(0)));
        drop(alone);
        let mut sent = notary.asked();
        sent.sort();
        sent
    };
    let by_one = sent(1);
    assert_eq!(by_one.len(), 10_000);
    assert!(sent(5) == by_one, "five hosts sent something else");
}

#[test]
fn rows_picked_as_unique_are_unique_over_all_hosts() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let rows: String = (0..500).map(|row| format!("{row}\n")).collect();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, format!("id\n{rows}")).expect("it can be written");
    let args = format!("--vus 6 --data rows={}", file.display());
    let cluster = share(3, "unique-rows", Behaviour::constant(1.0), &args);
    let finished = cluster.lead.wait().expect_code_or_invalid(0);
    assert_eq!(
        (cluster.target.seen().requests, finished.count("/measured/iterations/ok")),
        (500, 500),
        "{}",
        finished.stderr
    );
}

#[test]
fn an_objective_is_held_over_all_hosts_together() {
    let behaviour = Behaviour {
        capacity: Some(1_000.0),
        overload: Overload::Errors,
        ..Behaviour::constant(2.0)
    };
    let cluster =
        share(3, "plain-get", behaviour, "--error-rate 3% --start-tps 300 --duration 25s");
    cluster.wait_for_requests(300 * 12);
    let rate = cluster.rate_over(Duration::from_secs(8));
    assert!((900.0..=1_150.0).contains(&rate), "{rate}/s");
    let finished = cluster.lead.wait().expect_code_or_invalid(0);
    assert!(finished.stdout.contains("errors within 3%"), "{}", finished.stdout);
}

#[test]
fn an_interrupt_ends_the_run_on_all_hosts() {
    let cluster = share(2, "plain-get", Behaviour::constant(1.0), "--tps 400 --duration 1h");
    cluster.wait_for_requests(400);
    cluster.lead.interrupt();
    let finished = cluster.lead.wait().expect_code(105);
    assert_eq!(finished.count("/requests_written"), cluster.target.seen().requests);
    for node in cluster.nodes {
        node.wait().expect_code(0);
    }
}

#[test]
fn a_host_that_cannot_take_part_is_named_and_nothing_is_sent() {
    let alone = alone();
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) = invite(2, "plain-get", &target.url(), "--tps 100 --duration 2s");
    let _node = Host::new("node").args(&invitation).env("TMPDIR", "/nowhere").start();
    let finished = lead.wait().expect_code(104);
    assert!(
        finished.stderr.contains("cannot take part: cannot make a folder"),
        "{}",
        finished.stderr
    );
    assert_eq!(target.seen().requests, 0);
    drop(alone);
}

#[test]
fn who_does_not_belong_does_not_get_in() {
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) = invite(2, "plain-get", &target.url(), "--tps 10 --duration 1s");
    let (rest, token) = invitation.rsplit_once(' ').expect("a token stands last");
    let mistyped =
        Host::new("node").args(rest).arg(&token[..token.len() - 3]).finish().expect_code(104);
    assert!(mistyped.stderr.contains("token"), "{}", mistyped.stderr);
    // Nor is any of it repeated, wherever it was put and however it was mistyped: errors go to
    // logs.
    let secret = &token[20..token.len() - 20];
    let words = [
        token[..token.len() - 3].to_owned(),
        format!("{token}1"),
        token.replace("swell1.", "swel."),
        token["swell1.".len()..].to_owned(),
    ];
    let flags = words.iter().map(|word| format!("node --token {word}")).chain([
        format!("node --tokn {token}"),
        format!("node --token={token}x --weight 1"),
        format!("node {token}"),
        token.to_owned(),
        format!("run {token} --tps 1"),
        format!("runs --token {}", words[1]),
    ]);
    for typed in flags {
        let (subcommand, rest) = typed.split_once(' ').unwrap_or((&typed, ""));
        let refused = Host::new(subcommand).args(rest).finish().expect_code(104);
        assert!(
            !refused.stderr.contains(secret) && !refused.stdout.contains(secret),
            "{typed}: {}",
            refused.stderr
        );
    }
    let refused = Host::new("node").env("SWELL_TOKEN", &words[1]).finish().expect_code(104);
    assert!(
        !refused.stderr.contains(secret) && refused.stderr.contains("this join token is"),
        "{}",
        refused.stderr
    );
    // A token of another cluster.
    let (other, foreign) = invite(2, "plain-get", &target.url(), "--tps 10 --duration 1s");
    let foreign = foreign.rsplit_once(' ').expect("a token stands last").1.to_owned();
    let refused = Host::new("node").args(rest).arg(foreign).finish().expect_code(104);
    assert!(refused.stderr.contains("error:"), "{}", refused.stderr);
    for waiting in [lead, other] {
        waiting.interrupt();
        let finished = waiting.wait().expect_code(105);
        assert!(finished.stderr.contains("nothing was sent"), "{}", finished.stderr);
    }
    assert_eq!(target.seen().requests, 0);
}

#[test]
fn a_coordinator_that_does_not_answer_is_named_within_five_seconds() {
    let target = target(Behaviour::constant(1.0));
    let (lead, invitation) = invite(2, "plain-get", &target.url(), "--tps 10 --duration 1s");
    lead.interrupt();
    lead.wait().expect_code(105);
    let began = Instant::now();
    let node = Host::new("node").args(&invitation).finish().expect_code(104);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(
        node.stderr.contains("no answer from") && node.stderr.contains("UDP"),
        "{}",
        node.stderr
    );
}
