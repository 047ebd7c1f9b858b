//! Which tests took longest, said after a run: a check that everybody waits for grows unseen.
//!
//! nextest writes the time of each test into a file. libtest tells none on a stable compiler, but
//! it begins tests in alphabetical order, one as soon as another has ended; so the moments at which
//! they end say when each began.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::step::{self, say};

/// How many are said.
const SHOWN: usize = 10;

/// A test and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TimedTest {
    name: String,
    took: Duration,
}

/// Says the slowest of these tests.
pub(crate) fn say_slowest(mut tests: Vec<TimedTest>) {
    tests.sort_by_key(|test| std::cmp::Reverse(test.took));
    say("\nthe slowest tests:");
    for TimedTest { name, took } in tests.iter().take(SHOWN) {
        say(&format!("{:>7.1} s  {name}", took.as_secs_f64()));
    }
}

/// The tests of a report in JUnit's format, as nextest writes it.
pub(crate) fn of_junit(report: &str) -> Vec<TimedTest> {
    let cases = report.split("<testcase ").skip(1).filter_map(|case| {
        let (attributes, _) = case.split_once('>')?;
        let value = |key: &str| {
            let (_, after) = attributes.split_once(&format!("{key}=\""))?;
            after.split_once('"').map(|(value, _)| value)
        };
        let took = Duration::try_from_secs_f64(value(" time")?.parse().ok()?).ok()?;
        Some(TimedTest { name: format!("{} {}", value("classname")?, value("name")?), took })
    });
    cases.collect()
}

/// Runs `cargo test`, shows what it says, and returns its tests, also of a run that fails.
///
/// # Errors
/// It cannot be run.
pub(crate) fn run_libtest(command: &mut Command) -> anyhow::Result<(Vec<TimedTest>, bool)> {
    say(&format!("$ {}", step::shown(command)));
    let mut child = command.stdout(Stdio::piped()).spawn().context("can't run cargo")?;
    let said = child.stdout.take().context("cargo has no output")?;
    let threads = std::thread::available_parallelism()?.get();
    let (begun, mut tests) = (Instant::now(), Libtest::new(threads));
    for line in BufReader::new(said).lines() {
        let line = line?;
        tests.hear(&line, begun.elapsed());
        writeln!(std::io::stdout(), "{line}")?;
    }
    let status = child.wait()?;
    ensure!(status.code().is_some(), "cargo was stopped: {status}");
    Ok((tests.timed, status.success()))
}

/// Tells from what libtest says, line by line, how long each test took.
#[derive(Debug)]
struct Libtest {
    /// How many tests run at a time.
    threads: usize,
    begun: Duration,
    ended: Vec<(String, Duration)>,
    timed: Vec<TimedTest>,
}

impl Libtest {
    fn new(threads: usize) -> Self {
        Self { threads, begun: Duration::ZERO, ended: Vec::new(), timed: Vec::new() }
    }

    fn hear(&mut self, line: &str, now: Duration) {
        if line.starts_with("running ") {
            self.begun = now;
        } else if line.starts_with("test result: ") {
            let ended = std::mem::take(&mut self.ended);
            self.timed.extend(lengths(self.begun, self.threads, &ended));
        } else if let Some((name, result)) =
            line.strip_prefix("test ").and_then(|test| test.rsplit_once(" ... "))
            && matches!(result, "ok" | "FAILED")
        {
            self.ended.push((name.to_owned(), now));
        }
    }
}

/// How long tests took that ended in this order at these moments, when so many ran at a time.
fn lengths(begun: Duration, threads: usize, ended: &[(String, Duration)]) -> Vec<TimedTest> {
    let mut names: Vec<&str> = ended.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let mut waiting = names.into_iter();
    let mut running: BTreeMap<&str, Duration> =
        waiting.by_ref().take(threads).map(|name| (name, begun)).collect();
    let lengths = ended.iter().map(|(name, at)| {
        let began = running.remove(name.as_str()).unwrap_or(*at);
        running.extend(waiting.next().map(|next| (next, *at)));
        TimedTest { name: name.clone(), took: at.saturating_sub(began) }
    });
    lengths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(name: &str, millis: u64) -> TimedTest {
        TimedTest { name: name.to_owned(), took: Duration::from_millis(millis) }
    }

    #[test]
    fn a_test_of_libtest_begins_where_another_has_ended() {
        let mut tests = Libtest::new(2);
        let said = [
            ("running 4 tests", 100),
            ("test b ... ok", 300),
            ("test kept_for_later ... ignored", 300),
            ("test c - should panic ... ok", 350),
            ("what a test says ... ok", 360),
            ("test d ... FAILED", 500),
            ("test a ... ok", 1_100),
            ("test result: FAILED. 3 passed; 1 failed; 1 ignored", 1_100),
            ("running 1 test", 2_000),
            ("test z ... ok", 2_007),
            ("test result: ok. 1 passed", 2_007),
        ];
        said.iter().for_each(|(line, at)| tests.hear(line, Duration::from_millis(*at)));
        let expected = [
            timed("b", 200),
            timed("c - should panic", 50),
            timed("d", 150),
            timed("a", 1_000),
            timed("z", 7),
        ];
        assert_eq!(tests.timed, expected);
    }

    #[test]
    fn nextest_says_the_times_itself() {
        let report = r#"<testsuite name="swell-core" tests="2">
        <testcase name="a::rule" classname="swell-core" timestamp="2026-11-26" time="0.004">
        </testcase>
        <testcase name="slow" classname="swell-tests::runs" time="12.5"/></testsuite>"#;
        assert_eq!(
            of_junit(report),
            [timed("swell-core a::rule", 4), timed("swell-tests::runs slow", 12_500)]
        );
    }
}
