//! The end of a run, for people: what held, what did not, and whether to believe it, on a page.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};
use std::time::Duration;

use swell_core::plain::line;
use swell_core::units::{counted, print_duration, print_share};

use crate::report::{Counted, Part, Report, ReportOfRuns, Times};

/// A report as text, in the order in which a reader asks.
pub(crate) struct Summary<'a> {
    pub(crate) report: &'a Report,
    /// Whether it is the only one of its process, whose processor time is then all its own.
    pub(crate) is_alone: bool,
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        self.first_of_all(f)?;
        self.heading(f)?;
        self.search(f)?;
        self.cut_off(f)?;
        self.verdict(f)?;
        let part = &report.measured;
        if part.transactions.counts.started == 0 {
            writeln!(f, "\n  nothing was measured: no transaction began in the measured part")?;
        }
        totals(f, part)?;
        self.confidence(f)?;
        self.limits(f)?;
        self.hosts(f)?;
        self.control(f)?;
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
pub(crate) struct SummaryOfRuns<'a>(pub(crate) &'a ReportOfRuns);

impl Display for SummaryOfRuns<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
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
            let limited =
                limit.map_or_else(String::new, |limit| format!(", limited by the {}", limit.by));
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
    fn first_of_all(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (measured, warm_up) =
            (&self.report.measured.transactions.counts, &self.report.warm_up.transactions.counts);
        let mut causes = all_failures(self.report);
        let traps = self.report.users.traps.iter();
        causes.extend(traps.map(|(text, count)| (*count, format!("trap: {text}"))));
        let Some((count, cause)) = causes.into_iter().max() else { return Ok(()) };
        let cause = line(&cause);
        if measured.started + warm_up.started == 0 {
            return writeln!(f, "\nNOTHING EVER BEGAN: {} x {cause}", group(count));
        }
        if measured.ok == 0 && measured.failed > 0 && measured.interrupted == 0 {
            return writeln!(
                f,
                "\nALL {} TRANSACTIONS FAILED: {} x {cause}",
                group(measured.failed),
                group(count)
            );
        }
        if measured.ok == 0 && measured.failed > 0 {
            return writeln!(
                f,
                "\nNONE OF {} TRANSACTIONS ENDED WELL: {} x {cause}",
                group(measured.started),
                group(count)
            );
        }
        Ok(())
    }

    fn heading(&self, f: &mut Formatter<'_>) -> fmt::Result {
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

    fn search(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(search) = &self.report.search else { return Ok(()) };
        let rate = |rate: f64| format!("{}/s", per_second(rate));
        let held = search
            .held_per_second
            .map(|held| format!("{} was held for {:.0} s", rate(held), search.hold_seconds));
        let broken = search.broken_per_second.map(|broken| {
            let share = search.broken_share.map(|share| format!("{:.2} %", share * 100.0));
            let measured = share
                .or(search.broken_ms.map(|ms| time(Some(ms))))
                .unwrap_or_else(|| "more and more waited, or too few were answered".to_owned());
            format!(
                "{} was not: {} broke ({measured})",
                rate(broken),
                line(search.broken_by.as_deref().unwrap_or_default())
            )
        });
        let headline = match (search.end, search.held_per_second, search.broken_per_second) {
            ("no rate", ..) => "no rate holds what is asked for: look at the service's answers \
            below, or ask for less"
                .to_owned(),
            ("generator", ..) => {
                "the load generator is the limit: give it more or quieter cores, or share the load \
                with another host"
                    .to_owned()
            }
            ("most", Some(held), _) => format!(
                "the service holds {} and may hold more: raise \
            --tps",
                rate(held)
            ),
            ("stopped", None, _) | ("stopped", _, None) => {
                "stopped before anything was found".to_owned()
            }
            (_, Some(held), Some(broken)) => {
                format!("the limit lies between {} and {}", rate(held), rate(broken))
            }
            _ => "the time was over before anything was found: raise --budget".to_owned(),
        };
        writeln!(f, "\n  {headline}")?;
        for line in [held, broken].into_iter().flatten() {
            writeln!(f, "    {line}")?;
        }
        if search.end == "budget" {
            writeln!(
                f,
                "    the time was over after {}",
                counted(u64::from(search.trials), "trial")
            )?;
        }
        Ok(())
    }

    /// What did not end, which no verdict on the generator must hide.
    fn cut_off(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (run, counts) = (&self.report.run, &self.report.measured.transactions.counts);
        let Some(share) = counts.interrupted_rate.filter(|share| *share > 0.0) else {
            return Ok(());
        };
        writeln!(
            f,
            "\n  {} of {} transactions ({}) had not ended when they were cut off; they count as at \
            least the age that they had (≥)",
            group(counts.interrupted),
            group(counts.started),
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

    fn verdict(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A search goes beyond what the generator can do on purpose, and judges each of its trials
        // itself.
        if self.report.search.is_some() {
            return Ok(());
        }
        let verdict = &self.report.verdict;
        writeln!(f, "\n  {}{}", verdict.stamp, meaning(&verdict.stamp))?;
        for evidence in &verdict.evidence {
            writeln!(f, "    {}: {}; {}", evidence.stamp, evidence.what, evidence.advice)?;
        }
        Ok(())
    }

    fn confidence(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(confidence) =
            self.report.confidence.as_ref().filter(|confidence| !confidence.response_ms.is_empty())
        else {
            return Ok(());
        };
        let shown = ["p50", "p95", "p99"]
            .into_iter()
            .filter_map(|name| Some((name, confidence.response_ms.get(name)?)));
        let intervals: Vec<String> = shown
            .map(|(name, [from, until])| {
                format!(
                    "{name} {} to {}",
                    time(Some(*from)),
                    bounded(Some(*until), confidence.at_least.contains(name))
                )
            })
            .collect();
        let (worth, all) = (
            group(confidence.effective_samples.round() as u64),
            self.report.measured.transactions.response_ms.count,
        );
        writeln!(
            f,
            "\n    response time, 95 % sure: {}; {} worth {worth} independent ones",
            intervals.join(", "),
            counted(all, "sample")
        )
    }

    fn hosts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for host in &self.report.hosts {
            let share = print_share(host.share);
            let lag = time(host.host_lag_p99_ms);
            write!(
                f,
                "  host {:<16} {share:>6} of the starts, {} started, {}",
                line(&host.name),
                group(host.started),
                host.verdict
            )?;
            write!(f, " (lag p99 {lag}, {:.1} s of processor time)", host.cpu_seconds)?;
            if host.times_lost > 0 {
                write!(f, ", lost {}", counted(host.times_lost, "time"))?;
            }
            writeln!(
                f,
                "{}",
                host.unknown_in_words().map_or_else(String::new, |unknown| format!("; {unknown}"))
            )?;
        }
        Ok(())
    }

    fn limits(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for limit in self.report.limits.iter().take(SHOWN_TEXTS) {
            let until = limit
                .until_seconds
                .map_or_else(|| "the end".to_owned(), |seconds| format!("{seconds:.0} s"));
            writeln!(
                f,
                "\n  limited from {:.0} s to {until}: {}",
                limit.from_seconds,
                line(&limit.means)
            )?;
        }
        Ok(())
    }

    fn control(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(control) = &self.report.control else { return Ok(()) };
        let by = control.limited_by.as_ref().map_or_else(
            || ", as asked".to_owned(),
            |rule| format!(", held down by {}", line(rule)),
        );
        writeln!(
            f,
            "\n  control      goal {}/s at the end{by}",
            per_second(control.goal_per_second)
        )?;
        for objective in &control.objectives {
            let share = objective.measured_share.map(|share| format!("{:.2} %", share * 100.0));
            let measured = share.unwrap_or_else(|| time(objective.measured_ms));
            let (means, limit, samples) = (
                line(&objective.means),
                per_second(objective.limit_per_second),
                counted(objective.samples, "sample"),
            );
            write!(
                f,
                "    {means}: up to {limit}/s; last {measured} of {samples}; {}",
                objective.state
            )?;
            writeln!(
                f,
                "{}",
                if objective.samples == 0 && objective.rule.contains(':') {
                    " (is there a transaction of this name?)"
                } else {
                    ""
                }
            )?;
        }
        Ok(())
    }

    fn rest(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let users = &report.users;
        writeln!(
            f,
            "\n  users        {} at once, {} created, {} trapped",
            group(users.most_at_once),
            group(users.created),
            group(users.trapped)
        )?;
        for (text, count) in users.traps.iter().take(SHOWN_TEXTS) {
            writeln!(f, "    {} x {}", group(*count), line(text))?;
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
                group(machine.stderr_lines_left_out)
            )?;
        }
        Ok(())
    }

    fn thresholds(&self, f: &mut Formatter<'_>) -> fmt::Result {
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

/// Different texts of failures and traps that are shown; the JSON has all that were kept.
const SHOWN_TEXTS: usize = 10;

fn meaning(stamp: &str) -> &'static str {
    match stamp {
        "INVALID" => ": the load generator was the limit; the figures below are not the service's",
        "SUSPECT" => ": the load generator was near its limit",
        "UNJUDGED" => ": too few samples to say what the load generator did to the figures",
        _ => "",
    }
}

fn totals(f: &mut Formatter<'_>, part: &Part) -> fmt::Result {
    let total = &part.transactions;
    let (rate, at_once) = (per_second(total.per_second), per_second(total.concurrency));
    let bound = if total.counts.interrupted > 0 { "≥ " } else { "" };
    writeln!(
        f,
        "\n  transactions {} ({rate}/s completed, {bound}{at_once} under way on average)",
        outcomes(&total.counts)
    )?;
    let unsent = total.unsent;
    if unsent.users + unsent.host > 0 {
        writeln!(
            f,
            "    unsent     {} for want of a free user (slow service, or --max-vus), {} for the \
            generator's fault",
            group(unsent.users),
            group(unsent.host)
        )?;
    }
    if unsent.lease > 0 {
        writeln!(
            f,
            "    unsent     {} without a lease (the coordinator could not be reached in time)",
            group(unsent.lease)
        )?;
    }
    times_heading(f, "")?;
    times_row(f, "response time", &total.response_ms)?;
    times_row(f, "service time", &total.service_ms)?;
    times_row(f, "start lag", &total.start_lag_ms)?;
    times_row(f, "  no user free", &total.user_lag_ms)?;
    times_row(f, "  generator", &total.host_lag_ms)?;
    times_row(f, "loop delay", &part.loop_delay_ms)
}

fn by_name(f: &mut Formatter<'_>, part: &Part) -> fmt::Result {
    if part.by_name.is_empty() {
        return Ok(());
    }
    times_heading(f, "service time by transaction")?;
    // Of very many the busiest, in the order of their names.
    let mut busiest: Vec<_> = part.by_name.iter().collect();
    busiest.sort_by_key(|(_, row)| std::cmp::Reverse(row.counts.started));
    busiest.truncate(SHOWN_NAMES);
    busiest.sort_by_key(|(name, _)| *name);
    for (name, row) in busiest {
        times_row(f, name, &row.service_ms)?;
        if row.counts.failed + row.counts.interrupted > 0 {
            writeln!(f, "      {}", outcomes(&row.counts))?;
        }
    }
    if let Some(more @ 1..) = part.by_name.len().checked_sub(SHOWN_NAMES) {
        writeln!(
            f,
            "    and {} with fewer starts, in the JSON",
            counted(more as u64, "more name")
        )?;
    }
    Ok(())
}

fn requests(f: &mut Formatter<'_>, part: &Part) -> fmt::Result {
    let requests = &part.requests;
    if requests.ok + requests.failed + requests.interrupted == 0 {
        return Ok(());
    }
    let mut line = format!("{} ok, {} failed", group(requests.ok), group(requests.failed));
    if requests.interrupted > 0 {
        let _ = write!(line, ", {} interrupted", group(requests.interrupted));
    }
    let size = requests.body_bytes as f64 / (1 << 20) as f64;
    writeln!(
        f,
        "\n  requests     {line} ({}/s); {} opened, {size:.1} MiB of bodies",
        per_second(requests.per_second),
        counted(requests.connections, "connection")
    )?;
    if requests.reconnects > 0 {
        writeln!(
            f,
            "    {} sent anew because their connection had closed",
            group(requests.reconnects)
        )?;
    }
    times_heading(f, "")?;
    times_row(f, "request", &requests.service_ms)?;
    for (phase, times) in requests.phases_ms.iter().filter(|(_, times)| times.count > 0) {
        times_row(f, &format!("  {phase}"), times)?;
    }
    let statuses = requests
        .statuses
        .iter()
        .map(|(status, count)| format!("{status} x {}", group(*count)))
        .collect::<Vec<_>>();
    let errors = requests
        .errors
        .iter()
        .map(|(class, count)| format!("{class} x {}", group(*count)))
        .collect::<Vec<_>>();
    if !statuses.is_empty() {
        writeln!(f, "    statuses   {}", statuses.join(", "))?;
    }
    if !errors.is_empty() {
        writeln!(f, "    errors     {}", errors.join(", "))?;
    }
    Ok(())
}

/// What failed and why, with how often.
fn all_failures(report: &Report) -> Vec<(u64, String)> {
    let of_names = report.measured.by_name.iter().flat_map(|(name, row)| {
        row.failures.iter().map(move |(text, count)| (*count, format!("{name}: {text}")))
    });
    let words = |kind: &'static str, texts: &BTreeMap<String, u64>| {
        texts.iter().map(|(text, count)| (*count, format!("{kind}: {text}"))).collect::<Vec<_>>()
    };
    let mut all: Vec<(u64, String)> = of_names.collect();
    all.extend(words("iteration", &report.users.iteration_failures));
    all.extend(words("start of a user", &report.users.start_failures));
    all
}

fn failures(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let mut all = all_failures(report);
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by(|a, b| b.cmp(a));
    writeln!(f, "\n  failures")?;
    for (count, text) in all.iter().take(SHOWN_TEXTS) {
        writeln!(f, "    {} x {}", group(*count), line(text))?;
    }
    if all.len() > SHOWN_TEXTS {
        writeln!(
            f,
            "    and {}, in the JSON",
            counted((all.len() - SHOWN_TEXTS) as u64, "more kind")
        )?;
    }
    Ok(())
}

fn checks(f: &mut Formatter<'_>, part: &Part) -> fmt::Result {
    if !part.checks.is_empty() {
        writeln!(f, "\n  checks")?;
    }
    // Those that failed first: nobody reads a thousand lines for the one.
    let mut shown: Vec<_> = part.checks.iter().collect();
    shown.sort_by_key(|(_, check)| check.failed == 0);
    for (name, check) in shown.iter().take(SHOWN_NAMES) {
        let mark = if check.failed == 0 { "ok    " } else { "failed" };
        writeln!(
            f,
            "    {mark} {}: {} of {} passed",
            line(name),
            group(check.passed),
            group(check.passed + check.failed)
        )?;
    }
    if let Some(more @ 1..) = shown.len().checked_sub(SHOWN_NAMES) {
        let failed = shown[SHOWN_NAMES..].iter().filter(|(_, check)| check.failed > 0).count();
        writeln!(
            f,
            "    and {}, {} of them failed, in the JSON",
            counted(more as u64, "more check"),
            group(failed as u64)
        )?;
    }
    Ok(())
}

fn metrics(f: &mut Formatter<'_>, part: &Part) -> fmt::Result {
    if !part.metrics.is_empty() {
        writeln!(f, "\n  metrics of the scenario")?;
    }
    for series in part.metrics.iter().take(SHOWN_SERIES) {
        let tags = series
            .tags
            .iter()
            .map(|(name, value)| format!("{}={}", line(name), line(value)))
            .collect::<Vec<_>>()
            .join(",");
        let tags = if tags.is_empty() { String::new() } else { format!("{{{tags}}}") };
        let values = series
            .values
            .iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name} {value:.3}")))
            .collect::<Vec<_>>();
        writeln!(
            f,
            "    {}{tags}: {} ({})",
            line(&series.metric),
            values.join(", "),
            counted(series.count, "value")
        )?;
    }
    if part.metrics.len() > SHOWN_SERIES {
        writeln!(
            f,
            "    and {} more series, in the JSON",
            group((part.metrics.len() - SHOWN_SERIES) as u64)
        )?;
    }
    if part.metric_values_ignored > 0 {
        writeln!(
            f,
            "    {} ignored: not finite, or negative for a counter",
            counted(part.metric_values_ignored, "value")
        )?;
    }
    Ok(())
}

/// Names of transactions, and of checks, that are shown.
const SHOWN_NAMES: usize = 40;

/// Series of the scenario's own metrics that are shown.
const SHOWN_SERIES: usize = 20;

/// Width of a row's name.
const NAME: usize = 30;

fn times_heading(f: &mut Formatter<'_>, title: &str) -> fmt::Result {
    writeln!(
        f,
        "\n    {title:<NAME$} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "count", "mean", "p50", "p95", "p99", "p99.9", "max"
    )
}

fn times_row(f: &mut Formatter<'_>, name: &str, times: &Times) -> fmt::Result {
    let name = line(name).to_string();
    let name: String = if name.chars().count() > NAME {
        name.chars().take(NAME - 1).chain(['…']).collect()
    } else {
        name
    };
    write!(f, "    {name:<NAME$} {:>9}", group(times.count))?;
    let bound = &times.at_least;
    for (value, is_at_least) in [
        (times.mean, bound.mean),
        (times.p50, bound.p50),
        (times.p95, bound.p95),
        (times.p99, bound.p99),
        (times.p99_9, bound.p99_9),
        (times.max, bound.max),
    ] {
        write!(f, " {:>9}", bounded(value, is_at_least))?;
    }
    writeln!(f)
}

/// Milliseconds for people, in the unit that needs the fewest digits.
fn time(ms: Option<f64>) -> String {
    match ms {
        None => "n/a".to_owned(),
        Some(ms) if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        Some(ms) if ms < 100.0 => format!("{ms:.1} ms"),
        Some(ms) if ms < 10_000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.1} s", ms / 1e3),
    }
}

/// The same with a sign where it may be more.
fn bounded(ms: Option<f64>, is_at_least: bool) -> String {
    if is_at_least && ms.is_some() { format!("≥ {}", time(ms)) } else { time(ms) }
}

fn outcomes(counts: &Counted) -> String {
    let mut text = format!("{} ok, {} failed", group(counts.ok), group(counts.failed));
    if let Some(rate) = counts.error_rate.filter(|rate| *rate > 0.0) {
        let _ = write!(text, " ({:.2} %)", rate * 100.0);
    }
    if counts.interrupted > 0 {
        let _ = write!(text, ", {} interrupted", group(counts.interrupted));
    }
    if let Some(rate) = counts.interrupted_rate.filter(|rate| *rate > 0.0) {
        let _ = write!(text, " ({:.2} %)", rate * 100.0);
    }
    text
}

fn duration(seconds: f64) -> String {
    print_duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { group(rate.round() as u64) }
}

/// A count with its thousands apart.
fn group(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CheckReport;

    struct Shown<'a>(&'a Part);

    impl Display for Shown<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            checks(f, self.0)
        }
    }

    #[test]
    fn a_thousand_checks_are_cut_with_a_word_of_the_rest_and_those_that_failed_come_first() {
        let check = |i: u64| {
            (format!("check {i:04}"), CheckReport { passed: 2, failed: u64::from(i == 999) })
        };
        let part = Part { checks: (0..1_000).map(check).collect(), ..Part::default() };
        let shown = Shown(&part).to_string();
        let lines: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            (lines.len(), lines[1]),
            (SHOWN_NAMES + 2, "    failed check 0999: 2 of 3 passed")
        );
        assert_eq!(lines.last(), Some(&"    and 960 more checks, 0 of them failed, in the JSON"));
        let few = Part { checks: (0..3).map(check).collect(), ..Part::default() };
        assert_eq!(Shown(&few).to_string().lines().filter(|line| !line.is_empty()).count(), 4);
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 1234567].map(group), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_time_without_samples_is_not_zero() {
        assert_eq!(
            [None, Some(0.25), Some(12.34), Some(2000.0), Some(61_000.0)].map(time),
            ["n/a", "250 µs", "12.3 ms", "2000 ms", "61.0 s"]
        );
    }
}
