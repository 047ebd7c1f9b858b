//! `--to prometheus-remote-write=URL`: samples to Prometheus, or to whatever takes what it sends:
//! Mimir, Thanos, VictoriaMetrics, Grafana Cloud.
//!
//! Series have the names and labels that a scraper would see, and classic histograms: native ones
//! have to be switched on in Prometheus before its version 3.8, and our dashboard reads buckets.
//! Unlike what is scraped, a sample says when it was taken, and a counter that appears says that it
//! was zero before: `increase` over the run is then all that was counted.

use std::borrow::Cow;
use std::collections::BTreeSet;

use prost::Message;
use swell_core::RunInstant;
use swell_report::record::{Frame, RecordHeader};

use super::backlog::Joining;
use super::http::Http;
use super::receiver_url::ReceiverUrl;
use super::sending::sending;
use super::updates::{FrameForm, FrameUpdates, unix_time};
use super::{Variable, header, variable};
use crate::exporter::number;
use crate::series::{SeriesKey, families};
use crate::sink::{Flag, Kind, KindValue};
use crate::totals::{Buckets, RunTotals, SeriesTotal};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "prometheus-remote-write",
    flag: Flag::To,
    help: "prometheus-remote-write=URL sends each second to Prometheus, as \
    http://localhost:9090/api/v1/write; the variable SWELL_REMOTE_WRITE_TOKEN is its bearer token",
    needs_seconds: true,
    value: KindValue::Receiver,
    open: |value, _| {
        let (receiver, http) = storage(value, variable)?;
        let updates = FrameUpdates::new(WrittenSamples);
        sending("to-remote-write", receiver.flag, Joining::Appended, updates, http)
    },
};

/// Where Prometheus itself takes samples.
const PATH: &str = "/api/v1/write";
/// The variable with the token.
const TOKEN: &str = "SWELL_REMOTE_WRITE_TOKEN";

/// Where samples are posted.
///
/// # Errors
/// It is no URL, or the variable holds no token.
fn storage(text: &str, variable: Variable) -> anyhow::Result<(ReceiverUrl, Http)> {
    let example = "http://localhost:9090/api/v1/write";
    let receiver = ReceiverUrl::parse(KIND.name, text, example)?;
    let has_path = receiver.url.path() != "/" || receiver.url.query().is_some();
    let url = if has_path { receiver.url.to_string() } else { receiver.at(PATH, &[]) };
    let mut headers: Vec<(Cow<'static, str>, String)> = vec![
        ("content-type".into(), "application/x-protobuf".to_owned()),
        ("content-encoding".into(), "snappy".to_owned()),
        ("x-prometheus-remote-write-version".into(), "0.1.0".to_owned()),
    ];
    if let Some(token) = variable(TOKEN) {
        headers.push(header(TOKEN, "authorization", format!("Bearer {token}"))?);
    }
    let http = Http::new(&receiver, url, headers).encoded(compressed);
    Ok((receiver, http))
}

fn compressed(bytes: &[u8]) -> Cow<'_, [u8]> {
    let compressed = snap::raw::Encoder::new().compress_vec(bytes);
    compressed.expect("a message is far below what Snappy compresses at once").into()
}

/// The protocol's message, of which all is here that we send (`prompb/remote.proto` and
/// `types.proto` of Prometheus).
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    /// In the order of their names.
    #[prost(message, repeated, tag = "1")]
    labels: Vec<PromLabel>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<PromSample>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Message)]
struct PromLabel {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct PromSample {
    #[prost(double, tag = "1")]
    value: f64,
    /// In milliseconds since the Unix epoch.
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    /// 1 is a counter, 2 a gauge, 3 a histogram.
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
}

/// The form.
struct WrittenSamples;

/// What is known of a run.
struct WrittenRun {
    totals: RunTotals,
    /// Series that were sent already.
    known: BTreeSet<SeriesKey>,
}

impl FrameForm for WrittenSamples {
    type SoFar = WrittenRun;

    fn begin(&self, run: &RecordHeader) -> WrittenRun {
        let totals = RunTotals::new(&run.run.name, &run.run.scenario, Buckets::Bounds);
        WrittenRun { totals, known: BTreeSet::new() }
    }

    fn bytes(
        &self,
        run: &RecordHeader,
        so_far: &mut WrittenRun,
        frame: &Frame,
        at: RunInstant,
    ) -> Vec<u8> {
        let WrittenRun { totals, known } = so_far;
        // What a series is, is told once, as its run begins.
        let is_first = known.is_empty();
        totals.add(frame);
        let ms = |at| i64::try_from(unix_time(run, at).as_millis()).unwrap_or(i64::MAX);
        let (from, until) = (ms(frame.from), ms(at));
        let mut timeseries = Vec::new();
        for (key, total) in totals.iter() {
            let is_new = !known.contains(key);
            let mut push = |ending: &str, le: Option<f64>, value: f64, grows: bool| {
                let zero = PromSample { value: 0.0, timestamp: from };
                let zero = Some(zero).filter(|_| is_new && grows && from < until);
                let sample = PromSample { value, timestamp: until };
                timeseries.push(TimeSeries {
                    labels: labels(totals, key, ending, le),
                    samples: zero.into_iter().chain([sample]).collect(),
                });
            };
            match total {
                SeriesTotal::Count(count) => push("", None, *count, true),
                SeriesTotal::Level(level) => push("", None, *level, false),
                SeriesTotal::Spread(spread) => {
                    for (bound, count) in spread.up_to_bounds() {
                        push("_bucket", Some(bound), count as f64, true);
                    }
                    push("_sum", None, spread.sum, true);
                    push("_count", None, spread.count as f64, true);
                }
            }
            if is_new {
                known.insert(key.clone());
            }
        }
        let metadata = if is_first { metadata() } else { Vec::new() };
        // What several of these have in bytes behind each other is one with all that they hold.
        WriteRequest { timeseries, metadata }.encode_to_vec()
    }
}

fn labels(totals: &RunTotals, key: &SeriesKey, ending: &str, le: Option<f64>) -> Vec<PromLabel> {
    let name = ("__name__".into(), format!("{}{ending}", key.family));
    let bound = le.map(|bound| ("le".into(), number(bound).into_owned()));
    let own = totals.labels.iter().chain(&key.labels).cloned();
    let all = own.chain([name]).chain(bound).filter(|(_, value)| !value.is_empty());
    let mut labels: Vec<PromLabel> = all
        .map(|(name, value): (Cow<'static, str>, String)| PromLabel {
            name: name.into_owned(),
            value,
        })
        .collect();
    labels.sort();
    labels
}

fn metadata() -> Vec<Metadata> {
    let number = |kind| match kind {
        "counter" => 1,
        "gauge" => 2,
        _ => 3,
    };
    let of = |family: crate::series::AboutFamily| Metadata {
        kind: number(family.kind),
        family: family.name.to_owned(),
        help: family.help.to_owned(),
    };
    families().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_report::Status;
    use swell_report::record::Moment;

    use super::*;
    use crate::samples::{busy_frame, header};
    use crate::to::carrier::Carrier as _;
    use crate::to::http::tests::{TAKEN, receiver};

    /// What the beginning and two seconds of a run send, in one message.
    fn sent() -> WriteRequest {
        let run = header("shop");
        let mut so_far = WrittenSamples.begin(&run);
        let begun = Frame::empty(Moment::of(&Status::default()));
        let mut bytes = WrittenSamples.bytes(&run, &mut so_far, &begun, RunInstant::START);
        for second in 0..2 {
            let frame = busy_frame(second, 500);
            bytes.extend(WrittenSamples.bytes(&run, &mut so_far, &frame, frame.until));
        }
        WriteRequest::decode(&*bytes).unwrap()
    }

    /// All samples of a series, by its labels as text.
    fn samples(sent: &WriteRequest, wanted: &str) -> Vec<(f64, i64)> {
        let text = |series: &TimeSeries| {
            let labels = series.labels.iter().map(|it| format!("{}={}", it.name, it.value));
            labels.collect::<Vec<_>>().join(",")
        };
        let of_it = sent.timeseries.iter().filter(|series| text(series) == wanted);
        let samples = of_it.flat_map(|series| &series.samples);
        samples.map(|sample| (sample.value, sample.timestamp)).collect()
    }

    #[test]
    fn a_counter_that_appears_was_zero_before_and_grows() {
        let sent = sent();
        let ok = "__name__=swell_transactions_total,outcome=ok,run=shop,scenario=shop,\
        transaction=front page";
        let began = 1_795_000_000_500;
        let expected = [(0.0, began), (500.0, began + 1_000), (1_000.0, began + 2_000)];
        assert_eq!(samples(&sent, ok), expected);
        let requests = "__name__=swell_requests_total,outcome=ok,run=shop,scenario=shop";
        let times: Vec<i64> = samples(&sent, requests).iter().map(|(_, at)| at - began).collect();
        assert_eq!(times, [0, 1_000, 2_000], "one that was there is not begun again");
    }

    #[test]
    fn a_histogram_is_that_of_a_scraper() {
        let sent = sent();
        let of_page = "run=shop,scenario=shop,transaction=front page";
        let all = format!("__name__=swell_response_seconds_bucket,le=+Inf,{of_page}");
        let count = format!("__name__=swell_response_seconds_count,{of_page}");
        assert_eq!(samples(&sent, &all).last().unwrap().0, 1_000.0);
        assert_eq!(samples(&sent, &count).last().unwrap().0, 1_000.0);
        let half = format!("__name__=swell_response_seconds_bucket,le=0.05,{of_page}");
        assert!((400.0..600.0).contains(&samples(&sent, &half).last().unwrap().0));
    }

    #[test]
    fn labels_are_in_order_and_what_a_family_is_is_told_once() {
        let sent = sent();
        for series in &sent.timeseries {
            assert!(series.labels.is_sorted(), "{:?}", series.labels);
        }
        assert_eq!(sent.metadata.len(), families().count());
        let requests = sent.metadata.iter().find(|it| it.family == "swell_request_seconds");
        assert_eq!(requests.map(|it| it.kind), Some(3));
    }

    #[test]
    fn it_is_posted_compressed_with_its_token() {
        let (address, asked) = receiver(&[TAKEN]);
        let token: Variable = |name| (name == TOKEN).then(|| "t0ken".to_owned());
        let (_, mut http) = storage(&format!("http://{address}"), token).unwrap();
        http.bring(b"hello hello hello", Duration::from_secs(20)).unwrap();
        let (head, body) = asked.recv().unwrap();
        assert!(head.starts_with("POST /api/v1/write HTTP/1.1\r\n"), "{head}");
        let head = head.to_ascii_lowercase();
        for header in ["authorization: bearer t0ken", "content-encoding: snappy"] {
            assert!(head.contains(header), "{header} in {head}");
        }
        assert_eq!(snap::raw::Decoder::new().decompress_vec(&body).unwrap(), b"hello hello hello");
    }
}
