// The buckets of a histogram: which times share one. The layout is that of
// `host/core/src/record/buckets.rs`: 2,048 buckets of 512 ns, then 1,024 for each doubling.

const UNIT_BITS = 9;
const FINE_BITS = 10;

/** How many buckets there are: up to an hour and somewhat more. */
export const BUCKETS = 24_576;

/** The shortest time in the bucket with this number, in nanoseconds. */
export function shortestIn(bucket: number): number {
  const doublings = Math.max(0, (bucket >> FINE_BITS) - 1);
  return (bucket - doublings * 2 ** FINE_BITS) * 2 ** (doublings + UNIT_BITS);
}

/** The longest time in the bucket with this number, in nanoseconds. */
export function longestIn(bucket: number): number {
  return shortestIn(bucket + 1) - 1;
}

/** The number of the bucket for a time in nanoseconds; what is too long for all is in the last. */
export function bucketOf(ns: number): number {
  const units = Math.min(Math.floor(ns / 2 ** UNIT_BITS), 2 ** 34);
  // Of numbers of more than 32 bits the leading ones are found by their upper bits.
  const doublings = Math.max(0, 31 - Math.clz32(units / 16) + 4 - FINE_BITS);
  return Math.min((doublings << FINE_BITS) + Math.floor(units / 2 ** doublings), BUCKETS - 1);
}
