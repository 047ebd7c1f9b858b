//! What the load generator itself lacks is never the service's failure: local ports and file
//! descriptors.
//!
//! Ports are used up without any privilege: others bind every local port of an address of loopback
//! that the run then sends from. A process may not have that many open files everywhere, so several
//! processes share them, each being this very program with another errand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use swell_tests::{Finished, Host, Target, TargetSettings};

/// Long enough for all users to have asked for a connection before the first one ends.
const SLOW: &str = "-e PATH=/delay/1000";

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// A process that holds ports until it is dropped.
struct PortHolder(Child);

impl Drop for PortHolder {
    fn drop(&mut self) {
        // Both fail only after its end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The errand of a [`PortHolder`], as `127.0.0.9 40000 49999`: an address, and the first and last
/// port.
const ERRAND: &str = "SWELL_TESTS_HOLD_PORTS";
/// The test that does it.
const ERRAND_TEST: &str = "own_limits::holds_ports_for_the_others";
const HELD: &str = "all of them are held";

/// Has every local port of an address held by somebody, but for the last `free` ones.
fn hold_all_ports_but(free: u16, address: Ipv4Addr) -> Vec<PortHolder> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .expect("Linux says which ports are local");
    let mut ends =
        range.split_whitespace().map(|end| end.parse::<u16>().expect("they are numbers"));
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else {
        panic!("{range:?} is no range")
    };
    // A hundred descriptors are a process's own.
    let each = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX).clamp(200, 10_100) - 100;
    let firsts = (first..=last - free).step_by(each as usize);
    let mut holders: Vec<_> = firsts
        .map(|from| {
            let to = from.saturating_add(each as u16 - 1).min(last - free);
            let mut child =
                Command::new(std::env::current_exe().expect("a running program has a file"));
            child
                .args(["--exact", ERRAND_TEST, "--ignored", "--nocapture"])
                .env(ERRAND, format!("{address} {from} {to}"));
            PortHolder(
                child
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("this program can be started again"),
            )
        })
        .collect();
    for PortHolder(child) in &mut holders {
        let mut lines = BufReader::new(child.stdout.as_mut().expect("it is piped")).lines();
        assert!(
            lines.any(|line| line.is_ok_and(|line| line.contains(HELD))),
            "a holder of ports ended early"
        );
    }
    holders
}

#[test]
#[ignore = "the errand of the processes that the tests of ports start"]
fn holds_ports_for_the_others() {
    let errand = std::env::var(ERRAND).expect("started for an errand");
    let [address, first, last] = errand.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{errand:?} is no errand")
    };
    let address: Ipv4Addr = address.parse().expect("it is an address");
    let [first, last]: [u16; 2] = [first, last].map(|port| port.parse().expect("it is a port"));
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })
        .expect("it is no more than the hard limit");
    let in_use = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
    let held: Vec<_> = (first..=last).map(|port| TcpListener::bind((address, port))).collect();
    // One that somebody else holds is held as well.
    assert!(
        held.iter().all(|port| port.as_ref().err().is_none_or(in_use)),
        "{:?}",
        held.iter().find_map(|port| port.as_ref().err())
    );
    writeln_now(HELD);
    // Until the parent is gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Writes a line past the test harness's own buffer.
fn writeln_now(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").and_then(|()| out.flush()).expect("the parent reads");
}

/// Checks that the run is INVALID for this reason and that no other class of error was counted;
/// returns how many requests lacked it.
#[track_caller]
fn lacked(run: &Finished, class: &str, what: &str, cure: &str) -> u64 {
    let count = run.count(&format!("/measured/requests/errors/{class}"));
    assert_eq!(run.json_at("/measured/requests/errors"), &json!({ class: count }));
    assert_eq!(run.json_at("/verdict/stamp"), "INVALID");
    let evidence = run.json_at("/verdict/evidence").as_array().expect("it is a list");
    let named = |key: &str, text: &str| {
        evidence.iter().any(|one| {
            one["stamp"] == "INVALID" && one[key].as_str().is_some_and(|said| said.contains(text))
        })
    };
    assert!(named("what", what) && named("advice", cure), "{evidence:#?}");
    count
}

#[test]
fn a_machine_without_a_free_port_makes_the_run_invalid_and_names_the_cure() {
    let target = target();
    let source = Ipv4Addr::new(127, 83, 1, 1);
    let _holders = hold_all_ports_but(8, source);
    let run = Host::run_guest("fetch")
        .target(target.url())
        .args(SLOW)
        .args("--vus 20 --iterations 20 --source-ip")
        .arg(source.to_string());
    let run = run.finish().expect_code(111).expect_agreement(&target.seen());
    let lacked = lacked(&run, "local_ports", "without a local port", "ip_local_port_range");
    let went_well = run.count("/measured/requests/ok");
    assert_eq!((went_well, went_well), (target.seen().requests, target.seen().connections));
    // Any of the eight may be somebody else's by now.
    assert!(lacked >= 12 && lacked + went_well == 20, "{lacked} without a port, {went_well} ok");
}

#[test]
fn a_source_address_that_has_no_port_at_all_is_refused_before_the_run() {
    let target = target();
    let source = Ipv4Addr::new(127, 83, 1, 2);
    let _holders = hold_all_ports_but(0, source);
    let run = Host::run_guest("fetch")
        .target(target.url())
        .args(SLOW)
        .args("--vus 1 --iterations 1 --source-ip")
        .arg(source.to_string());
    let run = run.finish().expect_code(104);
    assert!(
        run.stderr.contains(&source.to_string()) && run.stderr.contains("port"),
        "{}",
        run.stderr
    );
    assert_eq!(target.seen().connections, 0);
}

#[test]
fn too_few_descriptors_for_the_host_itself_are_an_error_that_names_the_cure() {
    let target = target();
    for most in 4..=20 {
        let run = Host::run_guest("fetch")
            .target(target.url())
            .args("--vus 1 --iterations 1")
            .open_files(most);
        let run = run.finish().expect_code(104);
        assert!(
            run.stderr.contains("ulimit -n") && !run.stderr.contains("panicked"),
            "{most}: {}",
            run.stderr
        );
    }
    assert_eq!(target.seen().connections, 0);
}

#[test]
fn a_process_without_a_free_descriptor_makes_the_run_invalid_and_names_the_cure() {
    let target = target();
    let run = Host::run_guest("fetch")
        .target(target.url())
        .args(SLOW)
        .args("--vus 100 --iterations 100")
        .open_files(64);
    let run = run.finish().expect_code(111).expect_agreement(&target.seen());
    let lacked = lacked(&run, "local_files", "without a file descriptor", "ulimit -n");
    let went_well = run.count("/measured/requests/ok");
    assert_eq!((went_well, went_well), (target.seen().requests, target.seen().connections));
    assert!(
        lacked >= 100 - 64 && lacked + went_well == 100,
        "{lacked} without a descriptor, {went_well} ok"
    );
    assert!(run.stderr.contains("ulimit -n"), "no warning before the run:\n{}", run.stderr);
}
