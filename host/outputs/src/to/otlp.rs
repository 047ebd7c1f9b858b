//! `--to otlp=URL`: metrics in OpenTelemetry's protocol, as protobuf over HTTP.
//!
//! Sums and histograms are cumulative from the run's beginning, as collectors take them from
//! whoever does not know them. Names and labels are those that Prometheus has.
//!
//! ## Why exponential histograms
//! OpenTelemetry's own library would sort our samples anew into some twenty buckets. Ours are in
//! 1,024 for each doubling already, so we send histograms with 16 for each: a percentile is right
//! to 4 %, whatever the times are. A receiver that knows no exponential ones gets those of fixed
//! bounds by the variable that OpenTelemetry has for it.

use std::borrow::Cow;

use anyhow::{Context as _, bail};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Places;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use percent_encoding::percent_decode_str;
use prost::Message as _;
use swell_core::RunInstant;
use swell_core::units::counted;
use swell_report::record::{Frame, RecordHeader};

use super::backlog::Joining;
use super::http::Http;
use super::receiver_url::ReceiverUrl;
use super::sending::sending;
use super::updates::{FrameForm, FrameUpdates, unix_time};
use super::{Variable, header, variable};
use crate::series::{AboutFamily, SeriesKey, families};
use crate::sink::{Flag, Kind, KindValue};
use crate::totals::{Buckets, RunTotals, SeriesTotal, Spread};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "otlp",
    flag: Flag::To,
    help: "otlp=URL sends each second to an OpenTelemetry collector over HTTP, as \
    http://localhost:4318, with the headers that the variable OTEL_EXPORTER_OTLP_HEADERS has",
    needs_seconds: true,
    value: KindValue::Receiver,
    open: |value, _| {
        let (receiver, http) = collector(value, variable)?;
        let updates = FrameUpdates::new(OtlpPoints { buckets: buckets(variable)? });
        sending("to-otlp", receiver.flag, Joining::Appended, updates, http)
    },
};

/// Where metrics are taken, below what is named.
const PATH: &str = "/v1/metrics";
/// The variable with headers, as `name=value,name=value`.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// The variable with the kind of histograms, and what it may be.
const HISTOGRAMS: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
const EXPONENTIAL: &str = "base2_exponential_bucket_histogram";
const EXPLICIT: &str = "explicit_bucket_histogram";
/// Sixteen buckets for each doubling.
const SCALE: i32 = 4;

/// Where metrics are posted.
///
/// # Errors
/// It is no URL, or the variable holds no headers.
fn collector(text: &str, variable: Variable) -> anyhow::Result<(ReceiverUrl, Http)> {
    let receiver = ReceiverUrl::parse(KIND.name, text, "http://localhost:4318")?;
    let path = receiver.url.path().trim_end_matches('/');
    let url = if path.ends_with(PATH) {
        receiver.url.to_string()
    } else {
        receiver.below(&format!("{path}{PATH}"))
    };
    let mut headers = vec![("content-type".into(), "application/x-protobuf".to_owned())];
    headers.extend(given_headers(&variable(HEADERS).unwrap_or_default())?);
    let http = Http::new(&receiver, url, headers).refusing(refusal);
    Ok((receiver, http))
}

/// What an answer says that was not taken. One in another form, or none, says nothing.
fn refusal(answer: &[u8]) -> Option<String> {
    let partial = ExportMetricsServiceResponse::decode(answer).ok()?.partial_success?;
    let rejected = u64::try_from(partial.rejected_data_points).ok().filter(|points| *points > 0)?;
    Some(format!("it rejected {}: {}", counted(rejected, "point"), partial.error_message))
}

/// Headers as the environment has them. No message holds their values.
fn given_headers(text: &str) -> anyhow::Result<Vec<(Cow<'static, str>, String)>> {
    let help = "help: as name=value,name=value, with %2C for a comma in a value";
    let mut headers = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            bail!("{HEADERS}: a header without a value\n{help}");
        };
        let name = name.trim().to_ascii_lowercase();
        let value = percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
        headers.push(header(HEADERS, name, value)?);
    }
    Ok(headers)
}

/// Which buckets histograms have.
///
/// # Errors
/// The variable names none that there are.
fn buckets(variable: Variable) -> anyhow::Result<Buckets> {
    match variable(HISTOGRAMS).as_deref() {
        None | Some(EXPONENTIAL) => Ok(Buckets::Powers { scale: SCALE }),
        Some(EXPLICIT) => Ok(Buckets::Bounds),
        Some(_) => None.with_context(|| {
            format!("{HISTOGRAMS}: there is no such histogram\nhelp: {EXPONENTIAL} or {EXPLICIT}")
        }),
    }
}

/// The form.
struct OtlpPoints {
    buckets: Buckets,
}

impl FrameForm for OtlpPoints {
    type SoFar = RunTotals;

    fn begin(&self, run: &RecordHeader) -> RunTotals {
        RunTotals::new(&run.run.name, &run.run.scenario, self.buckets)
    }

    fn bytes(
        &self,
        run: &RecordHeader,
        totals: &mut RunTotals,
        frame: &Frame,
        at: RunInstant,
    ) -> Vec<u8> {
        totals.add(frame);
        let nanos = |at| u64::try_from(unix_time(run, at).as_nanos()).unwrap_or(u64::MAX);
        let times = (nanos(RunInstant::START), nanos(at));
        let metrics = families().filter_map(|family| metric(&family, totals, times)).collect();
        let scope = InstrumentationScope {
            name: "swell".to_owned(),
            version: run.run.version.clone(),
            ..InstrumentationScope::default()
        };
        let scope = ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() };
        let about = [
            ("service.name", "swell"),
            ("service.version", &*run.run.version),
            ("service.instance.id", &*run.run.id),
            ("host.name", &*run.host.name),
        ];
        let resource = Resource {
            attributes: about.map(|(name, value)| attribute(name, value)).into(),
            ..Resource::default()
        };
        let metrics = ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope],
            schema_url: String::new(),
        };
        // What several of these have in bytes behind each other is one with all that they hold.
        ExportMetricsServiceRequest { resource_metrics: vec![metrics] }.encode_to_vec()
    }
}

/// A family with its series; nothing where it has none. `times` are those of the run's beginning
/// and of now.
fn metric(family: &AboutFamily, totals: &RunTotals, times: (u64, u64)) -> Option<Metric> {
    let mut series = totals.of_family(family.name).peekable();
    let (_, first) = series.peek()?;
    let temporality = AggregationTemporality::Cumulative as i32;
    let data = match first {
        SeriesTotal::Count(_) => Data::Sum(Sum {
            data_points: series.filter_map(|one| number(totals, one, times)).collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        SeriesTotal::Level(_) => Data::Gauge(Gauge {
            data_points: series.filter_map(|one| number(totals, one, times)).collect(),
        }),
        SeriesTotal::Spread(spread) if spread.bounds.is_empty() => {
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: series.filter_map(|one| powers(totals, one, times)).collect(),
                aggregation_temporality: temporality,
            })
        }
        SeriesTotal::Spread(_) => Data::Histogram(Histogram {
            data_points: series.filter_map(|one| bounds(totals, one, times)).collect(),
            aggregation_temporality: temporality,
        }),
    };
    Some(Metric {
        name: family.name.to_owned(),
        description: family.help.to_owned(),
        unit: if family.is_seconds { "s" } else { "" }.to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    })
}

/// A series and what it has come to.
type OneSeries<'a> = (&'a SeriesKey, &'a SeriesTotal);

fn number(totals: &RunTotals, one: OneSeries<'_>, times: (u64, u64)) -> Option<NumberDataPoint> {
    let (SeriesTotal::Count(value) | SeriesTotal::Level(value)) = one.1 else { return None };
    value.is_finite().then(|| NumberDataPoint {
        attributes: attributes(totals, one.0),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        value: Some(number_data_point::Value::AsDouble(*value)),
        ..NumberDataPoint::default()
    })
}

fn powers(
    totals: &RunTotals,
    one: OneSeries<'_>,
    times: (u64, u64),
) -> Option<ExponentialHistogramDataPoint> {
    let SeriesTotal::Spread(Spread { count, sum, zeros, buckets, .. }) = one.1 else { return None };
    let first = buckets.keys().next().copied().unwrap_or(0);
    let last = buckets.keys().next_back().copied().unwrap_or(first - 1);
    let counts = (first..=last).map(|place| buckets.get(&place).copied().unwrap_or(0));
    Some(ExponentialHistogramDataPoint {
        attributes: attributes(totals, one.0),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        count: *count,
        sum: Some(*sum),
        scale: SCALE,
        zero_count: *zeros,
        positive: Some(Places { offset: first, bucket_counts: counts.collect() }),
        ..ExponentialHistogramDataPoint::default()
    })
}

fn bounds(totals: &RunTotals, one: OneSeries<'_>, times: (u64, u64)) -> Option<HistogramDataPoint> {
    let SeriesTotal::Spread(Spread { count, sum, bounds, buckets, .. }) = one.1 else {
        return None;
    };
    // The last is above all bounds.
    let places = 0..=bounds.len() as i32;
    Some(HistogramDataPoint {
        attributes: attributes(totals, one.0),
        start_time_unix_nano: times.0,
        time_unix_nano: times.1,
        count: *count,
        sum: Some(*sum),
        bucket_counts: places.map(|place| buckets.get(&place).copied().unwrap_or(0)).collect(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    })
}

fn attributes(totals: &RunTotals, key: &SeriesKey) -> Vec<KeyValue> {
    let labels = totals.labels.iter().chain(&key.labels);
    labels.map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsPartialSuccess;

    use super::*;
    use crate::samples::{self, busy_frame};
    use crate::to::carrier::{Carrier as _, NotTaken};
    use crate::to::http::tests::{TAKEN, receiver};

    /// What two seconds of a run send, in one message.
    fn sent(buckets: Buckets) -> ExportMetricsServiceRequest {
        let (run, form) = (samples::header("shop"), OtlpPoints { buckets });
        let mut totals = form.begin(&run);
        let bytes = [0, 1].map(|second| {
            let frame = busy_frame(second, 500);
            form.bytes(&run, &mut totals, &frame, frame.until)
        });
        ExportMetricsServiceRequest::decode(&*bytes.concat()).unwrap()
    }

    fn found<'a>(sent: &'a ExportMetricsServiceRequest, second: usize, name: &str) -> &'a Metric {
        let metrics = &sent.resource_metrics[second].scope_metrics[0].metrics;
        metrics.iter().find(|metric| metric.name == name).unwrap()
    }

    #[test]
    fn a_histogram_has_all_samples_since_the_beginning_where_they_belong() {
        let sent = sent(Buckets::Powers { scale: SCALE });
        assert_eq!(sent.resource_metrics.len(), 2, "bytes behind each other are one message");
        let metric = found(&sent, 1, "swell_response_seconds");
        assert_eq!(metric.unit, "s");
        let Some(Data::ExponentialHistogram(histogram)) = &metric.data else {
            panic!("{metric:?}")
        };
        let cumulative = AggregationTemporality::Cumulative as i32;
        assert_eq!(histogram.aggregation_temporality, cumulative);
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.scale), (1_000, 4));
        assert_eq!(point.start_time_unix_nano, 1_795_000_000_500_000_000);
        assert_eq!(point.time_unix_nano, 1_795_000_002_500_000_000);
        let places = point.positive.as_ref().unwrap();
        assert_eq!(places.bucket_counts.iter().sum::<u64>() + point.zero_count, 1_000);
        // The longest take a tenth of a second: in the bucket above 2^(last/16).
        let last = places.offset + places.bucket_counts.len() as i32 - 1;
        assert!((0.09..=0.1).contains(&(f64::from(last) / 16.0).exp2()), "{last}");
        let names: Vec<&str> = point.attributes.iter().map(|it| &*it.key).collect();
        assert_eq!(names, ["run", "scenario", "transaction"]);
    }

    #[test]
    fn sums_grow_and_gauges_are_of_the_moment() {
        let sent = sent(Buckets::Bounds);
        for (second, ok) in [(0, 500.0), (1, 1_000.0)] {
            let metric = found(&sent, second, "swell_transactions_total");
            let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
            assert!(sum.is_monotonic);
            let values: Vec<_> = sum.data_points.iter().map(|point| point.value).collect();
            assert!(values.contains(&Some(number_data_point::Value::AsDouble(ok))), "{values:?}");
        }
        assert!(matches!(found(&sent, 0, "swell_users").data, Some(Data::Gauge(_))));
        let metric = found(&sent, 1, "swell_service_seconds");
        let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
        let point = &histogram.data_points[0];
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!((point.count, point.bucket_counts.iter().sum::<u64>()), (1_000, 1_000));
        let goal = found(&sent, 0, "swell_goal_tps");
        let Some(Data::Gauge(goal)) = &goal.data else { panic!("{goal:?}") };
        assert!(goal.data_points.is_empty(), "the closed model has no goal");
    }

    #[test]
    fn it_is_posted_below_what_is_named_with_the_headers_of_the_environment() {
        for (typed, path) in [
            ("http://HOST", "/v1/metrics"),
            ("http://HOST/otlp/", "/otlp/v1/metrics"),
            ("http://HOST/otlp?key=1", "/otlp/v1/metrics?key=1"),
            ("http://HOST/x/v1/metrics", "/x/v1/metrics"),
        ] {
            let (address, asked) = receiver(&[TAKEN]);
            let typed = typed.replace("HOST", &address.to_string());
            let headers: Variable =
                |name| (name == HEADERS).then(|| "Api-Key=s3cret%2C1, x=y".to_owned());
            let (_, mut http) = collector(&typed, headers).unwrap();
            http.bring(b"x", Duration::from_secs(20)).unwrap();
            let head = asked.recv().unwrap().0;
            assert!(head.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{head}");
            let head = head.to_ascii_lowercase();
            assert!(head.contains("api-key: s3cret,1\r\n") && head.contains("x: y\r\n"), "{head}");
            assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        }
    }

    #[test]
    fn points_that_were_rejected_are_told() {
        let answer = |rejected_data_points, error_message: &str| {
            let error_message = error_message.to_owned();
            let partial_success =
                Some(ExportMetricsPartialSuccess { rejected_data_points, error_message });
            ExportMetricsServiceResponse { partial_success }.encode_to_vec()
        };
        let told = refusal(&answer(2, "too old"));
        assert_eq!(told.as_deref(), Some("it rejected 2 points: too old"));
        for taken in [&*answer(0, "a warning"), b"", b"{\"partialSuccess\":{}}"] {
            assert_eq!(refusal(taken), None);
        }
        // Field 1 of 7 bytes: so many points in its field 1, and "bad" in its field 2.
        let (address, _asked) = receiver(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\
            connection: close\r\n\r\n\x0a\x07\x08\x05\x12\x03bad"]);
        let (_, mut http) = collector(&format!("http://{address}"), |_| None).unwrap();
        let answer = http.bring(b"x", Duration::from_secs(20));
        assert_eq!(answer, Err(NotTaken::Ever("it rejected 5 points: bad".to_owned())));
    }

    #[test]
    fn what_a_variable_holds_is_checked_and_not_shown() {
        for text in ["s3cret", "na me=s3cret", "a=s3cret%0a"] {
            let error = given_headers(text).unwrap_err().to_string();
            assert!(error.starts_with(HEADERS) && !error.contains("s3cret"), "{error}");
        }
        assert_eq!(buckets(|_| None).unwrap(), Buckets::Powers { scale: SCALE });
        assert_eq!(buckets(|_| Some(EXPLICIT.to_owned())).unwrap(), Buckets::Bounds);
        let error = buckets(|_| Some("x".to_owned())).unwrap_err().to_string();
        assert!(error.contains(EXPLICIT), "{error}");
    }
}
