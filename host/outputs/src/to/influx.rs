//! `--to influx=URL`: a line for each series and frame, in InfluxDB's line protocol.
//!
//! InfluxDB adds up itself, and over any stretch. So a line says what its frame counted and no sums
//! of the run, and of times the percentiles of that frame, from all its samples.

use std::fmt::Write as _;

use anyhow::bail;
use swell_core::RunInstant;
use swell_report::record::{Frame, RecordHeader};

use super::backlog::Joining;
use super::http::Http;
use super::receiver_url::ReceiverUrl;
use super::sending::sending;
use super::updates::{FrameForm, FrameUpdates, unix_time};
use super::{Variable, header, variable};
use crate::series::{RunSeries, SeriesInFrame, SeriesKey, labels_of_run};
use crate::sink::{Flag, Kind, KindValue};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "influx",
    flag: Flag::To,
    help: "influx=URL sends each second to InfluxDB: http://localhost:8086/DATABASE of 1.x, \
    http://localhost:8086?org=ORG&bucket=BUCKET of 2.x and later, with the variable INFLUX_TOKEN",
    needs_seconds: true,
    value: KindValue::Receiver,
    open: |value, _| {
        let (receiver, http) = database(value, variable)?;
        let updates = FrameUpdates::new(InfluxLines);
        sending("to-influx", receiver.flag, Joining::Appended, updates, http)
    },
};

/// The variable with the token.
const TOKEN: &str = "INFLUX_TOKEN";
const EXAMPLE: &str = "http://localhost:8086/DATABASE, or http://localhost:8086?org=ORG&bucket=\
BUCKET";

/// Where lines are written to.
///
/// # Errors
/// It is no URL, or names no database.
fn database(text: &str, variable: Variable) -> anyhow::Result<(ReceiverUrl, Http)> {
    let receiver = ReceiverUrl::parse(KIND.name, text, EXAMPLE)?;
    let given = |name: &str, or: &str| receiver.query(name).or_else(|| variable(or));
    // Where lines are taken may be named whole, as other tools want it.
    let path = receiver.url.path().trim_end_matches('/').to_owned();
    let (database, of_two) = (receiver.query("db"), path.strip_suffix("/api/v2/write"));
    let of_one = path.strip_suffix("/write").filter(|_| database.is_some());
    let path = of_two.or(of_one).unwrap_or(&path);
    let is_of_two =
        of_two.is_some() || ["org", "bucket"].iter().any(|name| receiver.query(name).is_some());
    let (prefix, database) = match &database {
        Some(database) => (path, &**database),
        None => path.rsplit_once('/').unwrap_or_default(),
    };
    let further = receiver.further(&["db", "org", "bucket", "precision"]);
    let further = further.iter().map(|(name, value)| (&**name, &**value));
    let precision = ("precision", "ms");
    let mut headers = vec![("content-type".into(), "text/plain; charset=utf-8".to_owned())];
    let url = match (given("org", "INFLUX_ORG"), given("bucket", "INFLUX_BUCKET")) {
        (_, _) if !database.is_empty() && !is_of_two => {
            let query = [("db", database), precision].into_iter().chain(further);
            receiver.at(&format!("{prefix}/write"), &Vec::from_iter(query))
        }
        (Some(org), Some(bucket)) => {
            let query = [("org", &*org), ("bucket", &*bucket), precision];
            let query = query.into_iter().chain(further);
            receiver.at(&format!("{path}/api/v2/write"), &Vec::from_iter(query))
        }
        _ => bail!("{}: a database is needed\nhelp: as --to influx={EXAMPLE}", receiver.flag),
    };
    if let Some(token) = variable(TOKEN) {
        headers.push(header(TOKEN, "authorization", format!("Token {token}"))?);
    }
    let http = Http::new(&receiver, url, headers);
    Ok((receiver, http))
}

/// The form.
struct InfluxLines;

impl FrameForm for InfluxLines {
    type SoFar = RunSeries;

    fn begin(&self, _: &RecordHeader) -> RunSeries {
        RunSeries::default()
    }

    fn bytes(
        &self,
        run: &RecordHeader,
        series: &mut RunSeries,
        frame: &Frame,
        at: RunInstant,
    ) -> Vec<u8> {
        let mut lines = String::new();
        let at = unix_time(run, at).as_millis();
        let of_run = labels_of_run(&run.run.name, &run.run.scenario);
        for (key, told) in series.in_frame(frame) {
            let fields = fields(&told);
            if !fields.is_empty() {
                let SeriesKey { family, labels } = key;
                lines.push_str(family);
                // A tag may not be empty.
                let tags = of_run.iter().chain(&labels).filter(|(_, value)| !value.is_empty());
                for (name, value) in tags {
                    write!(lines, ",{name}={}", escaped(value)).expect("a text takes all");
                }
                writeln!(lines, " {fields} {at}").expect("a text takes all");
            }
        }
        lines.into_bytes()
    }
}

/// What a line says; nothing where there is nothing to say. All numbers are floats, so that no
/// field is of two types.
fn fields(told: &SeriesInFrame) -> String {
    match told {
        SeriesInFrame::Count(count) => format!("count={count}"),
        SeriesInFrame::Level(level) if level.is_finite() => format!("value={level}"),
        SeriesInFrame::Times(times) if !times.is_empty() => {
            let seconds = |time: std::time::Duration| time.as_secs_f64();
            let percentile = |percent| times.percentile(percent).map(seconds);
            of_distribution(
                times.count(),
                times.sum_ns() as f64 / 1e9,
                [times.min().map(seconds), times.max().map(seconds)],
                percentile,
            )
        }
        SeriesInFrame::Numbers(numbers) if numbers.count() > 0 => {
            let percentile = |percent| numbers.percentile(percent);
            let ends = [numbers.min(), numbers.max()];
            of_distribution(numbers.count(), numbers.sum(), ends, percentile)
        }
        _ => String::new(),
    }
}

/// A percentile with too few samples is left out.
fn of_distribution(
    count: u64,
    sum: f64,
    ends: [Option<f64>; 2],
    percentile: impl Fn(f64) -> Option<f64>,
) -> String {
    let [min, max] = ends;
    let mean = Some(sum / count as f64);
    let mut fields = format!("count={count},sum={sum}");
    let percentiles = [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0)];
    let percentiles = percentiles.map(|(name, percent)| (name, percentile(percent)));
    for (name, value) in [("min", min), ("max", max), ("mean", mean)].into_iter().chain(percentiles)
    {
        if let Some(value) = value {
            write!(fields, ",{name}={value}").expect("a text takes all");
        }
    }
    fields
}

/// The value of a tag as the line protocol takes it. A backslash at its end would hide what
/// follows.
fn escaped(value: &str) -> String {
    let value = value.replace(' ', "\\ ").replace(',', "\\,").replace('=', "\\=");
    if value.ends_with('\\') { value + "\\ " } else { value }
}

#[cfg(test)]
mod tests {
    use swell_core::record::Histogram;

    use super::*;
    use crate::samples::{self, busy_frame};
    use crate::to::carrier::Carrier as _;
    use crate::to::http::tests::{TAKEN, receiver};

    const TIMES: fn(&Histogram) -> SeriesInFrame = |times| SeriesInFrame::Times(times.clone());

    fn lines(name: &str, frame: &Frame) -> String {
        let bytes = InfluxLines.bytes(
            &samples::header(name),
            &mut RunSeries::default(),
            frame,
            frame.until,
        );
        String::from_utf8(bytes).unwrap()
    }

    fn post(typed: &str, variable: Variable) -> Result<(String, String), String> {
        let (address, asked) = receiver(&[TAKEN]);
        let typed = typed.replace("HOST", &address.to_string());
        let (_, mut http) = database(&typed, variable).map_err(|error| error.to_string())?;
        http.bring(b"x", std::time::Duration::from_secs(20)).unwrap();
        let head = asked.recv().unwrap().0;
        let path = head.split(' ').nth(1).unwrap().to_owned();
        Ok((path, head.to_ascii_lowercase()))
    }

    #[test]
    fn a_line_has_what_its_frame_counted_and_when() {
        let lines = lines("my shop", &busy_frame(3, 1_000));
        let of = |start: &str| lines.lines().find(|line| line.starts_with(start));
        let ok = "swell_transactions_total,run=my\\ shop,scenario=my\\ shop,transaction=front\\ \
        page,outcome=ok count=1000 1795000004500";
        assert_eq!(of(ok), Some(ok));
        let times = of("swell_response_seconds,").unwrap();
        assert!(times.contains(" count=1000,sum=") && times.contains(",p99=0.09"), "{times}");
        assert_eq!(of("swell_goal_tps"), None, "the closed model has no goal");
    }

    #[test]
    fn percentiles_with_too_few_samples_are_left_out_and_nothing_says_nothing() {
        let mut times = Histogram::default();
        assert_eq!(fields(&TIMES(&times)), "");
        times.record(std::time::Duration::from_millis(500));
        assert_eq!(fields(&TIMES(&times)), "count=1,sum=0.5,min=0.5,max=0.5,mean=0.5");
        assert_eq!(fields(&SeriesInFrame::Level(f64::NAN)), "");
    }

    #[test]
    fn tags_are_escaped() {
        assert_eq!(escaped("a b,c=d\\e"), "a\\ b\\,c\\=d\\e");
        assert_eq!(escaped("a\\"), "a\\\\ ");
    }

    #[test]
    fn either_generation_is_written_to_in_its_own_way() {
        let nothing: Variable = |_| None;
        let one = post("http://me:s3cret@HOST/k6?rp=week", nothing).unwrap();
        assert_eq!(one.0, "/write?db=k6&precision=ms&rp=week");
        assert!(one.1.contains("authorization: basic "), "{}", one.1);
        assert_eq!(
            post("http://HOST/behind/k6/", nothing).unwrap().0,
            "/behind/write?db=k6&precision=ms"
        );
        for (typed, path) in [
            ("k6?u=me&consistency=one", "/write?db=k6&precision=ms&u=me&consistency=one"),
            ("write?db=k6&precision=s&rp=week", "/write?db=k6&precision=ms&rp=week"),
            ("write", "/write?db=write&precision=ms"),
            ("x/api/v2/write?org=a&bucket=b", "/x/api/v2/write?org=a&bucket=b&precision=ms"),
        ] {
            assert_eq!(post(&format!("http://HOST/{typed}"), nothing).unwrap().0, path);
        }
        let with_token: Variable = |name| (name == TOKEN).then(|| "t0ken".to_owned());
        let two = post("http://HOST?org=us&bucket=b%2Fc", with_token).unwrap();
        assert_eq!(two.0, "/api/v2/write?org=us&bucket=b%2Fc&precision=ms");
        assert!(two.1.contains("authorization: token t0ken"), "{}", two.1);
        let all: Variable = |name| Some(name.to_ascii_lowercase());
        let path = post("http://HOST", all).unwrap().0;
        assert_eq!(path, "/api/v2/write?org=influx_org&bucket=influx_bucket&precision=ms");
        assert_eq!(post("http://HOST/db", all).unwrap().0, "/write?db=db&precision=ms");
        let torn: Variable = |name| (name == TOKEN).then(|| "s3cret\n".to_owned());
        let error = post("http://HOST/db", torn).unwrap_err();
        assert!(error.starts_with("INFLUX_TOKEN: ") && !error.contains("s3cret"), "{error}");
        for typed in ["http://HOST", "http://HOST/?org=us"] {
            let error = post(typed, nothing).unwrap_err();
            assert!(error.contains("a database is needed\nhelp: "), "{error}");
        }
    }
}
