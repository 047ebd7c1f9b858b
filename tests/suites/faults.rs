//! The load generator itself goes wrong, really: its process is stopped and goes on, or gets a
//! sliver of a processor. Whoever reads the result must see it, and nobody else be blamed; and a
//! run in which nothing went wrong must not be called one that did.
//!
//! CI has some of each, alone on the machine, and none of them twice. `cargo xtask faults` has all
//! of them, often, and prints the table.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use swell_tests::{
    Behaviour, Finished, Host, Running, Target, TargetSettings, alone, free_address, wait_until,
};

/// How long a run measures, and when in it the generator is stopped.
const LENGTH: Duration = Duration::from_secs(10);
const STOPPED_AFTER: Duration = Duration::from_secs(3);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// Nothing.
    None,
    /// The process is stopped for so long.
    Freeze(Duration),
    /// It gets a sliver of a processor.
    Starvation,
}

/// One run, and what is right to say of it.
#[derive(Clone, Copy, Debug)]
struct Case {
    load: &'static str,
    /// Starts a second.
    rate: f64,
    hosts: usize,
    fault: Trouble,
}

/// What the stamp is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    Invalid,
    Valid,
    /// What was touched is near to a limit, or by chance: anything but a blame of others is right.
    Either,
}

impl Case {
    /// What follows from how many starts fall into a freeze, and from what is printed of so many
    /// samples.
    fn wanted(&self) -> Wanted {
        let Trouble::Freeze(freeze) = self.fault else {
            return if self.fault == Trouble::None { Wanted::Valid } else { Wanted::Invalid };
        };
        let (freeze, length) = (freeze.as_secs_f64(), LENGTH.as_secs_f64());
        let (samples, touched) = (self.rate * length, self.rate * freeze / self.hosts as f64);
        let beyond = [(10_000.0, 0.001), (1_000.0, 0.01), (200.0, 0.05), (100.0, 0.1)];
        let beyond = beyond
            .into_iter()
            .find(|(needed, _)| samples >= needed * 1.05)
            .map(|(_, part)| samples * part);
        match () {
            () if beyond.is_some_and(|beyond| touched > beyond * 2.0)
                || freeze > length * 0.12 && self.hosts == 1 =>
            {
                Wanted::Invalid
            }
            () if touched < 0.1 && freeze < length * 0.04 => Wanted::Valid,
            () => Wanted::Either,
        }
    }

    fn run(&self) -> Finished {
        let _alone = alone();
        let target = Target::start(TargetSettings {
            behaviour: Behaviour::default(),
            ..TargetSettings::default()
        })
        .expect("loopback has a free port");
        let host = Host::run_guest("plain-get")
            .target(target.url())
            .args(self.load)
            .args("--duration 10s --grace 5s");
        if self.hosts == 1 {
            return self.spoil(&target, host);
        }
        let lead =
            host.args(&format!("--listen {} --hosts {}", free_address(), self.hosts)).start();
        let invitation = lead.invitation();
        let nodes: Vec<Running> =
            (1..self.hosts).map(|_| Host::new("node").args(&invitation).start()).collect();
        self.stop_for_a_while(&target, &nodes[0]);
        lead.wait()
    }

    fn spoil(&self, target: &Target, host: Host) -> Finished {
        match self.fault {
            Trouble::None => host.finish(),
            Trouble::Freeze(_) => {
                let running = host.start();
                self.stop_for_a_while(target, &running);
                running.wait()
            }
            Trouble::Starvation => Sliver::of_a_processor().give(host).wait(),
        }
    }

    fn stop_for_a_while(&self, target: &Target, whom: &Running) {
        let Trouble::Freeze(freeze) = self.fault else { return };
        wait_until(Duration::from_secs(30), "the load", || {
            (target.seen().requests > 0).then_some(())
        });
        pass(STOPPED_AFTER);
        whom.signal(Signal::STOP);
        pass(freeze);
        whom.signal(Signal::CONT);
    }

    /// Says whether a run of it was as wanted, and how it came out, in a line.
    fn judge(&self, finished: &Finished) -> (bool, String) {
        let stamp = finished.json_at("/verdict/stamp").as_str().unwrap_or_default().to_owned();
        let blamed: Vec<&str> =
            finished.json_at("/limits").as_array().map_or_else(Vec::new, |limits| {
                limits
                    .iter()
                    .filter_map(|limit| limit["by"].as_str())
                    .filter(|by| *by != "generator")
                    .collect()
            });
        let unsent =
            |whose: &str| finished.count(&format!("/measured/transactions/unsent/{whose}"));
        let is_right = match self.wanted() {
            Wanted::Invalid => stamp == "INVALID",
            Wanted::Valid => stamp == "VALID",
            Wanted::Either => true,
        };
        let reasons = finished
            .json_at("/verdict/evidence")
            .as_array()
            .map_or_else(Vec::new, |all| all.iter().collect::<Vec<&Value>>());
        let why = reasons.first().and_then(|reason| reason["what"].as_str()).unwrap_or_default();
        // What is left to users is what a starved generator did not start before the end of a run,
        // at most.
        let is_fair = blamed.is_empty() && unsent("users") <= unsent("generator");
        let mark = if is_right && is_fair { "as expected" } else { "WRONG" };
        let (users, host, lease) = (unsent("users"), unsent("generator"), unsent("lease"));
        (
            is_right && is_fair,
            format!(
                "{self} {stamp:<9} unsent {users}/{host}/{lease} blamed {blamed:?} {mark}  {why}"
            ),
        )
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Trouble::None => "nothing".to_owned(),
            Trouble::Freeze(freeze) => format!("stopped {freeze:?}"),
            Trouble::Starvation => "starved".to_owned(),
        };
        write!(
            f,
            "{fault:<14} {:<20} hosts {} wanted {:<8}",
            self.load,
            self.hosts,
            format!("{:?}", self.wanted())
        )
    }
}

fn pass(time: Duration) {
    let began = Instant::now();
    wait_until(time + Duration::from_secs(30), "time to pass", || {
        (began.elapsed() >= time).then_some(())
    });
}

/// What leaves a process little of a processor: a control group with a quota where one can be made,
/// else others that compute while it is nice. The quota is a part of what a thousand starts a
/// second take: with all that they take, little would be late.
enum Sliver {
    Group(PathBuf),
    Spinners(Vec<Child>),
}

impl Sliver {
    fn of_a_processor() -> Self {
        let name = format!("swell-faults-{}", std::process::id());
        let quotas = [
            ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "3000"),
            ("/sys/fs/cgroup", "cpu.max", "3000 100000"),
        ];
        for (root, file, quota) in quotas {
            let group = Path::new(root).join(&name);
            if std::fs::create_dir(&group).is_ok() {
                if group.join(file).exists() && std::fs::write(group.join(file), quota).is_ok() {
                    return Self::Group(group);
                }
                // A group without a quota is of no use; one that stays is of no harm.
                let _ = std::fs::remove_dir(&group);
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let spin = || {
            Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .spawn()
                .expect("a shell can be started")
        };
        Self::Spinners((0..cores * 4).map(|_| spin()).collect())
    }

    fn give(self, host: Host) -> Starved {
        let host = match &self {
            Self::Group(group) => host.by(
                "sh",
                &[
                    "-c",
                    &format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.display()),
                    "sh",
                ],
            ),
            Self::Spinners(_) => host.by("nice", &["-n", "19"]),
        };
        Starved { running: host.deadline(Duration::from_secs(120)).start(), _sliver: self }
    }
}

impl Drop for Sliver {
    fn drop(&mut self) {
        match self {
            // Its process is gone; a group that the kernel still holds is of no harm.
            Self::Group(group) => drop(std::fs::remove_dir(group)),
            Self::Spinners(spinners) => spinners.iter_mut().for_each(|spinner| {
                // Both fail only after its end.
                let _ = spinner.kill();
                let _ = spinner.wait();
            }),
        }
    }
}

/// A host with little of a processor.
struct Starved {
    running: Running,
    _sliver: Sliver,
}

impl Starved {
    fn wait(self) -> Finished {
        self.running.wait()
    }
}

const STARVED: Case =
    Case { load: "--tps 1000", rate: 1_000.0, hosts: 1, fault: Trouble::Starvation };
const IDLE: Case = Case { load: "--tps 200", rate: 200.0, hosts: 1, fault: Trouble::None };

const fn frozen(load: &'static str, rate: f64, hosts: usize, ms: u64) -> Case {
    Case { load, rate, hosts, fault: Trouble::Freeze(Duration::from_millis(ms)) }
}

/// Runs all of them; panics with the table if one is not as expected.
fn expect(cases: impl IntoIterator<Item = Case>) {
    let (mut all_right, mut table) = (true, String::new());
    for case in cases {
        let (is_right, line) = case.judge(&case.run());
        // Now, and not at the end of minutes.
        writeln!(std::io::stdout(), "{line}").expect("whoever runs tests reads what they write");
        all_right &= is_right;
        table.push_str(&line);
        table.push('\n');
    }
    assert!(all_right, "not all as expected:\n{table}");
}

#[test]
fn a_generator_that_was_stopped_is_invalid_and_blames_itself() {
    expect([frozen("--rate 200", 200.0, 1, 1_500), frozen("--vus 20 --tps 300", 300.0, 1, 2_000)]);
}

#[test]
fn an_invalid_run_ends_with_111_or_passes_where_that_is_accepted_and_keeps_its_stamp() {
    for (load, code) in [("--tps 1000", 111), ("--tps 1000 --accept invalid", 0)] {
        let case = frozen(load, 1_000.0, 1, 3_000);
        let finished = case.run().expect_code(code);
        let (is_right, line) = case.judge(&finished);
        assert!(is_right, "{line}");
        assert_eq!(finished.json_at("/verdict/stamp"), "INVALID");
        let reason = finished.json_at("/exit/reason").as_str().unwrap_or_default();
        assert!(reason.contains("INVALID"), "{load}: {reason}");
    }
}

#[test]
fn a_generator_that_gets_a_sliver_of_a_processor_is_invalid_and_blames_itself() {
    expect([STARVED]);
}

#[test]
fn a_generator_with_nothing_in_its_way_is_not_invalid_and_a_pause_between_starts_does_no_harm() {
    // On a machine that others use an idle run may be hit by them: `cargo xtask faults` asks for
    // more, on one that is quiet.
    let cases = [IDLE, IDLE, frozen("--tps 1", 1.0, 1, 50)];
    let stamps = cases.map(|case| case.run().json_at("/verdict/stamp").clone());
    assert!(stamps.iter().filter(|stamp| *stamp == "INVALID").count() <= 1, "{stamps:?}");
}

#[test]
#[ignore = "minutes of a quiet machine: cargo xtask faults"]
fn every_fault_of_the_generator_is_told_and_blamed_on_nobody_else() {
    let rounds: usize = std::env::var("SWELL_FAULTS_ROUNDS")
        .map_or(1, |rounds| rounds.parse().expect("a number of rounds"));
    let loads = [
        ("--tps 1", 1.0),
        ("--tps 20", 20.0),
        ("--tps 1000", 1_000.0),
        ("--tps 20000", 20_000.0),
        ("--rate 200", 200.0),
        ("--vus 20 --tps 300", 300.0),
    ];
    let alone = loads.iter().flat_map(|&(load, rate)| {
        [50, 200, 1_000, 3_000, 5_000].map(|ms| frozen(load, rate, 1, ms))
    });
    let of_three = [50, 1_000, 3_000].map(|ms| frozen("--tps 600", 600.0, 3, ms));
    let cases: Vec<Case> = alone.chain(of_three).chain([STARVED; 3]).chain([IDLE; 3]).collect();
    expect(std::iter::repeat_n(cases, rounds).flatten());
}
