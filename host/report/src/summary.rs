//! The end of a run, for people: what held, what did not, and whether to believe it, on a page.

mod failures;
mod part;
mod rate;
mod words;

use std::fmt::{Display, Formatter, Result};

use swell_core::plain::line;
use swell_core::units::{counted, grouped, print_share};
use swell_core::verdict::Stamp;

use self::failures::{all_failures, failures};
use self::part::{by_name, checks, metrics, requests, totals};
use self::rate::{confidence, control, hosts, limits, search};
use self::words::{NAME, SHOWN_TEXTS, duration, outcomes, per_second};
use crate::report::{Report, ReportOfRuns};

/// A report as text, in the order in which a reader asks.
pub struct Summary<'a> {
    /// What is told.
    pub report: &'a Report,
    /// Whether it is the only one of its process, whose processor time is then all its own.
    pub is_alone: bool,
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let report = self.report;
        self.first_of_all(f)?;
        self.heading(f)?;
        search(f, report)?;
        self.cut_off(f)?;
        self.verdict(f)?;
        let part = &report.measured;
        if part.transactions.counts.started == 0 {
            writeln!(f, "\n  nothing was measured: no transaction began in the measured part")?;
        }
        totals(f, part)?;
        confidence(f, report)?;
        limits(f, report)?;
        hosts(f, report)?;
        control(f, report)?;
        by_name(f, part)?;
        requests(f, part)?;
        failures(f, report)?;
        checks(f, part)?;
        metrics(f, part)?;
        self.rest(f)?;
        self.thresholds(f)
    }
}

/// Several runs as text: each, and all together.
pub struct SummaryOfRuns<'a>(
    /// What is told.
    pub &'a ReportOfRuns,
);

impl Display for SummaryOfRuns<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self(report) = self;
        for (name, run) in &report.runs {
            writeln!(f, "\n== {}", line(name))?;
            write!(f, "{}", Summary { report: run, is_alone: false })?;
        }
        // One is told above, and none has nothing to tell.
        if report.runs.len() < 2 {
            return Ok(());
        }
        writeln!(
            f,
            "\n== all {} runs, {:.1} s from the first measured instant to the last",
            report.runs.len(),
            report.measured_seconds
        )?;
        for (name, run) in &report.runs {
            let (total, limit) = (&run.measured.transactions, run.limits.last());
            let limited = limit
                .map_or_else(String::new, |limit| format!(", limited by the {}", limit.by.name()));
            writeln!(
                f,
                "    {:<NAME$} {} {}/s, {}{limited}",
                line(name),
                run.verdict.stamp,
                per_second(total.per_second),
                outcomes(&total.counts)
            )?;
        }
        totals(f, &report.total)?;
        by_name(f, &report.total)?;
        requests(f, &report.total)
    }
}

impl Summary<'_> {
    /// What overshadows all that follows: that nothing began, or that all of it failed, and of
    /// what.
    fn first_of_all(&self, f: &mut Formatter<'_>) -> Result {
        let (measured, warm_up) =
            (&self.report.measured.transactions.counts, &self.report.warm_up.transactions.counts);
        let mut causes = all_failures(self.report);
        let traps = self.report.users.traps.iter();
        causes.extend(traps.map(|(text, count)| (*count, format!("trap: {text}"))));
        let Some((count, cause)) = causes.into_iter().max() else { return Ok(()) };
        let cause = line(&cause);
        if measured.started + warm_up.started == 0 {
            return writeln!(f, "\nNOTHING EVER BEGAN: {} x {cause}", grouped(count));
        }
        if measured.ok == 0 && measured.failed > 0 && measured.interrupted == 0 {
            return writeln!(
                f,
                "\nALL {} TRANSACTIONS FAILED: {} x {cause}",
                grouped(measured.failed),
                grouped(count)
            );
        }
        if measured.ok == 0 && measured.failed > 0 {
            return writeln!(
                f,
                "\nNONE OF {} TRANSACTIONS ENDED WELL: {} x {cause}",
                grouped(measured.started),
                grouped(count)
            );
        }
        Ok(())
    }

    fn heading(&self, f: &mut Formatter<'_>) -> Result {
        let run = &self.report.run;
        let target = run.target.as_deref().unwrap_or("hosts named by the scenario");
        writeln!(f, "\n{} against {}", line(&run.scenario), line(target))?;
        write!(f, "  {}, {:.1} s measured", line(&run.model), run.measured_seconds)?;
        if run.warm_up_seconds > 0.0 {
            write!(f, " after {:.1} s of warm-up", run.warm_up_seconds)?;
            f.write_str(match run.warm_up_steady {
                None => "",
                Some(true) => ", when it was steady",
                Some(false) => ", in which it did not become steady",
            })?;
        }
        writeln!(f, ", seed {}", run.seed)
    }

    /// What did not end, which no verdict on the generator must hide.
    fn cut_off(&self, f: &mut Formatter<'_>) -> Result {
        let (run, counts) = (&self.report.run, &self.report.measured.transactions.counts);
        let Some(share) = counts.interrupted_rate.filter(|share| *share > 0.0) else {
            return Ok(());
        };
        writeln!(
            f,
            "\n  {} of {} transactions ({}) had not ended when they were cut off; they count as at \
            least the age that they had (≥)",
            grouped(counts.interrupted),
            grouped(counts.started),
            print_share(share)
        )?;
        if run.grace_seconds < run.timeout_seconds && self.report.measured.requests.interrupted > 0
        {
            writeln!(
                f,
                "    what hangs fails by itself where --grace is longer than --timeout: here it \
                had {} after the end, and a request may wait {}",
                duration(run.grace_seconds),
                duration(run.timeout_seconds)
            )?;
        }
        Ok(())
    }

    fn verdict(&self, f: &mut Formatter<'_>) -> Result {
        // A search goes beyond what the generator can do on purpose, and judges each of its trials
        // itself.
        if self.report.search.is_some() {
            return Ok(());
        }
        let verdict = &self.report.verdict;
        writeln!(f, "\n  {}{}", verdict.stamp, meaning(verdict.stamp))?;
        for evidence in &verdict.evidence {
            writeln!(f, "    {}: {}; {}", evidence.stamp, evidence.what, evidence.advice)?;
        }
        Ok(())
    }

    fn rest(&self, f: &mut Formatter<'_>) -> Result {
        let report = self.report;
        let users = &report.users;
        writeln!(
            f,
            "\n  users        {} at once, {} created, {} trapped",
            grouped(users.most_at_once),
            grouped(users.created),
            grouped(users.trapped)
        )?;
        for (text, count) in users.traps.iter().take(SHOWN_TEXTS) {
            writeln!(f, "    {} x {}", grouped(*count), line(text))?;
        }
        let iterations = &report.measured.iterations;
        writeln!(f, "  iterations   {}", outcomes(iterations))?;
        if report.run.warm_up_seconds > 0.0 {
            writeln!(
                f,
                "  warm-up      {} (excluded from everything above)",
                outcomes(&report.warm_up.transactions.counts)
            )?;
        }
        let machine = &report.machine;
        write!(
            f,
            "  generator    {}, {:.1} s of processor time",
            counted(machine.cores, "core"),
            machine.cpu_seconds
        )?;
        if self.is_alone && report.requests_written > 0 {
            write!(
                f,
                " ({:.1} µs a request)",
                machine.cpu_seconds * 1e6 / report.requests_written as f64
            )?;
        }
        if let Some(mib) = machine.resident_mib {
            write!(f, ", at most {mib:.0} MiB resident")?;
        }
        if let Some(stolen) = machine.stolen.filter(|stolen| *stolen > 0.001) {
            write!(f, ", {:.1} % stolen by the hypervisor", stolen * 100.0)?;
        }
        writeln!(f)?;
        if users.log_lines_left_out > 0 {
            writeln!(
                f,
                "  log          {} of the scenario left out",
                counted(users.log_lines_left_out, "line")
            )?;
        }
        if machine.stderr_lines_left_out > 0 {
            writeln!(
                f,
                "  stderr       {} lines left out: nobody read them in time",
                grouped(machine.stderr_lines_left_out)
            )?;
        }
        Ok(())
    }

    fn thresholds(&self, f: &mut Formatter<'_>) -> Result {
        if !self.report.thresholds.is_empty() {
            writeln!(f, "\n  thresholds")?;
        }
        for threshold in &self.report.thresholds {
            let mark = if threshold.passed { "ok    " } else { "FAILED" };
            writeln!(f, "    {mark} {} (found {})", line(&threshold.rule), line(&threshold.found))?;
        }
        Ok(())
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
