//! What became of the rate, for people: what a search found, who was in the way, what held it, and
//! who generated it.

use std::fmt::{Formatter, Result};

use swell_core::control::SearchEnd;
use swell_core::plain::line;
use swell_core::record::Percentile;
use swell_core::run::doing_in_words;
use swell_core::units::{counted, grouped, print_share};

use super::words::{SHOWN_TEXTS, bounded, per_second, time};
use crate::report::{Report, SearchReport};

pub(super) fn search(f: &mut Formatter<'_>, report: &Report) -> Result {
    let Some(search) = &report.search else { return Ok(()) };
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
    writeln!(f, "\n  {}", headline(search))?;
    for line in [held, broken].into_iter().flatten() {
        writeln!(f, "    {line}")?;
    }
    if search.end == SearchEnd::Budget {
        writeln!(f, "    the time was over after {}", counted(u64::from(search.trials), "trial"))?;
    }
    Ok(())
}

pub(super) fn confidence(f: &mut Formatter<'_>, report: &Report) -> Result {
    let Some(confidence) =
        report.confidence.as_ref().filter(|confidence| !confidence.response_ms.is_empty())
    else {
        return Ok(());
    };
    let shown = [Percentile::P50, Percentile::P95, Percentile::P99]
        .into_iter()
        .filter_map(|percentile| Some((percentile, confidence.response_ms.get(&percentile)?)));
    let intervals: Vec<String> = shown
        .map(|(percentile, [from, until])| {
            format!(
                "{} {} to {}",
                percentile.name(),
                time(Some(*from)),
                bounded(Some(*until), confidence.at_least.contains(&percentile))
            )
        })
        .collect();
    let (worth, all) = (
        grouped(confidence.effective_samples.round() as u64),
        report.measured.transactions.response_ms.count,
    );
    writeln!(
        f,
        "\n    response time, 95 % sure: {}; {} worth {worth} independent ones",
        intervals.join(", "),
        counted(all, "sample")
    )
}

pub(super) fn limits(f: &mut Formatter<'_>, report: &Report) -> Result {
    for limit in report.limits.iter().take(SHOWN_TEXTS) {
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

pub(super) fn hosts(f: &mut Formatter<'_>, report: &Report) -> Result {
    for host in &report.hosts {
        let share = print_share(host.share);
        let lag = time(host.host_lag_p99_ms);
        write!(
            f,
            "  host {:<16} {share:>6} of the starts, {} started, {}",
            line(&host.name),
            grouped(host.started),
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

pub(super) fn control(f: &mut Formatter<'_>, report: &Report) -> Result {
    let Some(control) = &report.control else { return Ok(()) };
    let by = control
        .limited_by
        .as_ref()
        .map_or_else(|| ", as asked".to_owned(), |rule| format!(", held down by {}", line(rule)));
    writeln!(f, "\n  control      goal {}/s at the end{by}", per_second(control.goal_per_second))?;
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
            doing_in_words(objective.state)
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

/// What a search came to, in a line.
fn headline(search: &SearchReport) -> String {
    match (search.end, search.held_per_second, search.broken_per_second) {
        (SearchEnd::NoRate, ..) => {
            "no rate holds what is asked for: look at the service's answers below, or ask for less"
                .to_owned()
        }
        (SearchEnd::Generator, ..) => {
            "the load generator is the limit: give it more or quieter cores, or share the load \
            with another host"
                .to_owned()
        }
        (SearchEnd::Most, Some(held), _) => {
            format!("the service holds {} and may hold more: raise --tps", rate(held))
        }
        (SearchEnd::Stopped, None, _) | (SearchEnd::Stopped, _, None) => {
            "stopped before anything was found".to_owned()
        }
        (SearchEnd::Narrow | SearchEnd::Budget | SearchEnd::Stopped, Some(held), Some(broken)) => {
            format!("the limit lies between {} and {}", rate(held), rate(broken))
        }
        (SearchEnd::Narrow | SearchEnd::Budget, _, None)
        | (SearchEnd::Narrow | SearchEnd::Budget | SearchEnd::Most, None, _) => {
            "the time was over before anything was found: raise --budget".to_owned()
        }
    }
}

fn rate(rate: f64) -> String {
    format!("{}/s", per_second(rate))
}
