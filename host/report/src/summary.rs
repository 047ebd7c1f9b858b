//! The end of a run, for people: what held, what did not, and whether to believe it, on a page.
//!
//! What a reader looks for first stands first: what was run, whether the figures may be believed,
//! whether it passed; then all transactions together, what failed and why, and the parts. Names
//! stand in the order of the run.

mod failures;
mod grpc;
mod notable;
mod part;
mod rate;
mod streams;
#[cfg(test)]
mod tests;
mod websockets;
mod words;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};

use swell_core::plain::line;
use swell_core::units::{counted, grouped, print_share};
use swell_core::verdict::Stamp;

use self::failures::{all_failures, failures};
use self::grpc::grpc;
use self::notable::notable;
use self::part::{by_name, checks, metrics, requests, sockets, totals};
use self::rate::{confidence, control, hosts, limits, search};
use self::streams::streams;
use self::websockets::websockets;
use self::words::{REST, SHOWN_TEXTS, count_of_bad, duration, outcomes, per_second};
use crate::figures::stamp_tone;
use crate::report::{Report, ReportOfRuns, StretchReport};
use crate::sheet::{Column, Piece, Row, Sheet, Table, Tone};

/// A report as text. As it is displayed it has lines as long as they need to be.
pub struct Summary<'a> {
    /// What is told.
    pub report: &'a Report,
    /// Whether it is the only one of its process, whose processor time is then all its own.
    pub is_alone: bool,
}

impl Summary<'_> {
    /// The same on lines of so many columns; without, as long as they need to be.
    pub fn sheet(&self, columns: Option<usize>) -> Sheet {
        let mut sheet = Sheet::new(columns);
        self.tell(&mut sheet);
        sheet.tell_left_out();
        sheet
    }

    fn tell(&self, sheet: &mut Sheet) {
        let (report, part) = (self.report, &self.report.measured);
        self.first_of_all(sheet);
        self.heading(sheet);
        search(sheet, report);
        self.cut_off(sheet);
        self.verdict(sheet);
        self.thresholds(sheet);
        if part.transactions.counts.started == 0 {
            sheet.blank();
            sheet.say(
                2,
                [Tone::Doubtful
                    .of("nothing was measured: no transaction began in the measured part")],
            );
        }
        totals(sheet, part);
        confidence(sheet, report);
        failures(sheet, report);
        notable(sheet, report);
        limits(sheet, report);
        control(sheet, report);
        hosts(sheet, report);
        by_name(sheet, part);
        checks(sheet, part);
        metrics(sheet, part);
        requests(sheet, part);
        websockets(sheet, part);
        grpc(sheet, part);
        sockets(sheet, part);
        streams(sheet, part);
        self.rest(sheet);
    }
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.sheet(None).fmt(f)
    }
}

/// Several runs as text: all in a table, then each, and what they came to together.
pub struct SummaryOfRuns<'a>(
    /// What is told.
    pub &'a ReportOfRuns,
);

impl SummaryOfRuns<'_> {
    /// As [`Summary::sheet`].
    pub fn sheet(&self, columns: Option<usize>) -> Sheet {
        let Self(report) = self;
        let mut sheet = Sheet::new(columns);
        // One is told below, and none has nothing to tell.
        let are_several = report.runs.len() > 1;
        if are_several {
            self.overview(&mut sheet);
        }
        for (name, run) in &report.runs {
            sheet.blank();
            sheet.say(0, [Tone::Title.of(format!("== {}", line(name)))]);
            Summary { report: run, is_alone: false }.tell(&mut sheet);
        }
        if are_several {
            sheet.blank();
            sheet.say(
                0,
                [Tone::Title.of(format!(
                    "== all {} runs, {:.1} s from the first measured instant to the last",
                    report.runs.len(),
                    report.measured_seconds
                ))],
            );
            totals(&mut sheet, &report.total);
            by_name(&mut sheet, &report.total);
            requests(&mut sheet, &report.total);
            websockets(&mut sheet, &report.total);
            grpc(&mut sheet, &report.total);
            sockets(&mut sheet, &report.total);
            streams(&mut sheet, &report.total);
        }
        sheet.tell_left_out();
        sheet
    }

    fn overview(&self, sheet: &mut Sheet) {
        let columns = [
            ("verdict", 0),
            ("completed/s", 3),
            ("ok", 2),
            ("failed", 1),
            ("interrupted", 4),
            ("limited by", 5),
        ];
        let row = |(name, run): (&String, &Report)| {
            let (total, limit) = (&run.measured.transactions, run.limits.last());
            Row {
                name: name.clone(),
                figures: vec![
                    stamp_tone(run.verdict.stamp).of(run.verdict.stamp.name()),
                    per_second(total.per_second).into(),
                    grouped(total.counts.ok).into(),
                    count_of_bad(total.counts.failed),
                    count_of_bad(total.counts.interrupted),
                    limit.map_or(Tone::Faint.of("–"), |limit| Tone::Plain.of(limit.by.name())),
                ],
                below: None,
            }
        };
        sheet.table(Table {
            title: counted(self.0.runs.len() as u64, "run"),
            columns: columns.map(|(head, rank)| Column { head, rank }).into(),
            rows: self.0.runs.iter().map(row).collect(),
        });
    }
}

impl Display for SummaryOfRuns<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.sheet(None).fmt(f)
    }
}

impl Summary<'_> {
    /// What overshadows all that follows: that nothing began, or that all of it failed, and of
    /// what.
    fn first_of_all(&self, sheet: &mut Sheet) {
        let (measured, warm_up) =
            (&self.report.measured.transactions.counts, &self.report.warm_up.transactions.counts);
        let mut causes = all_failures(self.report);
        let traps = self.report.users.traps.iter();
        causes.extend(traps.map(|(text, count)| (*count, format!("trap: {text}"))));
        let Some((count, cause)) = causes.into_iter().max() else { return };
        let headline = if measured.started + warm_up.started == 0 {
            "NOTHING EVER BEGAN".to_owned()
        } else if measured.ok > 0 || measured.failed == 0 {
            return;
        } else if measured.interrupted == 0 {
            format!("ALL {} TRANSACTIONS FAILED", grouped(measured.failed))
        } else {
            format!("NONE OF {} TRANSACTIONS ENDED WELL", grouped(measured.started))
        };
        sheet.blank();
        let cause = format!(": {} x {}", grouped(count), line(&cause));
        sheet.say(0, [Tone::Bad.of(headline), cause.into()]);
    }

    fn heading(&self, sheet: &mut Sheet) {
        let run = &self.report.run;
        let target = run.target.as_deref().unwrap_or("hosts named by the scenario");
        sheet.blank();
        sheet.say(
            0,
            [
                Tone::Title.of(line(&run.scenario).to_string()),
                format!(" against {}", line(target)).into(),
            ],
        );
        let after = if run.warm_up_seconds > 0.0 {
            let steady = match run.warm_up_steady {
                None => "",
                Some(true) => ", when it was steady",
                Some(false) => ", in which it did not become steady",
            };
            format!(" after {:.1} s of warm-up{steady}", run.warm_up_seconds)
        } else {
            String::new()
        };
        sheet.say(
            2,
            [format!(
                "{}, {:.1} s measured{after}, seed {}",
                line(&run.model),
                run.measured_seconds,
                run.seed
            )],
        );
        if let Some(agent) = &run.user_agent {
            sheet.say(2, [format!("user agent {}, in place of the host's own", line(agent))]);
        }
        if let Some(StretchReport { from, until }) = self.report.stretch {
            sheet.say(
                2,
                [Tone::Doubtful.of(format!(
                    "these are its figures from {from:.1} s to {until:.1} s; verdict and \
                    thresholds are of the whole run"
                ))],
            );
        }
    }

    /// What did not end, which no verdict on the generator must hide.
    fn cut_off(&self, sheet: &mut Sheet) {
        let (run, counts) = (&self.report.run, &self.report.measured.transactions.counts);
        let Some(share) = counts.interrupted_rate.filter(|share| *share > 0.0) else { return };
        sheet.blank();
        sheet.say(
            2,
            [
                Tone::Bad.of(format!(
                    "{} of {} transactions ({}) had not ended",
                    grouped(counts.interrupted),
                    grouped(counts.started),
                    print_share(share)
                )),
                " when they were cut off; they count as at least the age that they had (≥)".into(),
            ],
        );
        if run.grace_seconds < run.timeout_seconds && self.report.measured.requests.interrupted > 0
        {
            sheet.say(4, [format!(
                "what hangs fails by itself where --grace is longer than --timeout: here it had {} \
                after the end, and a request may wait {}",
                duration(run.grace_seconds),
                duration(run.timeout_seconds)
            )]);
        }
    }

    fn verdict(&self, sheet: &mut Sheet) {
        // A search goes beyond what the generator can do on purpose, and judges each of its trials
        // itself.
        if self.report.search.is_some() {
            return;
        }
        let verdict = &self.report.verdict;
        let stamp = |stamp: Stamp| stamp_tone(stamp).of(stamp.name());
        sheet.blank();
        sheet.say(2, [stamp(verdict.stamp), meaning(verdict.stamp).into()]);
        for evidence in &verdict.evidence {
            let why = format!(": {}; {}", line(&evidence.what), line(&evidence.advice));
            sheet.say(4, [stamp(evidence.stamp), why.into()]);
        }
    }

    fn thresholds(&self, sheet: &mut Sheet) {
        if self.report.thresholds.is_empty() {
            return;
        }
        sheet.blank();
        sheet.say(2, [Tone::Title.of("thresholds")]);
        for threshold in &self.report.thresholds {
            let mark =
                if threshold.passed { Tone::Good.of("ok     ") } else { Tone::Bad.of("FAILED ") };
            let found = format!("{} (found {})", line(&threshold.rule), line(&threshold.found));
            sheet.say(4, [mark, found.into()]);
        }
    }

    /// What is there to be complete: users, iterations, the warm-up, the generator itself.
    fn rest(&self, sheet: &mut Sheet) {
        let (report, users) = (self.report, &self.report.users);
        sheet.blank();
        let trapped = format!("{} trapped", grouped(users.trapped));
        let mut of_users = vec![
            Piece::from(format!(
                "{} at once, {} created, ",
                grouped(users.most_at_once),
                grouped(users.created)
            )),
            if users.trapped > 0 { Tone::Bad } else { Tone::Plain }.of(trapped),
        ];
        if users.stopped > 0 {
            of_users.push(format!(", {} ended by themselves", grouped(users.stopped)).into());
        }
        sheet.fact("users", of_users);
        for scenario in &report.run.scenarios {
            let (Some(users), Some(iterations)) = (scenario.most_users, scenario.iterations) else {
                continue;
            };
            let (users, name) = (grouped(users), line(&scenario.name));
            let iterations = counted(iterations, "iteration");
            sheet.say(4, [format!("{name}: {users} at once, {iterations}")]);
        }
        most_frequent(sheet, &users.traps);
        most_frequent(sheet, &users.stop_reasons);
        sheet.fact("iterations", outcomes(&report.measured.iterations));
        if report.run.warm_up_seconds > 0.0 {
            let outcomes = outcomes(&report.warm_up.transactions.counts).into_iter();
            sheet.fact(
                "warm-up",
                outcomes.chain([Piece::from(" (excluded from everything above)")]),
            );
        }
        sheet.fact("generator", [self.generator()]);
        if users.log_lines_left_out > 0 {
            let lines = counted(users.log_lines_left_out, "line");
            sheet.fact("log", [format!("{lines} of the scenario left out")]);
        }
        let unread = report.machine.stderr_lines_left_out;
        if unread > 0 {
            let unread = grouped(unread);
            sheet.fact("stderr", [format!("{unread} lines left out: nobody read them in time")]);
        }
    }

    fn generator(&self) -> String {
        let (report, machine) = (self.report, &self.report.machine);
        let mut words = format!(
            "{}, {:.1} s of processor time",
            counted(machine.cores, "core"),
            machine.cpu_seconds
        );
        let begun =
            [&report.warm_up, &report.measured].map(|part| part.transactions.counts.started);
        let (number, what) = match (report.requests_written, begun.iter().sum()) {
            (0, transactions) => (transactions, "transaction"),
            (requests, _) => (requests, "request"),
        };
        if self.is_alone && number > 0 {
            let each = machine.cpu_seconds * 1e6 / number as f64;
            words.push_str(&format!(" ({each:.1} µs a {what})"));
        }
        if let Some(mib) = machine.resident_mib {
            words.push_str(&format!(", at most {mib:.0} MiB resident"));
        }
        if let Some(stolen) = machine.stolen.filter(|stolen| *stolen > 0.001) {
            words.push_str(&format!(", {:.1} % stolen by the hypervisor", stolen * 100.0));
        }
        words
    }
}

/// Texts with how often each, the most frequent first.
fn most_frequent(sheet: &mut Sheet, texts: &BTreeMap<String, u64>) {
    let mut texts: Vec<_> = texts.iter().collect();
    texts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (text, count) in texts.iter().take(SHOWN_TEXTS) {
        sheet.say(4, [format!("{} x {}", grouped(**count), line(text))]);
    }
    if let Some(more @ 1..) = texts.len().checked_sub(SHOWN_TEXTS) {
        sheet.say(4, [format!("and {} {REST}", counted(more as u64, "more kind"))]);
    }
}

const fn meaning(stamp: Stamp) -> &'static str {
    match stamp {
        Stamp::Valid => "",
        Stamp::Invalid => {
            ": the load generator was the limit; the figures below are not the service's"
        }
        Stamp::Suspect => ": the load generator was near its limit",
        Stamp::Unjudged => ": too few samples to say what the load generator did to the figures",
    }
}
