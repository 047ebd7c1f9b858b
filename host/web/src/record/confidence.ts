// How sure the percentiles of a stretch are, as `host/core/src/record/confidence.rs` reckons it
// for whole runs: neighbouring samples resemble each other, so they are worth fewer independent
// ones, and the interval is that of the order statistics by so many.

import type { Channel } from "./channel";
import type { Distribution } from "./distribution";

const MAX_BATCHES = 30;
const MIN_BATCHES = 10;
/** Standard deviations to each side for 95 %. */
const Z = 1.96;

/** How many independent samples a stretch is worth; nothing where it is too short to tell. */
export function effectiveSamples(
  channel: Channel,
  from: number,
  until: number,
  all: Distribution,
): number | null {
  const size = Math.max(1, Math.ceil((until - from) / MAX_BATCHES));
  const batches: { count: number; sum: number }[] = [];
  for (let begin = from; begin + size <= until; begin += size) {
    let [count, sum] = [0, 0];
    for (let frame = begin; frame < begin + size; frame++) {
      count += channel.samplesOf(frame);
      sum += channel.sumOf(frame);
    }
    if (count > 0) batches.push({ count, sum });
  }
  const variance = all.variance;
  if (variance === null || batches.length < MIN_BATCHES) return null;
  if (variance <= 0) return all.count;
  const average = (of: (batch: { count: number; sum: number }) => number) =>
    batches.reduce((sum, batch) => sum + of(batch), 0) / batches.length;
  const mean = average(({ count, sum }) => sum / count);
  const spread = average(({ count, sum }) => (sum / count - mean) ** 2);
  const between = (spread * batches.length) / (batches.length - 1);
  return all.count / Math.max(1, (average(({ count }) => count) * between) / variance);
}

/** Where percentiles, which ascend, lie to 95 %, in nanoseconds; nothing where that leaves what was
 * seen. */
export function intervals(
  all: Distribution,
  percents: readonly number[],
  effective: number,
): ([number, number] | null)[] {
  const ends = percents.map((percent) => {
    const part = percent / 100;
    const half = Z * Math.sqrt((part * (1 - part)) / effective);
    const [from, until] = [part - half, part + half];
    const isSeen = from * effective >= 1 && (1 - until) * effective >= 1;
    return isSeen ? [from * 100, until * 100] : null;
  });
  const wanted = ends.flatMap((end) => end ?? []).sort((one, other) => one - other);
  const at = new Map(all.seen(wanted).map((ns, index) => [wanted[index], ns]));
  return ends.map((end) => end && [at.get(end[0]) ?? 0, at.get(end[1]) ?? 0]);
}
