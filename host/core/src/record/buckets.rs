//! The buckets of a histogram: which times share one.

/// The longest time that has a bucket of its own; longer ones are counted in the last. Nothing
/// waits longer under the default timeouts.
pub(super) const MAX_NS: u64 = 3_600_000_000_000;

/// How the buckets are laid out: as HdrHistogram lays out those from 1 µs up to there with three
/// significant digits. These are the bits of a nanosecond that are not told apart at all, and those
/// of a number that tell the buckets of one doubling apart.
const UNIT_BITS: u32 = 9;
const FINE_BITS: u32 = 10;
/// How many buckets there are: up to the end of the doubling that holds the highest bound.
pub(super) const BUCKETS: usize = ((bucket_of(MAX_NS) >> FINE_BITS) as usize + 1) << FINE_BITS;

/// The number of the bucket in which a time is counted: for one beyond all buckets that of the
/// highest bound.
pub(super) const fn counted_in(ns: u64) -> u32 {
    let bucket = bucket_of(ns);
    if (bucket as usize) < BUCKETS { bucket } else { bucket_of(MAX_NS) }
}

/// The number of the bucket for a time, from the first one on: 2,048 buckets of 512 ns, then 1,024
/// for each doubling.
pub(super) const fn bucket_of(ns: u64) -> u32 {
    let units = ns >> UNIT_BITS;
    let doublings = (u64::BITS - units.leading_zeros()).saturating_sub(FINE_BITS + 1);
    (doublings << FINE_BITS) + (units >> doublings) as u32
}

/// The shortest time in the bucket with this number, which must exist.
pub(super) const fn shortest_in(bucket: u32) -> u64 {
    let doublings = (bucket >> FINE_BITS).saturating_sub(1);
    ((bucket - (doublings << FINE_BITS)) as u64) << (doublings + UNIT_BITS)
}

/// The longest time in the bucket with this number, which must exist.
pub(super) const fn longest_in(bucket: u32) -> u64 {
    shortest_in(bucket + 1) - 1
}
