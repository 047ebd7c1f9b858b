//! Counts by a key or a name: statuses, error classes, what failed transactions said, rows by name.
//!
//! Clearing keeps keys with a count of zero, so that a window counts without allocating what the
//! window before it saw. A count of zero does not show.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::event::Cause;
use super::names::{MAX_NAME_LEN, MAX_NAMES, OTHER};
use super::sum::{Summand as _, sums};
use crate::exchange::ErrorClass;
use crate::travel::{self, AtMost, Refused};

/// How often each key was seen.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "SentCounts<K>", bound(deserialize = "K: Ord + Deserialize<'de>"))]
pub struct Counts<K>(BTreeMap<K, u64>);

impl<K: Ord + Copy> Counts<K> {
    /// Counts a key `n` times.
    pub fn add(&mut self, key: K, n: u64) {
        *self.0.entry(key).or_default() += n;
    }

    /// How often `key` was seen.
    pub fn of(&self, key: K) -> u64 {
        self.0.get(&key).copied().unwrap_or(0)
    }

    /// The keys that were seen, in order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.0.iter().filter(|(_, count)| **count > 0).map(|(key, count)| (*key, *count))
    }

    /// How many were counted in all.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.add(key, count);
        }
    }

    /// Sets all counts to zero and keeps the memory.
    pub fn clear(&mut self) {
        self.0.values_mut().for_each(|count| *count = 0);
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy> PartialEq for Counts<K> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Ord + Copy + Serialize> Serialize for Counts<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<Vec<_>>().serialize(serializer)
    }
}

/// Counts as they were sent.
#[derive(Deserialize)]
struct SentCounts<K>(Vec<(K, u64)>);

impl<K: Ord> TryFrom<SentCounts<K>> for Counts<K> {
    type Error = Refused;

    fn try_from(SentCounts(counts): SentCounts<K>) -> Result<Self, Refused> {
        in_order(&counts)?;
        Ok(Self(counts.into_iter().collect()))
    }
}

/// Refuses keys that do not ascend, and counts that are too large.
fn in_order<K: Ord>(counts: &[(K, u64)]) -> Result<(), Refused> {
    if !counts.is_sorted_by(|before, after| before.0 < after.0) {
        return Err(Refused::Order);
    }
    travel::total(counts.iter().map(|(_, count)| *count)).map(|_| ())
}

/// How often each text was seen. Texts come from scenarios, so their number and length are bounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SentTexts")]
pub struct Texts {
    counts: BTreeMap<Box<str>, u64>,
    /// Texts that came after [`Texts::MAX`] different ones: their number, without the texts.
    pub other: u64,
}

impl Texts {
    /// How many different texts are told apart: more than anybody reads, few enough for a window of
    /// each thread.
    pub const MAX: usize = 200;
    /// How many bytes of a text are kept: a line on a wide terminal.
    pub const MAX_BYTES: usize = 200;

    /// Counts a text. Allocates when it is seen for the first time.
    pub fn add(&mut self, text: &str, n: u64) {
        let text = &text[..text.floor_char_boundary(Self::MAX_BYTES)];
        if let Some(count) = self.counts.get_mut(text) {
            *count += n;
        } else if self.counts.len() < Self::MAX {
            self.counts.insert(text.into(), n);
        } else {
            self.other += n;
        }
    }

    /// The texts, in alphabetical order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(text, count)| (&**text, *count))
    }

    /// How many were counted in all.
    pub fn total(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.other
    }

    /// Adds the counts of `other`. The total is always exact; which texts are told apart depends on
    /// the order once there are too many.
    pub fn merge(&mut self, other: &Self) {
        let Self { counts, other } = other;
        counts.iter().for_each(|(text, count)| self.add(text, *count));
        self.other += other;
    }

    /// Leaves out the texts themselves: all are counted together.
    pub fn leave_out(&mut self) {
        self.other = self.total();
        self.counts.clear();
    }

    /// Forgets all texts.
    pub fn clear(&mut self) {
        let Self { counts, other } = self;
        counts.clear();
        *other = 0;
    }
}

/// Texts as they were sent.
#[derive(Deserialize)]
struct SentTexts {
    counts: AtMost<(Box<str>, u64), { Texts::MAX }>,
    #[serde(deserialize_with = "travel::count")]
    other: u64,
}

impl TryFrom<SentTexts> for Texts {
    type Error = Refused;

    fn try_from(SentTexts { counts: AtMost(counts), other }: SentTexts) -> Result<Self, Refused> {
        in_order(&counts)?;
        counts.iter().try_for_each(|(text, _)| travel::length(text, Self::MAX_BYTES))?;
        Ok(Self { counts: counts.into_iter().collect(), other })
    }
}

/// Why transactions failed, counted by class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Causes {
    /// By a status that was not expected.
    pub statuses: Counts<u16>,
    /// By a request that had no answer.
    pub requests: Counts<ErrorClass>,
    /// By a status of gRPC that was not expected.
    pub grpc: Counts<u16>,
    /// By what the scenario said.
    pub said: Texts,
    /// By the text of the trap that cut the user off.
    pub traps: Texts,
    /// Transactions that were still open when their iteration returned.
    #[serde(deserialize_with = "travel::count")]
    pub not_ended: u64,
}

impl Causes {
    pub(super) fn add(&mut self, cause: &Cause<'_>) {
        match *cause {
            Cause::Status(status) => self.statuses.add(status, 1),
            Cause::Request(class) => self.requests.add(class, 1),
            Cause::Grpc(code) => self.grpc.add(code, 1),
            Cause::Said(text) => self.said.add(text, 1),
            Cause::Trap(text) => self.traps.add(text, 1),
            Cause::NotEnded => self.not_ended += 1,
        }
    }

    /// How many failures were counted in all.
    pub fn total(&self) -> u64 {
        self.statuses.total()
            + self.requests.total()
            + self.grpc.total()
            + self.said.total()
            + self.traps.total()
            + self.not_ended
    }
}

sums! { Causes { statuses, requests, grpc, said, traps, not_ended } }

/// What a row of [`NamedRows`] can do.
pub trait NamedRow: Clone {
    /// Adds what `other` counted.
    fn merge(&mut self, other: &Self);
    /// Forgets everything counted and keeps the memory.
    fn clear(&mut self);
    /// Whether nothing was counted.
    fn is_empty(&self) -> bool;
}

/// Rows by name. They can be merged even if threads met the names in different orders.
///
/// There are at most [`MAX_NAMES`](super::MAX_NAMES) names, over all threads and nodes; further
/// names are counted as "other".
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "SentRows<T>", bound(deserialize = "T: NamedRow + Deserialize<'de>"))]
pub struct NamedRows<T> {
    rows: Vec<(Arc<str>, T)>,
    places: BTreeMap<Arc<str>, usize>,
}

impl<T: NamedRow> NamedRows<T> {
    /// The rows in which anything was counted, in the order in which their names were first met.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.rows.iter().filter(|(_, row)| !row.is_empty()).map(|(name, row)| (&**name, row))
    }

    /// The row with this name, if anything was counted in it.
    pub fn row(&self, name: &str) -> Option<&T> {
        self.places.get(name).map(|&place| &self.rows[place].1).filter(|row| !row.is_empty())
    }

    /// Adds the rows of `other`, name by name. Which names are told apart depends on the order once
    /// there are too many.
    pub fn merge(&mut self, other: &Self) {
        for (name, row) in other.rows.iter().filter(|(_, row)| !row.is_empty()) {
            let is_told_apart = self.rows.len() < MAX_NAMES || self.places.contains_key(name);
            let name = if is_told_apart { Arc::clone(name) } else { OTHER.into() };
            match self.places.get(&name) {
                Some(&place) => self.rows[place].1.merge(row),
                None => _ = self.append(name, row.clone()),
            }
        }
    }

    /// Changes each row.
    pub(super) fn change(&mut self, change: impl FnMut(&mut T)) {
        self.rows.iter_mut().map(|(_, row)| row).for_each(change);
    }

    /// Forgets everything counted, and keeps names and memory.
    pub fn clear(&mut self) {
        self.rows.iter_mut().for_each(|(_, row)| row.clear());
    }

    /// The row at a place that [`NamedRows::align`] or [`NamedRows::place_or_other`] returned.
    pub(super) fn at(&mut self, place: usize) -> &mut T {
        &mut self.rows[place].1
    }

    /// The place of the row with this name, whether anything was counted in it or not.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

impl<T: NamedRow + Default> NamedRows<T> {
    /// The place of the row with this name, which is made if it does not exist; the place of the
    /// row `other` when there are `most` names already.
    pub(super) fn place_or_other(&mut self, name: &str, most: usize, other: &str) -> usize {
        let name =
            if self.rows.len() < most || self.places.contains_key(name) { name } else { other };
        match self.places.get(name) {
            Some(&place) => place,
            None => self.append(name.into(), T::default()),
        }
    }

    /// Makes the place of each row the place of its name in `names`, and adds rows for new names.
    /// Rows of other names are dropped.
    pub(super) fn align(&mut self, names: &[Arc<str>]) {
        let known = self.rows.len();
        if known > names.len()
            || !self.rows.iter().zip(names).all(|((mine, _), theirs)| mine == theirs)
        {
            let mut old: BTreeMap<Arc<str>, T> = self.rows.drain(..).collect();
            self.places.clear();
            for name in names {
                let row = old.remove(name).unwrap_or_default();
                self.append(Arc::clone(name), row);
            }
            return;
        }
        for name in &names[known..] {
            self.append(Arc::clone(name), T::default());
        }
    }
}

impl<T> NamedRows<T> {
    fn append(&mut self, name: Arc<str>, row: T) -> usize {
        let place = self.rows.len();
        self.places.insert(Arc::clone(&name), place);
        self.rows.push((name, row));
        place
    }
}

impl<T> Default for NamedRows<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T: NamedRow + PartialEq> PartialEq for NamedRows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().count() == other.iter().count()
            && self.iter().all(|(name, row)| other.row(name) == Some(row))
    }
}

/// The rows as they were sent, with the row of other names.
type SentRows<T> = AtMost<(Box<str>, T), { MAX_NAMES + 1 }>;

impl<T: NamedRow + Serialize> Serialize for NamedRows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<Vec<_>>().serialize(serializer)
    }
}

impl<T: NamedRow> TryFrom<SentRows<T>> for NamedRows<T> {
    type Error = Refused;

    fn try_from(AtMost(rows): SentRows<T>) -> Result<Self, Refused> {
        let mut table = Self::default();
        for (name, row) in rows {
            travel::length(&name, MAX_NAME_LEN)?;
            if table.places.contains_key(&*name) {
                return Err(Refused::Order);
            }
            if row.is_empty() {
                return Err(Refused::Empty);
            }
            table.append(name.into(), row);
        }
        Ok(table)
    }
}
