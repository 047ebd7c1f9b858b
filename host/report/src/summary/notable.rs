//! Transactions to look into, each with the command that repeats it.

use swell_core::plain::shell_word;

use crate::figures::time;
use crate::report::{About, NotableRow, Report};
use crate::sheet::{Sheet, Tone};
use crate::url_run::typed_method;

/// Names of which the first failure is shown; the JSON has those of all.
const SHOWN_FAILURES: usize = 3;

/// The slowest transaction of all, and the first failure of the names that failed most.
pub(super) fn notable(sheet: &mut Sheet, report: &Report) {
    let rows = report.measured.by_name.iter();
    let slowest = rows
        .clone()
        .filter_map(|(name, row)| Some((name, row.notable.slowest.first()?)))
        .max_by(|(_, one), (_, other)| one.service_ms.total_cmp(&other.service_ms));
    let mut failing: Vec<_> = rows
        .filter_map(|(name, row)| Some((row.counts.failed, name, row.notable.failures.first()?)))
        .collect();
    failing.sort_by_key(|(failed, ..)| std::cmp::Reverse(*failed));
    let Some((name, row)) = slowest else { return };
    sheet.blank();
    sheet.say(2, [Tone::Title.of("to look into"), " (more of each name: --out json=FILE)".into()]);
    one(sheet, report, &format!("slowest: {name}"), row);
    for (_, name, row) in failing.into_iter().take(SHOWN_FAILURES) {
        one(sheet, report, &format!("first failure of {name}"), row);
    }
}

fn one(sheet: &mut Sheet, report: &Report, what: &str, row: &NotableRow) {
    let error = row.error.as_deref().map_or_else(String::new, |error| format!(": {error}"));
    let (service, at) = (time(Some(row.service_ms)), row.at);
    sheet.say(4, [format!("{what}, {service} of service at {at:.1} s{error}")]);
    sheet.verbatim(6, Tone::Faint.of(command(&report.run, row)));
}

/// The command that does its iteration again. Of the run's settings it has the target, the seed and
/// the scenario; all others are for whoever types it to add: they may be secret.
fn command(run: &About, row: &NotableRow) -> String {
    let scenario = run.scenario_of(row.user);
    let mut words: Vec<String> =
        ["host", "try", &*run.file, "--scenario", scenario].map(str::to_owned).to_vec();
    if let Some(method) = typed_method(&run.file, &run.scenario) {
        words.extend(["--method".to_owned(), method.to_owned()]);
    }
    // A URL that was run says itself where its service is.
    if let Some(target) = run.target.as_ref().filter(|_| !run.file.contains("://")) {
        words.extend(["--target".to_owned(), target.clone()]);
    }
    for (flag, number) in
        [("--seed", run.seed), ("--iteration", row.iteration), ("--user", row.user)]
    {
        words.extend([flag.to_owned(), number.to_string()]);
    }
    if row.trace_id.is_some() {
        words.push("--traceparent".to_owned());
    }
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}
