//! A coordinator that stays: runs are submitted to it, watched, left, found again and stopped, from
//! wherever its token is.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use swell_tests::{
    Behaviour, CallReply, Host, MeasureLock, Overload, Running, Target, TargetSettings, alone,
    call, free_address, guest, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A coordinator, hosts that have joined it, and a service.
struct StandingCluster {
    target: Target,
    coordinator: Running,
    nodes: Vec<Running>,
    invitation: String,
    _alone: MeasureLock,
}

impl StandingCluster {
    /// With so many hosts, the coordinator among them.
    fn start(hosts: usize, args: &str) -> Self {
        let alone = alone();
        let target = Target::start(TargetSettings {
            behaviour: Behaviour::constant(1.0),
            ..TargetSettings::default()
        })
        .expect("loopback has a free port");
        let coordinator =
            Host::new("node").args(&format!("--listen {} {args}", free_address())).start();
        let invitation = coordinator.invitation();
        let mut this = Self { target, coordinator, nodes: Vec::new(), invitation, _alone: alone };
        for _ in 1..hosts {
            this.join("");
        }
        this
    }

    /// Another host; it has joined when this returns.
    fn join(&mut self, args: &str) {
        let before = self.said("is here");
        self.nodes.push(Host::new("node").args(&self.invitation).args(args).start());
        wait_until(PATIENCE, "the host to join", || (self.said("is here") > before).then_some(()));
    }

    /// How often the coordinator has said so.
    fn said(&self, words: &str) -> usize {
        self.coordinator.stderr().matches(words).count()
    }

    /// A run of a guest by the cluster.
    fn run(&self, guest: &str, args: &str) -> Host {
        Host::run_guest(guest).target(self.target.url()).args(&self.invitation).args(args)
    }

    fn wait_for_requests(&self, count: u64) {
        wait_until(PATIENCE, "the load", || (self.target.seen().requests >= count).then_some(()));
    }

    /// A command about the cluster.
    fn command(&self, command: &str) -> Host {
        Host::new(command).args(&self.invitation)
    }

    /// Ends it, and its hosts with it.
    fn end(self) {
        self.coordinator.interrupt();
        self.coordinator.wait().expect_code(0);
        for node in self.nodes {
            node.wait().expect_code(0);
        }
    }
}

fn hosts(report: &Value) -> usize {
    report["hosts"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_run_that_is_submitted_ends_as_one_done_here_and_hosts_stay_for_the_next() {
    let standing = StandingCluster::start(3, "");
    for run in 1..=2 {
        let finished = standing
            .run("plain-get", "--tps 300 --duration 3s")
            .finish()
            .expect_code_or_invalid(0)
            .expect_whole_counts();
        assert_eq!(
            finished.count("/measured/transactions/started")
                + finished.count("/measured/transactions/unsent/host"),
            900
        );
        assert_eq!(finished.count("/measured/transactions/unsent/lease"), 0, "{}", finished.stderr);
        assert_eq!(finished.json_at("/hosts").as_array().map(Vec::len), Some(3));
        assert_eq!(standing.target.seen().requests, run * finished.count("/requests_written"));
        assert!(finished.stdout.contains("plain_get against"), "{}", finished.stdout);
        assert!(
            finished
                .json_at("/run/file")
                .as_str()
                .is_some_and(|file| file.ends_with("plain-get.wasm"))
        );
    }
    let list = standing.command("runs").finish().expect_code(0).stdout;
    assert!(list.contains("plain_get  ") && list.contains("plain_get-2  "), "{list}");
    standing.end();
}

#[test]
fn users_of_several_scenarios_are_dealt_by_weight_over_the_hosts_that_stay() {
    let standing = StandingCluster::start(2, "");
    let args = "--scenario browse=3 --scenario order --vus 12 --iterations-per-vu 20";
    let finished = standing.run("browse-and-order", args).finish();
    let finished = finished.expect_code_or_invalid(0).expect_whole_counts();
    let seen = standing.target.seen();
    assert_eq!((seen.path("/items"), seen.path("/orders")), (180, 60), "{}", finished.stderr);
    for (place, (users, iterations)) in [(9, 180), (3, 60)].into_iter().enumerate() {
        let of = |what: &str| finished.count(&format!("/run/scenarios/{place}/{what}"));
        assert_eq!((of("most_users"), of("iterations")), (users, iterations));
    }
    standing.end();
}

#[test]
fn what_a_scenario_asks_for_is_refused_by_a_cluster_too_and_had_by_all_hosts_once_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("secret.csv"), "secret\nhunter2\n")
        .expect("it can be written");
    let standing = StandingCluster::start(2, "");
    let asks = |args: &str| {
        standing
            .run("asks-for-more", &format!("--vus 2 --iterations 20 {args}"))
            .in_folder(folder.path())
            .finish()
    };
    for (scenario, flags) in [
        ("manifest", "--allow-host 127.0.0.1 --allow-host images.example.com:8443"),
        ("file", "--data x=secret.csv"),
        ("trust", "--insecure"),
    ] {
        let refused = asks(&format!("--scenario {scenario}")).expect_code(104);
        assert!(
            refused.stderr.contains(&format!("to give it, add {flags}\n")),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(standing.target.seen().requests, 0);
    asks("--scenario file --data x=secret.csv").expect_code_or_invalid(0);
    asks("--scenario manifest --allow-host 127.0.0.1 --allow-host images.example.com")
        .expect_code_or_invalid(0);
    assert_eq!(standing.target.seen().requests, 40);
    standing.end();
}

#[test]
fn runs_side_by_side_have_hosts_of_their_own_and_a_further_one_is_refused() {
    let standing = StandingCluster::start(3, "");
    let first = standing.run("plain-get", "--tps 200 --duration 8s --hosts 2").start();
    standing.wait_for_requests(200);
    let second =
        standing.run("plain-get", "--tps 100 --duration 3s").finish().expect_code_or_invalid(0);
    assert_eq!(second.json_at("/hosts").as_array().map(Vec::len), Some(1));
    let refused =
        standing.run("plain-get", "--tps 100 --duration 3s --hosts 2").finish().expect_code(104);
    assert!(
        refused.stderr.contains("1 of 2 hosts are free")
            && refused.stderr.contains("\"plain_get\""),
        "{}",
        refused.stderr
    );
    let first = first.wait().expect_code_or_invalid(0);
    assert_eq!(first.json_at("/hosts").as_array().map(Vec::len), Some(2));
    let written = first.count("/requests_written") + second.count("/requests_written");
    assert_eq!((written, standing.target.seen().requests), (1_600 + 300, 1_900));
    standing.end();
}

#[test]
fn a_run_outlives_whoever_began_it_and_is_found_again() {
    let standing = StandingCluster::start(2, "");
    let client = standing.run("plain-get", "--tps 100").start();
    standing.wait_for_requests(100);
    client.kill();
    let seen = standing.target.seen().requests;
    standing.wait_for_requests(seen + 200);
    let attached = standing.command("attach").args("--out json=-").start();
    wait_until(PATIENCE, "the view", || attached.stderr().contains("plain_get").then_some(()));
    standing.command("stop").arg("plain_get").finish().expect_code(0);
    let attached = attached.wait();
    assert!(matches!(attached.code, Some(0 | 111)), "{attached:?}");
    let report: Value = serde_json::from_str(&attached.stdout).expect("it is JSON");
    assert_eq!(
        (report["requests_written"].as_u64(), hosts(&report)),
        (Some(standing.target.seen().requests), 2)
    );
    let none = standing.command("stop").finish().expect_code(104);
    assert!(none.stderr.contains("no run goes on"), "{}", none.stderr);
    standing.end();
}

#[test]
fn whoever_only_looks_stops_nothing_when_they_go() {
    let standing = StandingCluster::start(2, "");
    let client = standing.run("plain-get", "--tps 100 --duration 1h").start();
    standing.wait_for_requests(100);
    for (go, code) in [
        (Running::interrupt as fn(&Running), 105),
        (Running::terminate, 105),
        (Running::hang_up, 105),
    ] {
        let attached = standing.command("attach").start();
        wait_until(PATIENCE, "the view", || attached.stderr().contains("plain_get").then_some(()));
        go(&attached);
        let attached = attached.wait().expect_code(code);
        assert!(attached.stderr.contains("the run goes on"), "{}", attached.stderr);
        standing.wait_for_requests(standing.target.seen().requests + 100);
    }
    client.interrupt();
    client.wait().expect_code(105);
    standing.end();
}

#[test]
fn an_interrupt_where_a_run_was_begun_stops_it() {
    let standing = StandingCluster::start(2, "");
    let client = standing.run("plain-get", "--tps 100 --duration 1h").start();
    standing.wait_for_requests(100);
    client.interrupt();
    let finished = client.wait().expect_code(105);
    assert_eq!(finished.count("/requests_written"), standing.target.seen().requests);
    standing.end();
}

#[test]
fn hosts_that_have_gone_are_not_waited_for() {
    let mut standing = StandingCluster::start(3, "");
    let gone = standing.nodes.remove(0);
    gone.interrupt();
    gone.wait().expect_code(0);
    wait_until(PATIENCE, "the goodbye", || (standing.said("has gone") == 1).then_some(()));
    let finished =
        standing.run("plain-get", "--tps 100 --duration 2s").finish().expect_code_or_invalid(0);
    assert_eq!(finished.json_at("/hosts").as_array().map(Vec::len), Some(2));
    standing.end();
}

#[test]
fn a_run_that_all_hosts_leave_has_not_passed() {
    let standing = StandingCluster::start(2, "--weight 0");
    let client = standing.run("plain-get", "--vus 2 --duration 1h").start();
    standing.wait_for_requests(100);
    standing.nodes[0].interrupt();
    let finished = client.wait().expect_code_or_invalid(115);
    assert!(finished.stderr.contains("all hosts have left"), "{}", finished.stderr);
    assert_eq!(finished.count("/requests_written"), standing.target.seen().requests);
    standing.end();
}

#[test]
fn a_submission_that_is_given_up_does_not_begin() {
    let standing = StandingCluster::start(1, "");
    let (client, began) = (standing.run("plain-get", "--tps 100").start(), Instant::now());
    // Somewhere between its start and its first request.
    wait_until(PATIENCE, "the command to listen", || {
        (began.elapsed() >= Duration::from_millis(100)).then_some(())
    });
    client.interrupt();
    client.wait().expect_code(105);
    // Whatever was under way has come to its end by the time that a run of its own has.
    standing.run("plain-get", "--tps 100 --duration 1s").finish().expect_code_or_invalid(0);
    let runs = standing.command("runs").finish().expect_code(0);
    assert!(runs.stdout.lines().all(|line| line.contains("over, ")), "{}", runs.stdout);
    standing.end();
}

#[test]
fn the_end_of_the_coordinator_ends_its_runs_well() {
    let standing = StandingCluster::start(2, "");
    let client = standing.run("plain-get", "--tps 100 --duration 1h").start();
    standing.wait_for_requests(100);
    standing.coordinator.interrupt();
    let finished = client.wait().expect_code(105);
    assert_eq!(finished.count("/requests_written"), standing.target.seen().requests);
    standing.coordinator.wait().expect_code(105);
    for node in standing.nodes {
        node.wait().expect_code(0);
    }
}

#[test]
fn files_of_settings_travel_from_where_they_are_named() {
    let standing = StandingCluster::start(3, "");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let rows: String = (0..300).map(|row| format!("{row}\n")).collect();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, format!("id\n{rows}")).expect("it can be written");
    let finished = standing
        .run("unique-rows", &format!("--vus 6 --data rows={}", file.display()))
        .finish()
        .expect_code_or_invalid(0);
    assert_eq!(
        (standing.target.seen().requests, finished.count("/measured/iterations/ok")),
        (300, 300)
    );
    let missing = standing
        .run("unique-rows", "--vus 6 --data rows=/nowhere/rows.csv")
        .finish()
        .expect_code(104);
    assert!(
        missing.stderr.contains("--data") && missing.stderr.contains("/nowhere/rows.csv"),
        "{}",
        missing.stderr
    );
    standing.end();
}

#[test]
fn a_script_travels_with_its_interpreter_and_the_files_that_it_was_loaded_with() {
    let standing = StandingCluster::start(3, "");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let script = folder.path().join("shop.line");
    std::fs::create_dir(folder.path().join("lib")).expect("it can be made");
    std::fs::write(&script, "get /\ninclude lib/items.line\n").expect("it can be written");
    std::fs::write(folder.path().join("lib/items.line"), "get /items\n").expect("it can, too");
    let run = || {
        let run = Host::run_file(&script).target(standing.target.url()).args(&standing.invitation);
        run.arg("--interpreter").arg(guest("line-interpreter")).args("--vus 6 --iterations 60")
    };
    let finished = run().finish().expect_code_or_invalid(0).expect_whole_counts();
    let seen = standing.target.seen();
    assert_eq!((seen.path("/"), seen.path("/items"), seen.requests), (60, 60, 120));
    assert_eq!(finished.json_at("/run/file").as_str(), script.to_str());
    std::fs::write(folder.path().join("lib/items.line"), "gett /items\n").expect("it can");
    let refused = run().finish().expect_code(104).stderr;
    assert!(refused.contains("lib/items.line, line 1, column 1: no such word"), "{refused}");
    standing.end();
}

#[test]
fn a_search_is_done_by_the_cluster() {
    let alone = alone();
    let behaviour =
        Behaviour { capacity: Some(300.0), overload: Overload::Errors, ..Behaviour::constant(1.0) };
    let target = Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port");
    let coordinator = Host::new("node").args(&format!("--listen {}", free_address())).start();
    let invitation = coordinator.invitation();
    let node = Host::new("node").args(&invitation).start();
    wait_until(PATIENCE, "the host to join", || {
        coordinator.stderr().contains("is here").then_some(())
    });
    let finished = Host::find_guest("plain-get")
        .target(target.url())
        .args("--error-rate 5% --start-tps 200 --hold 5s --budget 60s")
        .args(&invitation)
        .deadline(Duration::from_secs(90))
        .finish();
    // On a machine with much else to do the search ends with the generator as the limit, and what
    // was held until then, if any trial came to its end.
    assert!(matches!(finished.code, Some(0 | 113)), "{finished:?}");
    let held = finished.json_at("/search/held_per_second").as_f64();
    let is_right = held.map_or(finished.code == Some(113), |held| (150.0..=330.0).contains(&held));
    assert!(is_right, "{held:?}/s: {}", finished.stdout);
    assert_eq!(finished.json_at("/hosts").as_array().map(Vec::len), Some(2));
    coordinator.interrupt();
    coordinator.wait().expect_code(0);
    node.wait().expect_code(0);
    drop(alone);
}

#[test]
fn a_cluster_that_was_made_beforehand_is_the_same_after_a_restart_and_its_token_is_not_shown() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("cluster.toml");
    let address = free_address().to_string();
    let made = Host::new("token")
        .arg("--new-cluster")
        .arg(&file)
        .args(&format!("--address {address}"))
        .finish()
        .expect_code(0);
    let token = made.stdout.trim().to_owned();
    let again = Host::new("token")
        .arg("--new-cluster")
        .arg(&file)
        .args("--address 10.0.0.1:7600")
        .finish()
        .expect_code(104);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    for _ in 0..2 {
        let coordinator = Host::new("node")
            .args(&format!("--listen {address}"))
            .arg("--cluster")
            .arg(&file)
            .env("SWELL_TOKEN", &token)
            .start();
        wait_until(PATIENCE, "the coordinator", || {
            coordinator.stderr().contains("a run begins by").then_some(())
        });
        let node = Host::new("node").env("SWELL_TOKEN", &token).start();
        wait_until(PATIENCE, "the host to join", || {
            coordinator.stderr().contains("is here").then_some(())
        });
        let runs = Host::new("runs").args(&format!("--token {token}")).finish().expect_code(0);
        assert_eq!(runs.stdout, "no run yet\n");
        coordinator.interrupt();
        let ended = coordinator.wait().expect_code(0);
        assert!(
            !ended.stderr.contains(&token) && ended.stderr.contains("cluster.toml"),
            "{}",
            ended.stderr
        );
        node.wait().expect_code(0);
    }
    let damaged = Host::new("node")
        .args("--listen 127.0.0.1:0 --cluster")
        .arg(guest("plain-get"))
        .finish()
        .expect_code(104);
    assert!(
        damaged.stderr.contains("plain-get.wasm") && damaged.stderr.contains("help:"),
        "{}",
        damaged.stderr
    );
}

#[test]
fn a_token_for_one_host_admits_one_however_often_its_coordinator_is_started() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("cluster.toml");
    let address = free_address().to_string();
    let made = Host::new("token")
        .arg("--new-cluster")
        .arg(&file)
        .args(&format!("--address {address} --uses 1"))
        .finish()
        .expect_code(0);
    let token = made.stdout.trim().to_owned();
    for start in 0..2 {
        let coordinator = Host::new("node")
            .args(&format!("--listen {address}"))
            .arg("--cluster")
            .arg(&file)
            .start();
        wait_until(PATIENCE, "the coordinator", || {
            coordinator.stderr().contains("a run begins by").then_some(())
        });
        let runs = Host::new("runs").env("SWELL_TOKEN", &token).finish();
        if start == 0 {
            runs.expect_code(0);
        } else {
            let refused = runs.expect_code(104);
            assert!(refused.stderr.contains("has been used 1 times"), "{}", refused.stderr);
        }
        coordinator.interrupt();
        coordinator.wait().expect_code(0);
    }
}

#[test]
fn a_host_that_waits_for_a_coordinator_which_is_started_anew_ends_as_lost() {
    let address = free_address().to_string();
    let first = Host::new("node").args(&format!("--listen {address}")).start();
    let invitation = first.invitation();
    // It looks for its coordinator for a minute.
    let node = Host::new("node").args(&invitation).deadline(Duration::from_secs(120)).start();
    wait_until(PATIENCE, "the host to join", || first.stderr().contains("is here").then_some(()));
    first.kill();
    // Another cluster at the same address.
    let second = Host::new("node")
        .args(&format!("--listen {address}"))
        .deadline(Duration::from_secs(120))
        .start();
    second.invitation();
    let ended = node.wait().expect_code(115);
    assert!(ended.stderr.contains("error:"), "{}", ended.stderr);
    second.interrupt();
    second.wait().expect_code(0);
}

/// The control API of a host of the cluster.
struct Api(SocketAddr);

impl Api {
    fn wait(address: SocketAddr) -> Self {
        wait_until(PATIENCE, "the control API", || TcpStream::connect(address).ok());
        Self(address)
    }

    fn get(&self, path: &str) -> CallReply {
        call(self.0, "GET", path, &[], "")
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> CallReply {
        call(self.0, method, path, &["Content-Type: application/json"], &body.to_string())
    }
}

#[test]
fn the_control_api_of_any_host_is_that_of_the_cluster() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::copy(guest("plain-get"), folder.path().join("browse.wasm")).expect("it can be copied");
    let mut standing = StandingCluster::start(
        1,
        &format!("--scenarios {} --allow-host 127.0.0.1", folder.path().display()),
    );
    let address = free_address();
    standing.join(&format!("--control {address}"));
    let api = Api::wait(address);
    assert_eq!(api.get("/v1/scenarios").json_at("/scenarios"), json!(["browse"]));
    let target = standing.target.url();
    let wanted = json!({ "stored": "browse", "name": "evening", "target": target, "tps": 50 });
    let begun = api.send("POST", "/v1/runs", &wanted);
    assert_eq!(begun.status, 201, "{begun:?}");
    let status = |holds: &dyn Fn(&Value) -> bool| {
        wait_until(PATIENCE, "the run", || {
            Some(api.get("/v1/runs/evening").json_at("/status")).filter(|status| holds(status))
        })
    };
    status(&|status| status["hosts"].as_array().is_some_and(|hosts| hosts.len() == 2));
    assert_eq!(api.send("PUT", "/v1/runs/evening/goal", &json!({ "tps": 200 })).status, 200);
    status(&|status| status["per_second"].as_f64().is_some_and(|rate| rate > 150.0));
    assert_eq!(call(address, "POST", "/v1/runs/evening/stop", &[], "").status, 202);
    let report = api.get("/v1/runs/evening/report");
    assert_eq!(report.json_at("/requests_written"), standing.target.seen().requests);
    assert!(api.get("/v1/runs/evening/summary").body.contains("plain_get against"));
    for (body, code, words) in [
        (json!({ "stored": "browze", "tps": 5 }), 404, "there are: browse"),
        (json!({ "file": "/etc/passwd", "tps": 5 }), 403, "coordinator's machine"),
        (json!({ "stored": "browse", "tps": 5, "data": ["x=/etc/passwd"] }), 403, "`data`"),
        // What runs reach is for whoever began the coordinator to say.
        (
            json!({ "stored": "browse", "tps": 5, "target": "http://10.0.0.1:81/" }),
            422,
            "--target http://10.0.0.1:81/",
        ),
        (
            json!({ "stored": "browse", "tps": 5, "allow-host": ["a.test"], "insecure": true }),
            422,
            "add --allow-host a.test --insecure",
        ),
        (json!({ "stored": "browse", "tps": -5 }), 422, "tps"),
        (json!({ "stored": "browse", "tps": 5, "hosts": 0 }), 422, "`hosts`"),
        (json!({ "tps": 5 }), 422, "`stored`"),
        (json!({ "stored": "browse", "tps": 5, "data=x": "/etc/passwd" }), 422, "is no setting"),
        (
            json!({ "stored": "browse", "tps": 5, "ca-cert=/etc/passwd": true }),
            422,
            "is no setting",
        ),
        (json!({ "stored": "browse", "tps": 5, "name": "two\nlines" }), 422, "one line"),
    ] {
        let refused = api.send("POST", "/v1/runs", &body);
        assert!(refused.status == code && refused.error().contains(words), "{body}: {refused:?}");
    }
    standing.end();
}

#[test]
fn what_cannot_be_submitted_is_refused_with_a_cure() {
    let standing = StandingCluster::start(1, "");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("it can be written");
        path
    };
    let (garbage, plan) =
        (file("garbage.wasm", &[7; 999]), file("plan.toml", b"[run.a]\nfile = 'a.wasm'\n"));
    let refused = |host: Host, words: &[&str]| {
        let refused = host.finish().expect_code(104);
        assert!(words.iter().all(|word| refused.stderr.contains(word)), "{}", refused.stderr);
    };
    let run = |file: &std::path::Path, args: &str| {
        Host::run_file(file).args(&standing.invitation).args(args)
    };
    refused(run(&garbage, "--tps 5"), &["error:", "wasm"]);
    refused(run(&plan, ""), &["plan", "--coordinator"]);
    refused(run(&guest("conducts"), ""), &["conduct", "--scenario"]);
    refused(run(&guest("plain-get"), "--tps 5 --rate 3"), &["tps 5", "rate 3"]);
    refused(run(&guest("plain-get"), "--tps 5 --control 127.0.0.1:0"), &["--control"]);
    let (address, token) = standing.invitation.split_once(" --token ").expect("both stand there");
    refused(
        Host::run_guest("plain-get").args(address).args("--tps 5"),
        &["--token", "SWELL_TOKEN"],
    );
    refused(Host::new("node").args("--control 127.0.0.1:0"), &["--token", "--listen"]);
    refused(Host::new("attach").args(&standing.invitation).arg("nobody"), &["no run \"nobody\""]);
    refused(
        Host::new("node").args("--listen 127.0.0.1:0 --scenarios /nowhere"),
        &["--scenarios /nowhere"],
    );
    let began = Instant::now();
    refused(
        Host::new("runs").args(&format!("--coordinator 127.0.0.1:9 --token {token}")),
        &["no answer from", "UDP"],
    );
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(standing.target.seen().requests, 0);
    standing.end();
}
