//! Records of runs: kept by themselves, found again, shown as the run was; and what becomes of one
//! that is cut, of another release, in the way of something else, or on a disk that is full.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use swell_tests::{
    Behaviour, Finished, Host, Target, TargetSettings, alone, free_address, say, wait_until,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// A service, and a folder with a history of its own.
struct Bench {
    target: Target,
    state: TempDir,
}

impl Bench {
    fn new() -> Self {
        let behaviour = Behaviour::constant(1.0);
        let target = Target::start(TargetSettings { behaviour, ..TargetSettings::default() });
        Self {
            target: target.expect("loopback has a free port"),
            state: TempDir::new().expect("a temporary folder can be made"),
        }
    }

    /// A run of two seconds.
    fn run(&self) -> Host {
        self.run_for("2s")
    }

    fn run_for(&self, duration: &str) -> Host {
        Host::run_guest("plain-get")
            .target(self.target.url())
            .args(&format!("--tps 100 --duration {duration}"))
            .env("XDG_STATE_HOME", self.state.path())
    }

    /// Another command of the same user.
    fn command(&self, words: &str) -> Host {
        let (command, args) = words.split_once(' ').unwrap_or((words, ""));
        Host::new(command).args(args).env("XDG_STATE_HOME", self.state.path())
    }

    fn again(&self, words: &str) -> Finished {
        self.command(words).finish()
    }

    /// The records in the history.
    fn kept(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.state.path().join("swell/runs")).into_iter().flatten();
        files.map(|file| file.expect("it can be read").path()).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// The record of a run.
    fn record(&self) -> Vec<u8> {
        let path = self.path("whole.swell");
        self.run().arg("--record").arg(&path).finish().expect_done();
        fs::read(path).expect("it was written")
    }

    fn report(&self, path: &Path) -> Finished {
        self.command("report").arg(path).finish()
    }
}

/// How many transactions the frames began that are in these lines.
fn started(lines: &str) -> u64 {
    let of = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        line.pointer("/frame/measured/transactions/started").and_then(Value::as_u64)
    };
    lines.lines().filter_map(of).sum()
}

#[test]
fn a_run_is_kept_by_itself_and_its_results_are_shown_again_as_they_were() {
    let bench = Bench::new();
    let out = bench.path("live.jsonl");
    let live =
        bench.run().arg("--out").arg(format!("jsonl={}", out.display())).finish().expect_done();
    let id = live.json_at("/run/id").as_str().expect("a run has an identity").to_owned();
    assert!(
        live.stderr.contains(&format!("look at it again: host report {id}")),
        "{}",
        live.stderr
    );
    let kept = bench.kept();
    assert_eq!(kept.len(), 1);
    let mode = fs::metadata(&kept[0]).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let json = bench.again("report last --out json=-").expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(Some(&json), live.json.as_ref(), "the same report");
    let lines = bench.again("report --out jsonl=-").expect_code(0).stdout;
    assert_eq!(lines, fs::read_to_string(&out).expect("it was written"), "the same seconds");
    assert_eq!(started(&lines), live.count("/measured/transactions/started"));
    let summary = bench.again("report last").expect_code(0).stdout;
    assert_eq!(summary, live.stdout, "the same summary");
}

#[test]
fn runs_of_one_second_are_kept_each_listed_and_removed() {
    let bench = Bench::new();
    let both = [bench.run().start(), bench.run().start()];
    for run in both {
        run.wait().expect_done();
    }
    assert_eq!(bench.kept().len(), 2);
    let list = bench.again("history").expect_code(0).stdout;
    assert_eq!(list.lines().filter(|line| line.contains("plain")).count(), 2, "{list}");
    let one = bench.again("history show last").expect_code(0).stdout;
    assert!(one.contains("--tps 100") && one.contains("frames of"), "{one}");
    let pruned = bench.again("history prune --keep 1").expect_code(0).stdout;
    assert_eq!(pruned, "removed 1 record\n");
    assert_eq!(bench.kept().len(), 1);
    let none = bench.again("report nobody").expect_code(104).stderr;
    assert!(none.contains("help: `host history` lists them"), "{none}");
}

#[test]
fn a_record_that_is_cut_is_shown_as_far_as_it_goes() {
    let bench = Bench::new();
    let (whole, path) = (bench.record(), bench.path("cut.swell"));
    let mut seen = Vec::new();
    // Each of the first bytes, and many of those behind.
    for cut in (1..24).chain((24..whole.len()).step_by(whole.len() / 40)) {
        fs::write(&path, &whole[..cut]).expect("there is room");
        let lines = bench.command("report").arg(&path).args("--out jsonl=-").finish();
        assert!(!lines.stderr.contains("panicked"), "{}", lines.stderr);
        let listed = bench.command("history show").arg(&path).finish();
        match lines.code {
            Some(0) => {
                assert!(lines.stderr.contains("has no results"), "{}", lines.stderr);
                listed.expect_code(0);
                seen.push(started(&lines.stdout));
            }
            _ => {
                let refused = lines.expect_code(104).stderr;
                assert!(
                    ["no record of a run", "beginning is broken"]
                        .iter()
                        .any(|words| refused.contains(words)),
                    "cut after {cut} bytes: {refused}"
                );
            }
        }
    }
    assert!(seen.len() > 20 && seen.is_sorted(), "the more bytes, the more of the run: {seen:?}");
    assert!(seen[seen.len() - 1] >= 100, "{seen:?}");
    // What needs results has none.
    let none = bench.command("report").arg(&path).args("--out json=-").finish().expect_code(114);
    assert!(none.stderr.contains("without results there is nothing to write"), "{}", none.stderr);
}

#[test]
fn what_is_no_record_of_this_release_is_named_for_what_it_is() {
    let bench = Bench::new();
    let whole = bench.record();
    let later = [b"swell-record/2", &whole[14..]].concat();
    for (content, words) in [
        (&b""[..], "it is empty"),
        (b"SQLite format 3\0 and more", "it is no record of a run"),
        (b"swell-journal/4\n and more", "it is no record of a run"),
        (&later, "it is a record in form 2, of a later release: this one reads form 1"),
    ] {
        let path = bench.path("other");
        fs::write(&path, content).expect("there is room");
        let refused = bench.report(&path).expect_code(104);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn a_run_that_goes_on_is_shown_up_to_now_and_nothing_takes_its_record_away() {
    let bench = Bench::new();
    let run = bench.run_for("1h").start();
    let shown = wait_until(PATIENCE, "some seconds of it", || {
        let shown = bench.again("report last --out jsonl=-");
        (shown.code == Some(0) && started(&shown.stdout) >= 200).then_some(shown)
    });
    assert!(shown.stderr.contains("goes on: this is its record up to"), "{}", shown.stderr);
    assert!(bench.again("history").stdout.contains("goes on"));
    bench.again("history prune --keep 0").expect_code(0);
    assert_eq!(bench.kept().len(), 1);
    run.kill();
    drop(run);
    let cut = bench.again("report last").expect_code(0);
    assert!(cut.stderr.contains("has no results: nothing follows"), "{}", cut.stderr);
}

#[test]
fn a_record_that_cannot_be_written_fails_a_command_that_asked_for_it_and_no_other() {
    let bench = Bench::new();
    let file = bench.path("a-file");
    fs::write(&file, "no folder").expect("there is room");
    let kept = bench.run().env("XDG_STATE_HOME", &file).finish().expect_done();
    assert!(kept.stderr.contains("has no record"), "{}", kept.stderr);
    bench.run().arg("--no-record").finish().expect_done();
    assert_eq!(bench.kept().len(), 0);
    let refused = bench.run().arg("--record").arg(&file).finish().expect_code(104);
    assert!(refused.stderr.contains("is left as it is"), "{}", refused.stderr);
    assert_eq!(bench.target.seen().requests, 400, "of the two that were not refused");
}

/// A host that finds a disk of its own at `place`, mounted with these options. Nothing, said on
/// standard error, where the machine lets nobody mount.
fn with_disk(place: &Path, options: &str, host: Host) -> Option<Host> {
    let script = format!("mount -t tmpfs -o {options} tmpfs {} && exec \"$@\"", place.display());
    let args = ["--map-root-user", "--mount", "sh", "-c", &script, "sh"];
    let tried = Command::new("unshare").args(args).arg("true").output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return Some(host.by("unshare", &args));
    }
    say("skipped, for this machine lets nobody mount a disk");
    None
}

#[test]
fn a_full_disk_ends_the_record_and_not_the_run() {
    let bench = Bench::new();
    let disk = bench.path("disk");
    fs::create_dir(&disk).expect("there is room");
    // Enough to begin with, and not for the seconds.
    let named = bench.run().arg("--record").arg(disk.join("r.swell"));
    let Some(named) = with_disk(&disk, "size=4k", named) else { return };
    let named = named.finish().expect_code_or_invalid(114);
    assert!(named.stderr.contains("r.swell ends here: No space left"), "{}", named.stderr);
    assert!(named.stderr.contains("error: the record "), "{}", named.stderr);
    assert_eq!(bench.target.seen().requests, 200);
    assert_eq!(named.count("/measured/transactions/started"), 200);
    let unasked = bench.run().env("XDG_STATE_HOME", &disk);
    let Some(unasked) = with_disk(&disk, "size=4k", unasked) else { return };
    let unasked = unasked.finish().expect_done();
    assert!(unasked.stderr.contains("No space left"), "{}", unasked.stderr);
}

#[test]
fn a_disk_that_cannot_be_written_to_is_found_before_a_run_that_asked_for_it() {
    let bench = Bench::new();
    let disk = bench.path("disk");
    fs::create_dir(&disk).expect("there is room");
    let named = bench.run().arg("--record").arg(disk.join("r.swell"));
    let Some(named) = with_disk(&disk, "ro", named) else { return };
    let refused = named.finish().expect_code(104);
    assert!(refused.stderr.contains("cannot write there"), "{}", refused.stderr);
    assert_eq!(bench.target.seen().requests, 0);
    let unasked = bench.run().env("XDG_STATE_HOME", &disk);
    let Some(unasked) = with_disk(&disk, "ro", unasked) else { return };
    let unasked = unasked.finish().expect_done();
    assert!(unasked.stderr.contains("has no record"), "{}", unasked.stderr);
}

#[test]
fn nothing_that_is_kept_of_a_run_holds_a_secret() {
    let bench = Bench::new();
    let (record, lines) = (bench.path("r.swell"), bench.path("lines.jsonl"));
    let run = Host::run_guest("plain-get")
        .args("--tps 50 --duration 1s --env token=s3cret --header x-key:s3cret")
        .args("--header authorization:s3cret --header cookie:s3cret")
        .target(bench.target.url())
        .arg("--record")
        .arg(&record)
        .arg("--out")
        .arg(format!("jsonl={}", lines.display()))
        .finish()
        .expect_done();
    let shown = bench.command("history").arg("show").arg(&record).finish().expect_code(0).stdout;
    assert!(shown.contains("token=(not kept)") && shown.contains("x-key: (not kept)"), "{shown}");
    let json = run.json.as_ref().expect("there are results").to_string();
    let read = |path: &Path| fs::read(path).expect("it was written");
    let lines_again = bench.command("report").arg(&record).args("--out jsonl=-").finish().stdout;
    for (what, bytes) in [
        ("the record", read(&record)),
        ("its lines", read(&lines)),
        ("its lines again", lines_again.into_bytes()),
        ("its listing", shown.into_bytes()),
        ("the results", json.into_bytes()),
        ("the summary", run.stdout.into_bytes()),
        ("what it said", run.stderr.into_bytes()),
    ] {
        assert!(!bytes.is_empty(), "{what}");
        assert!(!bytes.windows(6).any(|word| word == b"s3cret"), "{what}");
    }
}

#[test]
fn of_a_cluster_s_run_the_node_that_leads_keeps_the_record_and_each_node_its_own_part() {
    let _alone = alone();
    let bench = Bench::new();
    let (journals, merged) = (bench.path("journals"), bench.path("merged.swell"));
    fs::create_dir(&journals).expect("there is room");
    let keeping = format!("--journal {}", journals.display());
    let lead = bench.command(&format!("node --listen {} {keeping}", free_address())).start();
    let invitation = lead.invitation();
    let node = Host::new("node").args(&invitation).args(&keeping).start();
    wait_until(PATIENCE, "the node to join", || lead.stderr().contains("is here").then_some(()));
    let run = Host::run_guest("plain-get")
        .target(bench.target.url())
        .args(&invitation)
        .args("--tps 200 --duration 4s --warmup 1s --header x-key:s3cret --env token=s3cret")
        .env("XDG_STATE_HOME", bench.path("elsewhere"))
        .arg("--out")
        .arg(format!("jsonl={}", bench.path("live.jsonl").display()))
        .finish()
        .expect_done();
    let counted = run.count("/measured/transactions/started");
    assert!(run.stderr.contains("look at it again: host report "), "{}", run.stderr);
    lead.terminate();
    lead.wait().expect_code(0);
    node.wait().expect_code(0);

    let json = bench.again("report last --out json=-").expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(Some(&json), run.json.as_ref(), "the same report");
    let lines = bench.again("report last --out jsonl=-").expect_code(0).stdout;
    assert_eq!(started(&lines), counted);
    let elsewhere = Host::new("report")
        .args("last --out jsonl=-")
        .env("XDG_STATE_HOME", bench.path("elsewhere"))
        .finish()
        .expect_code(0);
    assert_eq!(elsewhere.stdout, lines, "the one who had it done has it too");
    assert_eq!(fs::read_to_string(bench.path("live.jsonl")).expect("it was written"), lines);

    let parts = fs::read_dir(&journals).expect("it is there");
    let parts: Vec<_> = parts.map(|part| part.expect("it can be read").path()).collect();
    assert_eq!(parts.len(), 2);
    for part in &parts {
        let shown = bench.report(part).expect_code(0);
        assert!(shown.stderr.contains("`host merge` makes the results"), "{}", shown.stderr);
        let of_part = bench.command("report").arg(part).args("--out jsonl=-").finish().stdout;
        assert!((1..counted).contains(&started(&of_part)), "{}", started(&of_part));
        assert!(of_part.contains("token=(not kept)") && !of_part.contains("s3cret"));
    }
    let again = Host::new("merge")
        .arg(&parts[0])
        .arg(&parts[1])
        .arg("--record")
        .arg(&merged)
        .args("--out json=-")
        .finish()
        .expect_done();
    let again: Value = serde_json::from_str(&again.stdout).expect("it is JSON");
    assert_eq!(again["measured"]["transactions"]["started"], counted);
    let of_record = bench.command("report").arg(&merged).args("--out json=-").finish().stdout;
    assert_eq!(serde_json::from_str::<Value>(&of_record).expect("it is JSON"), again);
    let lines = bench.command("report").arg(&merged).args("--out jsonl=-").finish().stdout;
    assert_eq!(started(&lines), counted, "its seconds add up to it");
    let frames = lines.lines().filter(|line| line.starts_with("{\"frame\"")).count();
    assert!((4..=8).contains(&frames), "{frames} frames of five seconds");
    assert!(lines.contains("\"kind\":\"warm-up-over\""), "{lines}");
    // A record of the whole is no part of it.
    let whole = Host::new("merge").arg(&merged).finish().expect_code(104);
    assert!(whole.stderr.contains("is the record of a whole run"), "{}", whole.stderr);
}
