//! What a node says that it counted: merged with what an honest one did.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use swell_core::RunInstant;
use swell_core::control::{ControlWindow, Finder, Goal, Objective, Regulator, Tally, Watch};
use swell_core::dispatch::UnsentCause;
use swell_core::exchange::{ErrorClass, Exchange, Phase, Phases, Protocol};
use swell_core::record::{
    Cause, Counts, Figures, IterationEnd, MetricKind, Recorder, Snapshot, Texts, Transaction,
    TransactionEnd, TransactionTimes, Value,
};
use swell_core::units::{Rate, Share};

/// The first byte says what the others are: a snapshot, or what was counted for an objective.
pub(super) fn target(bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = bytes.split_first() else { return false };
    if kind % 2 == 0 {
        read_again::<Snapshot>(bytes).inspect(merge).is_some()
    } else {
        read_again::<Tally>(bytes).inspect(|told| regulate(told, u64::from(kind / 2))).is_some()
    }
}

/// Merges what was told with what an honest node counted.
fn merge(told: &Snapshot) {
    static HONEST: LazyLock<Snapshot> = LazyLock::new(|| honest(at(0), &["pay"]));
    let mut total = HONEST.clone();
    total.merge(told);
    total.merge(told);
    for (honest, told, total) in [
        (&HONEST.warm_up, &told.warm_up, &total.warm_up),
        (&HONEST.measured, &told.measured, &total.measured),
    ] {
        let sum = sums(honest).into_iter().zip(sums(told)).map(|(honest, told)| honest + 2 * told);
        assert_eq!(sums(total), sum.collect::<Vec<_>>(), "nothing is lost by merging");
        assert_each_stays(honest, total);
        look_at(total);
    }
    let texts = |all: &Snapshot| {
        [&all.users.traps, &all.users.start_errors, &all.users.iteration_errors].map(Texts::total)
    };
    let (honest, told) = (texts(&HONEST), texts(told));
    assert_eq!(texts(&total), std::array::from_fn(|place| honest[place] + 2 * told[place]));
    let counted = (sums(&total.measured), texts(&total));
    total.leave_out_metrics();
    total.leave_out_texts();
    assert_eq!(
        (sums(&total.measured), texts(&total)),
        counted,
        "what is left out is counted all the same"
    );
    assert!(postcard::to_stdvec(&total).is_ok(), "a total can be written");
}

/// Has the rate follow what was told, beside what an honest node counted, for so many windows.
fn regulate(told: &Tally, windows: u64) {
    let mut total = honest_tally();
    let (begun, ended) = (total.begun, total.ended);
    total.merge(told);
    total.merge(told);
    assert_eq!((total.begun, total.ended), (begun + 2 * told.begun, ended + 2 * told.ended));
    assert!(postcard::to_stdvec(&total).is_ok());
    let objectives = vec![
        Objective {
            name: None,
            goal: Goal::Latency { percent: 95.0, limit: Duration::from_millis(100) },
        },
        Objective {
            name: None,
            goal: Goal::ErrorRate(Share::new(0.01).expect("it is a part of one")),
        },
    ];
    let mut regulator = Regulator::new(Some(5_000.0), objectives.clone(), 500.0);
    let mut finder =
        Finder::new(objectives, 500.0, None, Duration::from_secs(1), Duration::from_secs(20));
    // Every third window is the honest node's alone.
    let (honest, length) = (honest_tally(), Duration::from_millis(200));
    for number in 1..=windows {
        let tally = if number % 3 == 0 { &honest } else { &total };
        let window = ControlWindow {
            until: RunInstant::START + length * number as u32,
            length,
            begun: tally.begun,
            generator_limited: false,
        };
        let tallies = [tally.clone(), tally.clone()];
        regulator.on_window(&window, &tallies);
        let changed = finder.on_window(&window, &tallies);
        for rate in
            [Some(regulator.rate()), changed.map(|change| change.rate)].into_iter().flatten()
        {
            assert!((0.0..=Rate::MAX).contains(&rate), "a rate of {rate}");
        }
        for explained in regulator.explain() {
            assert!(
                !explained.limit.is_nan()
                    && explained.measured.is_none_or(|(measured, _)| measured >= 0.0),
                "{explained:?}"
            );
        }
    }
    black_box((finder.found(), finder.interval()));
}

/// What is let in is written and let in again as it was.
fn read_again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
) -> Option<T> {
    let read: T = postcard::from_bytes(bytes).ok()?;
    let written = postcard::to_stdvec(&read).expect("what was read can be written");
    assert_eq!(postcard::from_bytes::<T>(&written).as_ref(), Ok(&read));
    Some(read)
}

/// All that is counted, each sort together.
fn sums(figures: &Figures) -> Vec<u128> {
    let Figures {
        total,
        transactions,
        requests,
        websockets,
        grpc,
        sockets,
        streams,
        iterations,
        checks,
        metrics,
        unsent,
        loop_delay,
        overslept,
    } = figures;
    let rows = |count: fn(&Transaction) -> u64| {
        transactions.iter().map(|(_, row)| count(row)).sum::<u64>()
    };
    let counts = [
        total.counts.started,
        total.counts.ended(),
        total.response.count(),
        total.service.count(),
        total.start_lag.count() + total.user_lag.count() + total.host_lag.count(),
        total.delayed_response.seen.count() + total.delayed_service.seen.count(),
        rows(|row| row.counts.started),
        rows(|row| row.counts.ended()),
        rows(|row| row.service.count() + row.response.count()),
        rows(|row| row.causes.total()),
        requests.count(),
        requests.written + requests.reconnects + requests.connections,
        requests.body_bytes,
        streams.opened + streams.pieces + streams.events + streams.unseen,
        streams.first_byte.count() + streams.gaps.count(),
        requests.statuses.total(),
        requests.errors.total(),
        requests.service.count(),
        websockets.handshakes.count() + websockets.messages_sent + websockets.messages_received,
        websockets.bytes_sent + websockets.bytes_received,
        websockets.errors.total(),
        websockets.sessions.count() + websockets.round_trips.count() + websockets.pings.count(),
        grpc.calls.count() + grpc.streams.count(),
        grpc.messages.sent + grpc.messages.received,
        grpc.messages.bytes_sent + grpc.messages.bytes_received,
        grpc.methods.iter().map(|(_, row)| row.calls.count() + row.messages.sent).sum(),
        sockets.opened + sockets.datagrams_sent + sockets.datagrams_received,
        sockets.bytes_sent + sockets.bytes_received,
        sockets.errors.total(),
        iterations.started,
        iterations.ended(),
        checks.iter().map(|(_, check)| check.passed + check.failed).sum(),
        metrics.iter().map(|series| series.value.count()).sum::<u64>() + metrics.ignored,
        unsent.total(),
        loop_delay.count() + overslept.count(),
    ];
    let times = [&total.response, &total.service]
        .into_iter()
        .map(|times| times.ok.sum_ns() + times.failed.sum_ns());
    counts.into_iter().map(u128::from).chain(times).collect()
}

/// Whatever else is told, what one node counted is in the total.
fn assert_each_stays(honest: &Figures, total: &Figures) {
    for (name, row) in honest.transactions.iter() {
        let merged = total.transactions.row(name).expect("a row of one's own stays");
        assert!(merged.counts.ok >= row.counts.ok && merged.service.count() >= row.service.count());
    }
    for (name, check) in honest.checks.iter() {
        assert!(
            total.checks.row(name).is_some_and(
                |merged| merged.passed >= check.passed && merged.failed >= check.failed
            )
        );
    }
    for series in honest.metrics.iter() {
        let merged = total
            .metrics
            .iter()
            .find(|merged| merged.metric == series.metric && merged.tags == series.tags);
        assert!(merged.is_some_and(|merged| merged.value.count() >= series.value.count()
            && merged.value.kind() == series.value.kind()));
    }
    let counts = |counts: &Counts<u16>, total: &Counts<u16>| {
        counts.iter().all(|(key, count)| total.of(key) >= count)
    };
    assert!(counts(&honest.requests.statuses, &total.requests.statuses));
}

/// Everything that a report asks for, which may stumble over figures that contradict each other.
fn look_at(figures: &Figures) {
    let response = figures.total.response.both();
    let percents = [0.0, 50.0, 95.0, 99.0, 99.9, 100.0];
    let within = |time: Option<Duration>| {
        time.is_none_or(|time| Some(time) >= response.min() && Some(time) <= response.max())
    };
    assert!(percents.iter().all(|&percent| within(response.percentile(percent))
        && within(response.percentile_seen(percent))));
    assert!(response.mean().is_none_or(|mean| within(Some(mean))));
    let all = figures.total.response.all();
    assert!(
        all.count() == response.count() + all.cut()
            && all.max().map(|longest| longest.time) >= response.max()
    );
    black_box(
        percents
            .map(|percent| (all.percentile(percent), all.interval(percent, all.count() as f64))),
    );
    assert!(response.count_above(Duration::from_millis(1)) <= response.count());
    assert_eq!(response.buckets().map(|(_, count)| count).sum::<u64>(), response.count());
    black_box((figures.total.counts.in_flight(), figures.iterations.in_flight()));
    assert!(figures.total.counts.error_rate().is_none_or(|rate| (0.0..=1.0).contains(&rate)));
    for (_, row) in figures.transactions.iter() {
        black_box((row.causes.total(), row.service.ok.mean(), row.counts.in_flight()));
    }
    for series in figures.metrics.iter() {
        if let Some(Value::Trend(trend)) = figures.metrics.total(&series.metric) {
            black_box((trend.percentile(50.0), trend.mean()));
            assert!(percents.iter().all(|&percent| {
                trend
                    .percentile(percent)
                    .is_none_or(|at| Some(at) >= trend.min() && Some(at) <= trend.max())
            }));
        }
    }
}

fn at(ms: u64) -> RunInstant {
    RunInstant::START + Duration::from_millis(ms)
}

/// What a node counts that does a little of everything under each of these names.
fn honest(measured_from: RunInstant, names: &[&str]) -> Snapshot {
    let mut recorder = Recorder::new(measured_from);
    let kinds = [
        ("orders", MetricKind::Counter),
        ("level", MetricKind::Gauge),
        ("cached", MetricKind::Rate),
        ("size", MetricKind::Trend),
    ];
    let metrics =
        kinds.map(|(name, kind)| recorder.define_metric(name, kind).expect("a short name"));
    let causes = [
        Cause::Status(500),
        Cause::Request(ErrorClass::Reset),
        Cause::Said("no stock"),
        Cause::Trap("unreachable"),
        Cause::NotEnded,
    ];
    let ends = [TransactionEnd::Ok, TransactionEnd::Interrupted]
        .into_iter()
        .chain(causes.iter().map(TransactionEnd::Failed));
    for (i, (end, name)) in
        (0..).zip(ends.flat_map(|end| names.iter().map(move |name| (end, name))))
    {
        let (intended, phase) = (at(i), recorder.phase(at(i)));
        let kind = recorder.define(name).expect("a short name");
        recorder.begun(kind, intended, i % 3 > 0);
        recorder.iteration_begun(phase);
        let started = at(i + 1);
        recorder.ended(
            kind,
            &TransactionTimes {
                intended,
                parked_at: intended,
                started,
                ended: at(i * i * 100 + 2),
            },
            i % 3 > 0,
            end,
        );
        let mut phases = Phases::default();
        phases.add(Phase::Waiting, Duration::from_micros(i * 700));
        let result = if i % 2 == 0 { Ok(200) } else { Err(ErrorClass::Reset) };
        recorder.exchange(
            phase,
            &Exchange {
                protocol: Protocol::Http,
                result,
                phases,
                written: 1,
                reconnects: 0,
                connections: 1,
                body_bytes: 99,
            },
            true,
        );
        recorder.exchange_interrupted(Protocol::Http, phase, Duration::from_millis(i), 1, 0);
        recorder.check(phase, "has a title", i % 2 == 0);
        metrics.iter().for_each(|&metric| {
            recorder.metric(phase, started, metric, i as f64 * 1.5, &[("shop", "north")])
        });
        recorder.iteration_ended(phase, IterationEnd::Ok);
        recorder.loop_delay(started, Duration::from_micros(i));
    }
    recorder.unsent(at(5), UnsentCause::Lease);
    recorder.user_created();
    recorder.trap("unreachable");
    recorder.iteration_error(&"ü".repeat(Texts::MAX_BYTES / 2));
    recorder.take_window(at(9_000), Snapshot::default())
}

fn honest_tally() -> Tally {
    let mut watch = Watch::new(Goal::Latency { percent: 95.0, limit: Duration::from_millis(100) });
    for i in 0..20 {
        watch.begun();
        watch.ended(at(i), at(i * 12), Some(i % 5 > 0));
    }
    let mut tally = Tally::default();
    watch.take(at(200), &mut Tally::default());
    watch.take(at(400), &mut tally);
    tally
}

/// Results as they are, each with what it is before it.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use swell_core::record::RunPhase;

    let of = |kind: u8, bytes: Vec<u8>| [vec![kind], bytes].concat();
    let snapshot = |snapshot: &Snapshot| of(0, postcard::to_stdvec(snapshot).unwrap());
    let mut other = Recorder::new(at(0));
    let size = other.define_metric("orders", MetricKind::Trend).unwrap();
    other.metric(RunPhase::Measured, at(1), size, 2.0, &[("shop", "north")]);
    let mut little = Recorder::new(at(0));
    little.iteration_begun(RunPhase::Measured);
    little.check(RunPhase::Measured, "is quick", true);
    let orders = little.define_metric("orders", MetricKind::Counter).unwrap();
    little.metric(RunPhase::Measured, at(1), orders, 2.0, &[("shop", "north")]);
    vec![
        ("nothing", snapshot(&Snapshot::default())),
        ("little", snapshot(&little.take_window(at(500), Snapshot::default()))),
        ("metric-of-another-kind", snapshot(&other.take_window(at(500), Snapshot::default()))),
        ("one-name", snapshot(&honest(at(0), &["pay"]))),
        ("two-names-and-warm-up", snapshot(&honest(at(4), &["browse", "pay"]))),
        ("tally", of(41, postcard::to_stdvec(&honest_tally()).unwrap())),
        ("empty-tally", of(21, postcard::to_stdvec(&Tally::default()).unwrap())),
    ]
}
