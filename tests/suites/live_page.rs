//! The live page: who may call its address, what a follower of a run gets, and the page itself in a
//! browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use swell_tests::{
    Behaviour, CallReply, Finished, Host, Running, Target, TargetSettings, call, free_address,
    guest, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(20);
const JSON: &str = "Content-Type: application/json";

fn target() -> Target {
    let behaviour = Behaviour::constant(1.0);
    Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

/// A run that goes on, with its page.
struct Served {
    running: Running,
    at: SocketAddr,
}

impl Served {
    fn start(target: &Target, flags: &str) -> Self {
        let at = free_address();
        let running = Host::run_guest("plain-get")
            .target(target.url())
            .args(flags)
            .arg("--ui")
            .arg(at.to_string())
            .start();
        wait_until(PATIENCE, "the page", || TcpStream::connect(at).ok());
        let this = Self { running, at };
        wait_until(PATIENCE, "the first frame", || {
            this.get("/v1/runs/plain_get/record").body.contains("\"frame\"").then_some(())
        });
        this
    }

    fn get(&self, path: &str) -> CallReply {
        call(self.at, "GET", path, &[], "")
    }

    fn stop(self) -> Finished {
        assert_eq!(call(self.at, "POST", "/v1/runs/plain_get/stop", &[], "").status, 202);
        self.running.wait()
    }
}

/// A follower of a run, as a browser is one.
struct Followed(BufReader<TcpStream>);

impl Followed {
    /// Follows a run from an entry on.
    fn start(at: SocketAddr, after: &str) -> Self {
        let mut stream = TcpStream::connect(at).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("20 s is a timeout");
        let head = format!(
            "GET /v1/runs/plain_get/stream HTTP/1.1\r\nHost: {at}\r\nLast-Event-ID: {after}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it is connected");
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("it goes on");
        line.trim_end().to_owned()
    }

    /// The status of the answer.
    fn status(&mut self) -> u16 {
        let line = self.line();
        line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it has a status")
    }

    /// The next entry with its number; nothing where all is over.
    fn entry(&mut self) -> Option<(String, Value)> {
        loop {
            let line = self.line();
            if line == "event: over" {
                return None;
            }
            if let Some(id) = line.strip_prefix("id: ") {
                let id = id.to_owned();
                let data = self.line();
                let data = data.strip_prefix("data: ").expect("an entry has data");
                return Some((id, serde_json::from_str(data).expect("it is JSON")));
            }
        }
    }
}

fn number(id: &str) -> u64 {
    id.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).expect("it ends in a number")
}

#[test]
fn a_follower_that_comes_back_misses_no_frame_and_gets_none_twice() {
    let target = target();
    let run = Served::start(&target, "--tps 100");
    let record = run.get("/v1/runs/plain_get/record");
    assert!(record.body.starts_with("{\"header\":"), "{}", record.body);
    let seen = record.header("Swell-Entry").expect("it has a last entry").to_owned();
    assert_eq!(record.body.lines().count() as u64, number(&seen));
    let after = run.get(&format!("/v1/runs/plain_get/record?after={seen}"));
    assert!(!after.body.contains("\"header\""), "{}", after.body);

    let mut first = Followed::start(run.at, &seen);
    let (id, frame) = first.entry().expect("it goes on");
    assert_eq!(number(&id), number(&seen) + 1);
    drop(first);
    // Meanwhile some time passes.
    wait_until(PATIENCE, "two more entries", || {
        let last = run.get("/v1/runs/plain_get/record").header("Swell-Entry").map(number)?;
        (last >= number(&id) + 2).then_some(())
    });
    let (mut again, at) = (Followed::start(run.at, &id), run.at);
    let (mut last, mut until) = (number(&id), frame["frame"]["until"].clone());
    for _ in 0..3 {
        let (id, entry) = again.entry().expect("it goes on");
        assert_eq!(number(&id), last + 1);
        assert_eq!(entry["frame"]["from"], until);
        (last, until) = (number(&id), entry["frame"]["until"].clone());
    }
    let stopped = call(at, "POST", "/v1/runs/plain_get/stop", &[], "");
    assert_eq!(stopped.status, 202);
    // All of it comes before the process ends.
    let mut report = None;
    while let Some((_, mut entry)) = again.entry() {
        report = report.or_else(|| entry.get_mut("end").map(Value::take));
    }
    let finished = run.running.wait().expect_done();
    let report = report.expect("its end was told");
    assert_eq!(
        report["report"]["measured"]["transactions"]["ok"],
        *finished.json_at("/measured/transactions/ok")
    );
}

#[test]
fn fifty_may_follow_and_one_more_is_told_while_stop_finds_its_place() {
    let target = target();
    let run = Served::start(&target, "--tps 50");
    let mut followers: Vec<Followed> = (0..50).map(|_| Followed::start(run.at, "")).collect();
    assert!(followers.iter_mut().all(|follower| follower.status() == 200));
    let refused = run.get("/v1/runs/plain_get/stream");
    assert!(refused.status == 503 && refused.error().contains("50 pages"), "{refused:?}");
    // One that leaves makes room.
    followers.pop();
    wait_until(PATIENCE, "a place", || (Followed::start(run.at, "").status() == 200).then_some(()));
    run.stop().expect_done();
}

#[test]
fn the_page_may_call_and_no_page_of_another_site() {
    let target = target();
    let run = Served::start(&target, "--tps 50");
    let page = run.get("/");
    assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("Content-Security-Policy"), Some("frame-ancestors 'none'"));
    assert!(page.body.contains("script-src 'sha256-") && page.body.contains("connect-src 'self'"));
    assert_eq!(run.get("/worker.js").status, 200);
    let goal = |headers: &[&str], goal: u64| {
        let body = json!({ "tps": goal }).to_string();
        call(run.at, "PUT", "/v1/runs/plain_get/goal", &[&[JSON][..], headers].concat(), &body)
    };
    let own = format!("Origin: http://{}", run.at);
    assert_eq!(goal(&[&own, "Sec-Fetch-Site: same-origin"], 70).status, 200);
    for headers in [
        &["Origin: http://evil.example"][..],
        &["Origin: null"],
        &[&format!("Origin: https://{}", run.at)],
        &[&own, "Sec-Fetch-Site: cross-site"],
        &["Host: evil.example", "Origin: http://evil.example"],
        &["Host: evil.example"],
    ] {
        let refused = goal(headers, 90);
        assert_eq!(refused.status, 403, "{headers:?}: {refused:?}");
    }
    assert_eq!(call(run.at, "PUT", "/", &[], "").status, 405);
    for path in ["/", "/worker.js", "/v1/runs/plain_get/record", "/v1/runs/plain_get/stream"] {
        assert_eq!(call(run.at, "GET", path, &["Host: evil.example"], "").status, 403, "{path}");
    }
    // The page names no files of this machine; whoever has a shell here does.
    let body = json!({ "file": guest("plain-get"), "tps": 5, "duration": "1s" }).to_string();
    let begin = |headers: &[&str]| {
        call(run.at, "POST", "/v1/runs", &[&[JSON][..], headers].concat(), &body)
    };
    let refused = begin(&[&own]);
    assert!(refused.status == 403 && refused.error().contains("names no files"), "{refused:?}");
    assert_eq!(begin(&[]).status, 201);
    let marks = wait_until(PATIENCE, "the mark", || {
        Some(run.get("/v1/runs/plain_get/record").body).filter(|body| body.contains("\"mark\""))
    });
    assert!(marks.contains("goal 70.0/s, on the page") && !marks.contains("90.0/s"), "{marks}");
    run.stop();
}

#[test]
fn a_page_that_cannot_be_served_so_is_refused_with_the_cure_before_anything_is_sent() {
    let target = target();
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let no_key = folder.path().join("none.pem").display().to_string();
    for (flags, token, words) in [
        (format!("--ui {address}"), "", &["cannot listen there", "end what has the port"][..]),
        ("--ui 0.0.0.0:0".to_owned(), "", &["needs a token", "SWELL_CONTROL_TOKEN"]),
        ("--ui 127.0.0.1:0".to_owned(), "open sesame ", &["SWELL_CONTROL_TOKEN", "no spaces"]),
        ("--ui 0.0.0.0:0".to_owned(), "open sesame", &["SWELL_CONTROL_TOKEN", "at least 16"]),
        (
            "--ui 0.0.0.0:0".to_owned(),
            "open sesame, please",
            &["needs TLS", "--ui-cert", "--ui-plain"],
        ),
        (
            format!("--ui 127.0.0.1:0 --ui-cert {no_key} --ui-key {no_key}"),
            "",
            &["--ui-cert", "cannot be read"],
        ),
        ("--ui-plain".to_owned(), "", &["--ui"]),
        ("--ui nowhere".to_owned(), "", &["put other words before --ui"]),
    ] {
        let mut run = Host::run_guest("plain-get")
            .target(target.url())
            .args("--tps 5 --duration 1s")
            .args(&flags);
        if !token.is_empty() {
            run = run.env("SWELL_CONTROL_TOKEN", token);
        }
        let run = run.finish().expect_code(104);
        assert!(words.iter().all(|words| run.stderr.contains(words)), "{flags}: {}", run.stderr);
    }
    assert_eq!(target.seen().requests, 0);
}

const RECORD: &str = "/v1/runs/plain_get/record";

/// A coordinator without a page, a run that its cluster does, and nodes that serve the page.
struct JoinedPages {
    lead: Running,
    nodes: Vec<Running>,
    pages: Vec<SocketAddr>,
    submitted: Running,
}

impl JoinedPages {
    /// With so many pages, each of which has the first frame.
    fn start(target: &Target, pages: usize) -> Self {
        let lead = Host::new("node").args(&format!("--listen {}", free_address())).start();
        let invitation = lead.invitation();
        let pages: Vec<SocketAddr> = (0..pages).map(|_| free_address()).collect();
        let join = |at| Host::new("node").args(&invitation).args(&format!("--ui {at}")).start();
        let nodes = pages.iter().map(join).collect();
        let run = Host::run_guest("plain-get").target(target.url());
        let submitted = run.args(&invitation).args("--tps 50").start();
        for at in &pages {
            wait_until(PATIENCE, "the page", || TcpStream::connect(at).ok());
            wait_until(PATIENCE, "the first frame", || {
                call(*at, "GET", RECORD, &[], "").body.contains("\"frame\"").then_some(())
            });
        }
        Self { lead, nodes, pages, submitted }
    }

    /// Stops the run on a page; gives what the command had that began it.
    fn stop(self, at: SocketAddr) -> Finished {
        assert_eq!(call(at, "POST", "/v1/runs/plain_get/stop", &[], "").status, 202);
        let finished = self.submitted.wait();
        self.lead.interrupt();
        self.lead.wait();
        self.nodes.into_iter().for_each(|node| drop(node.wait()));
        finished
    }
}

#[test]
fn pages_of_nodes_that_joined_show_the_runs_of_the_cluster_and_have_the_lead_obey() {
    let target = target();
    let mut cluster = JoinedPages::start(&target, 2);
    let (first, second) = (cluster.pages[0], cluster.pages[1]);
    let get = |at, path: &str| call(at, "GET", path, &[], "");
    assert_eq!(get(first, "/").header("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(get(first, "/v1/runs").json_at("/runs/0/name"), json!("plain_get"));
    let record = get(first, RECORD);
    let seen = record.header("Swell-Entry").expect("it has a last entry").to_owned();
    assert_eq!(record.body.lines().count() as u64, number(&seen));
    assert!(get(second, RECORD).body.starts_with(&record.body));
    let mut follower = Followed::start(second, &seen);
    for after in 1..=3 {
        let (id, _) = follower.entry().expect("it goes on");
        assert_eq!(number(&id), number(&seen) + after);
    }

    let goal = |headers: &[&str]| {
        let headers = [&[JSON][..], headers].concat();
        call(first, "PUT", "/v1/runs/plain_get/goal", &headers, "{\"tps\": 80}").status
    };
    assert_eq!(goal(&["Origin: http://evil.example"]), 403);
    let own = format!("Origin: http://{first}");
    assert_eq!(goal(&[&own, "Sec-Fetch-Site: same-origin"]), 200);
    wait_until(PATIENCE, "its mark", || {
        get(second, RECORD).body.contains("on the page").then_some(())
    });
    let body = json!({ "file": guest("plain-get"), "tps": 5 }).to_string();
    assert_eq!(call(first, "POST", "/v1/runs", &[JSON, &own], &body).status, 403);
    for path in ["runs/nobody/stream", "runs/nobody/record", "comparison?a=runs/x&b=runs/y"] {
        assert_eq!(get(first, &format!("/v1/{path}")).status, 404, "{path}");
    }

    // A node that leaves takes nothing with it but its page.
    let leaver = cluster.nodes.remove(0);
    leaver.interrupt();
    leaver.wait().expect_code(0);
    assert!(TcpStream::connect(first).is_err());
    let finished = cluster.stop(second);
    let mut report = None;
    while let Some((_, mut entry)) = follower.entry() {
        report = report.or_else(|| entry.get_mut("end").map(Value::take));
    }
    let report = report.expect("its end was told");
    assert_eq!(
        report["report"]["measured"]["transactions"]["ok"],
        *finished.json_at("/measured/transactions/ok")
    );
}

#[test]
fn a_page_of_a_node_says_that_the_lead_is_out_of_reach_and_goes_on_when_it_is_back() {
    let target = target();
    let cluster = JoinedPages::start(&target, 1);
    let at = cluster.pages[0];
    let (id, _) = Followed::start(at, "").entry().expect("it goes on");
    cluster.lead.signal(Signal::STOP);
    let lost = wait_until(PATIENCE, "the loss to be told", || {
        let reply = call(at, "GET", RECORD, &[], "");
        (reply.status != 200).then_some(reply)
    });
    assert!(lost.status == 502 && lost.error().contains("out of reach"), "{lost:?}");
    assert_eq!(call(at, "GET", "/", &[], "").status, 200);
    cluster.lead.signal(Signal::CONT);
    let mut again = wait_until(PATIENCE, "the lead to be found again", || {
        let mut again = Followed::start(at, &id);
        (again.status() == 200).then_some(again)
    });
    let (next, _) = again.entry().expect("it goes on");
    assert_eq!(number(&next), number(&id) + 1);
    cluster.stop(at);
}

#[test]
fn a_node_that_cannot_serve_its_page_says_so_and_does_not_join() {
    let lead = Host::new("node").args(&format!("--listen {}", free_address())).start();
    let invitation = lead.invitation();
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken.local_addr().expect("it is bound");
    for (flags, words) in [
        (format!("--ui {address}"), "cannot listen there"),
        ("--ui 0.0.0.0:0".to_owned(), "needs a token"),
    ] {
        let node = Host::new("node").args(&invitation).args(&flags).finish().expect_code(104);
        assert!(node.stderr.contains(words), "{flags}: {}", node.stderr);
    }
    assert!(!lead.stderr().contains("is here"), "{}", lead.stderr());
    lead.interrupt();
    lead.wait().expect_code(0);
}

/// Has a browser do what a test of `host/web/tests/browser/live.ts` says.
fn in_a_browser(test: &str, variables: &[(&str, String)]) -> String {
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/web");
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "live", "--", test]).current_dir(web);
    npm.envs(variables.iter().map(|(name, value)| (name, value)));
    let said = npm.output().expect("`cargo xtask page` has installed npm");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.status.success(),
        "{text}{}\nhelp: where esbuild is not found, `cargo xtask page` brings it",
        String::from_utf8_lossy(&said.stderr)
    );
    text
}

#[test]
fn a_browser_follows_a_run_changes_its_goal_bears_a_standstill_and_stops_it() {
    let target = target();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let plan = folder.path().join("plan.toml");
    let name = "<img src=x onerror=alert(1)>";
    let file = guest("plain-get");
    let text = format!("[run.{name:?}]\nfile = {file:?}\ntps = 50\n");
    std::fs::write(&plan, text).expect("a file can be written");
    let at = free_address();
    let running = Host::run_file(&plan)
        .target(target.url())
        .arg("--ui")
        .arg(at.to_string())
        .deadline(Duration::from_secs(240))
        .start();
    let said = format!("live page: http://{at}\n");
    wait_until(PATIENCE, "the page", || running.stderr().contains(&said).then_some(()));
    let variables = [
        ("SWELL_PAGE", format!("http://{at}")),
        ("SWELL_PID", running.pid().to_string()),
        ("SWELL_RUN", name.to_owned()),
    ];
    let said = in_a_browser("run", &variables);
    let finished = running.wait().expect_done();
    let ended =
        finished.count("/total/transactions/ok") + finished.count("/total/transactions/failed");
    assert!(said.contains(&format!("transactions: {ended}\n")), "{ended}: {said}");
}

#[test]
fn a_browser_begins_what_a_node_has_stored_and_lays_another_run_beside_it() {
    let target = target();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::copy(guest("plain-get"), folder.path().join("browse.wasm")).expect("it can be copied");
    let at = free_address();
    let stored = folder.path().display();
    let node = Host::new("node")
        .args(&format!("--listen {} --scenarios {stored}", free_address()))
        .args(&format!("--allow-host 127.0.0.1 --ui {at}"))
        .deadline(Duration::from_secs(300))
        .start();
    wait_until(PATIENCE, "the page", || TcpStream::connect(at).ok());
    let variables =
        [("SWELL_PAGE", format!("http://{at}")), ("SWELL_TARGET", target.url().to_owned())];
    in_a_browser("stored", &variables);
    node.interrupt();
    node.wait().expect_code(0);
}

#[test]
fn what_differs_between_two_runs_is_told_as_far_as_both_have_come() {
    let target = target();
    let run = Served::start(&target, "--tps 50");
    let body = json!({ "file": guest("plain-get"), "name": "other", "tps": 150 }).to_string();
    assert_eq!(call(run.at, "POST", "/v1/runs", &[JSON], &body).status, 201);
    let compared = |query: &str| run.get(&format!("/v1/comparison?{query}"));
    wait_until(PATIENCE, "the other's first frame", || {
        run.get("/v1/runs/other/record").body.contains("\"frame\"").then_some(())
    });
    let found = compared("a=runs%2Fplain_get&b=runs%2Fother");
    assert_eq!((found.status, found.json_at("/schema")), (200, json!("swell.compare/1")));
    assert_eq!(found.json_at("/method"), json!("two-runs"));
    let figures = found.json_at("/figures");
    let figures = figures.as_array().expect("it has figures");
    let throughput = figures.iter().find(|row| row["figure"] == "throughput");
    let throughput = throughput.unwrap_or_else(|| panic!("it is told: {figures:?}"));
    assert!(throughput["b"].as_f64() > throughput["a"].as_f64(), "{throughput}");
    for (query, status, words) in [
        ("a=runs/plain_get", 400, "a=history/ID"),
        ("a=runs/plain_get&b=/etc/passwd", 400, "a=history/ID"),
        ("a=runs/plain_get&b=runs/nobody", 404, "nobody"),
        ("a=history/nobody&b=runs/other", 404, "nobody"),
        ("a=runs/other&b=runs/other", 422, "the same run"),
    ] {
        let refused = compared(query);
        assert!(
            refused.status == status && refused.error().contains(words),
            "{query}: {refused:?}"
        );
    }
    assert_eq!(call(run.at, "POST", "/v1/runs/other/stop", &[], "").status, 202);
    run.stop();
}

#[test]
fn a_browser_logs_in_over_tls_with_the_token_and_keeps_it_from_scripts() {
    let target = target();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (cert, key) = certificate(folder.path());
    let at = free_address();
    let running = Host::run_guest("plain-get")
        .target(target.url())
        .args("--tps 50")
        .args(&format!("--ui {at} --ui-cert {cert} --ui-key {key}"))
        .env("SWELL_CONTROL_TOKEN", "open sesame")
        .deadline(Duration::from_secs(240))
        .start();
    wait_until(PATIENCE, "the page", || TcpStream::connect(at).ok());
    let variables = [
        ("SWELL_PAGE", format!("https://{at}")),
        ("SWELL_TOKEN_TYPED", "open sesame".to_owned()),
        ("SWELL_RUN", "plain_get".to_owned()),
    ];
    in_a_browser("login", &variables);
    assert!(!running.stderr().contains("sesame"));
    running.interrupt();
    running.wait().expect_done();
}

/// A certificate of its own authority for loopback, as files.
fn certificate(folder: &Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])
        .expect("a certificate can be made");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("a file can be written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file can be written");
    (cert.display().to_string(), key.display().to_string())
}
