//! All views of one record agree: what each tells is, after rounding to what it prints, what the
//! JSON of the results says. A kind of output that is not in [`VIEWS`] fails the test.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use serde_json::Value;
use swell_report::record::{Entry, Frame, RecordHeader, RecordReader, StretchSum};
use swell_report::{ComparedRun, PointReport, Report, RunComparison, Summary, Written};

use self::story::Story;
use crate::outputs::{KINDS, Outputs};
use crate::sink::Flag;

mod story;

/// A figure as a view tells it: where it is in the JSON, what it is, and by how much that may
/// differ for having been rounded.
#[derive(Debug)]
struct ToldFigure {
    pointer: String,
    value: f64,
    rounding: f64,
}

impl ToldFigure {
    fn exact(pointer: impl Into<String>, value: f64) -> Self {
        Self { pointer: pointer.into(), value, rounding: value.abs() * 1e-9 }
    }

    /// Of a text as people are shown it: "1,234", "12.5 ms", "99 %".
    fn printed(pointer: impl Into<String>, text: &str) -> Self {
        let text = text.trim().replace(',', "");
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit.trim() {
            "" | "ms" | "/s" | "MiB" => 1.0,
            "µs" => 1e-3,
            "s" => 1e3,
            "%" => 1e-2,
            unit => panic!("{text:?} is in {unit:?}"),
        };
        let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let value: f64 = number.parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
        // Half of the last digit.
        let last = 10_f64.powi(-(decimals as i32));
        Self { pointer: pointer.into(), value: value * scale, rounding: last * scale * 0.51 }
    }
}

/// What an output has made of a story: the file that it wrote, or nothing where it serves.
type Read = fn(&Story, &Path) -> Vec<ToldFigure>;

/// How what each kind of output tells is read.
const VIEWS: [(&str, Read); 12] = [
    ("json", of_json),
    ("jsonl", |_, path| of_lines(&lines(&read(path)))),
    ("html", |_, path| of_lines(&crate::html::tests::lines(&read(path))[0])),
    ("csv", of_table),
    ("sqlite", of_database),
    ("md", of_markdown),
    ("junit", of_tests),
    ("svg", of_picture),
    ("png", of_picture),
    ("record", of_record),
    ("prometheus", |story, _| of_metrics(&story.metrics())),
    ("prometheus-file", |_, path| of_metrics(&read(path))),
];

/// Those that are sent to a receiver: what comes there is read where each is tested, and in
/// `tests/suites/elsewhere.rs`.
const SENT: [&str; 5] = ["statsd", "influx", "webhook", "otlp", "prometheus-remote-write"];

/// Those that tell no figure of a name: tests have what is judged, and pictures lines.
const WITHOUT_NAMES: [&str; 3] = ["junit", "svg", "png"];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where something of the measured part is.
fn measured(path: &str) -> String {
    format!("/measured/{path}")
}

/// All numbers of a JSON value.
fn numbers(at: &str, of: &Value, claims: &mut Vec<ToldFigure>) {
    match of {
        Value::Number(number) => claims.push(ToldFigure::exact(at, number.as_f64().unwrap())),
        Value::Object(map) => {
            map.iter().for_each(|(key, of)| numbers(&format!("{at}/{key}"), of, claims));
        }
        Value::Array(list) => {
            (0..).zip(list).for_each(|(place, of): (usize, _)| {
                numbers(&format!("{at}/{place}"), of, claims);
            });
        }
        _ => {}
    }
}

/// What is written is the report; and its points add up to it.
fn of_json(story: &Story, path: &Path) -> Vec<ToldFigure> {
    let written: Report = serde_json::from_str(&read(path)).unwrap();
    let mut claims = Vec::new();
    numbers("", &serde_json::to_value(&story.report).unwrap(), &mut claims);
    let sum = |of: fn(&PointReport) -> u64| written.series.iter().map(of).sum::<u64>() as f64;
    claims.extend([
        ToldFigure::exact(measured("transactions/ok"), sum(|point| point.ok)),
        ToldFigure::exact(measured("transactions/failed"), sum(|point| point.failed)),
        ToldFigure::exact(measured("transactions/started"), sum(|point| point.started)),
    ]);
    let kinds: Vec<_> = written.marks.iter().map(|mark| mark.kind).collect();
    assert_eq!(kinds, story.marks.iter().map(|mark| mark.kind).collect::<Vec<_>>());
    claims
}

/// Frames, whose counts add up, and in the last line the report.
fn of_lines(lines: &[Value]) -> Vec<ToldFigure> {
    let frames: Vec<&Value> = lines.iter().filter_map(|line| line.get("frame")).collect();
    let sum = |path: &str| {
        let of = |frame: &&Value| {
            frame["measured"].pointer(path).and_then(Value::as_f64).unwrap_or_default()
        };
        frames.iter().map(of).sum::<f64>()
    };
    let mut claims = Vec::new();
    for key in ["started", "ok", "failed", "interrupted"] {
        claims.push(ToldFigure::exact(
            measured(&format!("transactions/{key}")),
            sum(&format!("/transactions/{key}")),
        ));
        for name in story::NAMES {
            let of = format!("by_name/{name}/{key}");
            claims.push(ToldFigure::exact(measured(&of), sum(&format!("/{of}"))));
        }
    }
    for name in story::NAMES {
        // What was cut off counts with its age.
        let both = |of: &str| {
            let path = format!("/by_name/{name}/service");
            sum(&format!("{path}/{of}")) + sum(&format!("{path}/at_least/{of}"))
        };
        let mean = both("sum_ns") / both("count");
        // The JSON tells whole nanoseconds.
        let pointer = measured(&format!("by_name/{name}/service_ms/mean"));
        claims.push(ToldFigure { pointer, value: mean / 1e6, rounding: 1e-6 });
    }
    for path in [
        "checks/has a title/passed",
        "checks/has a title/failed",
        "requests/ok",
        "requests/body_bytes",
        "sockets/connections",
        "sockets/bytes_sent",
        "sockets/bytes_received",
    ] {
        claims.push(ToldFigure::exact(measured(path), sum(&format!("/{path}"))));
    }
    let failure = "by_name/pay/failures/status 503";
    claims.push(ToldFigure::exact(measured(failure), sum(&format!("/{failure}"))));
    let end = lines.iter().find_map(|line| line.get("end")).expect("the run is over");
    numbers("", &end["report"], &mut claims);
    claims
}

/// Rows of names, whose counts add up.
fn of_table(_: &Story, path: &Path) -> Vec<ToldFigure> {
    let mut table = csv::Reader::from_path(path).unwrap();
    let head = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let cell = |row: &csv::StringRecord, column: &str| {
        row[head.iter().position(|name| name == column).unwrap()].to_owned()
    };
    let sum = |scope: &str, name: &str, column: &str| {
        let of = rows.iter().filter(|row| {
            cell(row, "part") == "measured"
                && cell(row, "scope") == scope
                && cell(row, "name") == name
        });
        of.map(|row| cell(row, column).parse::<f64>().unwrap()).sum::<f64>()
    };
    let mut claims = Vec::new();
    for key in ["started", "ok", "failed", "interrupted"] {
        let of_all = measured(&format!("transactions/{key}"));
        claims.push(ToldFigure::exact(of_all, sum("run", "", key)));
        for name in story::NAMES {
            let of_name = measured(&format!("by_name/{name}/{key}"));
            claims.push(ToldFigure::exact(of_name, sum("transaction", name, key)));
        }
    }
    claims
}

/// Tables of seconds, whose counts and sums add up.
fn of_database(_: &Story, path: &Path) -> Vec<ToldFigure> {
    let database = rusqlite::Connection::open(path).unwrap();
    let sum = |query: &str| database.query_row(query, [], |row| row.get::<_, f64>(0)).unwrap();
    let mut claims = Vec::new();
    for name in story::NAMES {
        let of_name = format!("part = 'measured' AND name = '{name}'");
        for key in ["started", "ok", "failed", "interrupted"] {
            let query = format!("SELECT total({key}) FROM transactions WHERE {of_name}");
            claims.push(ToldFigure::exact(measured(&format!("by_name/{name}/{key}")), sum(&query)));
        }
        let query = format!(
            "SELECT total(sum_ms) / total(count) FROM histograms
            WHERE {of_name} AND kind = 'service'"
        );
        let pointer = measured(&format!("by_name/{name}/service_ms/mean"));
        claims.push(ToldFigure { pointer, value: sum(&query), rounding: 1e-6 });
    }
    for key in ["passed", "failed"] {
        let query = format!("SELECT total({key}) FROM checks WHERE name = 'has a title'");
        claims.push(ToldFigure::exact(measured(&format!("checks/has a title/{key}")), sum(&query)));
    }
    let failures = "SELECT total(count) FROM errors WHERE name = 'pay' AND cause = 'status 503'";
    claims.push(ToldFigure::exact(measured("by_name/pay/failures/status 503"), sum(failures)));
    claims
}

/// Tables of the report.
fn of_markdown(_: &Story, path: &Path) -> Vec<ToldFigure> {
    let text = read(path);
    let row = |first: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.starts_with(&format!("| {first} |")));
        let line = line.unwrap_or_else(|| panic!("no {first:?} in\n{text}"));
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let mut claims = Vec::new();
    let mut tell = |head: &[String], row: &[String], of: &dyn Fn(&str) -> String| {
        for (column, cell) in head.iter().zip(row).skip(1).filter(|(_, cell)| *cell != "n/a") {
            let cell = cell.trim_start_matches("≥ ");
            claims.push(ToldFigure::printed(measured(&of(column)), cell));
        }
    };
    let head = row("service time of");
    for name in story::NAMES {
        tell(&head, &row(&format!("<code>{name}</code>")), &|column| match column {
            "ok" | "failed" => format!("by_name/{name}/{column}"),
            _ => format!("by_name/{name}/service_ms/{column}"),
        });
    }
    let head = ["", "count", "mean", "p50", "p95", "p99", "max"].map(str::to_owned);
    for (first, key) in [("response time", "response_ms"), ("start lag", "start_lag_ms")] {
        tell(&head, &row(first), &|column| format!("transactions/{key}/{column}"));
    }
    claims
}

/// How often a check failed.
fn of_tests(_: &Story, path: &Path) -> Vec<ToldFigure> {
    let text = read(path);
    let (_, failed) = text.split_once("\"failed ").expect("a check fails");
    let (failed, rest) = failed.split_once(" of ").unwrap();
    let (all, _) = rest.split_once(" times").unwrap();
    let [failed, all] = [failed, all].map(|count| count.parse::<f64>().unwrap());
    vec![
        ToldFigure::exact(measured("checks/has a title/failed"), failed),
        ToldFigure::exact(measured("checks/has a title/passed"), all - failed),
    ]
}

/// A picture has lines and no figure to read; that they are those of the frames is tested where it
/// is drawn.
fn of_picture(_: &Story, path: &Path) -> Vec<ToldFigure> {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"<svg") || bytes.starts_with(b"\x89PNG"), "{}", path.display());
    Vec::new()
}

/// Of frames and report alike the whole measured part.
fn of_record(story: &Story, path: &Path) -> Vec<ToldFigure> {
    let (mut reader, header) =
        RecordReader::open(std::io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    let (mut sum, mut end) = (StretchSum::default(), None);
    let (mut frames, mut marks) = (Vec::new(), 0);
    while let Some(entry) = reader.entry().unwrap() {
        match entry {
            Entry::Frame(frame) => {
                sum.add(&frame);
                frames.push(*frame);
            }
            Entry::Mark(_) => marks += 1,
            Entry::End(report) => end = Some(*report),
            Entry::Header(_) => {}
        }
    }
    let end = end.expect("the run is over");
    assert_eq!((&end, marks), (&story.report, story.marks.len()));
    let mut claims = Vec::new();
    let of_frames = serde_json::to_value(sum.report(&header, &end).measured).unwrap();
    numbers("/measured", &of_frames, &mut claims);
    claims.extend(compared(&header, frames, &end));
    claims
}

/// What a comparison reckons from frames.
fn compared(header: &RecordHeader, frames: Vec<Frame>, report: &Report) -> Vec<ToldFigure> {
    let of_record = ComparedRun::of_record("a".to_owned(), header, frames, Some(report));
    let of_report = ComparedRun::of_report("b".to_owned(), report);
    let comparison = RunComparison::of(&[of_record], &[of_report], &[]);
    let mut claims = Vec::new();
    for row in comparison.figures.iter().chain(&comparison.by_name) {
        assert!(row.a.is_some() || row.b.is_none(), "{row:?}");
        let (pointer, scale) = match &*row.figure {
            "response.mean" => (measured("transactions/response_ms/mean"), 1e3),
            "response.p95" => (measured("transactions/response_ms/p95"), 1e3),
            "service[pay].p95" => (measured("by_name/pay/service_ms/p95"), 1e3),
            "throughput" => (measured("transactions/per_second"), 1.0),
            _ => continue,
        };
        let sides = [row.a, row.b].into_iter().flatten();
        claims.extend(sides.map(|value| ToldFigure::exact(pointer.clone(), value * scale)));
    }
    assert!(claims.len() >= 4, "{claims:?}");
    claims
}

/// Counters and sums of histograms. They count the warm-up, too, which this story has not.
fn of_metrics(served: &str) -> Vec<ToldFigure> {
    let value = |series: &str| {
        let line = served.lines().find(|line| {
            let (name, labels) = series.split_once('{').unwrap();
            let labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
            line.starts_with(&format!("{name}{{"))
                && labels.iter().all(|label| line.contains(label))
        });
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{served}"));
        line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    let mut claims = Vec::new();
    for name in story::NAMES {
        for key in ["ok", "failed", "interrupted"] {
            let series =
                format!("swell_transactions_total{{transaction=\"{name}\",outcome=\"{key}\"}}");
            claims.push(ToldFigure::exact(
                measured(&format!("by_name/{name}/{key}")),
                value(&series),
            ));
        }
        let [sum, count] = ["sum", "count"]
            .map(|of| value(&format!("swell_service_seconds_{of}{{transaction=\"{name}\"}}")));
        // The exporter is given each bucket by one time that lies in it.
        claims.push(ToldFigure {
            pointer: measured(&format!("by_name/{name}/service_ms/mean")),
            value: sum / count * 1e3,
            rounding: sum / count * 1e3 * 0.01,
        });
    }
    for (pointer, series) in [
        (
            "by_name/pay/failures/status 503",
            "swell_transaction_failures_total{transaction=\"pay\",cause=\"status 503\"}",
        ),
        (
            "checks/has a title/passed",
            "swell_checks_total{check=\"has a title\",outcome=\"passed\"}",
        ),
        (
            "checks/has a title/failed",
            "swell_checks_total{check=\"has a title\",outcome=\"failed\"}",
        ),
        ("requests/ok", "swell_requests_total{outcome=\"ok\"}"),
        ("requests/body_bytes", "swell_body_bytes_total{run=\"shop\"}"),
        ("requests/connections", "swell_connections_total{run=\"shop\"}"),
        ("sockets/connections", "swell_socket_connections_total{run=\"shop\"}"),
        ("sockets/bytes_sent", "swell_socket_bytes_total{direction=\"sent\"}"),
        ("sockets/bytes_received", "swell_socket_bytes_total{direction=\"received\"}"),
    ] {
        claims.push(ToldFigure::exact(measured(pointer), value(series)));
    }
    claims
}

/// The text that a person reads at the end.
fn of_summary(report: &Report) -> Vec<ToldFigure> {
    let text = Summary { report, is_alone: true }.to_string();
    let line_of = |start: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(start));
        line.unwrap_or_else(|| panic!("no {start:?} in\n{text}"))
    };
    // Two spaces and more are between columns.
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim().split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    };
    let mut claims = Vec::new();
    for (row, key) in [
        ("response time  ", "transactions/response_ms"),
        ("service time  ", "transactions/service_ms"),
        ("start lag  ", "transactions/start_lag_ms"),
        ("generator  ", "transactions/generator_lag_ms"),
    ] {
        let (head, row) = (cells(line_of("count ")), cells(line_of(row)));
        for (column, cell) in head.iter().zip(&row[1..]).filter(|(_, cell)| *cell != "n/a") {
            let cell = cell.trim_start_matches("≥ ");
            claims.push(ToldFigure::printed(measured(&format!("{key}/{column}")), cell));
        }
    }
    let head = cells(line_of("service time by transaction"));
    for name in story::NAMES {
        let row = cells(line_of(&format!("{name}  ")));
        for (column, cell) in head[1..].iter().zip(&row[1..]) {
            let key = match &**column {
                "ok" | "failed" => column.clone(),
                "mean" | "p50" | "p95" | "p99" | "max" => format!("service_ms/{column}"),
                _ => continue,
            };
            if cell != "n/a" {
                let cell = cell.trim_start_matches("≥ ");
                claims.push(ToldFigure::printed(measured(&format!("by_name/{name}/{key}")), cell));
            }
        }
    }
    let totals = line_of("transactions ");
    let before = |word: &str| {
        let (before, _) = totals.split_once(word).unwrap_or_else(|| panic!("{totals}"));
        before.rsplit([' ', '(']).next().unwrap().to_owned()
    };
    claims.push(ToldFigure::printed(measured("transactions/ok"), &before(" ok")));
    claims.push(ToldFigure::printed(measured("transactions/failed"), &before(" failed")));
    claims.push(ToldFigure::printed(measured("transactions/per_second"), &before("/s completed")));
    let check = line_of("failed has a title");
    let (passed, all) =
        check.rsplit_once(": ").unwrap().1.trim_end_matches(" passed").split_once(" of ").unwrap();
    claims.push(ToldFigure::printed(measured("checks/has a title/passed"), passed));
    let title = &report.measured.checks["has a title"];
    assert_eq!(all.replace(',', ""), (title.passed + title.failed).to_string());
    claims
}

/// Holds what a view tells against the JSON.
fn expect_agreement(view: &str, claims: &[ToldFigure], json: &Value) {
    let told: BTreeSet<&str> = claims.iter().map(|claim| &*claim.pointer).collect();
    let needed = story::NAMES.map(|name| measured(&format!("by_name/{name}/ok")));
    for needed in needed.iter().filter(|_| !WITHOUT_NAMES.contains(&view)) {
        assert!(told.contains(&**needed), "{view} does not tell {needed}");
    }
    for ToldFigure { pointer, value, rounding } in claims {
        let found = json.pointer(pointer).and_then(Value::as_f64);
        let found =
            found.unwrap_or_else(|| panic!("{view} tells {pointer}, and the JSON does not"));
        assert!(
            (found - value).abs() <= *rounding + found.abs() * 1e-9,
            "{view} tells {pointer} as {value} (+-{rounding}), and the JSON as {found}"
        );
    }
}

#[test]
fn all_views_of_one_record_agree_after_rounding_to_what_each_prints() {
    let folder = tempfile::tempdir().unwrap();
    let story = Story::new();
    let path = |kind: &str| folder.path().join(kind);
    for kind in KINDS.iter().filter(|kind| !SENT.contains(&kind.name)) {
        assert!(
            VIEWS.iter().any(|(name, _)| *name == kind.name),
            "{} is not in VIEWS: add how what it tells is read",
            kind.name
        );
        let place = match kind.name {
            "prometheus" => "127.0.0.1:0".to_owned(),
            name => path(name).display().to_string(),
        };
        // A page can only be had where it was built; its records are the same without.
        let sink = match (kind.name, kind.flag) {
            ("html", Flag::Out) => crate::html::tests::opened(&place),
            _ => (kind.open)(&place, |_| Ok(())),
        };
        let outputs = Outputs::of(vec![sink.unwrap()]);
        story.tell(&outputs);
        let results = Written::Run(Box::new(story.report.clone()));
        outputs.end(&results, &AtomicU64::new(0)).unwrap();
    }
    let json: Value = serde_json::from_str(&read(&path("json"))).unwrap();
    for (name, claims_of) in VIEWS {
        expect_agreement(name, &claims_of(&story, &path(name)), &json);
    }
    expect_agreement("the summary", &of_summary(&story.report), &json);
}
