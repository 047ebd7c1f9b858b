use std::sync::Arc;

use rusqlite::types::Value;
use swell_core::RunInstant;
use swell_core::record::{Cause, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes};
use swell_report::record::{Frame, RecordHeader};

use super::*;
use crate::outputs::Outputs;
use crate::samples::{EVIL, busy_frame, failed_report, header, mark, results};

fn opened(path: &Path) -> anyhow::Result<Outputs> {
    let wanted = [("sqlite".to_owned(), path.display().to_string())];
    Outputs::open(&wanted, &[], &[], |_| Ok(()))
}

fn refused(path: &Path) -> String {
    format!("{:#}", opened(path).err().expect("it is refused"))
}

fn run(name: &str, id: &str, began_at: f64) -> Arc<RecordHeader> {
    let mut run = (*header(name)).clone();
    run.run.id = id.to_owned();
    run.began_at = began_at;
    Arc::new(run)
}

/// Tells a run of these frames to a database.
fn tell(path: &Path, run: &Arc<RecordHeader>, frames: &[Frame]) {
    let outputs = opened(path).unwrap();
    outputs.begin(run);
    for frame in frames {
        outputs.frame(run, &Arc::new(frame.clone()));
    }
    outputs.mark(run, &mark());
    outputs.over(run, Some(&failed_report(&run.run.name)));
    outputs.end(&results(), &AtomicU64::new(0)).unwrap();
}

fn ask(path: &Path, sql: &str) -> Vec<Vec<Value>> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|place| row.get(place)).collect());
    rows.unwrap().map(Result::unwrap).collect()
}

fn count(path: &Path, of: &str) -> i64 {
    match ask(path, &format!("SELECT count(*) FROM {of}"))[0][..] {
        [Value::Integer(count)] => count,
        ref other => panic!("{other:?}"),
    }
}

/// A second in which of 20 transactions a quarter failed.
fn failing_frame() -> Frame {
    let mut recorder = Recorder::new(RunInstant::START);
    let name = recorder.define(EVIL).unwrap();
    for number in 0..20 {
        let end = RunInstant::START + Duration::from_millis(10 + number);
        let cause = Cause::Said("no \"basket\"; DROP TABLE runs");
        let how = if number < 5 { TransactionEnd::Failed(&cause) } else { TransactionEnd::Ok };
        recorder.begun(name, RunInstant::START, true);
        let times = TransactionTimes::unpaced(RunInstant::START, end);
        recorder.ended(name, &times, true, how);
        recorder.check(RunPhase::Measured, "has a title", number > 0);
    }
    let mut frame = busy_frame(0, 0);
    frame.counted = recorder.take_window(frame.until, Snapshot::default());
    frame
}

#[test]
fn runs_are_added_and_one_that_is_there_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    tell(&path, &run("shop", "a", 1.0), &[busy_frame(0, 300)]);
    tell(&path, &run("pay", "b", 2.0), &[busy_frame(0, 20), busy_frame(1, 30)]);
    tell(&path, &run("pay", "b", 2.0), &[busy_frame(0, 20), busy_frame(1, 30)]);
    assert_eq!((count(&path, "runs"), count(&path, "seconds")), (2, 3));
    assert_eq!(count(&path, "transactions"), 6);
    assert_eq!((count(&path, "marks"), count(&path, "thresholds")), (2, 4));
    let told = ask(&path, "SELECT name, verdict, exit_code FROM runs ORDER BY began_at");
    let row = |name: &str| vec![text(name), text("VALID"), Value::Integer(99)];
    assert_eq!(told, [row("shop"), row("pay")]);
}

#[test]
fn a_long_command_is_there_whole_and_a_long_value_says_that_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let mut long = (*run("shop", "a", 1.0)).clone();
    long.command = (0..900).map(|number| format!("--env=key-{number}")).collect();
    let whole = long.command.join(" ");
    assert!(whole.len() > 8_000);
    tell(&path, &Arc::new(long.clone()), &[busy_frame(0, 20)]);
    assert_eq!(ask(&path, "SELECT command FROM runs"), [[text(&whole)]]);
    long.command = vec!["--body".to_owned(), "a b\u{1b}".repeat(4_000)];
    tell(&path, &Arc::new(long), &[busy_frame(0, 20)]);
    let [Value::Text(cut)] = &ask(&path, "SELECT command FROM runs")[0][..] else { panic!() };
    assert!(cut.starts_with("--body 'a b\\u{1b}") && cut.ends_with("…'"), "{cut}");
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The queries of the guide, in their order.
fn queries() -> Vec<String> {
    let guide = include_str!("../../../docs/outputs.md");
    let blocks = guide.split("```sql\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_queries_of_the_guide_have_the_figures_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let frames: Vec<Frame> = (0..5).map(|second| busy_frame(second, 200)).collect();
    tell(&path, &run("shop", "a", 1.0), &frames);
    let [completed, _, percentile] = &queries()[..] else { panic!("there are three") };
    let row = [text("shop"), text("1970-01-01 00:00:01"), text("VALID"), Value::Integer(99)];
    let counts = [Value::Integer(1_000), Value::Integer(0)];
    assert_eq!(ask(&path, completed), [[row.as_slice(), counts.as_slice()].concat()]);
    let mut all = Snapshot::default();
    frames.iter().for_each(|frame| all.merge(&frame.counted));
    let right = all.measured.total.response.all().percentile(95.0).unwrap().time;
    let [Value::Real(ms)] = ask(&path, percentile)[0][..] else { panic!("a percentile") };
    assert_eq!(ms, right.as_nanos() as f64 / 1e6);
}

#[test]
fn what_failed_is_counted_by_cause_and_nobody_elses_words_are_sql_or_act_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    tell(&path, &run(EVIL, "a", 1.0), &[failing_frame()]);
    let told = ask(&path, &queries()[1]);
    let [Value::Text(name), Value::Text(cause), Value::Integer(5)] = &told[0][..] else {
        panic!("{told:?}")
    };
    assert!(name.starts_with("a\\u{1b}[2J\\n</testcase>"), "{name}");
    assert!(cause.contains("no \"basket\"; DROP TABLE runs"), "{cause}");
    let checks = ask(&path, "SELECT name, passed, failed FROM checks");
    assert_eq!(checks, [[text("has a title"), Value::Integer(19), Value::Integer(1)]]);
    assert_eq!(count(&path, "runs"), 1);
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("notes.txt"), "of mine").unwrap();
    assert!(refused(&path("notes.txt")).contains("is no SQLite database, and is left as it is"));
    assert_eq!(std::fs::read_to_string(path("notes.txt")).unwrap(), "of mine");

    Connection::open(path("other.db")).unwrap().execute_batch("CREATE TABLE t (c)").unwrap();
    let before = std::fs::read(path("other.db")).unwrap();
    assert!(refused(&path("other.db")).contains("holds something else than runs"));
    assert_eq!(std::fs::read(path("other.db")).unwrap(), before);

    tell(&path("runs.db"), &run("shop", "a", 1.0), &[]);
    let connection = Connection::open(path("runs.db")).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let words = refused(&path("runs.db"));
    assert!(words.contains("of another release (version 2, this one writes 1)"), "{words}");

    assert!(refused(folder.path()).contains("is no ordinary file"));
    assert!(refused(Path::new("/dev/full")).contains("is no ordinary file"));
    assert!(refused(Path::new("/dev/stdout")).contains("cannot go to stdout"));
    assert!(refused(Path::new("/no/such/folder/runs.db")).contains("cannot write there"));
}

#[test]
fn a_file_that_became_something_else_meanwhile_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let outputs = opened(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (c)").unwrap();
    outputs.begin(&run("shop", "a", 1.0));
    let error = outputs.end(&results(), &AtomicU64::new(0)).unwrap_err();
    assert!(format!("{error:#}").contains("something else than runs"), "{error:#}");
    assert_eq!(count(&path, "sqlite_schema"), 1);
}

#[test]
fn a_command_without_runs_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    drop(opened(&path).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_run_that_breaks_off_while_it_replaces_itself_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    tell(&path, &run("shop", "a", 1.0), &[busy_frame(0, 300), busy_frame(1, 300)]);
    let mut file = SqliteFile::open(path.to_str().unwrap()).unwrap();
    let (run, written) = (run("shop", "a", 1.0), AtomicU64::new(0));
    for what in [NewsKind::Begun, NewsKind::Frame(Arc::new(busy_frame(0, 5)))] {
        file.take(&RunNews { run: Arc::clone(&run), what }, &written).unwrap();
    }
    file.finish(&written).unwrap();
    drop(file);
    assert_eq!(count(&path, "seconds"), 2);
    assert_eq!(ask(&path, "SELECT verdict FROM runs"), [[text("VALID")]]);
}

#[test]
fn a_disk_that_is_full_is_told_and_what_was_written_before_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    tell(&path, &run("shop", "a", 1.0), &[busy_frame(0, 300)]);
    let mut file = SqliteFile::open(path.to_str().unwrap()).unwrap();
    let (run, written) = (run("shop", "b", 2.0), AtomicU64::new(0));
    let news = |what| RunNews { run: Arc::clone(&run), what };
    file.take(&news(NewsKind::Begun), &written).unwrap();
    let pages = "PRAGMA max_page_count = 1";
    file.connection.as_ref().unwrap().query_row(pages, [], |_| Ok(())).unwrap();
    let failed = (0..100).find_map(|second| {
        let frame = Arc::new(busy_frame(second, 500));
        file.take(&news(NewsKind::Frame(frame)), &written).err()
    });
    let words = format!("{:#}", failed.expect("it is full"));
    assert!(words.contains("runs.db: it has what was written before: "), "{words}");
    assert!(words.contains("full"), "{words}");
    drop(file);
    assert_eq!(ask(&path, "SELECT id FROM runs"), [[text("a")]]);
}
