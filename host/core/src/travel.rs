//! What is measured on one node and read on another: few bytes, and nothing accepted that nobody
//! could have measured.
//!
//! The sender may be broken or hostile. So each type checks, while it is read, what its own methods
//! and its merges rely on; most of these rules stand here. A snapshot that was read is then as good
//! as one of our own, and nobody checks it again. It may still lie.
//!
//! ## Why a bound to every count
//! Sums are taken in 64 bits without a check for overflow. As each snapshot has at most
//! `MAX_COUNT`, a million snapshots cannot overflow a sum, and neither can the sums of a few such
//! sums of which a report is made.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The most things of one sort that a snapshot may have counted: a million a second for twelve
/// days. A snapshot that travels is about half a second.
pub(crate) const MAX_COUNT: u64 = 1 << 40;
/// The most bytes that a snapshot may have counted: twelve minutes of 100 Gbit/s. A million times
/// as many still fit into 64 bits.
pub(crate) const MAX_BYTES: u64 = 1 << 43;

/// Why what was sent is not accepted.
#[derive(Clone, Debug, PartialEq, Error)]
pub(crate) enum Refused {
    #[error("a count of {0}: more than a snapshot can hold")]
    Count(u64),
    #[error("{0} is no measurement")]
    NotMeasured(f64),
    #[error("more than {0} different ones")]
    Number(usize),
    #[error("a text of {0} bytes")]
    Length(usize),
    #[error("keys that come twice, or not in their order")]
    Order,
    #[error("a row that counted nothing")]
    Empty,
    #[error("buckets that do not exist, or that end in the middle of one")]
    Buckets,
    #[error("figures that no samples can have")]
    Samples,
}

/// Refuses a count above [`MAX_COUNT`].
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    at_most(deserializer, MAX_COUNT)
}

/// Refuses a number of bytes above [`MAX_BYTES`].
pub(crate) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    at_most(deserializer, MAX_BYTES)
}

fn at_most<'de, D: Deserializer<'de>>(deserializer: D, most: u64) -> Result<u64, D::Error> {
    let count = u64::deserialize(deserializer)?;
    if count <= most { Ok(count) } else { Err(D::Error::custom(Refused::Count(count))) }
}

/// Refuses counts that are together more than [`MAX_COUNT`].
pub(crate) fn total(counts: impl IntoIterator<Item = u64>) -> Result<u64, Refused> {
    let total = counts.into_iter().fold(0, u64::saturating_add);
    if total <= MAX_COUNT { Ok(total) } else { Err(Refused::Count(total)) }
}

/// Refuses a text that is longer than `most` bytes.
pub(crate) const fn length(text: &str, most: usize) -> Result<(), Refused> {
    if text.len() <= most { Ok(()) } else { Err(Refused::Length(text.len())) }
}

/// Writes a text that several owners share.
pub(crate) fn text<S: Serializer>(
    text: &impl AsRef<str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.as_ref())
}

/// Writes a list that several owners share.
pub(crate) fn list<T: Serialize, S: Serializer>(
    list: &impl AsRef<[T]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.as_ref())
}

/// Reads a number of seconds that a machine has measured: not below zero, and not infinite.
///
/// # Errors
/// It is not.
pub fn measured<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(D::Error::custom(Refused::NotMeasured(number)))
    }
}

/// A sequence of which no more than `MAX` are read. What is read may take a thousand times the
/// memory of its bytes, so the check must not come after reading all of it.
pub(crate) struct AtMost<T, const MAX: usize>(pub(crate) Vec<T>);

/// The same as a plain list, for a field.
///
/// # Errors
/// There are more than `MAX`, or one cannot be read.
pub fn list_of<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    AtMost::<T, MAX>::deserialize(deserializer).map(|all| all.0)
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for AtMost<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AtMostVisitor(PhantomData))
    }
}

struct AtMostVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for AtMostVisitor<T, MAX> {
    type Value = AtMost<T, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = seq.next_element()? {
            if all.len() == MAX {
                return Err(A::Error::custom(Refused::Number(MAX)));
            }
            all.push(element);
        }
        Ok(AtMost(all))
    }
}

/// Counts of numbered buckets, of which most are empty.
///
/// Each bucket that has a count is written as its distance from the one before it and its count,
/// both as Elias gamma codes (P. Elias, *Universal Codeword Sets and Representations of the
/// Integers*, 1975): as many zeros as the number has binary digits after its first, then these
/// digits. A one takes one bit, a two or three take three. The samples of half a second fall into
/// buckets near to each other, a few into each, and take five bits a bucket, a third of what pairs
/// of bytes take. The last byte is filled up with zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sparse(Vec<u8>);

impl Sparse {
    /// Packs counts above zero, in the order of their buckets.
    pub(crate) fn pack(counts: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let mut bits = BitWriter::default();
        let mut next = 0;
        for (bucket, count) in counts {
            bits.write(u64::from(bucket) - next + 1);
            bits.write(count);
            next = u64::from(bucket) + 1;
        }
        Self(bits.bytes)
    }

    /// The counts above zero, in the order of their buckets, each bucket below `buckets`.
    /// [`MAX_COUNT`] times that number must fit into 64 bits.
    pub(crate) fn unpack(&self, buckets: usize) -> Result<Vec<(u32, u64)>, Refused> {
        let mut bits = BitReader { bytes: &self.0, at: 0 };
        // Each takes about five bits.
        let (mut counts, mut next) = (Vec::with_capacity(self.0.len() * 8 / 5), 0_u64);
        while let Some(distance) = bits.read()? {
            let bucket = next
                .checked_add(distance - 1)
                .filter(|&bucket| bucket < buckets as u64)
                .ok_or(Refused::Buckets)?;
            let count = bits.read()?.ok_or(Refused::Buckets)?;
            if count > MAX_COUNT {
                return Err(Refused::Count(count));
            }
            counts.push((u32::try_from(bucket).map_err(|_| Refused::Buckets)?, count));
            next = bucket + 1;
        }
        Ok(counts)
    }
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    written: usize,
}

impl BitWriter {
    /// # Panics
    /// With zero, which has no code.
    fn write(&mut self, number: u64) {
        let digits = number.ilog2();
        (0..digits).for_each(|_| self.push(0));
        (0..=digits).rev().for_each(|digit| self.push((number >> digit) as u8 & 1));
    }

    fn push(&mut self, bit: u8) {
        let place = self.written % 8;
        if place == 0 {
            self.bytes.push(0);
        }
        *self.bytes.last_mut().expect("one was pushed if there was none") |= bit << (7 - place);
        self.written += 1;
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    /// The next number, above zero; `None` where only the zeros at the end are left.
    fn read(&mut self) -> Result<Option<u64>, Refused> {
        let rest = &self.bytes[self.at / 8..];
        let left = rest.len() * 8 - self.at % 8;
        // The codes of all numbers up to `MAX_COUNT`, and of many more, lie within these 121 bits.
        let next = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            last
        });
        let bits = u128::from_be_bytes(next) << (self.at % 8);
        if bits == 0 && left < 8 {
            return Ok(None);
        }
        let length = bits.leading_zeros() as usize * 2 + 1;
        if length > left.min(121) {
            return Err(Refused::Buckets);
        }
        self.at += length;
        u64::try_from(bits >> (128 - length)).map(Some).map_err(|_| Refused::Buckets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_are_unpacked_as_they_were_packed(
            counts in prop::collection::btree_map(0_u32..30_000, 1..=MAX_COUNT, 0..300),
        ) {
            let counts: Vec<(u32, u64)> = counts.into_iter().collect();
            prop_assert_eq!(Sparse::pack(counts.iter().copied()).unpack(30_000), Ok(counts));
        }

        #[test]
        fn whatever_bits_come_are_counts_in_order_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(counts) = Sparse(bytes).unpack(2_000) {
                prop_assert!(counts.is_sorted_by(|before, after| before.0 < after.0));
                prop_assert!(counts.iter().all(|(bucket, _)| *bucket < 2_000));
                prop_assert!(counts.iter().all(|(_, count)| (1..=MAX_COUNT).contains(count)));
            }
        }
    }

    #[test]
    fn neighbouring_buckets_with_one_sample_take_two_bits_each() {
        assert_eq!(Sparse::pack((0..400).map(|bucket| (bucket, 1))).0.len(), 100);
        assert_eq!(Sparse::pack([]).unpack(0), Ok(vec![]));
    }

    #[test]
    fn buckets_that_cannot_be_are_refused() {
        let packed = |bucket, count| Sparse::pack([(bucket, count)]);
        assert_eq!(packed(9, 1).unpack(10), Ok(vec![(9, 1)]));
        assert_eq!(packed(10, 1).unpack(10), Err(Refused::Buckets));
        assert_eq!(packed(9, MAX_COUNT).unpack(10), Ok(vec![(9, MAX_COUNT)]));
        assert_eq!(packed(9, MAX_COUNT + 1).unpack(10), Err(Refused::Count(MAX_COUNT + 1)));
        // A distance without a count, one of 2⁶⁴ − 1 after another bucket, 64 zeros and more, a
        // whole byte of filling.
        let distance = |numbers: &[u64]| {
            let mut bits = BitWriter::default();
            numbers.iter().for_each(|&number| bits.write(number));
            Sparse(bits.bytes)
        };
        for wrong in [
            distance(&[1]),
            distance(&[1, 1, u64::MAX, 1]),
            Sparse(vec![0, 0, 0, 0, 0, 0, 0, 0, 0xff]),
            Sparse(vec![0]),
        ] {
            assert_eq!(wrong.unpack(10), Err(Refused::Buckets), "{wrong:?}");
        }
    }

    #[test]
    fn what_no_machine_can_measure_is_refused() {
        let read = |number: f64| {
            let bytes = postcard::to_stdvec(&number).unwrap();
            measured(&mut postcard::Deserializer::from_bytes(&bytes)).ok()
        };
        assert_eq!([0.0, 1.5].map(read), [Some(0.0), Some(1.5)]);
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(read), [None, None, None]);
    }

    #[test]
    fn no_more_are_read_than_there_may_be() {
        let read =
            |bytes: &[u8]| postcard::from_bytes::<AtMost<u8, 3>>(bytes).map(|all| all.0).ok();
        assert_eq!(read(&[3, 7, 8, 9]), Some(vec![7, 8, 9]));
        assert_eq!(read(&[4, 7, 8, 9, 10]), None);
        assert_eq!(read(&[3, 7, 8]), None);
    }
}
