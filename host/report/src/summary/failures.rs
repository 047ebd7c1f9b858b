//! What failed in a run and why, for people.

use std::collections::BTreeMap;

use swell_core::plain::line;
use swell_core::units::{counted, grouped};

use super::words::{REST, SHOWN_TEXTS};
use crate::report::Report;
use crate::sheet::{Piece, Sheet, Tone};

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

/// The most frequent ones first.
pub(super) fn failures(sheet: &mut Sheet, report: &Report) {
    let mut all = all_failures(report);
    if all.is_empty() {
        return;
    }
    all.sort_by(|a, b| b.cmp(a));
    sheet.blank();
    sheet.say(2, [Tone::Title.of("failures")]);
    for (count, text) in all.iter().take(SHOWN_TEXTS) {
        sheet.say(
            4,
            [Tone::Bad.of(format!("{} x ", grouped(*count))), Piece::from(line(text).to_string())],
        );
    }
    if let Some(more @ 1..) = all.len().checked_sub(SHOWN_TEXTS) {
        sheet.say(4, [format!("and {} {REST}", counted(more as u64, "more kind"))]);
    }
}
