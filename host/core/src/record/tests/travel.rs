//! Snapshots that go through the bytes of the cluster, and bytes that are none.

use std::hint::black_box;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::random::Random;
use crate::travel::{MAX_COUNT, Sparse};

fn bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("whatever was counted can be written")
}

fn read<T: DeserializeOwned>(sent: &impl Serialize) -> Option<T> {
    postcard::from_bytes(&bytes(sent)).ok()
}

fn travelled(snapshot: &Snapshot) -> Snapshot {
    read(snapshot).expect("what a recorder counted is let in")
}

/// What a worker counts in half a second of 5,000 transactions a second, each of one request: times
/// around 8 ms, log-normal, and lags of some µs.
fn half_second() -> Snapshot {
    let mut random = Random::stream(1, 0);
    let mut recorder = Recorder::new(at(0));
    let kind = recorder.define("checkout").unwrap();
    for i in 0..2_500 {
        let normal: f64 = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let mut some_us =
            |mean: f64| Duration::from_secs_f64(-mean * 1e-6 * (1.0 - random.unit()).ln());
        let mut phases = Phases::default();
        phases.add(Phase::Sending, Duration::from_micros(8) + some_us(3.0));
        phases.add(Phase::Waiting, Duration::from_secs_f64(0.008 * (0.35 * normal).exp()));
        phases.add(Phase::Receiving, Duration::from_micros(15) + some_us(10.0));
        let intended = RunInstant::from_nanos(i * 200_000);
        let started = intended + some_us(20.0);
        let times = TransactionTimes {
            intended,
            parked_at: RunInstant::START,
            started,
            ended: started + phases.total() + some_us(15.0),
        };
        recorder.begun(kind, intended, true);
        recorder.iteration_begun(RunPhase::Measured);
        let exchange = Exchange {
            protocol: Protocol::Http,
            result: Ok(200),
            phases,
            written: 1,
            reconnects: 0,
            connections: 0,
            body_bytes: 1_234,
        };
        recorder.exchange(RunPhase::Measured, &exchange, true);
        recorder.check(RunPhase::Measured, "has a title", true);
        recorder.ended(kind, &times, true, TransactionEnd::Ok);
        recorder.iteration_ended(RunPhase::Measured, IterationEnd::Ok);
        recorder.loop_delay(started, some_us(10.0));
    }
    recorder.take_window(at(500), Snapshot::default())
}

#[test]
fn half_a_second_of_a_fast_run_takes_few_bytes() {
    let snapshot = half_second();
    let sent = bytes(&snapshot);
    assert!(sent.len() < 6_000, "{} bytes", sent.len());
    assert_eq!(travelled(&snapshot), snapshot);
}

#[test]
fn what_counted_nothing_takes_no_bytes() {
    assert_eq!(bytes(&Histogram::default()), [0]);
    assert_eq!(bytes(&control::Tally::default()).len(), 5);
    let empty = bytes(&Snapshot::default()).len();
    assert!(empty < 200, "{empty} bytes");
    let mut used = half_second();
    used.measured.requests.errors.add(ErrorClass::Reset, 1);
    used.clear();
    assert_eq!(bytes(&used).len(), empty);
    assert_eq!(travelled(&used), Snapshot::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn deltas_that_have_travelled_add_up_to_the_same_in_any_order(
        all in prop::collection::vec((happened(), prop::bool::weighted(0.2)), 1..30),
        order in any::<u64>(),
    ) {
        let mut recorder = recorder();
        let mut deltas = Vec::new();
        for (i, &(happened, close)) in all.iter().enumerate() {
            record(&mut recorder, happened);
            if i % 5 == 0 {
                let metrics = [
                    ("bytes", MetricKind::Counter),
                    ("level", MetricKind::Gauge),
                    ("cached", MetricKind::Rate),
                ];
                let tags = [("b", "2"), ("a", NAMES[happened.name])];
                let (moment, value) = (at(happened.intended), happened.lag as f64);
                for (name, kind) in metrics {
                    let metric = recorder.define_metric(name, kind).unwrap();
                    recorder.metric(RunPhase::Measured, moment, metric, value, &tags);
                }
                recorder.user_created();
                recorder.trap(NAMES[happened.name]);
                recorder.start_error("no account");
                recorder.iteration_error(&"ü".repeat(i * 5));
                recorder.unsent(at(happened.intended), UnsentCause::Host);
                recorder.log_lines_suppressed(happened.lag);
            }
            if close {
                deltas.push(recorder.take_window(at(i as u64 * 1_000), Snapshot::default()));
            }
        }
        deltas.push(recorder.take_window(at(90_000), Snapshot::default()));
        let sum = |deltas: &[Snapshot]| {
            let mut sum = Snapshot::default();
            deltas.iter().for_each(|delta| sum.merge(delta));
            sum
        };
        let mut sent: Vec<Snapshot> = deltas.iter().map(travelled).collect();
        prop_assert_eq!(&sent, &deltas);
        let mut random = Random::stream(order, 0);
        (1..sent.len()).for_each(|i| sent.swap(i, random.below(i as u64 + 1) as usize));
        // All values are whole numbers, so that even sums of floating-point numbers do not depend
        // on the order.
        let total = sum(&sent);
        prop_assert_eq!(&total, &sum(&deltas));
        prop_assert_eq!(&travelled(&total), &total);
    }
}

#[test]
fn a_count_of_more_than_anybody_counts_is_refused_wherever_it_stands() {
    const TOO_MANY: u64 = MAX_COUNT + 1;
    let counts: [fn(&mut Snapshot) -> &mut u64; 35] = [
        |all| &mut all.log_lines_suppressed,
        |all| &mut all.users.created,
        |all| &mut all.users.gone,
        |all| &mut all.users.traps.other,
        |all| &mut all.users.start_errors.other,
        |all| &mut all.users.iteration_errors.other,
        |all| &mut all.warm_up.total.counts.started,
        |all| &mut all.measured.total.counts.ok,
        |all| &mut all.measured.total.counts.failed,
        |all| &mut all.measured.iterations.interrupted,
        |all| &mut all.measured.unsent.users,
        |all| &mut all.measured.unsent.host,
        |all| &mut all.measured.metrics.ignored,
        |all| &mut all.measured.requests.ok,
        |all| &mut all.measured.requests.failed,
        |all| &mut all.measured.requests.interrupted,
        |all| &mut all.measured.requests.written,
        |all| &mut all.measured.requests.reconnects,
        |all| &mut all.measured.requests.connections,
        |all| &mut all.measured.websockets.handshakes.ok,
        |all| &mut all.measured.websockets.messages_sent,
        |all| &mut all.measured.websockets.messages_received,
        |all| &mut all.measured.grpc.messages.sent,
        |all| &mut all.measured.grpc.messages.received,
        |all| &mut all.measured.grpc.calls.ok,
        |all| &mut all.measured.grpc.streams.failed,
        |all| &mut all.measured.sockets.opened,
        |all| &mut all.measured.sockets.datagrams_sent,
        |all| &mut all.measured.sockets.datagrams_received,
        |all| &mut all.measured.checks.at(0).passed,
        |all| &mut all.measured.checks.at(0).failed,
        |all| &mut all.measured.transactions.at(0).counts.started,
        |all| &mut all.measured.transactions.at(0).causes.not_ended,
        |all| &mut all.measured.transactions.at(0).causes.said.other,
        |all| &mut all.measured.transactions.at(0).causes.traps.other,
    ];
    let snapshot = half_second();
    for (place, count) in counts.iter().enumerate() {
        let mut wrong = snapshot.clone();
        *count(&mut wrong) = MAX_COUNT;
        assert_eq!(read::<Snapshot>(&wrong), Some(wrong.clone()), "count {place}");
        *count(&mut wrong) = TOO_MANY;
        assert_eq!(read::<Snapshot>(&wrong), None, "count {place}");
    }
    let bytes: [fn(&mut Snapshot) -> &mut u64; 7] = [
        |all| &mut all.measured.requests.body_bytes,
        |all| &mut all.measured.websockets.bytes_sent,
        |all| &mut all.measured.websockets.bytes_received,
        |all| &mut all.measured.grpc.messages.bytes_sent,
        |all| &mut all.measured.grpc.messages.bytes_received,
        |all| &mut all.measured.sockets.bytes_sent,
        |all| &mut all.measured.sockets.bytes_received,
    ];
    for bytes in bytes {
        let mut wrong = snapshot.clone();
        *bytes(&mut wrong) = MAX_COUNT * 8;
        assert!(read::<Snapshot>(&wrong).is_some(), "bytes are more than things");
        assert!(!wrong.can_travel_with(&wrong));
        *bytes(&mut wrong) += 1;
        assert_eq!(read::<Snapshot>(&wrong), None);
    }
}

#[test]
fn a_histogram_that_no_samples_make_is_refused() {
    type AsItTravels = Option<(u64, u128, u64, u64, Sparse)>;
    let buckets = |counts: &[(u32, u64)]| Sparse::pack(counts.iter().copied());
    let sent =
        |count, sum, min, max, counts: &[(u32, u64)]| Some((count, sum, min, max, buckets(counts)));
    let hour = 3_600_000_000_000;
    // Of 512 ns each are the first buckets; that of an hour is 24,204 and the last 24,575.
    let possible: [AsItTravels; 7] = [
        None,
        sent(2, 1_500, 500, 1_000, &[(0, 1), (1, 1)]),
        sent(3, 2_499, 500, 1_000, &[(0, 1), (1, 2)]),
        sent(1, u128::from(hour), hour, hour, &[(24_204, 1)]),
        sent(1, u128::from(u64::MAX), u64::MAX, u64::MAX, &[(24_204, 1)]),
        // Seventy minutes have a bucket of their own, and two hours are counted in that of one.
        sent(2, u128::from(hour) * 190 / 60, hour * 70 / 60, 2 * hour, &[(24_204, 1), (24_483, 1)]),
        sent(MAX_COUNT, u128::from(MAX_COUNT) * 100, 100, 100, &[(0, MAX_COUNT)]),
    ];
    for sent in possible {
        assert!(read::<Histogram>(&sent).is_some(), "{sent:?}");
    }
    let impossible = [
        ("a count of nothing", sent(0, 0, 0, 0, &[])),
        ("a count without samples", sent(1, 5, 5, 5, &[])),
        ("samples without a count", sent(0, 0, 0, 0, &[(0, 1)])),
        ("more counted than there are", sent(3, 2_000, 500, 1_000, &[(0, 1), (1, 1)])),
        ("less counted than there are", sent(1, 500, 500, 500, &[(0, 2)])),
        (
            "a count of too many",
            sent(MAX_COUNT + 1, u128::from(MAX_COUNT + 1) * 100, 100, 100, &[(0, MAX_COUNT + 1)]),
        ),
        (
            "counts whose sum is too many",
            sent(
                MAX_COUNT,
                u128::from(MAX_COUNT) * 500,
                500,
                1_000,
                &[(0, MAX_COUNT), (1, MAX_COUNT)],
            ),
        ),
        ("a bucket beyond the last", sent(1, 1 << 42, 1 << 42, 1 << 42, &[(24_576, 1)])),
        ("a sum too small", sent(2, 1_499, 500, 1_000, &[(0, 1), (1, 1)])),
        ("a sum too large", sent(2, 1_501, 500, 1_000, &[(0, 1), (1, 1)])),
        ("a sum beyond all", sent(2, u128::MAX, 500, 1_000, &[(0, 1), (1, 1)])),
        ("one sample of two lengths", sent(1, 500, 400, 500, &[(0, 1)])),
        ("a least above the greatest", sent(2, 900, 500, 400, &[(0, 2)])),
        ("a least that is not counted", sent(2, 1_700, 700, 1_000, &[(0, 1), (1, 1)])),
        ("a greatest that is not counted", sent(2, 2_600, 500, 2_100, &[(0, 1), (1, 1)])),
        ("a bucket above the greatest", sent(3, 2_000, 500, 1_000, &[(0, 1), (1, 1), (2, 1)])),
        (
            "a bucket above an hour beside one longer sample",
            sent(2, 4 * u128::from(hour), 2 * hour, 2 * hour, &[(24_204, 1), (24_483, 1)]),
        ),
        ("buckets cut off", Some((2, 1_500, 500, 1_000, read(&vec![0xff_u8, 0, 1]).unwrap()))),
    ];
    for (what, sent) in impossible {
        assert_eq!(read::<Histogram>(&sent), None, "{what}");
    }
}

#[test]
fn counts_and_texts_that_nobody_counted_are_refused() {
    assert!(read::<Counts<u16>>(&[(200, 1_u64), (404, MAX_COUNT - 1)].as_slice()).is_some());
    for wrong in [
        [(200, 1), (200, 1)],
        [(404, 1), (200, 1)],
        [(200, MAX_COUNT), (404, 1)],
        [(200, u64::MAX), (404, u64::MAX)],
    ] {
        assert_eq!(read::<Counts<u16>>(&wrong.as_slice()), None, "{wrong:?}");
    }
    // An error class that does not exist.
    assert_eq!(postcard::from_bytes::<Counts<ErrorClass>>(&[1, 77, 1]).ok(), None);

    let texts =
        |number: usize| (0..number).map(|i| (format!("{i:03}"), 1)).collect::<Vec<(String, u64)>>();
    let long = |bytes| vec![("x".repeat(bytes), 1)];
    let pair =
        |one: &str, other: &str, count| vec![(one.to_owned(), count), (other.to_owned(), count)];
    for possible in [texts(Texts::MAX), long(Texts::MAX_BYTES), pair("a", "b", 1)] {
        assert!(read::<Texts>(&(possible, 3_u64)).is_some());
    }
    for wrong in [
        texts(Texts::MAX + 1),
        long(Texts::MAX_BYTES + 1),
        pair("a", "a", 1),
        pair("b", "a", 1),
        pair("a", "b", MAX_COUNT),
    ] {
        assert_eq!(read::<Texts>(&(wrong, 3_u64)), None);
    }
}

#[test]
fn a_table_with_a_row_too_many_or_twice_or_for_nothing_is_refused() {
    let rows = |names: &[String]| {
        names.iter().map(|name| (name.clone(), Check { passed: 1, failed: 0 })).collect::<Vec<_>>()
    };
    let numbered = |number: usize| rows(&(0..number).map(|i| i.to_string()).collect::<Vec<_>>());
    for possible in [
        numbered(MAX_NAMES + 1),
        rows(&["x".repeat(MAX_NAME_LEN)]),
        rows(&["b".into(), "a".into()]),
    ] {
        assert!(read::<NamedRows<Check>>(&possible).is_some());
    }
    let empty = vec![("a".to_owned(), Check::default())];
    for wrong in [
        numbered(MAX_NAMES + 2),
        rows(&["x".repeat(MAX_NAME_LEN + 1)]),
        rows(&["a".into(), "a".into()]),
        empty,
    ] {
        assert_eq!(read::<NamedRows<Check>>(&wrong), None);
    }
}

#[test]
fn an_extent_that_ends_before_it_begins_is_refused() {
    assert!(read::<Extent>(&(at(5), at(5))).is_some());
    assert_eq!(read::<Extent>(&(at(5), at(4))), None);
}

#[test]
fn a_value_that_nothing_adds_up_to_is_refused() {
    let gauge = |last, min, max| Value::Gauge { count: 1, at: at(1), last, min, max };
    let possible = [
        Value::Counter { count: 1, sum: 0.0 },
        Value::Counter { count: 2, sum: f64::INFINITY },
        gauge(-1.0, -1.0, 1.0),
        gauge(1.0, -1.0, 1.0),
        Value::Rate { count: 3, nonzero: 3 },
    ];
    for value in possible {
        assert_eq!(read(&value), Some(value));
    }
    let impossible = [
        Value::Counter { count: MAX_COUNT + 1, sum: 0.0 },
        Value::Counter { count: 1, sum: -1.0 },
        Value::Counter { count: 1, sum: f64::NAN },
        gauge(2.0, -1.0, 1.0),
        gauge(-2.0, -1.0, 1.0),
        gauge(f64::NAN, -1.0, 1.0),
        gauge(1.0, f64::NAN, 1.0),
        gauge(1.0, -1.0, f64::INFINITY),
        gauge(1.0, f64::NEG_INFINITY, 1.0),
        Value::Gauge { count: MAX_COUNT + 1, at: at(1), last: 1.0, min: 1.0, max: 1.0 },
        Value::Rate { count: 3, nonzero: 4 },
        Value::Rate { count: MAX_COUNT + 1, nonzero: 4 },
    ];
    for value in impossible {
        assert_eq!(read::<Value>(&value), None, "{value:?}");
    }
}

#[test]
fn a_trend_that_no_numbers_make_is_refused() {
    let bucket = |value: f64| (value.to_bits() >> 42) as u32;
    let sent = |count: u64, sum: f64, min: f64, max: f64, counts: &[(f64, u64)]| {
        Some((
            count,
            sum,
            min,
            max,
            Sparse::pack(counts.iter().map(|&(value, count)| (bucket(value), count))),
        ))
    };
    let possible = [
        None,
        sent(2, 4.0, 1.0, 3.0, &[(1.0, 1), (3.0, 1)]),
        sent(1, 0.0, 0.0, 0.0, &[(0.0, 1)]),
        sent(2, f64::INFINITY, f64::MAX, f64::MAX, &[(f64::MAX, 2)]),
        sent(MAX_COUNT, MAX_COUNT as f64 * 1.0001, 1.0, 1.0, &[(1.0, MAX_COUNT)]),
    ];
    for sent in possible {
        assert!(read::<Trend>(&sent).is_some(), "{sent:?}");
    }
    let impossible = [
        ("a count of nothing", sent(0, 0.0, 0.0, 0.0, &[])),
        ("another count than that of the buckets", sent(3, 5.0, 1.0, 3.0, &[(1.0, 1), (3.0, 1)])),
        ("too many", sent(MAX_COUNT + 1, MAX_COUNT as f64, 1.0, 1.0, &[(1.0, MAX_COUNT + 1)])),
        ("a least elsewhere", sent(2, 4.0, 2.0, 3.0, &[(1.0, 1), (3.0, 1)])),
        ("a greatest elsewhere", sent(2, 4.0, 1.0, 4.0, &[(1.0, 1), (3.0, 1)])),
        ("a least above the greatest", sent(2, 2.0, 1.000_01, 1.0, &[(1.0, 2)])),
        ("a negative number", sent(1, -1.0, -1.0, -1.0, &[(-1.0, 1)])),
        ("a negative zero", sent(1, 0.0, -0.0, 0.0, &[(0.0, 1)])),
        (
            "an infinite number",
            sent(1, f64::INFINITY, f64::INFINITY, f64::INFINITY, &[(f64::INFINITY, 1)]),
        ),
        ("no number", sent(1, f64::NAN, f64::NAN, f64::NAN, &[(f64::NAN, 1)])),
        ("a sum that is no number", sent(2, f64::NAN, 1.0, 3.0, &[(1.0, 1), (3.0, 1)])),
        ("a sum too small", sent(2, 1.9, 1.0, 3.0, &[(1.0, 1), (3.0, 1)])),
        ("a sum too large", sent(2, 6.1, 1.0, 3.0, &[(1.0, 1), (3.0, 1)])),
    ];
    for (what, sent) in impossible {
        assert_eq!(read::<Trend>(&sent), None, "{what}");
    }
}

#[test]
fn series_with_names_that_no_recorder_gives_are_refused() {
    type Tags<'a> = Vec<(&'a str, &'a str)>;
    const ONE: Value = Value::Counter { count: 1, sum: 1.0 };
    let long = "x".repeat(MAX_SERIES_NAME_LEN);
    let sent = |all: Vec<(&str, Tags<'_>)>| {
        let series: Vec<_> = all.into_iter().map(|(metric, tags)| (metric, tags, ONE)).collect();
        read::<Metrics>(&(series, 0_u64))
    };
    let metrics = sent(vec![
        ("hits", vec![]),
        ("hits", vec![("a", "1"), ("b", "0")]),
        ("a", vec![("a", &long[..4_000])]),
    ])
    .unwrap();
    assert_eq!(metrics.iter().count(), 3);
    let mut more = Metrics::default();
    let hits = ("hits".into(), MetricKind::Counter);
    more.record(&hits, at(0), 2.0, &[("b", "0"), ("a", "1")], &mut series::KeyBuffer::default());
    more.merge(&metrics);
    assert_eq!(
        (more.iter().count(), more.total("hits")),
        (3, Some(Value::Counter { count: 3, sum: 4.0 })),
        "names are those of one's own series"
    );

    let wrong: [(&str, Vec<(&str, Tags<'_>)>); 5] = [
        ("no name", vec![("", vec![])]),
        ("a long name", vec![(&long[..MAX_NAME_LEN + 1], vec![])]),
        ("long tags", vec![("hits", vec![("a", &long)])]),
        ("tags that are not sorted", vec![("hits", vec![("b", "0"), ("a", "1")])]),
        ("one series twice", vec![("hits", vec![("a", "1")]), ("hits", vec![("a", "1")])]),
    ];
    for (what, all) in wrong {
        assert_eq!(sent(all), None, "{what}");
    }
    assert_eq!(
        read::<Series>(&("hits", Tags::new(), Value::Counter { count: 0, sum: 0.0 })),
        None,
        "nothing was counted"
    );
    assert_eq!(
        read::<Series>(&("size", Tags::new(), Value::Trend(Trend::default()))),
        None,
        "nothing was counted"
    );

    let numbers: Vec<String> = (0..=MAX_SERIES + MAX_NAMES).map(|i| i.to_string()).collect();
    let numbered = |number: usize| {
        sent(numbers[..number].iter().map(|i| ("hits", vec![("i", i.as_str())])).collect())
    };
    assert!(numbered(MAX_SERIES + MAX_NAMES).is_some());
    assert_eq!(numbered(MAX_SERIES + MAX_NAMES + 1), None);
}

#[test]
fn names_that_many_hosts_make_up_do_not_fill_the_total() {
    let mut total = Snapshot::default();
    for host in 0..13 {
        let mut recorder = Recorder::new(at(0));
        for i in 0..MAX_NAMES {
            recorder.check(RunPhase::Measured, &format!("{host} {i}"), true);
            let metric =
                recorder.define_metric(&format!("{host} {i}"), MetricKind::Counter).unwrap();
            recorder.metric(RunPhase::Measured, at(0), metric, 1.0, &[]);
        }
        total.merge(&travelled(&recorder.take_window(at(1), Snapshot::default())));
    }
    let Figures { checks, metrics, .. } = &total.measured;
    assert_eq!(
        (checks.iter().count(), checks.row("other").unwrap().passed),
        (MAX_NAMES + 1, 12 * MAX_NAMES as u64)
    );
    let counted: u64 = metrics.iter().map(|series| series.value.count()).sum();
    assert_eq!(
        (metrics.iter().count(), counted + metrics.ignored),
        (MAX_SERIES + MAX_NAMES, 13 * MAX_NAMES as u64)
    );
    assert_eq!(travelled(&total), total);
}

/// Looks at everything that may stumble over figures that contradict each other.
fn look_at(figures: &Figures) {
    let both = figures.total.response.both();
    for percent in [0.0, 50.0, 99.0, 99.9, 100.0] {
        black_box((
            both.percentile(percent),
            both.percentile_seen(percent),
            figures.total.start_lag.percentile_seen(percent),
        ));
    }
    black_box(both.count_above(ms(1)));
    assert_eq!(both.buckets().map(|(_, count)| count).sum::<u64>(), both.count());
    black_box((figures.total.counts.in_flight(), figures.total.counts.error_rate()));
    black_box((
        figures.requests.count(),
        figures.requests.statuses.total(),
        figures.requests.errors.total(),
    ));
    for (_, row) in figures.transactions.iter() {
        black_box((row.causes.total(), row.service.ok.mean(), row.counts.in_flight()));
    }
    for series in figures.metrics.iter() {
        if let Some(Value::Trend(trend)) = figures.metrics.total(&series.metric) {
            black_box((trend.percentile(50.0), trend.mean()));
        }
    }
}

#[test]
fn whatever_bytes_come_is_refused_or_adds_up() {
    let seed = 7;
    let mut random = Random::stream(seed, 0);
    let mut recorder = recorder();
    let mut sent = Vec::new();
    for i in 0..8 {
        for end in 0..i % 3 + 1 {
            record(
                &mut recorder,
                Happened {
                    name: i as usize % 3,
                    intended: 999 + i % 2,
                    lag: i * 1_000,
                    time: 40_000 << i,
                    end: (end * 3 + i) as u8 % 6,
                },
            );
        }
        let metric = recorder.define_metric("level", MetricKind::Gauge).unwrap();
        recorder.metric(RunPhase::Measured, at(i), metric, i as f64, &[]);
        recorder.trap("unreachable");
        sent.push(bytes(&recorder.take_window(at(1_000 + i), Snapshot::default())));
    }
    let (mut total, mut let_in, mut changed) = (Snapshot::default(), 0, 0);
    for round in 0..20_000 {
        let original = &sent[random.below(sent.len() as u64) as usize];
        let mut bent = original.clone();
        for _ in 0..=random.below(3) {
            let place = random.below(bent.len() as u64) as usize;
            bent[place] ^= 1 << random.below(8);
        }
        if random.below(8) == 0 {
            bent.truncate(random.below(bent.len() as u64) as usize);
        }
        let Ok(snapshot) = postcard::from_bytes::<Snapshot>(&bent) else { continue };
        let_in += 1;
        changed += u32::from(bytes(&snapshot) != *original);
        assert_eq!(travelled(&snapshot), snapshot, "seed {seed}, round {round}");
        total.merge(&snapshot);
        look_at(&snapshot.warm_up);
        look_at(&snapshot.measured);
    }
    assert!(
        (500..19_000).contains(&let_in) && changed > 100,
        "{let_in} let in, {changed} of them bent"
    );
    look_at(&total.warm_up);
    look_at(&total.measured);
    bytes(&total);
}
