//! How connections are opened and when they are closed, as flags, files and scripts say it: what
//! the service then sees, and what is refused.

use swell_tests::{CertificateKind, Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// A run of plain-get against this URL.
fn plain(url: &str, args: &str) -> Finished {
    let host = Host::run_guest("plain-get").target(url).args(args);
    // Whoever runs the tests may have keys.
    host.env("AWS_ACCESS_KEY_ID", "").finish()
}

#[test]
fn a_connection_carries_as_many_requests_as_it_may() {
    let load = "--vus 2 --iterations 12";
    for (args, connections) in [
        ("", 2),
        ("--max-requests-per-connection 1", 12),
        ("--max-requests-per-connection 100 --idle-timeout 1h --max-connections-per-host 1", 2),
    ] {
        let target = target();
        let done = plain(&target.url(), &format!("{load} {args}")).expect_done();
        assert_eq!(done.count("/measured/transactions/ok"), 12, "{args}");
        assert_eq!(target.seen().connections, connections, "{args}");
    }
}

#[test]
fn a_file_and_a_script_say_the_same_as_flags() {
    let (target, folder) = (target(), TempDir::new().expect("a temporary folder can be made"));
    let config = folder.path().join("run.toml");
    let text = "max-requests-per-connection = 1\nidle-timeout = \"1s\"\n";
    std::fs::write(&config, text).expect("the temporary folder can be written");
    let refused = Host::run_guest("plain-get").target(target.url()).arg("--config").arg(&config);
    let refused = refused.args("--vus 1").finish().expect_code(104);
    assert!(refused.stderr.contains("leaves no connection idle"), "{}", refused.stderr);
    let text = "max-requests-per-connection = 1\n[dns]\nttl = \"5s\"\nselect = \"random\"\n";
    std::fs::write(&config, text).expect("the temporary folder can be written");
    let run = Host::run_guest("plain-get").target(target.url()).arg("--config").arg(&config);
    run.args("--vus 1 --iterations 3").finish().expect_done();
    assert_eq!(target.seen().connections, 3);
    let script = folder.path().join("shop.js");
    let text = "import http from 'k6/http';
        export const options = { iterations: 3, noConnectionReuse: true,
          dns: { ttl: '1m', select: 'random', policy: 'preferIPv4' } };
        export default () => http.get('/ok');";
    std::fs::write(&script, text).expect("the temporary folder can be written");
    let run = Host::run_file(&script).arg("--interpreter").arg(guest("javascript"));
    let done = run.target(target.url()).finish().expect_done();
    assert_eq!(target.seen().connections, 6);
    assert!(!done.stderr.contains("no effect"), "{}", done.stderr);
}

#[test]
fn what_could_reach_nothing_or_would_do_nothing_is_refused_before_the_run() {
    let target = target();
    for (args, words) in [
        ("--ipv6", &["127.0.0.1", "only IPv6 is used", "help: "][..]),
        ("--dns policy=only-ipv6", &["127.0.0.1", "only IPv6 is used"]),
        ("--ipv4 --dns policy=any", &["--dns", "--ipv4", "leave one of them out"]),
        ("--dns ttl=5", &["--dns", "ttl=5", "\"5s\""]),
        ("--dns select=last", &["select=last", "round-robin"]),
        ("--dns ttl=1s --dns ttl=2s", &["ttl is given twice"]),
        ("--dns ttl=1s --unix-socket /run/shop.sock", &["--unix-socket", "--dns"]),
        ("--sni 10.0.0.7", &["--sni", "an address is no name"]),
        ("--max-connections-per-host 0", &["--max-connections-per-host", "at least 1"]),
        ("--max-requests-per-connection 0", &["--max-requests-per-connection", "at least 1"]),
        ("--idle-timeout 0", &["--idle-timeout", "more than zero"]),
        ("--aws-sigv4 s3", &["--aws-sigv4", "aws:amz:REGION:SERVICE"]),
        ("--aws-sigv4 aws:amz:eu-west-1:s3", &["AWS_ACCESS_KEY_ID is not set", "help: "]),
        ("--expect-timeout 0", &["--expect-timeout", "more than zero"]),
        ("--max-requests-per-connection 1 --idle-timeout 1s", &["leaves no connection idle"]),
        ("--source-ip 127.0.0.1 --ipv6 --connect-to ::[::1]:", &["source addresses", "IPv6"]),
    ] {
        let refused = plain(&target.url(), &format!("--vus 1 {args}")).expect_code(104);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
    }
    assert_eq!(target.seen().connections, 0);
}

#[test]
fn a_certificate_is_judged_by_the_name_that_was_given() {
    let settings =
        TargetSettings { tls: Some(CertificateKind::WrongName), ..TargetSettings::default() };
    let target = Target::start(settings).expect("loopback has a free port");
    let folder = TempDir::new().expect("a temporary folder can be made");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, target.ca_pem().expect("it speaks TLS")).expect("it can be written");
    let run = |name: &str| {
        let host = Host::run_guest("plain-get").target(target.url()).arg("--ca-cert").arg(&ca);
        host.args("--vus 1 --iterations 2 --sni").arg(name).finish()
    };
    assert_eq!(run("elsewhere.example").expect_done().count("/measured/transactions/ok"), 2);
    let refused = run("shop.test").expect_code(104);
    assert!(refused.stderr.contains("not valid for shop.test"), "{}", refused.stderr);
}

#[test]
fn keys_of_aws_sign_what_is_sent_and_stand_in_no_result() {
    let (target, folder) = (target(), TempDir::new().expect("a temporary folder can be made"));
    let keys = |host: Host| {
        host.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "s3cret")
    };
    let record = folder.path().join("run.swell");
    let run = Host::run_guest("plain-get").target(target.url()).arg("--record").arg(&record);
    let run = run.args("--vus 1 --iterations 2 --aws-sigv4 aws:amz:eu-west-1:execute-api");
    let done = keys(run).finish().expect_done();
    assert_eq!(done.count("/measured/transactions/ok"), 2);
    let kept = std::fs::read(&record).expect("a record");
    let is_in = |text: &[u8], what: &[u8]| text.windows(what.len()).any(|part| part == what);
    assert!(!is_in(&kept, b"s3cret") && !is_in(done.stdout.as_bytes(), b"s3cret"));
    let shown = Host::new("try").arg(guest("plain-get")).target(target.url());
    let shown = keys(shown.args("--aws-sigv4 aws:amz:eu-west-1:execute-api")).finish();
    let shown = shown.expect_code(0).stdout;
    assert!(shown.contains("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}
