//! The buckets of a histogram: which times share one.

/// The longest time that has a bucket of its own; longer times are counted in the last bucket.
/// Nothing waits longer under the default timeouts.
pub(super) const MAX_NS: u64 = 3_600_000_000_000;

/// The layout of the buckets: as HdrHistogram lays them out from 1 µs up to that time with three
/// significant digits. `UNIT_BITS` are the bits of a nanosecond that are not told apart at all,
/// `FINE_BITS` the bits that tell the buckets of one doubling apart.
const UNIT_BITS: u32 = 9;
const FINE_BITS: u32 = 10;
/// How many buckets there are: up to the end of the doubling that holds the highest bound.
pub(super) const BUCKETS: usize = ((bucket_of(MAX_NS) >> FINE_BITS) as usize + 1) << FINE_BITS;

/// The number of the bucket in which a time is counted. A time beyond all buckets is counted in the
/// bucket of the longest time.
pub(super) const fn counted_in(ns: u64) -> u32 {
    let bucket = bucket_of(ns);
    if (bucket as usize) < BUCKETS { bucket } else { bucket_of(MAX_NS) }
}

/// The number of the bucket for a time. The first 2,048 buckets are 512 ns wide; then each doubling
/// has 1,024.
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
