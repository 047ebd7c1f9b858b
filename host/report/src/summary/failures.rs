//! What failed in a run and why, for people.

use std::collections::BTreeMap;
use std::fmt::{Formatter, Result};

use swell_core::plain::line;
use swell_core::units::{counted, grouped};

use super::words::SHOWN_TEXTS;
use crate::report::Report;

/// What failed and why, with how often.
pub(super) fn all_failures(report: &Report) -> Vec<(u64, String)> {
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

pub(super) fn failures(f: &mut Formatter<'_>, report: &Report) -> Result {
    let mut all = all_failures(report);
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by(|a, b| b.cmp(a));
    writeln!(f, "\n  failures")?;
    for (count, text) in all.iter().take(SHOWN_TEXTS) {
        writeln!(f, "    {} x {}", grouped(*count), line(text))?;
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
