use std::time::Duration;

use swell_core::RunInstant;
use swell_core::catalogue;
use swell_core::exchange::{ErrorClass, Exchange, Phase as ExchangePhase, Phases, Protocol};
use swell_core::record::{
    Cause, Figures, MetricKind, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
};
use swell_core::threshold::Quantity;
use swell_core::verdict::Stamp;
use unicode_width::UnicodeWidthStr as _;

use super::comparison::{ComparisonForm, RunComparison};
use super::run::{ComparedRun, RunPiece};
use super::simulation::of_pieces;
use super::table::{FigureComparison, FigureFinding};
use super::{ComparisonInMarkdown, ComparisonText, MarginReport, MarginRuling, Method, Unlike};
use super::{totals, unlike};
use crate::report::Part;

/// Figures in which everything that a threshold may be about was counted.
fn figures() -> Figures {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_003);
    let mut recorder = Recorder::new(at(0));
    let page = recorder.define("page").unwrap();
    for ms in 1..=1_200 {
        recorder.begun(page, at(10), true);
        let ended =
            if ms % 7 == 0 { TransactionEnd::Failed(&Cause::NotEnded) } else { TransactionEnd::Ok };
        recorder.ended(page, &TransactionTimes::unpaced(at(10), at(10 + ms)), true, ended);
    }
    recorder.begun(page, at(10), true);
    recorder.ended(
        page,
        &TransactionTimes::unpaced(at(10), at(90_000)),
        true,
        TransactionEnd::Interrupted,
    );
    for result in [Ok(200), Err(ErrorClass::Reset)] {
        let mut phases = Phases::default();
        phases.add(ExchangePhase::Waiting, Duration::from_millis(3));
        let (written, reconnects, connections, body_bytes) = (1, 0, 1, 10);
        let protocol = Protocol::Http;
        let exchange =
            Exchange { protocol, result, phases, written, reconnects, connections, body_bytes };
        recorder.exchange(RunPhase::Measured, &exchange, result.is_ok());
    }
    (0..30).for_each(|i| recorder.check(RunPhase::Measured, "title", i > 3));
    let rows = recorder.define_metric("rows", MetricKind::Trend).unwrap();
    (0..30).for_each(|i| recorder.metric(RunPhase::Measured, at(10), rows, f64::from(i), &[]));
    recorder.take_window(at(10_000), Snapshot::default()).measured
}

#[test]
fn a_report_tells_a_quantity_as_the_counts_do_that_it_was_made_of() {
    let (figures, seconds) = (figures(), 10.0);
    let part = Part::of(&figures, seconds);
    let mut told = 0;
    for (entry, judged) in catalogue::subjects() {
        let name = entry.name;
        let statistics: &[&str] = match name {
            "metric" => &["[rows].mean", "[rows].p50"],
            _ if judged.unit() == catalogue::Unit::Seconds => &[".mean", ".p50", ".p95", ".max"],
            "checks" => &["", "[title]"],
            _ if judged.can_be_narrowed() => &["", "[page]"],
            _ => &[""],
        };
        for statistic in statistics {
            let quantity: Quantity = format!("{name}{statistic}").parse().unwrap();
            let counted = quantity.amount(&figures, Duration::from_secs_f64(seconds), false);
            let reported = totals::amount(&part, &quantity);
            // A report's delay of the loop has what was overslept, too: it is another figure.
            if name == "loop_delay" {
                assert!(reported.is_err(), "{quantity}");
                continue;
            }
            match (&counted, &reported) {
                (Ok(counted), Ok(reported)) => {
                    let near = (counted.value - reported.value).abs() <= counted.value * 1e-9;
                    assert!(near, "{quantity}: {counted:?}, {reported:?}");
                    assert_eq!(counted.otherwise.is_some(), reported.otherwise.is_some());
                    told += 1;
                }
                _ => assert!(counted.is_err() && reported.is_err(), "{quantity}: {reported:?}"),
            }
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn what_a_report_does_not_tell_is_said_to_be_so() {
    let part = Part::of(&figures(), 10.0);
    for (name, words) in [
        ("response.p97", "give a record"),
        ("response.ok.p95", "give a record"),
        ("service[pay].p95", "the report does not tell it"),
        ("metric[none]", "no metric \"none\" was seen"),
    ] {
        let refused = totals::amount(&part, &name.parse().unwrap()).unwrap_err();
        assert!(refused.contains(words), "{name}: {refused}");
    }
}

fn a_run(name: &str) -> ComparedRun {
    let piece = || RunPiece { counted: figures(), length: Duration::from_secs(1) };
    of_pieces(name.to_owned(), (0..12).map(|_| piece()).collect())
}

#[test]
fn what_was_run_otherwise_comes_first_with_both_sides() {
    let (a, mut b) = (a_run("a"), a_run("b"));
    assert_eq!(unlike::unlike(std::slice::from_ref(&a), std::slice::from_ref(&b)), []);
    b.facts.target = Some("http://10.0.0.1".to_owned());
    b.facts.measured_seconds = 60.0;
    b.facts.stamp = Some(Stamp::Invalid);
    let comparison = RunComparison::of(&[a], &[b], &[]);
    let told: Vec<_> = comparison.unlike.iter().map(|unlike| unlike.what).collect();
    assert_eq!(told, ["target", "measured", "verdict"]);
    assert!(comparison.remarks[0].starts_with("INVALID: the load generator was the limit in b"));
}

#[test]
fn what_was_cut_off_makes_no_side_surely_better() {
    // Equal runs, of which the maximum of neither is known: only what lies below all ages is told.
    let comparison = RunComparison::of(&[a_run("a")], &[a_run("b")], &[]);
    let mean = &comparison.figures[0];
    assert_eq!((mean.figure.as_str(), mean.at_least), ("response.mean", [true; 2]));
    // Any less of a time is at most all of it.
    let anything = Some([Some(-1.0), None]);
    assert_eq!((mean.interval, mean.finding), (anything, FigureFinding::CannotTell));
    let p50 = &comparison.figures[1];
    assert_eq!((p50.at_least, p50.interval.map(|ends| ends.map(|end| end.is_some()))), {
        ([false; 2], Some([true; 2]))
    });
}

#[test]
fn a_run_in_which_nothing_was_measured_is_said_to_be_so() {
    let empty = of_pieces("empty".to_owned(), Vec::new());
    let comparison =
        RunComparison::of(&[a_run("a")], &[empty], &["throughput < -1%".parse().unwrap()]);
    let said = comparison.remarks.iter().any(|remark| remark.starts_with("nothing was measured"));
    assert!(said, "{:?}", comparison.remarks);
    assert_eq!(comparison.margins[0].ruling, MarginRuling::NoData);
    assert_eq!(comparison.exit(), crate::Exit::Threshold);
}

fn a_row(figure: &str, finding: FigureFinding) -> FigureComparison {
    FigureComparison {
        figure: figure.to_owned(),
        unit: "s",
        a: Some(0.012_345),
        b: Some(1.234),
        at_least: [false, true],
        is_relative: true,
        difference: Some(0.123),
        interval: Some([Some(-0.0123), None]),
        p: Some(0.01),
        p_of_table: Some(0.02),
        finding,
        why: None,
    }
}

/// A comparison with names that are long, wide, or try something.
fn a_comparison() -> RunComparison {
    let wide = "\u{1f40b}".repeat(32);
    let evil = "a\u{1b}[2J\nb|c <img onerror=x>";
    let by_name = [wide.as_str(), evil, "pay"];
    let by_name =
        by_name.map(|name| a_row(&format!("service[{name}].p95"), FigureFinding::MayBeChance));
    let mut lacking = a_row("response.p99", FigureFinding::NotKnown);
    (lacking.a, lacking.difference, lacking.interval) = (None, None, None);
    lacking.why = Some("A: p99 needs 1,000 samples, there are 12".to_owned());
    RunComparison {
        schema: ComparisonForm::First,
        a: vec!["/home/somebody/".to_owned() + &"long/".repeat(40), evil.to_owned()],
        b: vec!["b".to_owned()],
        method: Method::TwoRuns,
        unlike: vec![Unlike {
            what: "target",
            a: vec![evil.to_owned(), wide.clone()],
            b: vec!["http://10.0.0.1".to_owned()],
        }],
        remarks: vec![format!("only A has the transactions {evil}, {wide}")],
        figures: vec![a_row("response.p95", FigureFinding::Differs), lacking],
        by_name: by_name.into(),
        margins: vec![MarginReport {
            rule: "response.p95 > +5%".to_owned(),
            ruling: MarginRuling::Failed,
            found: "+12.3 %, 95 % sure -1.2 % or more; weak evidence".to_owned(),
        }],
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_and_nothing_acts_on_it() {
    let comparison = a_comparison();
    for width in [60, 80, 100, 120, 200] {
        let text = ComparisonText { comparison: &comparison, width }.to_string();
        for line in text.lines() {
            assert!(line.width() <= width, "{width}: {} columns: {line}", line.width());
            assert!(!line.ends_with(' '), "{line:?}");
        }
        let words = ["≥ 1.23s", "+12.3 %", "differs within these two runs", "FAILED", "n/a"];
        assert!(words.iter().all(|words| text.contains(words)), "{width}:\n{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}']));
    }
    // Too narrow to be of use: told for sixty columns, which the terminal may break.
    let narrow = ComparisonText { comparison: &comparison, width: 20 }.to_string();
    assert_eq!(narrow, ComparisonText { comparison: &comparison, width: 60 }.to_string());
}

#[test]
fn a_wide_terminal_has_a_line_for_each_figure() {
    let comparison = a_comparison();
    let text = ComparisonText { comparison: &comparison, width: 120 }.to_string();
    let p95 = text.lines().find(|line| line.contains("response.p95")).unwrap();
    assert!(p95.contains("-1.2 % or more  differs within these two runs"), "{p95}");
}

#[test]
fn markdown_has_a_row_for_each_figure_and_no_markup_of_others() {
    let text = ComparisonInMarkdown(&a_comparison()).to_string();
    assert!(text.contains("| response.p95 | 12.3ms | ≥ 1.23s | +12.3 % | -1.2 % or more | **"));
    assert!(!text.contains("<img") && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains("- **failed**: response.p95 &gt; +5% – +12.3 %"), "{text}");
}

#[test]
fn its_schema_has_each_key_that_is_written_and_no_other() {
    let schema = serde_json::to_value(RunComparison::schema()).unwrap();
    let json = serde_json::to_value(a_comparison()).unwrap();
    for (written, described) in [
        (&json, ""),
        (&json["figures"][1], "/$defs/FigureComparison"),
        (&json["unlike"][0], "/$defs/Unlike"),
        (&json["margins"][0], "/$defs/MarginReport"),
    ] {
        let described = schema.pointer(described).unwrap();
        let properties = described["properties"].as_object().unwrap();
        let written = written.as_object().unwrap();
        assert!(written.keys().all(|key| properties.contains_key(key)), "{described:#}");
        assert_eq!(written.len(), properties.len(), "{described:#}");
        let required = described["required"].as_array().unwrap();
        assert!(required.iter().all(|key| written.contains_key(key.as_str().unwrap())));
    }
    let exact = serde_json::to_value(FigureComparison {
        at_least: [false; 2],
        ..a_row("response.p50", FigureFinding::Same)
    });
    let required = &schema["$defs"]["FigureComparison"]["required"];
    assert_eq!(required.as_array().unwrap().len(), exact.unwrap().as_object().unwrap().len());
}

#[test]
fn as_json_it_has_what_the_text_has() {
    let json = serde_json::to_value(a_comparison()).unwrap();
    assert_eq!(json["schema"], "swell.compare/1");
    assert_eq!(json["figures"][0]["finding"], "differs");
    assert_eq!(json["figures"][0]["interval"], serde_json::json!([-0.0123, null]));
    assert_eq!(json["method"], "two-runs");
    assert_eq!(json["margins"][0]["ruling"], "failed");
}
