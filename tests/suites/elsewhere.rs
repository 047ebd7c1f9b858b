//! `--to`: figures that are sent elsewhere, to real receivers where there are any, and to bad ones.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use swell_tests::{
    Behaviour, CertificateKind, Collector, Finished, Host, InfluxServer, PostReceiver,
    PrometheusServer, ReceiverManner, StatsdServer, Target, TargetSettings, free_address,
    wait_until,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn target() -> Target {
    let behaviour = Behaviour::constant(1.0);
    Target::start(TargetSettings { behaviour, ..TargetSettings::default() })
        .expect("loopback has a free port")
}

/// A run with metrics of its own, and as many iterations as are looked for afterwards.
fn own_metrics(to: &str) -> (Finished, u64) {
    let target = target();
    let run = Host::run_example("own-metrics").target(target.url()).args("--vus 2 --iterations 40");
    let run = run.arg("--to").arg(to).finish().expect_done();
    assert!(!run.stderr.contains("did not arrive"), "{}", run.stderr);
    let ok = run.count("/measured/transactions/ok");
    assert_eq!(ok, 40, "{}", run.stdout);
    (run, ok)
}

/// The sum of a counter of the scenario's own.
fn own_counter(run: &Finished, name: &str) -> f64 {
    let all = run.json_at("/measured/metrics").as_array().expect("metrics are a list");
    let of_it = all.iter().filter(|series| series["metric"] == name);
    of_it.map(|series| series["values"]["sum"].as_f64().expect("a counter has a sum")).sum()
}

#[test]
fn receivers_that_are_down_silent_or_unwell_cost_a_run_nothing_and_are_told() {
    let target = target();
    let silent = PostReceiver::start(ReceiverManner::IsSilent);
    let unwell = PostReceiver::start(ReceiverManner::Fails);
    let down = free_address();
    let receivers = [
        format!("influx=http://me:s3cret@{down}/db"),
        format!("statsd={down}"),
        format!("webhook=http://{down}/services/s3cret"),
        format!("otlp=http://{}", silent.addr()),
        format!("prometheus-remote-write=http://{}", unwell.addr()),
    ];
    let mut host = Host::run_guest("plain-get").target(target.url());
    host = host.args("--tps 50 --duration 4s");
    for receiver in &receivers {
        host = host.arg("--to").arg(receiver);
    }
    let run = host.finish().expect_done();
    // Its own work is whole, whatever became of what was sent.
    let due = run.count("/measured/transactions/started")
        + run.count("/measured/transactions/unsent/users")
        + run.count("/measured/transactions/unsent/host");
    assert_eq!(due, 200, "{}", run.stdout);
    assert_eq!(run.count("/requests_written"), target.requests());
    assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
    for kind in ["influx", "statsd", "webhook", "otlp", "prometheus-remote-write"] {
        let lines: Vec<&str> =
            run.stderr.lines().filter(|line| line.contains(&format!("--to {kind}="))).collect();
        let told = lines.iter().filter(|line| line.contains("; the run goes on"));
        assert_eq!(told.count(), 1, "{kind}: {}", run.stderr);
        let ends = lines.iter().filter(|line| line.contains("did not arrive: "));
        assert_eq!(ends.count(), 1, "{kind}: {}", run.stderr);
    }
    assert!(run.stderr.contains("it answered 500: not well"), "{}", run.stderr);
    assert!(run.stderr.contains("no answer within 4 s"), "{}", run.stderr);
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    assert!(!silent.posted().is_empty() && !unwell.posted().is_empty());
    assert!(run.stdout.contains("transactions 200 ok"), "the summary is there: {}", run.stdout);
}

#[test]
fn a_receiver_that_cannot_be_is_refused_before_anything_is_sent_and_without_its_secrets() {
    let target = target();
    for (to, words) in [
        (&["inflx=http://h/db"][..], "did you mean \"influx\"?"),
        (&["https://me:s3cret@h/db"], "a kind, '=' and a place are needed"),
        (&["slack=https://h/s3cret"], "there is no receiver \"slack\""),
        (&["influx=me:s3cret@h/db"], "http:// or https:// is needed"),
        (&["influx=http://me:s3cret@h"], "a database is needed"),
        (&["statsd=h"], "a host and a port are needed"),
        (&["webhook="], "SWELL_WEBHOOK_URL"),
        (&["otlp=http://me:s3cret@h", "otlp=http://h/"], "named twice"),
        (&["json=x.json"], "there is no receiver \"json\""),
    ] {
        let mut host = Host::new("run").arg(swell_tests::guest("plain-get"));
        host = host.target(target.url()).args("--vus 1 --iterations 1");
        for to in to {
            host = host.arg("--to").arg(to);
        }
        let refused = host.finish().expect_code(104);
        assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
        assert!(refused.stderr.contains("help: "), "{}", refused.stderr);
        assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
    }
    assert_eq!(target.requests(), 0);
}

#[test]
fn a_hook_is_told_as_a_run_begins_and_what_it_came_to_and_nobody_else_sees_its_url() {
    let target = target();
    let hook = PostReceiver::start(ReceiverManner::Takes);
    let url = format!("http://{}/services/s3cret", hook.addr());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let record = folder.path().join("record");
    let run = Host::run_guest("plain-get")
        .target(target.url())
        .args("--vus 1 --iterations 30 --to webhook= --record")
        .arg(&record)
        .env("SWELL_WEBHOOK_URL", &url)
        .finish()
        .expect_done();
    let posted = hook.posted();
    let messages: Vec<Value> = posted
        .iter()
        .map(|posted| serde_json::from_slice(&posted.body).expect("a message is JSON"))
        .collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!((&messages[0]["event"], &messages[1]["event"]), (&"begun".into(), &"over".into()));
    assert!(posted[0].head.starts_with("POST /services/s3cret "), "{}", posted[0].head);
    let text = messages[1]["text"].as_str().expect("there is a text");
    assert!(text.starts_with("plain_get: ") && text.contains(": 30 ok, 0 failed, "), "{text}");
    for key in ["exit", "verdict", "thresholds"] {
        assert_eq!(&messages[1][key], run.json_at(&format!("/{key}")));
    }
    assert_eq!(&messages[1]["transactions"], run.json_at("/measured/transactions"));
    let bytes = std::fs::read(&record).expect("there is a record");
    assert!(!bytes.windows(6).any(|part| part == b"s3cret"));
    assert!(!format!("{}{}", run.stderr, run.stdout).contains("s3cret"));
}

#[test]
fn a_receiver_behind_tls_is_trusted_as_the_system_trusts_it_and_no_other() {
    let settings = TargetSettings { tls: Some(CertificateKind::Good), ..TargetSettings::default() };
    let receiver = Target::start(settings).expect("loopback has a free port");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let roots = folder.path().join("ca.pem");
    let pem = receiver.ca_pem().expect("it speaks TLS");
    std::fs::write(&roots, pem).expect("the folder can be written");
    let to = format!("webhook={}", receiver.url());
    let run = |roots: Option<&Path>| {
        let target = target();
        let mut host = Host::run_guest("plain-get").target(target.url());
        host = host.args("--vus 1 --iterations 3").arg("--to").arg(&to);
        if let Some(roots) = roots {
            host = host.env("SSL_CERT_FILE", roots);
        }
        host.finish().expect_done()
    };
    let stranger = run(None);
    assert!(stranger.stderr.contains("2 of 2 updates did not arrive"), "{}", stranger.stderr);
    assert_eq!(receiver.requests(), 0);
    let trusted = run(Some(&roots));
    assert!(!trusted.stderr.contains("--to webhook"), "{}", trusted.stderr);
    assert_eq!(receiver.requests(), 2);
}

#[test]
fn a_file_for_the_textfile_collector_passes_prometheus_own_check() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("swell.prom");
    let (run, ok) = own_metrics(&format!("prometheus-file={}", path.display()));
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    let count = format!("transaction=\"items\",outcome=\"ok\"}} {ok}\n");
    assert!(text.contains(&count), "{text}");
    let items = format!("metric=\"items seen\"}} {}\n", own_counter(&run, "items seen"));
    assert!(text.contains(&items), "{items} in {text}");
    assert!(lines("swell_own_trend_bucket") > 10 && lines("swell_own_rate_total") == 2, "{text}");
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(std::fs::File::open(&path).expect("it can be read"));
    let checked = check.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let checked = checked.expect("promtool comes with prometheus");
    let said = String::from_utf8_lossy(&checked.stderr);
    // What it only advises is of `swell_goal_tps` and others, whose names are kept.
    assert!(!said.contains("error") && !said.contains("swell_own"), "{said}");
}

#[test]
fn a_real_prometheus_takes_what_is_written_to_it() {
    let prometheus = PrometheusServer::receiving();
    let (run, ok) = own_metrics(&format!("prometheus-remote-write={}", prometheus.write_url()));
    let query = |query: &str| wait_until(PATIENCE, query, || prometheus.query(query));
    assert_eq!(query("sum(swell_transactions_total{outcome=\"ok\"})"), ok as f64);
    assert_eq!(query("swell_response_seconds_count{transaction=\"items\"}"), ok as f64);
    // A counter that appears in a run has grown from nothing.
    let grown = "max_over_time(swell_transactions_total{outcome=\"ok\",transaction=\"items\"}[5m])\
    - min_over_time(swell_transactions_total{outcome=\"ok\",transaction=\"items\"}[5m])";
    assert_eq!(query(grown), ok as f64);
    let seen = own_counter(&run, "items seen");
    assert_eq!(query("swell_own_total{metric=\"items seen\"}"), seen);
    assert_eq!(query("sum(swell_own_trend_count{metric=\"price\"})"), seen);
    assert_eq!(query("swell_run_active"), 0.0);
}

#[test]
fn a_real_influxdb_takes_what_is_written_to_it() {
    let influx = InfluxServer::start();
    let (run, ok) = own_metrics(&format!("influx={}", influx.url()));
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    let query = |query: &str| influx.query(query).unwrap_or_else(|| panic!("{query}: nothing"));
    let of_items = "WHERE outcome = 'ok' AND transaction = 'items'";
    let sum = query(&format!("SELECT sum(\"count\") FROM swell_transactions_total {of_items}"));
    assert_eq!(sum, ok as f64);
    let counted = query("SELECT sum(\"count\") FROM swell_response_seconds");
    assert_eq!(counted, ok as f64);
    let slowest = query("SELECT max(\"max\") FROM swell_response_seconds");
    let max = run.number("/measured/transactions/response_ms/max") / 1e3;
    assert!((slowest - max).abs() < 1e-6, "{slowest} and {max}");
    let seen = own_counter(&run, "items seen");
    let items = "SELECT sum(\"count\") FROM swell_own_total WHERE metric = 'items seen'";
    assert_eq!(query(items), seen);
    assert_eq!(query("SELECT last(value) FROM swell_run_active"), 0.0);
}

#[test]
fn a_real_statsd_counts_what_is_sent_to_it() {
    let Some(statsd) = StatsdServer::start() else { return };
    let (run, ok) = own_metrics(&format!("statsd={}", statsd.addr()));
    let of_run = "run=measure;scenario=measure";
    let shows = |kind: &str, line: &str| {
        wait_until(PATIENCE, line, || statsd.show(kind).contains(line).then_some(()));
    };
    let outcome = format!("'swell_transactions;{of_run};transaction=items;outcome=ok': {ok}");
    shows("counters", &outcome);
    let seen = own_counter(&run, "items seen");
    shows("counters", &format!("'swell_own;{of_run};metric=items_seen': {seen}"));
    shows("counters", "'statsd.bad_lines_seen': 0");
    shows("gauges", &format!("'swell_run_active;{of_run}': 0"));
    let times = statsd.show("timers");
    assert!(times.contains(&format!("'swell_response;{of_run};transaction=items': [")), "{times}");
}

#[test]
fn a_real_collector_of_opentelemetry_takes_what_is_sent_to_it() {
    let Some(collector) = Collector::start() else { return };
    let (run, ok) = own_metrics(&format!("otlp=http://{}", collector.addr()));
    // It is the last that a run sends.
    collector.last("swell_run_active", |printed| printed.contains("Value: 0"));
    let last = |name: &str| collector.last(name, |_| true);
    let ended = last("swell_transactions_total");
    assert!(ended.contains("IsMonotonic: true"), "{ended}");
    assert!(ended.contains(&format!("Value: {ok}")), "{ended}");
    let times = last("swell_response_seconds");
    assert!(times.contains("DataType: ExponentialHistogram"), "{times}");
    assert!(times.contains(&format!("Count: {ok}")), "{times}");
    let seen = own_counter(&run, "items seen");
    let counted = last("swell_own_total");
    assert!(counted.contains(&format!("Value: {seen}")), "{counted}");
}
