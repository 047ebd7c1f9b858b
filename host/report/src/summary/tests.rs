use swell_core::RunInstant;
use swell_core::control::SearchEnd;
use swell_core::record::{Cause, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes};

use super::*;
use crate::report::samples::{all, controlled, failed, of_a_cluster, passed, search};
use crate::report::{
    CheckReport, Counted, FormOfRuns, NameReport, NotableReport, NotableRow, Part, RequestsReport,
    ScenarioReport, SocketsReport, VerdictReport,
};
use crate::sheet::width;

/// Terminals on which a summary is looked at.
const WIDTHS: [usize; 4] = [60, 80, 120, 200];

/// A shop whose names are not in the order of the alphabet, with failures and a check that failed.
fn shop() -> Report {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let names = ["sign in", "front page", "put into the basket", "pay"];
    let kinds = names.map(|name| recorder.define(name).unwrap());
    for ms in 1..=2_000 {
        for (place, &kind) in kinds.iter().enumerate() {
            let times = TransactionTimes::unpaced(at(10), at(10 + ms % 90 * (place as u64 + 1)));
            let cause = Cause::Status(503);
            let fails = place == 3 && ms % 20 == 0;
            recorder.begun(kind, at(10), true);
            let ended = if fails { TransactionEnd::Failed(&cause) } else { TransactionEnd::Ok };
            recorder.ended(kind, &times, true, ended);
        }
        recorder.check(RunPhase::Measured, "is signed in", true);
        recorder.check(RunPhase::Measured, "has a receipt", ms % 20 != 0);
    }
    let snapshot = recorder.take_window(at(30_000), Snapshot::default());
    Report {
        measured: Part::of(&snapshot.measured, 30.0),
        thresholds: failed().thresholds,
        confidence: None,
        ..passed()
    }
}

/// The same with names that want to do something to the terminal, or to its lines.
fn hostile() -> Report {
    let evil = ["\x1b[2J\x1b[1A\nFORGED: passed", &"𝔵".repeat(32), &"👩".repeat(32), "a  b\r\t"];
    let mut report = shop();
    let rows = std::mem::take(&mut report.measured.by_name);
    report.measured.by_name =
        evil.iter().zip(rows.into_values()).map(|(name, row)| (name.to_string(), row)).collect();
    report.measured.checks =
        evil.iter().map(|name| (name.to_string(), CheckReport { passed: 1, failed: 1 })).collect();
    report.run.scenario = evil[0].to_owned();
    report.run.target = Some(format!("http://{}/", "x".repeat(300)));
    report.nodes = of_a_cluster().nodes;
    report.nodes[0].name = evil[1].to_owned();
    report
}

fn several() -> ReportOfRuns {
    let shop = shop();
    ReportOfRuns {
        schema: FormOfRuns::First,
        exit: shop.exit.clone(),
        measured_seconds: 30.0,
        total: shop.measured.clone(),
        runs: [("morning", shop), ("evening", controlled()), ("hostile\n", hostile())]
            .map(|(name, report)| (name.to_owned(), report))
            .into(),
    }
}

/// All that can be told, by what it is.
fn summaries(columns: Option<usize>) -> Vec<(String, Sheet)> {
    let mut reports = all();
    reports.extend([("shop", shop()), ("hostile", hostile())]);
    let sheet = |report: &Report| Summary { report, is_alone: true }.sheet(columns);
    let of_runs = ("several".to_owned(), SummaryOfRuns(&several()).sheet(columns));
    let each = reports.iter().map(|(what, report)| ((*what).to_owned(), sheet(report)));
    each.chain([of_runs]).collect()
}

#[test]
fn no_line_is_wider_than_its_terminal() {
    for columns in WIDTHS.into_iter().chain(20..60) {
        for (what, sheet) in summaries(Some(columns)) {
            for line in sheet.to_string().lines() {
                assert!(width(line) <= columns, "{what}, {columns}: {line:?}");
            }
        }
    }
}

#[test]
fn every_word_of_a_summary_without_a_width_is_in_the_one_of_a_narrow_terminal() {
    for ((what, wide), (_, narrow)) in summaries(None).into_iter().zip(summaries(Some(60))) {
        let narrow = narrow.to_string();
        let left_out = ["mean", "p50", "p90", "p99", "p99.9", "max", "count", "n/a"];
        let words = |text: &str| {
            let sentences = text.lines().filter(|line| !line.starts_with("    "));
            sentences.flat_map(str::split_whitespace).map(str::to_owned).collect::<Vec<_>>()
        };
        // A word that is wider than the terminal stands there in parts.
        for word in words(&wide.to_string()).iter().filter(|word| width(word) < 40) {
            let is_there = narrow.contains(word.as_str()) || left_out.contains(&word.as_str());
            assert!(is_there, "{what}: no {word:?} in\n{narrow}");
        }
    }
}

#[test]
fn a_summary_is_laid_out_for_the_terminal_that_it_is_read_on() {
    for columns in WIDTHS {
        let report = shop();
        let sheet = Summary { report: &report, is_alone: true }.sheet(Some(columns));
        insta::assert_snapshot!(format!("shop_{columns}"), sheet);
        let report = Report { verdict: failed().verdict, ..hostile() };
        let sheet = Summary { report: &report, is_alone: true }.sheet(Some(columns));
        insta::assert_snapshot!(format!("hostile_{columns}"), sheet);
        insta::assert_snapshot!(
            format!("several_{columns}"),
            SummaryOfRuns(&several()).sheet(Some(columns))
        );
    }
}

#[test]
fn what_a_reader_looks_for_first_stands_first() {
    let text = Summary { report: &failed(), is_alone: true }.to_string();
    let order = [
        "shop against",
        "  INVALID: ",
        "  thresholds",
        "FAILED response.p95 < 200ms",
        "  transactions ",
        "response time",
        "  failures",
        "service time by transaction",
        "  checks",
        "  metrics of the scenario",
        "  requests ",
        "  sockets ",
        "  users ",
        "\n  generator ",
    ];
    let places = order.map(|words| text.find(words).unwrap_or_else(|| panic!("{words}: {text}")));
    assert!(places.is_sorted(), "{places:?} in\n{text}");
}

#[test]
fn a_run_without_requests_says_nothing_of_requests_and_one_without_sockets_nothing_of_those() {
    let mut report = passed();
    let shown = |report: &Report| Summary { report, is_alone: true }.to_string();
    let text = shown(&report);
    assert!(
        text.contains(
            "  sockets      1 connection opened; 1 datagram sent, 0 received; 44 bytes sent, \
            19.1 MiB received\n    errors     denied x 1\n"
        ),
        "{text}"
    );
    report.measured.sockets = SocketsReport::default();
    assert!(!shown(&report).contains("sockets"));
    report.measured.requests = RequestsReport::default();
    report.requests_written = 0;
    let text = shown(&report);
    assert!(!text.contains("requests ") && text.contains(" µs a transaction)"), "{text}");
}

#[test]
fn a_user_agent_that_is_not_the_host_s_own_is_told() {
    let mut report = passed();
    let words = "  user agent shop tests, in place of the host's own\n";
    assert!(!Summary { report: &report, is_alone: true }.to_string().contains(words));
    report.run.user_agent = Some("shop tests".to_owned());
    assert!(Summary { report: &report, is_alone: true }.to_string().contains(words));
}

#[test]
fn names_stand_in_the_order_of_the_run_and_of_many_the_busiest() {
    let row = |started| {
        let counts = Counted { started, ok: started, ..Counted::default() };
        let mut row: NameReport = shop().measured.by_name["pay"].clone();
        row.counts = counts;
        row
    };
    let mut report = passed();
    report.measured.by_name =
        (0..45).rev().map(|number| (format!("name {number:02}"), row(number + 1))).collect();
    let text = Summary { report: &report, is_alone: true }.to_string();
    let shown: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("name "))
        .map(|line| &line[..2])
        .collect();
    let expected: Vec<String> = (5..45).rev().map(|number| format!("{number:02}")).collect();
    assert_eq!(shown, expected);
    let rest = "    and 5 more names with fewer starts (all of them: --out json=FILE)";
    assert!(text.lines().any(|line| line == rest), "{text}");
}

#[test]
fn a_thousand_checks_are_cut_with_a_word_of_the_rest_and_those_that_failed_come_first() {
    let check =
        |i: u64| (format!("check {i:04}"), CheckReport { passed: 2, failed: u64::from(i == 999) });
    let shown = |part: &Part| {
        let mut sheet = Sheet::new(None);
        checks(&mut sheet, part);
        let lines: Vec<String> = sheet.to_string().lines().map(str::to_owned).collect();
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let many = shown(&Part { checks: (0..1_000).map(check).collect(), ..Part::default() });
    assert_eq!((many.len(), many[1].as_str()), (42, "    failed check 0999: 2 of 3 passed"));
    assert_eq!(
        many.last().map(String::as_str),
        Some("    and 960 more checks, 0 of them failed (all of them: --out json=FILE)")
    );
    assert_eq!(shown(&Part { checks: (0..3).map(check).collect(), ..Part::default() }).len(), 4);
}

#[test]
fn what_failed_is_told_apart_from_what_went_well_in_figures_and_in_tone() {
    let report = shop();
    let sheet = Summary { report: &report, is_alone: true }.sheet(None);
    let text = sheet.to_string();
    assert!(text.contains("7,900 ok, 100 failed (1.25 %)"), "{text}");
    assert!(text.contains("  of those ok") && text.contains("  of those failed"), "{text}");
    let tone = |words: &str| {
        let pieces = sheet.lines().iter().flatten();
        pieces.clone().find(|piece| piece.text == words).map(|piece| piece.tone)
    };
    assert_eq!(
        [
            tone("VALID"),
            tone("100 failed (1.25 %)"),
            tone("FAILED "),
            tone("ok     "),
            tone("failed "),
        ],
        [Tone::Good, Tone::Bad, Tone::Bad, Tone::Good, Tone::Bad].map(Some)
    );
    let invalid = Report { verdict: failed().verdict, ..passed() };
    let sheet = Summary { report: &invalid, is_alone: true }.sheet(None);
    let stamps = sheet.lines().iter().flatten().filter(|piece| piece.text == "INVALID");
    assert_eq!(stamps.map(|piece| piece.tone).collect::<Vec<_>>(), [Tone::Bad; 2]);
    let unjudged = Report {
        verdict: VerdictReport { stamp: Stamp::Unjudged, evidence: Vec::new() },
        ..search(SearchEnd::NoRate)
    };
    let text = Summary { report: &unjudged, is_alone: true }.to_string();
    assert!(!text.contains("UNJUDGED"), "a search judges its own trials: {text}");
}

fn of_several(name: &str) -> ScenarioReport {
    ScenarioReport {
        name: name.to_owned(),
        weight: 1.0,
        most_users: Some(4),
        iterations: Some(1_200),
    }
}

#[test]
fn what_is_to_be_looked_into_stands_above_the_command_that_repeats_it() {
    let mut report = shop();
    report.run.file = "my shop.wasm".to_owned();
    report.run.seed = 42;
    let row = |iteration, service_ms, error: Option<&str>| NotableRow {
        at: 2.5,
        iteration,
        user: 3,
        response_ms: service_ms + 1.0,
        service_ms,
        error: error.map(str::to_owned),
        trace_id: None,
    };
    let notable = |name: &str, report: &mut Report, slowest, failures| {
        report.measured.by_name[name].notable = NotableReport { slowest, failures };
    };
    notable("front page", &mut report, vec![row(7, 900.0, None), row(8, 80.0, None)], vec![]);
    let failed = row(11, 20.0, Some("status 503"));
    notable("pay", &mut report, vec![failed.clone()], vec![failed]);
    for columns in [None, Some(60)] {
        let shown = Summary { report: &report, is_alone: true }.sheet(columns).to_string();
        for line in [
            "    slowest: front page, 900 ms of service at 2.5 s\n",
            "      host try 'my shop.wasm' --scenario ",
            " --seed 42 --iteration 7 --user 3\n",
            "    first failure of pay, 20.0 ms of service at 2.5 s: status 503\n",
            " --seed 42 --iteration 11 --user 3\n",
        ] {
            let shown =
                if columns.is_none() { shown.clone() } else { shown.replace("\n        ", " ") };
            assert!(shown.contains(line), "no {line:?} in {shown}");
        }
    }
    let has_target = |report: &Report| {
        Summary { report, is_alone: true }.sheet(None).to_string().contains(" --target ")
    };
    report.run.target = Some("http://shop.test".to_owned());
    assert!(has_target(&report));
    report.run.scenarios = ["browse", "order"].map(of_several).to_vec();
    let shown = Summary { report: &report, is_alone: true }.sheet(None).to_string();
    // The number of their user, 3, leaves 1 of the two.
    assert!(shown.contains("--scenario order --target"), "{shown}");
    assert!(!shown.contains("--scenario browse"), "{shown}");
    assert!(shown.contains("\n    order: 4 at once, 1,200 iterations\n"), "{shown}");
    report.run.scenarios.clear();
    report.run.file = "http://shop.test/cart".to_owned();
    assert!(!has_target(&report), "a URL has its service in itself");
    report.run.scenario = "PUT /cart".to_owned();
    let shown = Summary { report: &report, is_alone: true }.sheet(None).to_string();
    assert!(shown.contains("--scenario 'PUT /cart' --method PUT --seed 42"), "{shown}");
}
