use std::time::Duration;

use super::*;
use crate::RunInstant;
use crate::catalogue::{self, Source, Unit};
use crate::exchange::Protocol;
use crate::record::{
    Cause, Figures, MetricKind, Recorder, RunPhase, Snapshot, TransactionEnd, TransactionTimes,
};

const LENGTH: Duration = Duration::from_secs(10);

/// 1,000 transactions: 900 "front page" of 1 to 900 ms, 100 "pay" of 1 s that failed.
fn figures() -> Figures {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let (page, pay) =
        (recorder.define("front page").unwrap(), recorder.define("pay < 5 € [card]").unwrap());
    for ms in 1..=900 {
        recorder.begun(page, at(10), true);
        recorder.ended(
            page,
            &TransactionTimes::unpaced(at(10), at(10 + ms)),
            true,
            TransactionEnd::Ok,
        );
    }
    for _ in 0..100 {
        recorder.begun(pay, at(10), true);
        recorder.ended(
            pay,
            &TransactionTimes::unpaced(at(10), at(1_010)),
            true,
            TransactionEnd::Failed(&Cause::Status(500)),
        );
    }
    (0..100).for_each(|i| recorder.check(RunPhase::Measured, "has a title", i > 0));
    for (name, kind, values) in
        [("rows", MetricKind::Trend, [1.0, 9.0]), ("sold", MetricKind::Counter, [2.0, 3.0])]
    {
        let metric = recorder.define_metric(name, kind).unwrap();
        values
            .iter()
            .for_each(|&value| recorder.metric(RunPhase::Measured, at(10), metric, value, &[]));
    }
    recorder.take_window(at(10_000), Snapshot::default()).measured
}

fn outcome(text: &str) -> Outcome {
    text.parse::<Threshold>().unwrap_or_else(|err| panic!("{err}")).evaluate(&figures(), LENGTH)
}

fn refusal(text: &str) -> String {
    text.parse::<Threshold>().expect_err("it is refused").to_string()
}

#[test]
fn each_figure_of_the_catalogue_that_is_judged_is_a_threshold_by_its_entry_alone() {
    for (entry, judged) in catalogue::subjects() {
        let name = if matches!(judged.source, Source::Own) { "[sold]" } else { "" };
        let of_it_and_limit = match judged.unit() {
            Unit::Seconds => ".max < 1h",
            Unit::Share => " <= 100%",
            Unit::PerSecond => " < 1M",
            Unit::Number => " < 1000",
        };
        let rule = format!("{}{name}{of_it_and_limit}", entry.name);
        let found = outcome(&rule);
        assert!(!matches!(found, Outcome::Failed { .. }), "{rule}: {found:?}");
        let meant = format!("did you mean {:?}?", entry.name);
        let misspelt = refusal(&format!("{}x < 1", entry.name));
        assert!(misspelt.contains(&meant), "{misspelt}");
    }
}

#[test]
fn what_holds_passes_and_what_does_not_fails_with_what_was_measured() {
    let cases = [
        ("response.p50 < 501ms", true, "500ms"),
        ("response.p50 < 400ms", false, "500ms"),
        ("response.ok.max <= 900ms", true, "900ms"),
        ("service.failed.min >= 1s", true, "1s"),
        ("service[front page].p95 < 1s", true, "855ms"),
        ("service[front page].mean<451ms", true, "450ms"),
        ("response[pay < 5 € [card]].max > 2s", false, "1s"),
        ("error_rate < 1%", false, "10%"),
        ("error_rate <= 10%", true, "10%"),
        ("error_rate[front page] < 1%", true, "0%"),
        ("generator_lag.p99 < 1ms", true, "0s"),
        ("host_lag.p99 < 1ms", true, "0s"),
        ("throughput >= 100/s", true, "100/s"),
        ("throughput[front page] > 90/s", false, "90.0/s"),
        ("goodput >= 90", true, "90.0/s"),
        ("checks > 99.5%", false, "99%"),
        ("checks[has a title] >= 0.99", true, "99%"),
        ("unsent < 0.1%", true, "0%"),
        ("metric[rows].mean > 4", true, "5"),
        ("metric[rows].max > 9", false, "9"),
        ("metric[sold] >= 5", true, "5"),
    ];
    for (text, passes, measured) in cases {
        let measured = measured.to_owned();
        let expected =
            if passes { Outcome::Passed { measured } } else { Outcome::Failed { measured } };
        assert_eq!(outcome(text), expected, "{text}");
    }
}

/// 1,000 transactions that took 10 ms, 20 of them failed, and 100 that were cut off at an age of
/// 150 ms or more.
fn figures_of_a_service_that_hangs() -> Figures {
    let at = |ms: u64| RunInstant::from_nanos(ms * 1_000_000);
    let mut recorder = Recorder::new(at(0));
    let page = recorder.define("front page").unwrap();
    let mut end = |took: u64, ended| {
        recorder.begun(page, at(10), true);
        recorder.ended(page, &TransactionTimes::unpaced(at(10), at(10 + took)), true, ended);
    };
    (0..980).for_each(|_| end(10, TransactionEnd::Ok));
    (0..20).for_each(|_| end(10, TransactionEnd::Failed(&Cause::Status(500))));
    (0..100).for_each(|i| end(150 + i, TransactionEnd::Interrupted));
    (0..10).for_each(|_| {
        recorder.exchange_interrupted(
            Protocol::Http,
            RunPhase::Measured,
            Duration::from_secs(9),
            1,
            0,
        )
    });
    recorder.take_window(at(10_000), Snapshot::default()).measured
}

#[test]
fn a_threshold_on_what_was_cut_off_passes_only_if_it_surely_holds() {
    let cut = ", as 100 were cut off before they ended";
    let cases = [
        // Below all ages a percentile is exact.
        ("response.p50 < 20ms", true, "10.0ms".to_owned()),
        ("service[front page].p90 < 11ms", true, "10.0ms".to_owned()),
        ("response.p99 < 200ms", false, format!("≥ 238ms{cut}")),
        // What is at least 194 ms may be more than 200 ms.
        ("response.p95 < 200ms", false, format!("≥ 194ms{cut}")),
        ("response.p95 > 150ms", true, format!("≥ 194ms{cut}")),
        ("response.p95 > 200ms", false, format!("≥ 194ms{cut}")),
        ("response.max < 1h", false, format!("≥ 249ms{cut}")),
        ("response.mean < 1s", false, format!("≥ 27.2ms{cut}")),
        ("response.min >= 10ms", true, "10ms".to_owned()),
        // Those that were cut off may have ended well.
        ("response.ok.p50 < 20ms", true, "10.0ms".to_owned()),
        ("response.ok.p95 < 1s", false, format!("≥ 195ms{cut}")),
        ("response.ok.max > 100ms", false, "10ms".to_owned()),
        ("response.failed.max < 1s", false, format!("≥ 249ms{cut}")),
        ("error_rate < 5%", false, format!("1.82% to 10.9%{cut}")),
        ("error_rate[front page] < 11%", true, format!("1.82% to 10.9%{cut}")),
        ("error_rate > 1%", true, format!("1.82% to 10.9%{cut}")),
        (
            "request_error_rate < 1%",
            false,
            "0% to 100%, as 10 were cut off before they ended".to_owned(),
        ),
        ("request.max < 10s", false, "≥ 9s, as 10 were cut off before they ended".to_owned()),
        ("interrupted < 1%", false, "9.09%".to_owned()),
        ("interrupted[front page] <= 10%", true, "9.09%".to_owned()),
        ("throughput >= 100/s", true, "100/s".to_owned()),
    ];
    let figures = figures_of_a_service_that_hangs();
    for (text, passes, measured) in cases {
        let expected =
            if passes { Outcome::Passed { measured } } else { Outcome::Failed { measured } };
        assert_eq!(
            text.parse::<Threshold>().unwrap().evaluate(&figures, LENGTH),
            expected,
            "{text}"
        );
    }
    assert_eq!(outcome("interrupted <= 0%"), Outcome::Passed { measured: "0%".to_owned() });
    let nothing =
        "interrupted < 1%".parse::<Threshold>().unwrap().evaluate(&Figures::default(), LENGTH);
    assert_eq!(nothing, Outcome::NoData { reason: "no transaction began".to_owned() });
}

#[test]
fn without_data_a_threshold_fails_and_says_why() {
    let cases = [
        ("response.p99.9 < 1s", "p99.9 needs 10,000 samples, there are 1,000"),
        ("request.max < 1s", "there are no samples"),
        ("request_error_rate < 1%", "no request ended"),
        (
            "service[front pge].mean < 1s",
            "no transaction \"front pge\" was seen; did you mean \"front page\"?",
        ),
        ("checks[banana] > 1%", "no check \"banana\" was seen"),
        ("metric[rows].p95 > 1", "p95 needs 200 samples, there are 2"),
        ("metric[rows] > 1", "\"rows\" is a trend and has no such statistic"),
        ("metric[sold].p95 > 1", "\"sold\" is a counter and has no such statistic"),
    ];
    for (text, reason) in cases {
        assert_eq!(outcome(text), Outcome::NoData { reason: reason.to_owned() }, "{text}");
        assert!(!outcome(text).passed());
    }
    let nothing = "throughput > 0"
        .parse::<Threshold>()
        .unwrap()
        .evaluate(&Figures::default(), Duration::ZERO);
    assert_eq!(nothing, Outcome::NoData { reason: "nothing was measured".to_owned() });
}

#[test]
fn even_few_samples_are_judged_where_it_says_so() {
    let passed = |measured: &str| Outcome::Passed { measured: measured.to_owned() };
    let rows = outcome("metric[rows].p95 > 1 even if few");
    assert!(rows.passed(), "{rows:?}");
    let Outcome::Passed { measured } = rows else { unreachable!("it has passed") };
    assert!(measured.ends_with(" (p95 needs 200 samples, there are 2)"), "{measured}");
    assert!(matches!(outcome("metric[rows].p95 < 1 even if few"), Outcome::Failed { .. }));
    assert!(matches!(outcome("response.p99.9 < 1ns even if few"), Outcome::Failed { .. }));
    // With none at all nothing is broken, but what cannot be told of a metric is no sample.
    assert_eq!(outcome("request.max < 1s even if few"), passed("there are no samples"));
    assert_eq!(
        outcome("metric[bananas] < 1 even if few"),
        passed("no metric \"bananas\" was seen")
    );
    assert!(!outcome("metric[sold].p95 > 1 even if few").passed());
}

#[test]
fn an_unknown_metric_is_told_with_the_known_ones() {
    let message = refusal("respones.p95 < 200ms");
    assert!(message.starts_with(
        "threshold \"respones.p95 < 200ms\": unknown metric \"respones\" (did you mean \
            \"response\"?); known are response, "
    ));
    assert!(refusal("banana < 1").contains("unknown metric \"banana\"; known are"));
}

#[test]
fn an_unknown_statistic_is_told_with_those_of_the_metric() {
    for text in [
        "response.p0 < 1s",
        "response.p100 < 1s",
        "response < 1s",
        "response.median < 1s",
        "host_lag.ok.p95 < 1s",
        "error_rate.p95 < 1%",
        "response.pp95 < 1s",
        "response.p1e1 < 1s",
    ] {
        assert!(
            matches!(text.parse::<Threshold>(), Err(ThresholdError::UnknownStatistic { .. })),
            "{text}"
        );
    }
    assert!(
        refusal("response.maxx < 1s").contains("response has no \"maxx\" (did you mean \"max\"?)")
    );
}

#[test]
fn a_value_is_written_in_the_unit_of_its_metric() {
    assert!(
        refusal("response.p95 < 200").contains("\"200\" has no unit; write \"200s\" for seconds")
    );
    assert!(refusal("error_rate < 3").contains("write \"3%\""));
    for text in [
        "response.p95 < 1%",
        "error_rate < 1s",
        "metric[x] > NaN",
        "throughput > fast",
        "throughput > 99999999/s",
        "response.p95 <",
    ] {
        assert!(matches!(text.parse::<Threshold>(), Err(ThresholdError::Value { .. })), "{text}");
    }
}

#[test]
fn what_is_no_comparison_is_refused() {
    for text in ["", "response.p95", "response.p95 = 5s", "service[a < b].p95"] {
        assert!(
            matches!(text.parse::<Threshold>(), Err(ThresholdError::NoComparison { .. })),
            "{text}"
        );
    }
    for text in [
        "service[a.p95 < 1s",
        "service[a]p95 < 1s",
        "host_lag[a].p95 < 1s",
        "metric > 5",
        "service]a[.p95 < 1s",
    ] {
        assert!(
            matches!(text.parse::<Threshold>(), Err(ThresholdError::Brackets { .. })),
            "{text}"
        );
    }
}

#[test]
fn a_threshold_shows_as_it_was_typed() {
    assert_eq!(
        " response.p95<200ms ".parse::<Threshold>().unwrap().to_string(),
        "response.p95<200ms"
    );
}

#[test]
fn a_window_and_an_abort_stand_behind_the_limit() {
    let read = |text: &str| text.parse::<Threshold>().unwrap();
    let terms = |text| (read(text).over(), read(text).abort_after());
    let secs = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(terms("response.p95 < 200ms"), (None, None));
    assert_eq!(terms("response.p95 < 200 ms over 30s"), (secs(30), None));
    assert_eq!(terms("error_rate < 1% abort"), (None, secs(0)));
    assert_eq!(
        terms("error_rate[a over b abort] < 1% over 1m abort after 10s"),
        (secs(60), secs(10))
    );
    assert_eq!(terms("error_rate < 1% even if few over 30s abort"), (secs(30), secs(0)));
    // It travels as its text.
    let rule = read("error_rate < 1% over 1m abort after 10s");
    let sent = postcard::to_stdvec(&rule).unwrap();
    assert_eq!(postcard::from_bytes::<Threshold>(&sent), Ok(rule));
    for (text, why) in [
        ("error_rate < 1% over 10m", "from 1s to 5m"),
        ("error_rate < 1% over 100ms", "from 1s to 5m"),
        ("error_rate < 1% over", "\"over\" after the limit is not understood"),
        ("error_rate < 1% abort over 3s", "\"abort over 3s\" after the limit"),
        ("error_rate < 1% abort 3s", "abort after 10s"),
        ("error_rate < 1% even few", "\"even few\" after the limit"),
        ("error_rate < over 3s", "share"),
    ] {
        assert!(refusal(text).contains(why), "{}", refusal(text));
    }
}
