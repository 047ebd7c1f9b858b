//! `--to statsd=HOST:PORT`: counters, gauges and timers over UDP.
//!
//! Labels are tags in DogStatsD's form (`|#run:shop`), which StatsD itself, Telegraf, Datadog's
//! agent, Vector and Prometheus' exporter read: without them all transactions would be one. Types
//! say what the endings of names say elsewhere, so `swell_transactions_total` is
//! `swell_transactions`, a counter.
//!
//! Statsd reckons percentiles itself, from single values. So times of a second are sent as values
//! with how often each was, `12.5|ms|@0.05` for twenty: those within 2 % of each other are one.
//!
//! Nobody says whether a datagram came, but the kernel of a machine that has no such port. What is
//! lost so is not sent again: some of it may have been counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use anyhow::bail;
use swell_core::RunInstant;
use swell_report::record::{Frame, RecordHeader};

use super::backlog::Joining;
use super::carrier::{Carrier, NotTaken};
use super::receiver_url::flag;
use super::sending::sending;
use super::updates::{FrameForm, FrameUpdates};
use crate::series::{RunSeries, SeriesInFrame, SeriesKey, labels_of_run};
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "statsd",
    flag: Flag::To,
    help: "statsd=HOST:PORT sends each second to a statsd that reads tags, as localhost:8125",
    needs_seconds: true,
    value: KindValue::Receiver,
    open,
};

/// Looks whether the place can be one. Who is there is looked up when something is sent.
fn open(value: &str, _: Stdout) -> anyhow::Result<Box<dyn Sink>> {
    let flag = flag(KIND.name, value);
    let has_port = |(host, port): (&str, &str)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if !value.rsplit_once(':').is_some_and(has_port) || value.contains(['/', '@', ' ']) {
        bail!("{flag}: a host and a port are needed\nhelp: as --to statsd=localhost:8125");
    }
    let datagrams = Datagrams { place: value.to_owned(), socket: None };
    sending("to-statsd", flag, Joining::Appended, FrameUpdates::new(StatsdLines), datagrams)
}

/// Bytes of a datagram: what goes through an Ethernet in one piece.
const DATAGRAM: usize = 1_432;
/// How finely times are told apart: 32 values for each doubling.
const VALUES: f64 = 32.0;

/// Brings lines in datagrams.
struct Datagrams {
    place: String,
    socket: Option<UdpSocket>,
}

impl Carrier for Datagrams {
    fn bring(&mut self, bytes: &[u8], _: Duration) -> Result<(), NotTaken> {
        let not_yet = |error: std::io::Error| NotTaken::Yet(error.to_string());
        if self.socket.is_none() {
            self.socket = Some(connected(&self.place).map_err(not_yet)?);
        }
        let socket = self.socket.as_ref().expect("it has just been made");
        for datagram in datagrams(bytes) {
            if let Err(error) = socket.send(datagram) {
                // The name may lead elsewhere by now.
                self.socket = None;
                return Err(NotTaken::Ever(error.to_string()));
            }
        }
        Ok(())
    }
}

fn connected(place: &str) -> std::io::Result<UdpSocket> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in place.to_socket_addrs()? {
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        match UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket)) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whole lines, as many as fit; one that is too long alone.
fn datagrams(lines: &[u8]) -> Vec<&[u8]> {
    let (mut all, mut from, mut end) = (Vec::new(), 0, 0);
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if end > from && end + line.len() - from > DATAGRAM {
            all.push(&lines[from..end]);
            from = end;
        }
        end += line.len();
    }
    if end > from {
        all.push(&lines[from..end]);
    }
    all
}

/// The form.
struct StatsdLines;

impl FrameForm for StatsdLines {
    type SoFar = RunSeries;

    fn begin(&self, _: &RecordHeader) -> RunSeries {
        RunSeries::default()
    }

    fn bytes(
        &self,
        run: &RecordHeader,
        series: &mut RunSeries,
        frame: &Frame,
        _: RunInstant,
    ) -> Vec<u8> {
        let mut lines = String::new();
        let of_run = labels_of_run(&run.run.name, &run.run.scenario);
        for (SeriesKey { family, labels }, told) in series.in_frame(frame) {
            let name = ["_total", "_seconds"].iter().find_map(|end| family.strip_suffix(end));
            let name = name.unwrap_or(family);
            let tags = of_run.iter().chain(&labels);
            let tags: Vec<String> = tags.map(|(name, value)| tag(name, value)).collect();
            let tags = tags.join(",");
            let mut push = |value: &str| {
                writeln!(lines, "{name}:{value}|#{tags}").expect("a text takes all");
            };
            match told {
                SeriesInFrame::Count(count) if count > 0.0 => push(&format!("{count}|c")),
                SeriesInFrame::Level(level) if level.is_finite() => {
                    if level < 0.0 {
                        // A sign says by how much a gauge changes.
                        push("0|g");
                    }
                    push(&format!("{level}|g"));
                }
                SeriesInFrame::Times(times) => {
                    let ms = times.buckets().map(|(time, count)| (time.as_secs_f64() * 1e3, count));
                    values(ms).iter().for_each(|value| push(value));
                }
                SeriesInFrame::Numbers(numbers) => {
                    values(numbers.buckets()).iter().for_each(|value| push(value));
                }
                _ => {}
            }
        }
        lines.into_bytes()
    }
}

/// Values and how often each was, where those that are near each other are one: their mean.
fn values(all: impl Iterator<Item = (f64, u64)>) -> Vec<String> {
    let mut near = BTreeMap::<i64, (f64, u64)>::new();
    for (value, count) in all {
        let place = if value > 0.0 { (value.log2() * VALUES).round() as i64 } else { i64::MIN };
        let (sum, of_it) = near.entry(place).or_default();
        *sum += value * count as f64;
        *of_it += count;
    }
    let told = |(sum, count): &(f64, u64)| match *count {
        1 => format!("{sum}|ms"),
        count => format!("{}|ms|@{}", sum / count as f64, part(count)),
    };
    near.values().map(told).collect()
}

/// One part of so many, of which a reader makes no less than so many, though it may cut.
fn part(count: u64) -> f64 {
    let count = count as f64;
    let mut part = 1.0 / count;
    while 1.0 / part < count {
        part = part.next_down();
    }
    part
}

/// A tag, without what has a meaning in a line.
fn tag(name: &str, value: &str) -> String {
    format!("{name}:{}", value.replace([',', '|', '#', '\n'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{busy_frame, header};

    fn lines(name: &str, frame: &Frame) -> String {
        let bytes = StatsdLines.bytes(&header(name), &mut RunSeries::default(), frame, frame.until);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn counters_gauges_and_timers_have_their_types_and_tags() {
        let lines = lines("a,b|c", &busy_frame(0, 1_000));
        let of_run = "|#run:a_b_c,scenario:a_b_c";
        let ok = format!("swell_transactions:1000|c{of_run},transaction:front page,outcome:ok");
        let users = format!("swell_users:0|g{of_run}");
        for expected in [ok, users] {
            assert!(lines.lines().any(|line| line == expected), "{expected} in {lines}");
        }
        let times: Vec<&str> =
            lines.lines().filter(|line| line.starts_with("swell_response:")).collect();
        assert!((50..400).contains(&times.len()), "{} lines for 1,000 samples", times.len());
        let counted = |line: &&str| match line.split_once("|@") {
            Some((_, rest)) => 1.0 / rest.split('|').next().unwrap().parse::<f64>().unwrap(),
            None => 1.0,
        };
        assert_eq!(times.iter().map(counted).sum::<f64>().round(), 1_000.0);
        assert!(!lines.contains("swell_goal_tps"), "the closed model has no goal");
    }

    #[test]
    fn values_near_each_other_are_one_and_their_sum_is_kept() {
        let told = values([(100.0, 1), (100.5, 3), (200.0, 1), (0.0, 2)].into_iter());
        assert_eq!(told, ["0|ms|@0.5", "100.375|ms|@0.25", "200|ms"]);
    }

    #[test]
    fn a_reader_that_cuts_counts_no_less() {
        for count in 2..5_000 {
            assert_eq!((1.0 / part(count)) as u64, count);
        }
    }

    #[test]
    fn a_datagram_holds_whole_lines() {
        let lines = format!("{}\n", "x".repeat(99)).repeat(30);
        let all = datagrams(lines.as_bytes());
        assert_eq!(all.iter().map(|it| it.len()).collect::<Vec<_>>(), [1_400, 1_400, 200]);
        let long = format!("a\n{}\nb\n", "x".repeat(2_000));
        let all = datagrams(long.as_bytes());
        assert_eq!(all.iter().map(|it| it.len()).collect::<Vec<_>>(), [2, 2_001, 2]);
        assert_eq!(datagrams(b""), [b""; 0]);
    }

    #[test]
    fn lines_come_in_datagrams_and_a_port_that_nobody_has_is_told() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let place = receiver.local_addr().unwrap().to_string();
        let mut datagrams = Datagrams { place, socket: None };
        datagrams.bring(b"a:1|c\n", Duration::ZERO).unwrap();
        let mut bytes = [0; 100];
        let length = receiver.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"a:1|c\n");
        drop(receiver);
        // The kernel says with the one that follows that the first had nobody to go to.
        let mut bring = || datagrams.bring(b"a:1|c\n", Duration::ZERO);
        let both = bring().and_then(|()| bring());
        assert!(matches!(both, Err(NotTaken::Ever(reason)) if reason.contains("refused")));
    }

    #[test]
    fn what_is_no_host_with_a_port_is_refused() {
        let nowhere: Stdout = |_| Ok(());
        for value in ["localhost", "localhost:", ":8125", "h:0", "h:99999", "udp://h:8125", "a b:1"]
        {
            let Err(error) = (KIND.open)(value, nowhere) else { panic!("{value}") };
            assert!(error.to_string().contains("as --to statsd=localhost:8125"), "{error}");
        }
        (KIND.open)("[::1]:8125", nowhere).map(drop).unwrap();
    }
}
