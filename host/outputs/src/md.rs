//! `--out md=FILE`: the results in Markdown, for a pull request or `$GITHUB_STEP_SUMMARY`.
//!
//! It has what somebody looks for who reviews a change: did it pass, may the figures be believed,
//! what failed, how long answers took. Everything that a scenario or a service said stands in
//! `<code>`, with entities where Markdown might take a character for something: it is no link, no
//! mention of a person, no formula and no markup.

use std::fmt::Write as _;

use swell_core::plain::line;
use swell_core::record::{Percentile, Statistic};
use swell_core::units::{counted, grouped};
use swell_core::verdict::Stamp;
use swell_report::{CheckReport, Exit, ExitReport, Part, Report, ReportOfRuns, Times, Written};

use crate::document::Document;
use crate::sink::{Flag, Kind, KindValue};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "md",
    flag: Flag::Out,
    help: "md=FILE writes the results in Markdown, as for a pull request",
    needs_seconds: false,
    value: KindValue::FileOrStdout,
    open: |value, stdout| Document::open("md", value, stdout, |results| Ok(markdown(results))),
};

/// Rows of a list that are shown, and runs that are told one by one: a comment on a pull request
/// may have 65,536 characters.
const MAX_ROWS: usize = 40;
const MAX_RUNS: usize = 10;

/// What is told of times.
const SHOWN: [Statistic; 5] = [
    Statistic::Mean,
    Statistic::Percentile(Percentile::P50),
    Statistic::Percentile(Percentile::P95),
    Statistic::Percentile(Percentile::P99),
    Statistic::Max,
];

fn markdown(results: &Written) -> String {
    let mut text = String::new();
    match results {
        Written::Run(report) => run(&mut text, &report.run.scenario, report),
        Written::Runs(all) => runs(&mut text, all),
    }
    text
}

fn runs(text: &mut String, all: &ReportOfRuns) {
    let count = counted(all.runs.len() as u64, "run");
    let _ = writeln!(text, "## {count}: {}\n", passed(&all.exit));
    exit(text, &all.exit);
    let rows = all.runs.iter().map(|(name, run)| {
        let total = &run.measured.transactions;
        vec![
            code(name),
            passed(&run.exit).to_owned(),
            stamp(run.verdict.stamp),
            format!("{:.1}", total.per_second),
            grouped(total.counts.ok),
            grouped(total.counts.failed),
            grouped(total.counts.interrupted),
            total.response_ms.in_words(Statistic::Percentile(Percentile::P95)),
        ]
    });
    let heads =
        ["run", "", "figures", "completed/s", "ok", "failed", "interrupted", "response p95"];
    table(text, &heads, 3, rows.collect());
    all.runs.iter().take(MAX_RUNS).for_each(|(name, report)| run(text, name, report));
    if let Some(more @ 1..) = all.runs.len().checked_sub(MAX_RUNS) {
        let more = counted(more as u64, "more run");
        let _ = writeln!(text, "and {more} (all of them: `--out json=FILE`)");
    }
}

fn run(text: &mut String, name: &str, report: &Report) {
    let _ = writeln!(text, "### {}: {}\n", code(name), passed(&report.exit));
    exit(text, &report.exit);
    about(text, report);
    thresholds(text, report);
    times(text, &report.measured);
    by_name(text, &report.measured);
    failures(text, report);
    checks(text, &report.measured);
}

/// What was run, and whether the figures may be believed.
fn about(text: &mut String, report: &Report) {
    let about = &report.run;
    let target = about.target.as_deref().map(|target| format!("{}, ", code(target)));
    let _ = writeln!(
        text,
        "**{}** · {}{}, {:.1} s measured\n",
        stamp(report.verdict.stamp),
        target.unwrap_or_default(),
        code(&about.model),
        about.measured_seconds
    );
    for evidence in &report.verdict.evidence {
        let advice = code(&evidence.advice);
        let _ = writeln!(text, "- {}: {}; {advice}", stamp(evidence.stamp), code(&evidence.what));
    }
    for limit in report.limits.iter().take(MAX_ROWS) {
        let until = limit
            .until_seconds
            .map_or_else(|| "to the end".to_owned(), |until| format!("to {until:.1} s"));
        let _ = writeln!(
            text,
            "- limited by the {} from {:.1} s {until}: {}",
            limit.by.name(),
            limit.from_seconds,
            code(&limit.means)
        );
    }
    let objectives = report.control.iter().flat_map(|control| &control.objectives);
    for objective in objectives {
        let _ = writeln!(
            text,
            "- {}: holds up to {:.1}/s",
            code(&objective.means),
            objective.limit_per_second
        );
    }
    if let Some(search) = &report.search {
        let rate = |rate: Option<f64>| rate.map_or("n/a".to_owned(), |rate| format!("{rate:.1}/s"));
        let by = search.broken_by.as_deref().map(|by| format!(" by {}", code(by)));
        let _ = writeln!(
            text,
            "- the highest rate that was held: **{}**; the lowest that was not: {}{}",
            rate(search.held_per_second),
            rate(search.broken_per_second),
            by.unwrap_or_default()
        );
    }
    for host in &report.nodes {
        let Some(unknown) = host.unknown_in_words() else { continue };
        let _ = writeln!(text, "- host {} was lost: {}", code(&host.name), code(&unknown));
    }
    text.push('\n');
}

fn thresholds(text: &mut String, report: &Report) {
    let rows = report
        .thresholds
        .iter()
        .map(|threshold| vec![code(&threshold.rule), ok(threshold.passed), code(&threshold.found)]);
    table(text, &["threshold", "", "found"], 3, rows.collect());
}

/// How many transactions there were, and how long they took.
fn times(text: &mut String, part: &Part) {
    let total = &part.transactions;
    let _ = writeln!(
        text,
        "{} ok, {} failed, {} interrupted; {:.1}/s completed\n",
        grouped(total.counts.ok),
        grouped(total.counts.failed),
        grouped(total.counts.interrupted),
        total.per_second
    );
    let row = |name: &str, times: &Times| {
        [name.to_owned(), grouped(times.count)].into_iter().chain(figures(times)).collect()
    };
    let rows = vec![
        row("response time", &total.response_ms),
        row("service time", &total.service_ms),
        row("start lag", &total.start_lag_ms),
    ];
    table(text, &["", "count", "mean", "p50", "p95", "p99", "max"], 1, rows);
}

fn by_name(text: &mut String, part: &Part) {
    let rows = part.by_name.iter().map(|(name, row)| {
        [code(name), grouped(row.counts.ok), grouped(row.counts.failed)]
            .into_iter()
            .chain(figures(&row.service_ms))
            .collect()
    });
    let heads = ["service time of", "ok", "failed", "mean", "p50", "p95", "p99", "max"];
    table(text, &heads, 1, rows.collect());
}

/// Why transactions, iterations and users failed, the most frequent first.
fn failures(text: &mut String, report: &Report) {
    let of_names = report.measured.by_name.iter().flat_map(|(name, row)| {
        row.failures.iter().map(move |(cause, count)| (*count, format!("{name}: {cause}")))
    });
    let users = &report.users;
    let of_users = [
        ("iteration", &users.iteration_failures),
        ("start of a user", &users.start_failures),
        ("trap", &users.traps),
    ]
    .into_iter()
    .flat_map(|(what, texts)| {
        texts.iter().map(move |(text, count)| (*count, format!("{what}: {text}")))
    });
    let mut all: Vec<(u64, String)> = of_names.chain(of_users).collect();
    all.sort_by(|a, b| b.cmp(a));
    let rows = all.iter().map(|(count, cause)| vec![code(cause), grouped(*count)]);
    table(text, &["failure", "times"], 1, rows.collect());
}

/// Those that failed first.
fn checks(text: &mut String, part: &Part) {
    let mut all: Vec<(&String, &CheckReport)> = part.checks.iter().collect();
    all.sort_by_key(|(_, check)| check.failed == 0);
    let rows = all.into_iter().map(|(name, check)| {
        let all = check.passed + check.failed;
        vec![code(name), ok(check.failed == 0), grouped(check.passed), grouped(all)]
    });
    table(text, &["check", "", "passed", "of"], 2, rows.collect());
}

fn figures(times: &Times) -> impl Iterator<Item = String> {
    SHOWN.into_iter().map(|statistic| times.in_words(statistic))
}

/// Rows below their heads, of which all but the first `texts` columns are numbers, and a word of
/// how many more there are.
fn table(text: &mut String, heads: &[&str], texts: usize, rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let numbers = "--:|".repeat(heads.len() - texts);
    let _ = writeln!(text, "| {} |\n|{}{numbers}", heads.join(" | "), "---|".repeat(texts));
    for row in rows.iter().take(MAX_ROWS) {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    if let Some(more @ 1..) = rows.len().checked_sub(MAX_ROWS) {
        let more = grouped(more as u64);
        let _ = writeln!(text, "\nand {more} more (all of them: `--out json=FILE`)");
    }
    text.push('\n');
}

fn exit(text: &mut String, exit: &ExitReport) {
    if exit.code != Exit::Passed {
        let _ = writeln!(text, "Exit code {}: {}\n", exit.code.code(), code(&exit.reason));
    }
}

fn passed(exit: &ExitReport) -> &'static str {
    if exit.code == Exit::Passed { "✅ passed" } else { "❌ failed" }
}

fn ok(is_ok: bool) -> String {
    if is_ok { "✅ ok" } else { "❌ **failed**" }.to_owned()
}

fn stamp(stamp: Stamp) -> String {
    let icon = match stamp {
        Stamp::Valid => "✅",
        Stamp::Suspect | Stamp::Unjudged => "⚠️",
        Stamp::Invalid => "❌",
    };
    format!("{icon} {}", stamp.name())
}

/// Somebody's words, which are nothing but themselves. Of punctuation only what never begins
/// anything in Markdown stays as it is.
fn code(words: &str) -> String {
    let mut code = String::from("<code>");
    for character in line(words).to_string().chars() {
        if character.is_ascii_punctuation() && !"-,/%=+;'?".contains(character) {
            let _ = write!(code, "&#{};", character as u32);
        } else {
            code.push(character);
        }
    }
    code + "</code>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{EVIL, failed_report};

    fn told(report: Report) -> String {
        markdown(&Written::Run(Box::new(report)))
    }

    #[test]
    fn a_run_is_told_with_what_failed_and_nobody_elses_word_is_markup() {
        let text = told(failed_report("shop"));
        for line in [
            "### <code>shop</code>: ❌ failed",
            "| <code>error&#95;rate &#60; 1%</code> | ❌ **failed** | <code>10%</code> |",
            "90 ok, 10 failed, 0 interrupted; 10.0/s completed",
            "| response time | 100 | 10.0 ms | 10.0 ms | n/a | n/a | 10.0 ms |",
            "| <code>page&#58; status 500</code> | 10 |",
            "| <code>has a title</code> | ✅ ok | 1 | 1 |",
        ] {
            assert!(text.lines().any(|one| one == line), "no {line:?} in\n{text}");
        }
        let evil = text.lines().find(|line| line.contains("&#64;me")).unwrap_or_default();
        assert!(evil.ends_with("</code> | ❌ **failed** | 1 | 2 |"), "{evil}");
        // What of it is markup is ours.
        let ours = |one: &str| ["code>", "/code>"].iter().any(|ours| one.starts_with(ours));
        assert!(text.split('<').skip(1).all(ours), "{text}");
        assert!(EVIL.contains("@me") && !text.contains("@me") && !text.contains('\u{1b}'));
        assert!(EVIL.contains('`') && !text.contains('`'));
    }

    #[test]
    fn a_long_list_is_cut_with_a_word_of_the_rest() {
        let mut report = failed_report("shop");
        let check = report.measured.checks["has a title"].clone();
        report.measured.checks =
            (0..45).map(|number| (format!("check {number}"), check.clone())).collect();
        let text = told(report);
        assert_eq!(text.matches("<code>check ").count(), MAX_ROWS);
        assert!(text.contains("\nand 5 more (all of them: `--out json=FILE`)\n"), "{text}");
    }

    #[test]
    fn several_runs_are_in_a_table_and_as_many_as_a_comment_holds_are_told_one_by_one() {
        let Written::Runs(mut all) = crate::samples::results() else { panic!("of several runs") };
        all.exit = ExitReport { code: Exit::Threshold, reason: "run \"a|b\" failed".to_owned() };
        all.runs = (0..12).map(|number| (format!("run|{number}"), failed_report("shop"))).collect();
        let text = markdown(&Written::Runs(all));
        assert!(text.starts_with("## 12 runs: ❌ failed\n\nExit code 99: <code>run"), "{text}");
        assert_eq!(text.matches("\n| <code>run&#124;").count(), 12);
        assert_eq!(text.matches("\n### <code>run&#124;").count(), MAX_RUNS);
        assert!(text.ends_with("and 2 more runs (all of them: `--out json=FILE`)\n"), "{text}");
    }
}
