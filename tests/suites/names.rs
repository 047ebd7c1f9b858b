//! Names as machines have them: in a file of hosts, with addresses that lead nowhere, without a
//! name server.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use swell_tests::{Host, Target, TargetSettings, say};
use tempfile::TempDir;

/// Files that are to stand in the place of those of `/etc`, for one process alone.
struct Etc(TempDir);

impl Etc {
    /// Nothing, said on standard error, where the machine lets nobody mount.
    fn with(hosts: &str, resolv: &str) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder can be made");
        for (name, text) in [("hosts", hosts), ("resolv.conf", resolv)] {
            std::fs::write(folder.path().join(name), text)
                .expect("the temporary folder can be written");
        }
        let etc = Self(folder);
        let (program, args) = etc.within();
        let tried = Command::new(program).args(args).arg("true").output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            return Some(etc);
        }
        say("skipped, for this machine lets nobody mount a file of hosts");
        None
    }

    fn within(&self) -> (&'static str, Vec<String>) {
        let mount =
            |name: &str| format!("mount --bind {} /etc/{name}", self.0.path().join(name).display());
        let script = format!("{} && {} && exec \"$@\"", mount("hosts"), mount("resolv.conf"));
        (
            "unshare",
            ["--map-root-user", "--mount", "sh", "-c", &script, "sh"].map(String::from).to_vec(),
        )
    }

    /// Starts the host with these files.
    fn host(&self, host: Host) -> Host {
        let (program, args) = self.within();
        host.by(program, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// An address that swallows packets: a listener that nobody accepts from, and whose queue is full.
struct Dead {
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Dead {
    fn at(address: SocketAddr) -> Self {
        let listener =
            TcpListener::bind(address).expect("loopback has all addresses of its network");
        let mut queued = Vec::new();
        // As long as the kernel queues them.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            queued.push(stream);
        }
        Self { _listener: listener, _queued: queued }
    }
}

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

fn port(target: &Target) -> u16 {
    target
        .url()
        .rsplit(':')
        .next()
        .and_then(|port| port.trim_end_matches('/').parse().ok())
        .expect("the target's URL has a port")
}

#[test]
fn a_dead_address_beside_a_living_one_costs_a_moment_and_no_request() {
    let target = target();
    let port = port(&target);
    let Some(etc) = Etc::with("127.0.0.9 twin.test\n127.0.0.1 twin.test\n", "") else { return };
    let _dead = Dead::at(SocketAddr::from(([127, 0, 0, 9], port)));
    let run = Host::run_guest("plain-get").target(format!("http://twin.test:{port}"));
    let run = etc
        .host(run.args("--vus 1 --iterations 6 --fresh iteration --connect-timeout 3s"))
        .finish()
        .expect_done();
    assert_eq!(
        (run.count("/measured/transactions/ok"), run.count("/measured/transactions/failed")),
        (6, 0)
    );
    // Every second connection began at the dead one, and waited for it before the other was tried.
    let slowest = run.number("/measured/requests/phases_ms/connecting/max");
    assert!((250.0..3000.0).contains(&slowest), "{slowest} ms");
}

#[test]
fn a_name_of_the_hosts_file_is_found_without_a_name_server() {
    let target = target();
    // One that does not answer, and none at all.
    for resolv in ["nameserver 127.0.0.9\n", ""] {
        let Some(etc) = Etc::with("127.0.0.1 lab.test my_service\n", resolv) else { return };
        for name in ["lab.test", "my_service", "localhost", "LAB.test."] {
            let run = Host::run_guest("plain-get").target(format!("{name}:{}", port(&target)));
            let run = etc
                .host(run.args("--vus 1 --iterations 2 --connect-timeout 2s"))
                .finish()
                .expect_done();
            assert_eq!(run.count("/measured/transactions/ok"), 2, "{name} with {resolv:?}");
        }
    }
}

#[test]
fn a_run_says_that_it_uses_no_proxy_and_which_settings_it_found() {
    let (target, folder) = (target(), TempDir::new().expect("a temporary folder can be made"));
    std::fs::write(folder.path().join("swell.toml"), "iterations = 3\n")
        .expect("the temporary folder can be written");
    let run = |args: &str| {
        let host = Host::run_guest("plain-get")
            .target(target.url())
            .args("--vus 1")
            .args(args)
            .in_folder(folder.path());
        host.env("https_proxy", "http://127.0.0.1:9").finish().expect_done()
    };
    let told = run("");
    assert_eq!(told.count("/measured/transactions/ok"), 3);
    assert!(told.stderr.contains("what https_proxy says is not used"), "{}", told.stderr);
    assert!(told.stderr.contains("settings are taken from swell.toml"), "{}", told.stderr);
    let quiet = run("--quiet");
    assert!(!quiet.stderr.contains("note: ") && quiet.stdout.is_empty(), "{}", quiet.stderr);
}

#[test]
fn a_quiet_run_still_says_why_it_failed() {
    let target = target();
    let trapped = Host::run_guest("recurses")
        .target(target.url())
        .args("-q --vus 1 --iterations 2")
        .finish()
        .expect_code(107);
    assert!(
        trapped.stderr.contains("every user trapped: ")
            && trapped.stderr.contains("call stack exhausted"),
        "{}",
        trapped.stderr
    );
    assert_eq!(
        (trapped.stdout.as_str(), trapped.stderr.lines().count()),
        ("", 1),
        "{}",
        trapped.stderr
    );
    // What a scenario writes to the log is for whoever watches.
    let flood = |args: &str| {
        Host::run_guest("log-flood")
            .target(target.url())
            .args("--vus 1 --iterations 1")
            .args(args)
            .finish()
    };
    assert!(flood("").stderr.contains("WARN") && !flood("-q").stderr.contains("WARN"));
    let failed = Host::run_guest("plain-get")
        .target(target.url())
        .args("-q --vus 1 --iterations 5 --threshold")
        .arg("error_rate > 5%");
    let failed = failed.finish();
    assert!(failed.stderr.contains("error_rate > 5% (found"), "{}", failed.stderr);
}

#[test]
fn a_feed_that_cannot_be_read_for_certain_is_refused_with_its_line() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let refused = |name: &str, content: &str, expected: &str| {
        let file: &Path = &folder.path().join(name);
        std::fs::write(file, content).expect("the temporary folder can be written");
        let host = Host::run_guest("plain-get")
            .target("http://127.0.0.1:1")
            .args("--vus 1 --iterations 1 --data");
        let said = host.arg(format!("users={}", file.display())).finish().expect_code(104).stderr;
        assert!(
            said.contains(expected)
                && said.contains(name)
                && said.matches("line").count() <= expected.matches("line").count() + 1,
            "{said}"
        );
    };
    refused(
        "open.csv",
        "user\nada\n\"bob\ncy\n",
        "line 3: a quote is opened here and never closed",
    );
    refused(
        "bad.jsonl",
        "{\"a\":1}\n{\"a\":}\n",
        "line 2: not a JSON object: expected value at column 6",
    );
}
