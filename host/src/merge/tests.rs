use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use swell_core::RunInstant;
use swell_core::record::{Recorder, Snapshot, TransactionEnd, TransactionTimes};
use swell_core::run::{NodeCounts, NodeId};
use swell_driver::{PartBeginning, PartCounts, PartView as _};

use super::*;
use crate::node_record::NodeRecord;

const HOSTS: [NodeId; 2] = [NodeId(7), NodeId(8)];

fn header(id: &str) -> RecordHeader {
    let header = serde_json::json!({
        "schema": "swell.record/1", "name": "shop", "id": id, "version": "0.1.0", "seed": 7,
        "scenario": "shop", "file": "shop.wasm", "file_hash": "abc", "target": null,
        "model": "open model, 10/s transactions", "asked_per_second": 10.0,
        "grace_seconds": 30.0, "timeout_seconds": 30.0, "hold_seconds": null,
        "began_at": 0.0, "command": [],
        "settings": [["tps", "10"], ["duration", "3s"], ["header", "x-key: (not kept)"]],
        "warm_up_seconds": 0.0, "measured_seconds": 3.0, "thresholds": [], "objectives": [],
        "host": { "name": "a", "cores": 2, "system": "linux x86_64" },
    });
    serde_json::from_value(header).expect("a header is read from its JSON")
}

fn at(ms: u64) -> RunInstant {
    RunInstant::from_nanos(ms * 1_000_000)
}

/// What ended in the half second before an instant: five transactions of 30 ms.
fn half_second(until: u64, is_last: bool, is_leaving: bool) -> PartCounts {
    let mut recorder = Recorder::new(RunInstant::START);
    let name = recorder.define("front page").unwrap();
    for number in 1..=5 {
        let started = at(until - number * 90);
        recorder.begun(name, started, true);
        let times = TransactionTimes::unpaced(started, started + Duration::from_millis(30));
        recorder.ended(name, &times, true, TransactionEnd::Ok);
    }
    let counted = recorder.take_window(at(until), Snapshot::default());
    let counts = NodeCounts {
        counted,
        users: 3,
        users_at_once: 4,
        requests_written: until / 100,
        ..NodeCounts::default()
    };
    PartCounts {
        until: at(until),
        is_measuring: true,
        measured_from: RunInstant::START,
        covered_until: at(until.min(3_000)),
        is_leaderless: false,
        is_last,
        is_leaving,
        counts,
    }
}

/// A part of a run in half seconds: which are there, with which the part ends, and whether the host
/// leaves with that.
struct HalfSeconds {
    halves: std::ops::RangeInclusive<u64>,
    last: u64,
    leaves: bool,
}

/// Has a host keep its part of a run, of so many half seconds; gives its file.
fn keep(folder: &Path, id: &str, host: NodeId, halves: u64) -> PathBuf {
    keep_part(folder, id, host, &HalfSeconds { halves: 1..=halves, last: 6, leaves: false })
}

/// The same of any part.
fn keep_part(folder: &Path, id: &str, host: NodeId, part: &HalfSeconds) -> PathBuf {
    let before = files(folder);
    let outputs = Outputs::journals(Some(folder)).unwrap().unwrap();
    let mut record = NodeRecord::new(header(id), outputs.clone());
    let run_began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let from = at((part.halves.start() - 1) * 500);
    record.begin(&PartBeginning { host, hosts: &HOSTS, run_began, at: from });
    for half in part.halves.clone() {
        record.count(half_second(half * 500, half == part.last, part.leaves));
    }
    drop((record, outputs));
    files(folder).into_iter().find(|path| !before.contains(path)).expect("it was made")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
}

fn refusal(paths: &[&PathBuf]) -> String {
    let paths: Vec<PathBuf> = paths.iter().copied().cloned().collect();
    format!("{:#}", read_parts(&paths).map(drop).unwrap_err())
}

/// How many half seconds can be read.
fn readable(path: &PathBuf) -> usize {
    read_parts(std::slice::from_ref(path)).unwrap().remove(0).frames.count()
}

#[test]
fn what_a_host_counts_is_read_up_to_where_its_record_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = keep(folder.path(), "f00", HOSTS[0], 3);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, "20261118T110640.000Z-shop-f00-0000000000000007.swell");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(readable(&path), 3);
    let whole = fs::read(&path).unwrap();
    // Cut short, and with a byte that has changed.
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(readable(&path), 2);
    let mut changed = whole;
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, changed).unwrap();
    assert_eq!(readable(&path), 2);
}

#[test]
fn parts_of_hosts_come_to_what_they_counted_second_by_second() {
    let folder = tempfile::tempdir().unwrap();
    let paths = HOSTS.map(|host| keep(folder.path(), "f00", host, 6));
    let lines = folder.path().join("lines.jsonl");
    let wanted = [("jsonl".to_owned(), lines.display().to_string())];
    let outputs = Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap();
    let (name, done) = merged(read_parts(&paths).unwrap(), &outputs).unwrap();
    drop(outputs);
    let Done::Finished(run) = done else { panic!("it took place") };
    assert_eq!((name.as_str(), run.exit), ("shop", Exit::Passed), "{}", run.reason);
    let report = &run.report;
    assert_eq!(report.measured.transactions.counts.started, 60);
    assert!((report.run.measured_seconds - 3.0).abs() < 1e-9);
    let nodes = report.nodes.iter().map(|host| (host.name.as_str(), host.started, host.share));
    assert_eq!(nodes.collect::<Vec<_>>(), [("a", 30, 0.5), ("a-0000000000000008", 30, 0.5)]);
    let lines: Vec<Value> = fs::read_to_string(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let header = lines[0]["header"].as_object().unwrap();
    assert!(header["began_at"] == 1_795_000_000.0 && !header.contains_key("part"), "{header:?}");
    let frames: Vec<&Value> = lines.iter().filter_map(|line| line.get("frame")).collect();
    assert_eq!(frames.len(), 3);
    for (second, frame) in frames.iter().enumerate() {
        assert_eq!(frame["until"], second as f64 + 1.0);
        assert_eq!(frame["measured"]["transactions"]["started"], 20);
        assert_eq!(
            (frame["users"].as_u64(), frame["hosts"].as_array().unwrap().len()),
            (Some(6), 2)
        );
        assert!(frame["hosts"][0]["present"] == true && frame["hosts"][0]["share"] == 0.5);
    }
    let ends = |line: &&Value| line.get("end").is_some();
    assert_eq!(lines.iter().filter(ends).count(), 1);
}

#[test]
fn hosts_that_come_leave_or_are_lost_are_marked_in_the_record_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = HalfSeconds { halves: 1..=6, last: 6, leaves: false };
    let marks = |other: HalfSeconds| {
        let paths = [(HOSTS[0], &whole), (HOSTS[1], &other)]
            .map(|(host, part)| keep_part(folder.path(), "f00", host, part));
        let lines = folder.path().join("lines.jsonl");
        let wanted = [("jsonl".to_owned(), lines.display().to_string())];
        let outputs = Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap();
        merged(read_parts(&paths).unwrap(), &outputs).unwrap();
        drop(outputs);
        paths.iter().for_each(|path| fs::remove_file(path).unwrap());
        let text = fs::read_to_string(lines).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mark = |line: Value| {
            let Value::Object(mark) = line.get("mark")?.clone() else { return None };
            Some((mark["kind"].as_str()?.to_owned(), mark["at"].as_f64()?))
        };
        lines.filter_map(mark).collect::<Vec<_>>()
    };
    let mark = |kind: &str, at: f64| vec![(kind.to_owned(), at)];
    assert_eq!(marks(HalfSeconds { halves: 1..=6, last: 6, leaves: false }), []);
    assert_eq!(marks(HalfSeconds { halves: 1..=4, last: 4, leaves: true }), mark("host-left", 2.0));
    assert_eq!(
        marks(HalfSeconds { halves: 1..=4, last: 6, leaves: false }),
        mark("host-lost", 2.0)
    );
    assert_eq!(
        marks(HalfSeconds { halves: 3..=6, last: 6, leaves: false }),
        mark("host-joined", 2.0)
    );
}

#[test]
fn a_run_that_ended_before_its_time_has_not_passed() {
    let folder = tempfile::tempdir().unwrap();
    let part = HalfSeconds { halves: 1..=3, last: 3, leaves: false };
    let paths = HOSTS.map(|host| keep_part(folder.path(), "f00", host, &part));
    let (_, done) = merged(read_parts(&paths).unwrap(), &Outputs::of(Vec::new())).unwrap();
    let Done::Finished(run) = done else { panic!("it took place") };
    assert_eq!(run.exit, Exit::StoppedOverApi, "{}", run.reason);
}

#[test]
fn a_host_of_which_there_is_less_or_nothing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = keep(folder.path(), "f00", HOSTS[1], 4);
    let (_, done) = merged(read_parts(&[path]).unwrap(), &Outputs::of(Vec::new())).unwrap();
    let Done::Finished(run) = done else { panic!("it took place") };
    assert_eq!(run.exit, Exit::HostsLost);
    let hosts = run.report.nodes.iter().map(|host| (host.name.as_str(), host.started));
    let hosts: Vec<_> = hosts.collect();
    assert_eq!(hosts, [("0000000000000007 (no journal)", 0), ("a", 20)]);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = keep(folder.path(), "f00", HOSTS[0], 1);
    let of_other = keep(folder.path(), "f01", HOSTS[1], 1);
    assert!(
        refusal(&[&one, &of_other]).contains("is of run f01, and the journals before it of f00")
    );
    assert!(refusal(&[&one, &one]).contains("of host 0000000000000007 was given twice"));
}

#[test]
fn what_is_no_journal_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for content in [&b""[..], b"swell", b"something else that is long enough"] {
        fs::write(&path, content).unwrap();
        assert!(refusal(&[&path]).contains("x is no journal\nhelp: "), "{content:?}");
    }
    let mut later = fs::read(keep(folder.path(), "f00", HOSTS[0], 1)).unwrap();
    later[13] = b'2';
    fs::write(&path, later).unwrap();
    assert!(refusal(&[&path]).contains("in form 2, of a later release"), "{}", refusal(&[&path]));
    let whole = folder.path().join("whole");
    let own = [("record", whole.display().to_string())];
    let outputs = Outputs::open(&[], &own, &[], |_| Ok(())).unwrap();
    drop(RunRecord::of_past(header("f00"), Vec::new(), outputs));
    assert!(refusal(&[&whole]).contains("is the record of a whole run"), "{}", refusal(&[&whole]));
}
