//! The figures themselves. A new one is an entry here, with its getter below.

use super::entry::{
    Family, FamilySeries, FigureEntry, Judged, Label, Measure, Portion, Source, Tell, label, of_run,
};
use super::grpc::GRPC_FIGURES;
use super::streams::STREAMS;
use super::websocket::WEBSOCKET_FIGURES;
use crate::record::{Cause, Causes, Figures, Histogram, MetricKind, Split, Transaction};

/// The label of transactions.
pub const TRANSACTION: Label = label("transaction", "");

/// The share of transactions that failed. A threshold on it says how many may.
pub const ERROR_RATE: &str = "error_rate";

/// Names that figures had before, and may still be asked for by, with those that they have now.
const OLD_NAMES: [(&str, &str); 1] = [("host_lag", "generator_lag")];

/// All figures but those that have a file of their own.
static FIGURES: &[FigureEntry] = &[
    FigureEntry {
        name: "response",
        judged: Some(Judged {
            help: RESPONSE,
            source: Source::Transactions(Measure::Split(|row| row.response())),
        }),
        family: Some(Family {
            name: "swell_response_seconds",
            help: RESPONSE,
            labels: &[TRANSACTION],
            series: FamilySeries::Times(|figures, tell| times(figures, tell, |row| &row.response)),
        }),
    },
    FigureEntry {
        name: "service",
        judged: Some(Judged {
            help: SERVICE,
            source: Source::Transactions(Measure::Split(|row| row.service())),
        }),
        family: Some(Family {
            name: "swell_service_seconds",
            help: SERVICE,
            labels: &[TRANSACTION],
            series: FamilySeries::Times(|figures, tell| times(figures, tell, |row| &row.service)),
        }),
    },
    FigureEntry {
        name: "start_lag",
        judged: of_run(
            "Actual minus intended start of outermost transactions",
            Measure::Times(|figures| &figures.total.start_lag),
        ),
        family: Some(Family {
            name: "swell_start_lag_seconds",
            help: "How late outermost transactions began, by whose fault: users, generator",
            labels: &[label("by", "users, generator")],
            series: FamilySeries::Times(late_starts),
        }),
    },
    FigureEntry {
        name: "user_lag",
        judged: of_run(
            "The part of the start lag in which no user was free",
            Measure::Times(|figures| &figures.total.user_lag),
        ),
        family: None,
    },
    FigureEntry {
        name: "generator_lag",
        judged: of_run(
            "The part of the start lag in which a user was free: the generator's fault",
            Measure::Times(|figures| &figures.total.host_lag),
        ),
        family: None,
    },
    FigureEntry {
        name: "loop_delay",
        judged: of_run(
            "How late a thread of the generator ran what was ready, at each of its probes",
            Measure::Times(|figures| &figures.loop_delay),
        ),
        family: None,
    },
    FigureEntry {
        name: "request",
        judged: of_run(REQUEST, Measure::Split(|figures| &figures.requests.service)),
        family: Some(Family {
            name: "swell_request_seconds",
            help: REQUEST,
            labels: &[],
            series: FamilySeries::Times(request_times),
        }),
    },
    FigureEntry {
        name: ERROR_RATE,
        judged: Some(Judged {
            help: "Transactions that failed, of those that ended by themselves",
            source: Source::Transactions(Measure::Share(
                |row| failed(row.counts().ok, row.counts().failed, row.counts().interrupted),
                "no transaction ended",
            )),
        }),
        family: None,
    },
    FigureEntry {
        name: "request_error_rate",
        judged: of_run(
            "Requests that failed, of those that ended by themselves",
            Measure::Share(
                |Figures { requests, .. }| {
                    failed(requests.ok, requests.failed, requests.interrupted)
                },
                "no request ended",
            ),
        ),
        family: None,
    },
    FigureEntry {
        name: "interrupted",
        judged: Some(Judged {
            help: "Transactions that were cut off, of those that began",
            source: Source::Transactions(Measure::Share(
                |row| surely(row.counts().interrupted, row.counts().started),
                "no transaction began",
            )),
        }),
        family: None,
    },
    FigureEntry {
        name: "unsent",
        judged: of_run(
            "Starts that were due and given up, of those that were due",
            Measure::Share(
                |figures| {
                    let unsent = figures.unsent.total();
                    surely(unsent, figures.total.counts.started + unsent)
                },
                "no slot was due",
            ),
        ),
        family: Some(Family {
            name: "swell_unsent_total",
            help: "Starts that were due and given up, by whose fault: users, generator, lease",
            labels: &[label("by", "users, generator, lease")],
            series: FamilySeries::Counter(by_fault),
        }),
    },
    FigureEntry {
        name: "checks",
        judged: Some(Judged {
            help: "Checks that passed, of those that were made",
            source: Source::Checks(Measure::Share(
                |check| surely(check.passed, check.passed + check.failed),
                "nothing was checked",
            )),
        }),
        family: Some(Family {
            name: "swell_checks_total",
            help: "Checks, by name and outcome: passed, failed",
            labels: &[label("check", ""), label("outcome", "passed, failed")],
            series: FamilySeries::Counter(by_check),
        }),
    },
    FigureEntry {
        name: "throughput",
        judged: Some(Judged {
            help: "Transactions that ended by themselves",
            source: Source::Transactions(Measure::PerSecond(|row| {
                row.counts().ok + row.counts().failed
            })),
        }),
        family: None,
    },
    FigureEntry {
        name: "goodput",
        judged: Some(Judged {
            help: "Transactions that ended well",
            source: Source::Transactions(Measure::PerSecond(|row| row.counts().ok)),
        }),
        family: None,
    },
    FigureEntry {
        name: "request_rate",
        judged: of_run(
            "Requests that ended by themselves",
            Measure::PerSecond(|figures| figures.requests.ok + figures.requests.failed),
        ),
        family: None,
    },
    FigureEntry {
        name: "metric",
        judged: Some(Judged {
            help: "One of the scenario's own metrics: the sum of a counter, the last value of a \
            gauge, the share of a rate, or a statistic of a trend",
            source: Source::Own,
        }),
        family: None,
    },
    FigureEntry {
        name: "transactions",
        judged: None,
        family: Some(Family {
            name: "swell_transactions_total",
            help: "Transactions that ended, by outcome: ok, failed, interrupted (cut off before \
            their end)",
            labels: &[TRANSACTION, OUTCOME],
            series: FamilySeries::Counter(outcomes),
        }),
    },
    FigureEntry {
        name: "transaction_failures",
        judged: None,
        family: Some(Family {
            name: "swell_transaction_failures_total",
            help: "Transactions that failed, by cause",
            labels: &[
                TRANSACTION,
                label("cause", "a status, an error class, said, trap, not ended"),
            ],
            series: FamilySeries::Counter(causes),
        }),
    },
    FigureEntry {
        name: "requests",
        judged: None,
        family: Some(Family {
            name: "swell_requests_total",
            help: "Requests that ended, by outcome: ok, failed, interrupted",
            labels: &[OUTCOME],
            series: FamilySeries::Counter(of_requests),
        }),
    },
    FigureEntry {
        name: "body_bytes",
        judged: of_run(BODY_BYTES, Measure::PerSecond(|figures| figures.requests.body_bytes)),
        family: Some(Family {
            name: "swell_body_bytes_total",
            help: BODY_BYTES,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| tell(&[], &figures.requests.body_bytes)),
        }),
    },
    FigureEntry {
        name: "connections",
        judged: of_run(CONNECTIONS, Measure::PerSecond(|figures| figures.requests.connections)),
        family: Some(Family {
            name: "swell_connections_total",
            help: CONNECTIONS,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| tell(&[], &figures.requests.connections)),
        }),
    },
    FigureEntry {
        name: "request_errors",
        judged: None,
        family: Some(Family {
            name: "swell_request_errors_total",
            help: "Requests without an answer, by class",
            labels: &[label("class", "")],
            series: FamilySeries::Counter(by_error),
        }),
    },
    FigureEntry {
        name: "socket_connections",
        judged: of_run(SOCKET_CONNECTIONS, Measure::PerSecond(|figures| figures.sockets.opened)),
        family: Some(Family {
            name: "swell_socket_connections_total",
            help: SOCKET_CONNECTIONS,
            labels: &[],
            series: FamilySeries::Counter(|figures, tell| tell(&[], &figures.sockets.opened)),
        }),
    },
    FigureEntry {
        name: "socket_bytes_sent",
        judged: of_run(SOCKET_BYTES_SENT, Measure::PerSecond(|figures| figures.sockets.bytes_sent)),
        family: None,
    },
    FigureEntry {
        name: "socket_bytes_received",
        judged: of_run(
            SOCKET_BYTES_RECEIVED,
            Measure::PerSecond(|figures| figures.sockets.bytes_received),
        ),
        family: None,
    },
    FigureEntry {
        name: "socket_bytes",
        judged: None,
        family: Some(Family {
            name: "swell_socket_bytes_total",
            help: "Bytes over the scenario's own sockets, by direction: sent, received",
            labels: &[DIRECTION],
            series: FamilySeries::Counter(|Figures { sockets, .. }, tell| {
                tell(&["sent"], &sockets.bytes_sent);
                tell(&["received"], &sockets.bytes_received);
            }),
        }),
    },
    FigureEntry {
        name: "socket_datagrams",
        judged: None,
        family: Some(Family {
            name: "swell_socket_datagrams_total",
            help: "Datagrams over the scenario's own sockets, by direction: sent, received",
            labels: &[DIRECTION],
            series: FamilySeries::Counter(|Figures { sockets, .. }, tell| {
                tell(&["sent"], &sockets.datagrams_sent);
                tell(&["received"], &sockets.datagrams_received);
            }),
        }),
    },
    FigureEntry {
        name: "socket_errors",
        judged: None,
        family: Some(Family {
            name: "swell_socket_errors_total",
            help: "Names, connections and datagrams of the scenario's own sockets that came to \
            nothing, by class",
            labels: &[label("class", "")],
            series: FamilySeries::Counter(by_socket_error),
        }),
    },
    FigureEntry {
        name: "own_counters",
        judged: None,
        family: Some(Family {
            name: "swell_own_total",
            help: "Counters of the scenario's own, by their names and tags: the sum",
            labels: &[METRIC],
            series: FamilySeries::Own(MetricKind::Counter),
        }),
    },
    FigureEntry {
        name: "own_gauges",
        judged: None,
        family: Some(Family {
            name: "swell_own_value",
            help: "Gauges of the scenario's own, by their names and tags: the last value",
            labels: &[METRIC],
            series: FamilySeries::Own(MetricKind::Gauge),
        }),
    },
    FigureEntry {
        name: "own_rates",
        judged: None,
        family: Some(Family {
            name: "swell_own_rate_total",
            help: "Rates of the scenario's own, by their names and tags: how many values were \
            nonzero, and how many zero",
            labels: &[METRIC, label("outcome", "nonzero, zero")],
            series: FamilySeries::Own(MetricKind::Rate),
        }),
    },
    FigureEntry {
        name: "own_trends",
        judged: None,
        family: Some(Family {
            name: "swell_own_trend",
            help: "Trends of the scenario's own, by their names and tags",
            labels: &[METRIC],
            series: FamilySeries::Own(MetricKind::Trend),
        }),
    },
];

/// All figures.
pub fn figures() -> impl Iterator<Item = &'static FigureEntry> {
    FIGURES.iter().chain(WEBSOCKET_FIGURES).chain(GRPC_FIGURES).chain(STREAMS)
}

/// The figures that a threshold may be about, in the order in which people see them.
pub fn subjects() -> impl Iterator<Item = (&'static FigureEntry, &'static Judged)> {
    figures().filter_map(|entry| Some((entry, entry.judged.as_ref()?)))
}

/// The name that a figure has now which is asked for by this one.
pub fn present_name(name: &str) -> &str {
    OLD_NAMES.iter().find(|(old, _)| *old == name).map_or(name, |(_, now)| now)
}

/// The families of metrics that are made of counts.
pub fn families() -> impl Iterator<Item = &'static Family> {
    figures().filter_map(|entry| entry.family.as_ref())
}

const RESPONSE: &str = "End minus intended start of transactions; of those cut off their age";
const SERVICE: &str = "End minus actual start of transactions; of those cut off their age";
const REQUEST: &str = "How long requests took; of those cut off their age";
const BODY_BYTES: &str = "Bytes of bodies as they were received, by requests that ended";
const CONNECTIONS: &str = "Connections that were opened for requests";
const SOCKET_CONNECTIONS: &str = "Connections that the scenario opened over sockets of its own";
const SOCKET_BYTES_SENT: &str = "Bytes that the scenario sent over sockets of its own";
const SOCKET_BYTES_RECEIVED: &str = "Bytes that the scenario received over sockets of its own";
const DIRECTION: Label = label("direction", "sent, received");
const METRIC: Label = label("metric", "");
const OUTCOME: Label = label("outcome", "ok, failed, interrupted");

/// The failed part of all that ended. What was cut off may have failed or not.
const fn failed(ok: u64, failed: u64, cut: u64) -> Portion {
    Portion { part: failed, whole: ok + failed + cut, undecided: cut }
}

const fn surely(part: u64, whole: u64) -> Portion {
    Portion { part, whole, undecided: 0 }
}

/// How transactions ended, by name and outcome.
fn outcomes(figures: &Figures, tell: Tell<'_, u64>) {
    for (name, row) in ended(figures) {
        let counts = &row.counts;
        by_outcome(counts.ok, counts.failed, counts.interrupted, |outcome, count| {
            tell(&[name, outcome], &count);
        });
    }
}

/// Why transactions failed, by name and cause.
fn causes(figures: &Figures, tell: Tell<'_, u64>) {
    for (name, row) in ended(figures) {
        by_cause(&row.causes, |cause, count| tell(&[name, cause], &count));
    }
}

/// Times of transactions, by name.
fn times(figures: &Figures, tell: Tell<'_, Histogram>, of: fn(&Transaction) -> &Split) {
    for (name, row) in ended(figures) {
        all(of(row), |times| tell(&[name], times));
    }
}

/// How late starts were, by whose fault.
fn late_starts(figures: &Figures, tell: Tell<'_, Histogram>) {
    tell(&["users"], &figures.total.user_lag);
    tell(&["generator"], &figures.total.host_lag);
}

/// Starts that were given up, by whose fault.
fn by_fault(figures: &Figures, tell: Tell<'_, u64>) {
    let unsent = &figures.unsent;
    tell(&["users"], &unsent.users);
    tell(&["generator"], &unsent.host);
    tell(&["lease"], &unsent.lease);
}

/// How requests ended.
fn of_requests(figures: &Figures, tell: Tell<'_, u64>) {
    let requests = &figures.requests;
    by_outcome(requests.ok, requests.failed, requests.interrupted, |outcome, count| {
        tell(&[outcome], &count);
    });
}

/// Times of requests.
fn request_times(figures: &Figures, tell: Tell<'_, Histogram>) {
    all(&figures.requests.service, |times| tell(&[], times));
}

/// Requests without an answer, by class.
fn by_error(figures: &Figures, tell: Tell<'_, u64>) {
    for (class, count) in figures.requests.errors.iter() {
        tell(&[class.name()], &count);
    }
}

/// What came to nothing over sockets, by class.
fn by_socket_error(figures: &Figures, tell: Tell<'_, u64>) {
    for (class, count) in figures.sockets.errors.iter() {
        tell(&[class.name()], &count);
    }
}

/// Checks, by name and outcome.
fn by_check(figures: &Figures, tell: Tell<'_, u64>) {
    for (name, check) in figures.checks.iter() {
        for (outcome, count) in [("passed", check.passed), ("failed", check.failed)] {
            if count > 0 {
                tell(&[name, outcome], &count);
            }
        }
    }
}

fn ended(figures: &Figures) -> impl Iterator<Item = (&str, &Transaction)> {
    figures.transactions.iter().filter(|(_, row)| row.counts.ended() > 0)
}

fn by_outcome(ok: u64, failed: u64, interrupted: u64, mut tell: impl FnMut(&str, u64)) {
    tell("ok", ok);
    tell("failed", failed);
    tell("interrupted", interrupted);
}

/// What was cut off counts with its age, which is the least time that it would have taken. A
/// quantile without it would leave out exactly what hung.
fn all<'a>(times: &'a Split, mut tell: impl FnMut(&'a Histogram)) {
    tell(&times.ok);
    tell(&times.failed);
    tell(&times.interrupted);
}

/// Failures by the kind of their cause. What a scenario said in its own words is one kind, because
/// there may be any number of such texts.
fn by_cause(causes: &Causes, mut tell: impl FnMut(&str, u64)) {
    for (status, count) in causes.statuses.iter() {
        tell(&format!("status {status}"), count);
    }
    for (class, count) in causes.requests.iter() {
        tell(class.name(), count);
    }
    for (code, count) in causes.grpc.iter() {
        tell(&Cause::Grpc(code).to_string(), count);
    }
    for (cause, count) in [
        ("said", causes.said.total()),
        ("trap", causes.traps.total()),
        ("not ended", causes.not_ended),
    ] {
        if count > 0 {
            tell(cause, count);
        }
    }
}
