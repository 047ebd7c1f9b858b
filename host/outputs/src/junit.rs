//! `--out junit=FILE`: what a run is judged by as tests in JUnit's XML, which every CI shows.
//!
//! A run is a suite. Its first test is the run itself, and fails as its exit code does; the next is
//! whether its figures may be believed; then each threshold and each check is one. A check fails if
//! it ever failed, although no exit code follows from it: whoever asks for a list of tests wants to
//! see it there.
//!
//! JUnit has no standard. The form is one that the two schemas of which others are copies accept,
//! that of Ant's task and that of Jenkins: the first wants every attribute and element that is
//! here, and the second allows them. What XML 1.0 cannot hold even in an entity, as control
//! characters, is made visible as it is on a terminal.

use std::fmt::Write as _;
use std::io;

use anyhow::Context as _;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use swell_core::verdict::Stamp;
use swell_report::{Exit, Report, Written};

use crate::document::Document;
use crate::sink::{Flag, Kind, KindValue};
use crate::wall_clock::wall_clock;
use crate::xml_text::xml_text;

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "junit",
    flag: Flag::Out,
    help: "junit=FILE writes thresholds, checks and verdict as tests in JUnit's XML, for a CI",
    needs_seconds: false,
    value: KindValue::FileOrStdout,
    open: |value, stdout| {
        Document::open("junit", value, stdout, |results| {
            xml(results).context("cannot put the results into XML")
        })
    },
};

/// What is judged, and what became of it.
struct JudgedTest {
    class: &'static str,
    name: String,
    result: TestResult,
}

enum TestResult {
    Passed,
    /// There was too little to tell.
    Skipped,
    /// With why.
    Failed(String),
}

fn xml(results: &Written) -> io::Result<String> {
    let suites: Vec<(&str, &Report)> = match results {
        Written::Run(report) => vec![(report.run.scenario.as_str(), report)],
        Written::Runs(all) => {
            all.runs.iter().map(|(name, report)| (name.as_str(), report)).collect()
        }
    };
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites").write_inner_content(|xml| {
        (0..).zip(suites).try_for_each(|(number, (name, report))| suite(xml, number, name, report))
    })?;
    let text = String::from_utf8(xml.into_inner()).map_err(io::Error::other)?;
    Ok(text + "\n")
}

fn suite(xml: &mut Writer<Vec<u8>>, number: usize, name: &str, report: &Report) -> io::Result<()> {
    let tests = tests(report);
    let count = |which: fn(&TestResult) -> bool| {
        tests.iter().filter(|test| which(&test.result)).count().to_string()
    };
    let name = xml_text(name);
    let attributes = [
        ("id", number.to_string()),
        ("name", name.clone()),
        ("package", name),
        ("timestamp", timestamp(report.run.began_at)),
        // What the schema has for a name that is not known: results do not tell it.
        ("hostname", "localhost".to_owned()),
        ("tests", tests.len().to_string()),
        ("failures", count(|result| matches!(result, TestResult::Failed(_)))),
        ("errors", "0".to_owned()),
        ("skipped", count(|result| matches!(result, TestResult::Skipped))),
        ("time", seconds(report.run.measured_seconds)),
    ];
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    xml.create_element("testsuite").with_attributes(attributes).write_inner_content(|xml| {
        xml.create_element("properties").write_inner_content(|xml| {
            properties(report).into_iter().try_for_each(|(name, value)| {
                let value = xml_text(&value);
                let attributes = [("name", name), ("value", value.as_str())];
                xml.create_element("property").with_attributes(attributes).write_empty().map(drop)
            })
        })?;
        tests.iter().try_for_each(|test| test.write(xml, report.run.measured_seconds))?;
        xml.create_element("system-out").write_text_content(BytesText::new(&words(report)))?;
        xml.create_element("system-err").write_text_content(BytesText::new(""))?;
        Ok(())
    })?;
    Ok(())
}

fn tests(report: &Report) -> Vec<JudgedTest> {
    let exit = &report.exit;
    let failed = |why: Option<String>| why.map_or(TestResult::Passed, TestResult::Failed);
    let run = JudgedTest {
        class: "run",
        name: "passes".to_owned(),
        result: failed(
            (exit.code != Exit::Passed)
                .then(|| format!("exit code {}: {}", exit.code.code(), exit.reason)),
        ),
    };
    let verdict = JudgedTest {
        class: "verdict",
        name: "the figures may be believed".to_owned(),
        result: match report.verdict.stamp {
            // An exit that comes after that one says that somebody accepts it.
            Stamp::Invalid if exit.code > Exit::Invalid => TestResult::Passed,
            Stamp::Invalid => TestResult::Failed(verdict_words(report)),
            Stamp::Valid | Stamp::Suspect => TestResult::Passed,
            Stamp::Unjudged => TestResult::Skipped,
        },
    };
    let thresholds = report.thresholds.iter().map(|threshold| JudgedTest {
        class: "threshold",
        name: threshold.rule.clone(),
        result: failed((!threshold.passed).then(|| format!("found {}", threshold.found))),
    });
    let checks =
        report.measured.checks.iter().map(|(name, check)| JudgedTest {
            class: "check",
            name: name.clone(),
            result: failed((check.failed > 0).then(|| {
                format!("failed {} of {} times", check.failed, check.passed + check.failed)
            })),
        });
    [run, verdict].into_iter().chain(thresholds).chain(checks).collect()
}

impl JudgedTest {
    fn write(&self, xml: &mut Writer<Vec<u8>>, run_seconds: f64) -> io::Result<()> {
        // None of the others takes a time of its own.
        let time = seconds(if self.class == "run" { run_seconds } else { 0.0 });
        let name = xml_text(&self.name);
        let attributes =
            [("classname", self.class), ("name", name.as_str()), ("time", time.as_str())];
        let test = xml.create_element("testcase").with_attributes(attributes);
        match &self.result {
            TestResult::Passed => test.write_empty()?,
            TestResult::Skipped => test
                .write_inner_content(|xml| xml.create_element("skipped").write_empty().map(drop))?,
            TestResult::Failed(why) => test.write_inner_content(|xml| {
                let why = xml_text(why);
                let attributes = [("message", why.as_str()), ("type", self.class)];
                xml.create_element("failure").with_attributes(attributes).write_empty().map(drop)
            })?,
        };
        Ok(())
    }
}

/// What tells the run from others, and does it again.
fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let target = run.target.clone().map(|target| ("target", target));
    [
        ("run", run.id.clone()),
        ("scenario", run.scenario.clone()),
        ("file", run.file.clone()),
        ("file_hash", run.file_hash.clone()),
        ("model", run.model.clone()),
        ("seed", run.seed.to_string()),
        ("version", run.version.clone()),
    ]
    .into_iter()
    .chain(target)
    .collect()
}

/// How it ended, and what speaks against its figures, a line each.
fn words(report: &Report) -> String {
    let mut words = xml_text(&report.exit.reason);
    let _ = write!(words, "\n{}", xml_text(&verdict_words(report)));
    words
}

/// What the figures are worth, and why.
fn verdict_words(report: &Report) -> String {
    let verdict = &report.verdict;
    let all =
        verdict.evidence.iter().map(|evidence| format!("{}; {}", evidence.what, evidence.advice));
    let why = all.collect::<Vec<_>>().join(". ");
    if why.is_empty() {
        verdict.stamp.name().to_owned()
    } else {
        format!("{}: {why}", verdict.stamp.name())
    }
}

/// A time of UTC, which the schema wants without saying so.
fn timestamp(unix_seconds: f64) -> String {
    let at = humantime::format_rfc3339_seconds(wall_clock(unix_seconds));
    at.to_string().trim_end_matches('Z').to_owned()
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{EVIL, failed_report, results};

    fn told(report: Report) -> String {
        xml(&Written::Run(Box::new(report))).unwrap()
    }

    #[test]
    fn the_run_its_verdict_each_threshold_and_each_check_are_tests_and_those_that_failed_say_why() {
        let xml = told(failed_report("shop"));
        let suite = "id=\"0\" name=\"shop\" package=\"shop\" timestamp=\"2026-11-18T11:06:40\" \
            hostname=\"localhost\" tests=\"6\" failures=\"3\" errors=\"0\" skipped=\"0\" \
            time=\"10.000\"";
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite SUITE>
    <properties>
      <property name="run" value="f00"/>
      <property name="scenario" value="shop"/>
      <property name="file" value="shop.wasm"/>
      <property name="file_hash" value="abc"/>
      <property name="model" value="closed model, 1 user"/>
      <property name="seed" value="1"/>
      <property name="version" value="0.1.0"/>
    </properties>
    <testcase classname="run" name="passes" time="10.000">
      <failure message="exit code 99: 1 of 2 thresholds failed: RULE (found 10%)" type="run"/>
    </testcase>
    <testcase classname="verdict" name="the figures may be believed" time="0.000"/>
    <testcase classname="threshold" name="RULE" time="0.000">
      <failure message="found 10%" type="threshold"/>
    </testcase>
    <testcase classname="threshold" name="response.p50 &lt; 1s" time="0.000"/>
    <testcase classname="check" name="has a title" time="0.000"/>
    <testcase classname="check" name="EVIL" time="0.000">
      <failure message="failed 1 of 2 times" type="check"/>
    </testcase>
    <system-out>1 of 2 thresholds failed: RULE (found 10%)
VALID</system-out>
    <system-err></system-err>
  </testsuite>
</testsuites>
"#;
        let evil = "a\\u{1b}[2J\\n&lt;/testcase&gt;&quot;&amp; | `x` @me \\u{ffff}";
        let expected = expected.replace("SUITE", suite).replace("RULE", "error_rate &lt; 1%");
        assert_eq!(xml, expected.replace("EVIL", evil));
        assert!(EVIL.contains("</testcase>"));
    }

    #[test]
    fn a_run_that_is_invalid_fails_a_test_unless_that_was_to_be_accepted() {
        let result = |stamp, code| {
            let mut report = failed_report("shop");
            report.verdict.stamp = stamp;
            report.exit.code = code;
            let verdict = tests(&report).into_iter().find(|test| test.class == "verdict").unwrap();
            match verdict.result {
                TestResult::Passed => "passed".to_owned(),
                TestResult::Skipped => "skipped".to_owned(),
                TestResult::Failed(why) => why,
            }
        };
        assert_eq!(result(Stamp::Invalid, Exit::Invalid), "INVALID");
        assert_eq!(result(Stamp::Invalid, Exit::Signal), "INVALID");
        for accepted in [Exit::Passed, Exit::Threshold] {
            assert_eq!(result(Stamp::Invalid, accepted), "passed");
        }
        assert_eq!(result(Stamp::Suspect, Exit::Passed), "passed");
        assert_eq!(result(Stamp::Unjudged, Exit::Passed), "skipped");
    }

    #[test]
    fn each_run_is_a_suite_with_a_number_of_its_own() {
        let Written::Runs(mut all) = results() else { panic!("of several runs") };
        all.runs = ["a", "b"].map(|name| (name.to_owned(), failed_report(name))).into();
        let xml = xml(&Written::Runs(all)).unwrap();
        for suite in ["<testsuite id=\"0\" name=\"a\"", "<testsuite id=\"1\" name=\"b\""] {
            assert_eq!(xml.matches(suite).count(), 1, "{xml}");
        }
        assert_eq!(xml.matches("<testsuites>").count(), 1);
    }
}
