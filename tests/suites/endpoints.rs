//! The host's own endpoints: the control API, and metrics for Prometheus.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use swell_tests::{
    Behaviour, CallReply, Finished, Host, PrometheusServer, Running, Target, TargetSettings, call,
    free_address, guest, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(20);
const JSON: &str = "Content-Type: application/json";

fn target() -> Target {
    Target::start(TargetSettings {
        behaviour: Behaviour::constant(1.0),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port")
}

/// A run that goes on, with its control API.
struct Controlled {
    running: Running,
    api: SocketAddr,
}

impl Controlled {
    fn start(target: &Target, flags: &str) -> Self {
        let api = free_address();
        let running = Host::run_guest("plain-get")
            .target(target.url())
            .args(flags)
            .arg("--control")
            .arg(api.to_string())
            .start();
        let this = Self { running, api };
        wait_until(PATIENCE, "the control API", || TcpStream::connect(api).ok());
        this.wait_for("it runs", |status| status["started"].as_u64() > Some(0));
        this
    }

    fn get(&self, path: &str) -> CallReply {
        call(self.api, "GET", path, &[], "")
    }

    fn post(&self, path: &str) -> CallReply {
        call(self.api, "POST", path, &[], "")
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> CallReply {
        call(self.api, method, path, &[JSON], &body.to_string())
    }

    fn wait_for(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        wait_until(PATIENCE, what, || {
            Some(self.get("/v1/runs/plain_get").json_at("/status")).filter(|status| holds(status))
        })
    }

    fn stop(self) -> Finished {
        assert_eq!(self.post("/v1/runs/plain_get/stop").status, 202);
        self.running.wait()
    }
}

fn per_second(status: &Value) -> f64 {
    status["per_second"].as_f64().expect("a rate is a number")
}

#[test]
fn a_goal_is_changed_a_run_is_paused_resumed_and_stopped() {
    let target = target();
    let run = Controlled::start(&target, "--tps 100");
    assert_eq!(run.get("/v1/runs").json_at("/runs/0/name"), "plain_get");
    let told = run.send("PUT", "/v1/runs/plain_get/goal", &json!({ "tps": 400 }));
    assert_eq!(
        (told.json_at("/name"), told.json_at("/status/goal_per_second")),
        (json!("plain_get"), json!(400.0))
    );
    run.wait_for("the new goal", |status| {
        status["goal_per_second"] == 400.0 && per_second(status) > 300.0
    });

    assert_eq!(run.post("/v1/runs/plain_get/pause").json_at("/status/phase"), json!("paused"));
    run.wait_for("the pause", |status| status["phase"] == "paused" && per_second(status) == 0.0);
    let before = target.seen().requests;
    run.wait_for("some time to pass", |status| {
        status["phase"] == "paused" && per_second(status) == 0.0
    });
    assert_eq!(target.seen().requests, before, "nothing begins in a pause");

    assert_eq!(run.post("/v1/runs/plain_get/resume").status, 200);
    run.wait_for("the load again", |status| {
        status["phase"] == "measuring" && per_second(status) > 300.0
    });
    // A run without an end of its own ends so, well.
    let finished = run.stop().expect_done();
    assert_eq!(finished.count("/measured/transactions/started"), target.seen().requests);
    assert_eq!(finished.number("/control/goal_per_second"), 400.0);
}

#[test]
fn users_by_stages_have_no_goal_and_go_on_as_they_were_to() {
    let target = target();
    let run = Controlled::start(&target, "--vus-stage 0s:3 --vus-stage 60s:3");
    let refused = run.send("PUT", "/v1/runs/plain_get/goal", &json!({ "tps": 400 }));
    assert!(refused.status == 409 && refused.error().contains("no goal to set"), "{refused:?}");
    run.wait_for("its users", |status| status["users"] == 3);
    let finished = run.stop().expect_code_or_invalid(103);
    assert_eq!(finished.count("/users/created"), 3);
}

#[test]
fn a_closed_model_is_paused_too_and_has_no_goal() {
    let target = target();
    let run = Controlled::start(&target, "--vus 3 --duration 60s");
    let refused = run.send("PUT", "/v1/runs/plain_get/goal", &json!({ "tps": 400 }));
    assert!(refused.status == 409 && refused.error().contains("no goal to set"), "{refused:?}");
    assert_eq!(run.post("/v1/runs/plain_get/pause").json_at("/status/phase"), json!("paused"));
    run.wait_for("the pause", |status| status["phase"] == "paused" && per_second(status) == 0.0);
    assert_eq!(run.post("/v1/runs/plain_get/resume").status, 200);
    run.wait_for("the load again", |status| per_second(status) > 0.0);
    let finished = run.stop().expect_code_or_invalid(103);
    assert!(
        finished.stderr.contains("stopped over the control API before its end"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_run_is_added_beside_the_first_with_its_target_and_its_own_load() {
    let target = target();
    let run = Controlled::start(&target, "--tps 50 --duration 60s");
    let file = guest("plain-get").display().to_string();
    let wanted = json!({
        "name": "beside it", "file": file, "tps": 40, "duration": "1s", "error-rate": ["50%"]
    });
    let added = run.send("POST", "/v1/runs", &wanted);
    assert_eq!(added.status, 201, "{added:?}");
    let report = run.get("/v1/runs/beside%20it/report");
    assert_eq!(report.json_at("/measured/transactions/started"), 40, "its report is waited for");
    let over = run.send("PUT", "/v1/runs/beside%20it/goal", &json!({ "tps": 1 }));
    assert!(over.status == 409 && over.error().contains("is ending"), "{over:?}");
    let again =
        run.send("POST", "/v1/runs", &json!({ "name": "beside it", "file": file, "tps": 40 }));
    assert!(again.status == 409 && again.error().contains("already"), "{again:?}");
    let finished = run.stop();
    assert_eq!(finished.json_at("/schema"), "swell.runs/1");
    assert_eq!(finished.count("/total/transactions/started"), target.seen().requests);
}

#[test]
fn of_a_run_that_is_added_users_are_dealt_to_several_scenarios_by_weight() {
    let target = target();
    let run = Controlled::start(&target, "--tps 50 --duration 60s");
    let file = guest("browse-and-order").display().to_string();
    let wanted = json!({
        "name": "mixed", "file": file, "scenario": ["browse=3", "order"], "vus": 4,
        "iterations-per-vu": 10
    });
    let added = run.send("POST", "/v1/runs", &wanted);
    assert_eq!(added.status, 201, "{added:?}");
    let report = run.get("/v1/runs/mixed/report");
    for (place, (users, iterations)) in [(3, 30), (1, 10)].into_iter().enumerate() {
        let of = |what: &str| report.json_at(&format!("/run/scenarios/{place}/{what}"));
        assert_eq!((of("most_users"), of("iterations")), (json!(users), json!(iterations)));
    }
    let seen = target.seen();
    assert_eq!((seen.path("/items"), seen.path("/orders")), (30, 10));
    let unknown = json!({ "name": "no", "file": file, "scenario": ["browse", "odrer"], "vus": 4 });
    let refused = run.send("POST", "/v1/runs", &unknown);
    assert!(refused.status == 422 && refused.error().contains("\"order\""), "{refused:?}");
    run.stop();
}

#[test]
fn a_goal_that_changes_while_a_run_drains_is_refused() {
    let target = Target::start(TargetSettings {
        behaviour: Behaviour::constant(3_000.0),
        ..TargetSettings::default()
    })
    .expect("loopback has a free port");
    let run = Controlled::start(&target, "--tps 20");
    assert_eq!(run.post("/v1/runs/plain_get/stop").status, 202);
    let refused = run.send("PUT", "/v1/runs/plain_get/goal", &json!({ "tps": 400 }));
    assert!(refused.status == 409 && refused.error().contains("is ending"), "{refused:?}");
    run.running.wait().expect_done();
}

#[test]
fn what_is_malformed_too_large_or_not_there_is_refused_and_changes_nothing() {
    let target = target();
    let run = Controlled::start(&target, "--tps 50");
    let goal = "/v1/runs/plain_get/goal";
    let file = guest("plain-get").display().to_string();
    for (method, path, body, status, words) in [
        ("PUT", goal, "{", 400, "is not as"),
        ("PUT", goal, "[1]", 400, "is not as"),
        ("PUT", goal, r#"{"tsp": 5}"#, 400, "unknown field"),
        ("PUT", goal, r#"{"tps": "5"}"#, 400, "invalid type"),
        ("PUT", goal, r#"{"tps": -5}"#, 422, "out of range"),
        ("PUT", goal, r#"{"tps": 0}"#, 422, "out of range; give 0.000001 to 10,000,000"),
        ("PUT", goal, r#"{"tps": 1e300}"#, 422, "out of range"),
        ("POST", "/v1/runs", "[]", 400, "no JSON object"),
        ("POST", "/v1/runs", "{}", 422, "needs a `file`"),
        ("POST", "/v1/runs", r#"{"file": "nowhere.wasm", "tps": 5}"#, 422, "nowhere.wasm"),
        ("POST", "/v1/runs", r#"{"file": "x.wasm", "tsp": 5}"#, 422, "did you mean `tps`?"),
        ("POST", "/v1/runs", r#"{"file": "x.wasm", "out": "json=x"}"#, 422, "all runs together"),
        (
            "POST",
            "/v1/runs",
            &json!({ "file": file }).to_string(),
            422,
            "nothing says how much load",
        ),
        ("GET", "/v1/runs/nobody", "", 404, "there are: plain_get"),
        ("GET", "/", "", 404, "there are: GET /v1/runs"),
        ("DELETE", "/v1/runs/plain_get", "", 405, "there are: GET /v1/runs"),
        ("PUT", "/v1/runs", "", 405, "POST adds one"),
    ] {
        let reply = call(run.api, method, path, &[JSON], body);
        assert!(
            reply.status == status && reply.error().contains(words),
            "{method} {path} {body}: {reply:?}"
        );
    }
    let large = call(run.api, "PUT", goal, &[JSON], &" ".repeat(100_000));
    assert_eq!(large.status, 413, "{large:?}");
    assert_eq!(call(run.api, "PUT", goal, &[], r#"{"tps": 5}"#).status, 415);
    // From a web page, by its own word or by a name that it has resolved to us.
    for page in [
        "Origin: http://example.com",
        "Origin: http://b\u{fc}cher.example",
        "Origin:",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-origin",
    ] {
        let reply = call(run.api, "GET", "/v1/runs", &[page], "");
        assert!(reply.status == 403 && reply.error().contains("web page"), "{page}: {reply:?}");
    }
    assert_eq!(
        call(run.api, "GET", "/v1/runs", &["Sec-Fetch-Site: none"], "").status,
        200,
        "a person typed it"
    );
    assert_eq!(call(run.api, "GET", "/v1/runs", &["Host: example.com"], "").status, 403);
    assert_eq!(run.wait_for("another look", |_| true)["goal_per_second"], 50.0);
    run.stop().expect_done();
}

#[test]
fn beyond_loopback_a_token_is_needed_and_each_call_carries_it() {
    let target = target();
    let run = || Host::run_guest("plain-get").target(target.url()).args("--tps 50 --duration 30s");
    let refused = run().args("--control 0.0.0.0:0").finish().expect_code(104);
    assert!(
        refused.stderr.contains("needs a token") && refused.stderr.contains("SWELL_CONTROL_TOKEN"),
        "{}",
        refused.stderr
    );
    assert_eq!(target.seen().requests, 0);

    let api = free_address();
    let running = run()
        .arg("--control")
        .arg(format!("0.0.0.0:{}", api.port()))
        .env("SWELL_CONTROL_TOKEN", "open sesame, please")
        .start();
    wait_until(PATIENCE, "the control API", || TcpStream::connect(api).ok());
    for headers in
        [&[][..], &["Authorization: Bearer open"], &["Authorization: Basic open sesame, please"]]
    {
        let reply = call(api, "GET", "/v1/runs", headers, "");
        assert!(
            reply.status == 401 && reply.error().contains("Authorization: Bearer"),
            "{reply:?}"
        );
    }
    assert_eq!(
        call(api, "GET", "/v1/runs", &["Authorization: Bearer open sesame, please"], "").status,
        200
    );
    running.interrupt();
    running.wait().expect_code(105);
}

#[test]
fn an_address_that_is_taken_is_refused_before_anything_is_sent() {
    let target = target();
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    for flag in ["--control", "--prometheus"] {
        let run = Host::run_guest("plain-get")
            .target(target.url())
            .args("--tps 5")
            .arg(flag)
            .arg(&address)
            .finish()
            .expect_code(104);
        assert!(
            run.stderr.contains(flag) && run.stderr.contains("cannot listen there"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(target.seen().requests, 0);
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_from_being_answered() {
    let target = target();
    let run = Controlled::start(&target, "--tps 50");
    let began = Instant::now();
    let connect = |says: &str| {
        let mut stream = TcpStream::connect(run.api).expect("it listens");
        stream.write_all(says.as_bytes()).expect("it is connected");
        stream
    };
    // None of these is over within the ten seconds that a request may take to come.
    let silent: Vec<_> = (0..200).map(|_| connect("")).collect();
    let slow: Vec<_> = (0..100)
        .map(|_| {
            connect(
                "PUT /v1/runs/plain_get/goal HTTP/1.1\r\nContent-Length: \
        100\r\nHost: 127.0.0.1\r\n\r\n{",
            )
        })
        .collect();
    assert_eq!(run.get("/v1/runs").status, 200);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop((silent, slow));
    run.stop().expect_done();
}

#[test]
fn calls_that_wait_for_a_report_do_not_keep_others_from_ending_the_run() {
    let target = target();
    let run = Controlled::start(&target, "--tps 50");
    let file = guest("plain-get").display().to_string();
    // The first one goes on, so that the process is there to answer all that wait for the second.
    assert_eq!(
        run.send("POST", "/v1/runs", &json!({ "name": "second", "file": file, "tps": 50 })).status,
        201
    );
    let ask = || {
        let mut stream = TcpStream::connect(run.api).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("20 s is a timeout");
        let head = format!(
            "GET /v1/runs/second/report HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            run.api
        );
        stream.write_all(head.as_bytes()).expect("it is connected");
        stream
    };
    let waiting: Vec<_> = (0..64).map(|_| ask()).collect();
    // The places are taken one after another.
    wait_until(PATIENCE, "all places to be taken", || {
        let mut further = ask();
        further.set_read_timeout(Some(Duration::from_millis(200))).expect("200 ms is a timeout");
        let mut answer = [0; 12];
        (further.read_exact(&mut answer).is_ok() && answer == *b"HTTP/1.1 503").then_some(())
    });
    assert_eq!(run.post("/v1/runs/second/stop").status, 202);
    for mut stream in waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the run has ended");
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("\"requests_written\""),
            "{answer}"
        );
    }
    run.stop().expect_done();
}

/// A run of a guest that goes on, with where its metrics are.
fn start_with_metrics(target: &Target, guest: &str, flags: &str) -> (Running, SocketAddr) {
    let metrics = free_address();
    let host = Host::run_guest(guest)
        .target(target.url())
        .args(flags)
        .arg("--prometheus")
        .arg(metrics.to_string());
    let running = host.start();
    wait_until(PATIENCE, "the endpoint", || TcpStream::connect(metrics).ok());
    (running, metrics)
}

/// The value of a series of Prometheus' text whose labels contain all of these.
fn series(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let line = text.lines().find(|line| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn the_last_counts_of_a_run_are_there_while_its_teardown_goes_on() {
    let target = target();
    // It is over before a second is, after which metrics are told of it for the first time.
    let (running, metrics) =
        start_with_metrics(&target, "hangs-in-teardown", "--vus 1 --iterations 3");
    wait_until(PATIENCE, "the teardown", || running.stderr().contains("cleaning").then_some(()));
    let text = call(metrics, "GET", "/metrics", &[], "").body;
    let ok = series(&text, "swell_transactions_total", &["outcome=\"ok\""]);
    assert_eq!(ok, Some(3.0), "{text}");
    running.kill();
}

#[test]
fn metrics_count_what_the_report_counts() {
    let target = target();
    let (running, metrics) =
        start_with_metrics(&target, "plain-get", "--tps 200 --latency page:p95=2s --duration 60s");
    let scrape = || call(metrics, "GET", "/metrics", &[], "");
    let whose = ["run=\"plain_get\"", "scenario=\"plain_get\"", "transaction=\"page\""];
    let text = wait_until(PATIENCE, "some hundred transactions", || {
        let text = scrape().body;
        series(&text, "swell_transactions_total", &[&whose[..], &["outcome=\"ok\""]].concat())
            .filter(|ok| *ok > 300.0)
            .map(|_| text)
    });
    let ok = series(&text, "swell_transactions_total", &[&whose[..], &["outcome=\"ok\""]].concat())
        .expect("there are some");
    for times in ["swell_service_seconds", "swell_response_seconds"] {
        assert_eq!(series(&text, &format!("{times}_count"), &whose), Some(ok), "{times}");
        assert_eq!(
            series(&text, &format!("{times}_bucket"), &[&whose[..], &["le=\"+Inf\""]].concat()),
            Some(ok),
            "{times}"
        );
    }
    assert_eq!(series(&text, "swell_goal_tps", &["plain_get"]), Some(200.0));
    assert_eq!(series(&text, "swell_objective_binding", &["objective=\"page:p95=2s\""]), Some(0.0));
    assert_eq!(series(&text, "swell_tps_limited", &["by=\"service\""]), Some(0.0));
    assert_eq!(series(&text, "swell_run_active", &["plain_get"]), Some(1.0));
    assert!(series(&text, "swell_users", &["plain_get"]).is_some_and(|users| users >= 1.0));
    for page in ["Origin: http://b\u{fc}cher.example", "Host: example.com"] {
        assert_eq!(call(metrics, "GET", "/metrics", &[page], "").status, 403, "{page}");
    }
    assert_eq!(call(metrics, "GET", "/metrics", &["Host: localhost"], "").status, 200);
    assert_eq!(
        (
            call(metrics, "GET", "/", &[], "").status,
            call(metrics, "POST", "/metrics", &[], "").status
        ),
        (404, 405)
    );
    running.interrupt();
    running.wait().expect_code(105);
}

#[test]
fn scrapers_that_do_not_read_do_not_touch_the_load() {
    let target = target();
    let (running, metrics) = start_with_metrics(&target, "plain-get", "--tps 300 --duration 3s");
    let slow: Vec<TcpStream> = (0..40)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(metrics).ok()?;
            stream
                .write_all(
                    format!("GET /metrics HTTP/1.1\r\nHost: {metrics}\r\n\r\n")
                        .repeat(50)
                        .as_bytes(),
                )
                .ok()?;
            Some(stream)
        })
        .collect();
    assert!(slow.len() >= 30, "{}", slow.len());
    let run = running.wait().expect_done();
    let due = ["started", "unsent/users", "unsent/host"]
        .map(|part| run.count(&format!("/measured/transactions/{part}")))
        .iter()
        .sum::<u64>();
    assert_eq!(due, 900);
    assert!(
        run.json_at("/verdict/stamp") == "INVALID"
            || run.count("/measured/transactions/started") >= 891,
        "{}",
        run.stdout
    );
}

/// What a Grafana dashboard must have to be loaded, as far as ours uses it (its JSON model, schema
/// version 39).
fn check_dashboard(dashboard: &Value) {
    for (key, is_it) in [
        ("title", Value::is_string as fn(&Value) -> bool),
        ("uid", Value::is_string),
        ("schemaVersion", Value::is_u64),
    ] {
        assert!(is_it(&dashboard[key]), "{key}");
    }
    let variables = dashboard["templating"]["list"].as_array().expect("variables are a list");
    assert!(
        variables
            .iter()
            .all(|variable| variable["name"].is_string() && variable["type"].is_string())
    );
    let panels = dashboard["panels"].as_array().expect("panels are a list");
    let mut places: Vec<[u64; 4]> = Vec::new();
    for (number, panel) in panels.iter().enumerate() {
        let title = panel["title"].as_str().expect("a panel has a title");
        assert_eq!(panel["id"], number as u64 + 1, "{title}: ids are unique");
        assert!(
            panel["type"].is_string()
                && panel["fieldConfig"]["defaults"].is_object()
                && panel["options"].is_object(),
            "{title}"
        );
        let [x, y, w, h] = ["x", "y", "w", "h"]
            .map(|key| panel["gridPos"][key].as_u64().expect("a place has four numbers"));
        assert!(
            x + w <= 24
                && places.iter().all(|[px, py, pw, ph]| x >= px + pw
                    || px >= &(x + w)
                    || y >= py + ph
                    || py >= &(y + h)),
            "{title}"
        );
        places.push([x, y, w, h]);
        let targets = panel["targets"].as_array().expect("targets are a list");
        assert!(
            !targets.is_empty() && targets.iter().all(|target| target["refId"].is_string()),
            "{title}"
        );
    }
}

/// Each query of the dashboard, with what Grafana would put in place of its variables.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels are a list").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets are a list"));
    let query = |target: &Value| {
        target["expr"]
            .as_str()
            .expect("a target has a query")
            .replace("$run", ".*")
            .replace("$__rate_interval", "5s")
    };
    targets.map(query).collect()
}

#[test]
fn a_real_prometheus_scrapes_what_the_dashboard_shows() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../host/docs/grafana-dashboard.json");
    let text = std::fs::read_to_string(file).expect("there is a dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    check_dashboard(&dashboard);

    let target = target();
    // With failures, checks that fail and an objective, so that each of its series has something to
    // show.
    let (running, metrics) =
        start_with_metrics(&target, "says-failed", "--tps 100 --latency p95=2s --duration 60s");
    let prometheus = PrometheusServer::start(metrics);
    let counted =
        || prometheus.query("sum(swell_transactions_total{run=~\".*\"})").unwrap_or_default();
    wait_until(Duration::from_secs(30), "some hundred transactions in prometheus", || {
        (counted() > 500.0).then_some(())
    });
    // What there is no error or failed check for has no series, and its query is one all the same:
    // a wrong one would be refused.
    let metrics_shown = [
        "goal_tps",
        "actual_tps",
        "tps_limited",
        "service_seconds",
        "response_seconds",
        "transactions_total",
        "failures_total",
        "objective_limit",
        "objective_measured",
        "objective_state",
        "users",
        "start_lag",
        "unsent",
        "requests_total",
        "body_bytes_total",
        "connections_total",
    ];
    wait_until(Duration::from_secs(30), "a panel of the dashboard for each metric", || {
        let answered: Vec<String> = queries(&dashboard)
            .into_iter()
            .filter(|query| prometheus.query(query).is_some())
            .collect();
        metrics_shown
            .iter()
            .all(|metric| answered.iter().any(|query| query.contains(metric)))
            .then_some(())
    });
    assert_eq!(prometheus.query("swell_goal_tps"), Some(100.0));
    running.interrupt();
    let run = running.wait().expect_code(105);
    let total = run.count("/measured/transactions/ok") + run.count("/measured/transactions/failed");
    assert!(counted() <= total as f64 && counted() > 500.0);
}
