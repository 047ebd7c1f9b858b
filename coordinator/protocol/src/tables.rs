//! Which slots belong to which node over a run: the tables in force and to come, and those of the
//! past that still say what a silent node may have started.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use swell_core::schedule::{Owner, ShareTable};

use crate::clock::LocalInstant;

/// How long a table is kept for nodes that follow an older one: their clocks of the run may drift
/// apart by as much.
const KEPT: Duration = Duration::from_secs(15);
/// How many tables nodes are told of because one node was away and has not said what became of its
/// slots.
const MAX_TABLES: usize = 32;
/// How many past tables are kept for counts that never arrived. If there are more, nobody knows how
/// much may have been started.
const MAX_PAST_TABLES: usize = 10_000;

/// See the module's documentation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tables {
    /// Tables in force and to come, earliest first, with when each was made.
    current: Vec<(ShareTable, LocalInstant)>,
    /// Tables that are over, earliest first.
    past: VecDeque<ShareTable>,
}

impl Tables {
    /// Puts a table in force from its first slot on, which is not before the first slot of any
    /// other.
    pub(crate) fn append(&mut self, now: LocalInstant, table: ShareTable) {
        self.current.push((table, now));
    }

    /// From slot `from` on deals the lanes of a node out to the others, also in the tables to come.
    pub(crate) fn remove(
        &mut self,
        now: LocalInstant,
        owner: Owner,
        from: u64,
        weights: &[(Owner, f64)],
    ) {
        let later = self.current.partition_point(|(table, _)| table.from < from);
        let to_come = self.current.split_off(later);
        let in_force = self.current.last().map(|(table, _)| table.without(from, owner, weights));
        // A table that begins at the same slot replaces the one that would be in force there.
        let in_force =
            in_force.filter(|_| to_come.first().is_none_or(|(table, _)| table.from > from));
        let after = in_force
            .into_iter()
            .chain(to_come.iter().map(|(table, _)| table.without(table.from, owner, weights)));
        let after: Vec<ShareTable> = after.collect();
        self.current.extend(after.into_iter().map(|table| (table, now)));
    }

    /// Drops tables that no node can need any more: `here` is the slot that is due now, `reached`
    /// the slot below which every node has said what it did.
    pub(crate) fn forget(&mut self, now: LocalInstant, here: u64, reached: u64) {
        let is_needed = |next: &(ShareTable, LocalInstant), left: usize| {
            next.0.from > reached && left <= MAX_TABLES
        };
        let is_over =
            |next: &(ShareTable, LocalInstant)| next.0.from <= here && now.since(next.1) > KEPT;
        let count = self.current.len();
        let next = self.current.iter().skip(1).enumerate();
        let over = next
            .take_while(|&(index, next)| is_over(next) && !is_needed(next, count - index))
            .count();
        self.past.extend(self.current.drain(..over).map(|(table, _)| table));
        let first = self.current.first().map_or(0, |(table, _)| table.from);
        while self.past.get(1).map_or(first, |next| next.from) <= reached
            && self.past.pop_front().is_some()
        {}
        self.past.truncate(MAX_PAST_TABLES);
    }

    /// The tables in force and to come.
    pub(crate) fn current(&self) -> impl Iterator<Item = &ShareTable> {
        self.current.iter().map(|(table, _)| table)
    }

    /// The table that will be in force last.
    pub(crate) fn last(&self) -> Option<&ShareTable> {
        self.current.last().map(|(table, _)| table)
    }

    /// How many of the slots from `from` up to `until` are, or were, a node's; `None` where the
    /// tables for that were dropped.
    pub(crate) fn count(&self, owner: Owner, from: u64, until: u64) -> Option<u64> {
        let tables = || self.past.iter().chain(self.current());
        let ends = tables().skip(1).map(|table| table.from).chain([u64::MAX]);
        let parts = tables()
            .zip(ends)
            .map(|(table, end)| table.count(owner, from.max(table.from), until.min(end)));
        (self.past.len() < MAX_PAST_TABLES).then(|| parts.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHTS: [(Owner, f64); 3] = [(0, 1.0), (1, 1.0), (2, 1.0)];

    const fn second(seconds: u64) -> LocalInstant {
        LocalInstant::from_nanos(seconds * 1_000_000_000)
    }

    fn tables() -> Tables {
        let mut tables = Tables::default();
        tables.append(second(0), ShareTable::of_weights(0, &WEIGHTS[..2]));
        tables.append(second(1), ShareTable::of_weights(1_000, &WEIGHTS));
        tables
    }

    #[test]
    fn who_is_lost_is_in_no_table_that_is_to_come() {
        for (from, expected) in
            [(500, vec![0, 500, 1_000]), (1_000, vec![0, 1_000]), (1_500, vec![0, 1_000, 1_500])]
        {
            let mut tables = tables();
            tables.remove(second(2), 1, from, &WEIGHTS);
            assert_eq!(tables.current().map(|table| table.from).collect::<Vec<_>>(), expected);
            assert_eq!(tables.last().unwrap().share(1), 0.0);
            let kept = tables.count(1, 0, from).unwrap() as f64;
            assert!(
                (kept - (from.min(1_000) as f64 / 2.0 + from.saturating_sub(1_000) as f64 / 3.0))
                    .abs()
                    < 2.0,
                "{from}: {kept}"
            );
            assert_eq!(tables.count(1, from, 100_000), Some(0));
        }
    }

    #[test]
    fn what_is_over_is_kept_for_those_who_have_not_told_what_they_did() {
        let mut tables = tables();
        tables.forget(second(10), 2_000, 0);
        assert_eq!(tables.current().count(), 2, "a clock may be behind");
        tables.forget(second(20), 2_000, 400);
        assert_eq!(
            (tables.current().count(), tables.count(0, 400, 1_000)),
            (2, Some(300)),
            "one who is back looks its own slots up"
        );
        (2..40).for_each(|table| {
            tables.append(second(20), ShareTable::of_weights(table * 1_000, &WEIGHTS))
        });
        tables.forget(second(60), 50_000, 400);
        assert_eq!(
            (tables.current().count(), tables.count(0, 400, 1_000)),
            (MAX_TABLES, Some(300))
        );
        tables.forget(second(60), 50_000, 40_000);
        assert_eq!(
            (tables.current().count(), tables.past.len(), tables.count(0, 400, 1_000)),
            (1, 0, Some(0))
        );
    }
}
