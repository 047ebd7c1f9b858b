//! What was counted in one part of a run, for people.

use std::cmp::Reverse;
use std::fmt::{Formatter, Result, Write as _};

use swell_core::plain::line;
use swell_core::units::{counted, grouped};

use super::words::{outcomes, per_second, times_heading, times_row};
use crate::report::Part;

/// Names of transactions, and of checks, that are shown.
const SHOWN_NAMES: usize = 40;

/// Series of the scenario's own metrics that are shown.
const SHOWN_SERIES: usize = 20;

pub(super) fn totals(f: &mut Formatter<'_>, part: &Part) -> Result {
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
            grouped(unsent.users),
            grouped(unsent.host)
        )?;
    }
    if unsent.lease > 0 {
        writeln!(
            f,
            "    unsent     {} without a lease (the coordinator could not be reached in time)",
            grouped(unsent.lease)
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

pub(super) fn by_name(f: &mut Formatter<'_>, part: &Part) -> Result {
    if part.by_name.is_empty() {
        return Ok(());
    }
    times_heading(f, "service time by transaction")?;
    // Of very many the busiest, in the order of their names.
    let mut busiest: Vec<_> = part.by_name.iter().collect();
    busiest.sort_by_key(|(_, row)| Reverse(row.counts.started));
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

pub(super) fn requests(f: &mut Formatter<'_>, part: &Part) -> Result {
    let requests = &part.requests;
    if requests.ok + requests.failed + requests.interrupted == 0 {
        return Ok(());
    }
    let mut line = format!("{} ok, {} failed", grouped(requests.ok), grouped(requests.failed));
    if requests.interrupted > 0 {
        let _ = write!(line, ", {} interrupted", grouped(requests.interrupted));
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
            grouped(requests.reconnects)
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
        .map(|(status, count)| format!("{status} x {}", grouped(*count)))
        .collect::<Vec<_>>();
    let errors = requests
        .errors
        .iter()
        .map(|(class, count)| format!("{class} x {}", grouped(*count)))
        .collect::<Vec<_>>();
    if !statuses.is_empty() {
        writeln!(f, "    statuses   {}", statuses.join(", "))?;
    }
    if !errors.is_empty() {
        writeln!(f, "    errors     {}", errors.join(", "))?;
    }
    Ok(())
}

pub(super) fn checks(f: &mut Formatter<'_>, part: &Part) -> Result {
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
            grouped(check.passed),
            grouped(check.passed + check.failed)
        )?;
    }
    if let Some(more @ 1..) = shown.len().checked_sub(SHOWN_NAMES) {
        let failed = shown[SHOWN_NAMES..].iter().filter(|(_, check)| check.failed > 0).count();
        writeln!(
            f,
            "    and {}, {} of them failed, in the JSON",
            counted(more as u64, "more check"),
            grouped(failed as u64)
        )?;
    }
    Ok(())
}

pub(super) fn metrics(f: &mut Formatter<'_>, part: &Part) -> Result {
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
            grouped((part.metrics.len() - SHOWN_SERIES) as u64)
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

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use super::*;
    use crate::report::CheckReport;

    struct Shown<'a>(&'a Part);

    impl Display for Shown<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
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
}
