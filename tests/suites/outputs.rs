//! Where results go: each kind of output has the figures of the report, and is the same whether it
//! heard of the run or of its record.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// All kinds but the page, which a plain build has not.
const KINDS: [&str; 8] = ["json", "jsonl", "csv", "sqlite", "md", "junit", "svg", "png"];

/// Asks for a file of each kind, with this in its name.
fn with_all(host: Host, folder: &Path, name: &str) -> Host {
    KINDS.into_iter().fold(host.in_folder(folder), |host, kind| {
        host.arg("--out").arg(format!("{kind}={}", file_name(name, kind)))
    })
}

fn file_name(name: &str, kind: &str) -> String {
    format!("{name}.{kind}")
}

/// A run with a warm-up, a threshold that fails and files of all kinds, and the same of its record.
fn run_and_report(folder: &Path) -> Finished {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let run = Host::run_file(&guest("plain-get"))
        .target(target.url())
        .args("--tps 150 --warmup 1s --duration 4s --accept invalid --record r.swell")
        .arg("--threshold")
        .arg("response.max < 1us");
    let run = with_all(run, folder, "live").finish().expect_code(99);
    let again = Host::new("report").arg("r.swell").arg("--quiet");
    with_all(again, folder, "again").finish().expect_code(0);
    run
}

#[test]
fn an_output_is_the_same_live_and_from_the_record_and_counts_what_the_report_does() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let folder = folder.path();
    let run = run_and_report(folder);
    let (ok, failed) =
        (run.count("/measured/transactions/ok"), run.count("/measured/transactions/failed"));
    assert!(ok > 100, "{ok}");
    let file = |name, kind| fs::read(folder.join(file_name(name, kind))).expect(kind);
    for kind in KINDS.into_iter().filter(|kind| *kind != "sqlite") {
        assert!(file("live", kind) == file("again", kind), "{kind} differs");
    }

    let table = String::from_utf8(file("live", "csv")).expect("it is text");
    let mut rows = table.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.next().expect("it has a head");
    let place = |column: &str| head.iter().position(|name| *name == column).expect(column);
    let sum_of = |column: &str| -> u64 {
        rows.clone()
            .filter(|row| row[place("scope")] == "run" && row[place("part")] == "measured")
            .map(|row| row[place(column)].parse::<u64>().expect("it is a count"))
            .sum()
    };
    assert_eq!((sum_of("ok"), sum_of("failed")), (ok, failed));

    for name in ["live", "again"] {
        let database = Connection::open(folder.join(file_name(name, "sqlite"))).expect(name);
        let sums = "SELECT sum(ok), sum(failed) FROM transactions WHERE part = 'measured' AND \
            name IS NULL";
        let sums: (u64, u64) = database
            .query_row(sums, [], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
            })
            .expect(name);
        assert_eq!(sums, (ok, failed), "{name}");
        let end = "SELECT verdict, exit_code FROM runs";
        let end: (String, i64) =
            database.query_row(end, [], |row| Ok((row.get(0)?, row.get(1)?))).expect(name);
        assert_eq!(end, (run.json_at("/verdict/stamp").as_str().unwrap().to_owned(), 99));
    }

    let text = |kind| String::from_utf8(file("live", kind)).expect("it is text");
    assert!(text("md").contains("❌ failed"), "{}", text("md"));
    assert!(text("junit").contains("exit code 99: 1 of 1 threshold failed"), "{}", text("junit"));
    assert!(text("svg").contains("failed, exit code 99"), "the picture says how it ended");
}

#[test]
fn what_cannot_be_an_output_is_refused_before_the_run_with_the_cure() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    fs::write(folder.path().join("notes.db"), "of mine").expect("it can be written");
    let refused = |out: &str| {
        let run = Host::run_file(&guest("plain-get")).target("http://127.0.0.1:1");
        let run = run.args("--vus 1 --iterations 1").in_folder(folder.path());
        run.arg("--out").arg(out).finish().expect_code(104).stderr
    };
    for (out, words) in [
        ("cvs=x", "did you mean \"csv\"?"),
        ("sqlite=notes.db", "is no SQLite database, and is left as it is"),
        ("sqlite=/dev/stdout", "a database cannot go to stdout"),
        ("sqlite=-", "this output is a file"),
        ("png=/no/such/folder/x.png", "--out png=/no/such/folder/x.png: cannot write there"),
        ("junit=", "a file is needed after '='"),
    ] {
        let said = refused(out);
        assert!(said.contains(words), "{out}: no {words:?} in: {said}");
    }
    assert_eq!(fs::read(folder.path().join("notes.db")).expect("it is there"), b"of mine");
}
