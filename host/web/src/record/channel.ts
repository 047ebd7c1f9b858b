// One kind of time over a whole run: the histograms of all its frames, and the sum of any stretch.
//
// A sum over an hour must not walk through an hour's buckets. So each time as many of them have
// passed as some sums have, all that came before is kept summed up: a stretch is the difference of
// the two such sums that are nearest to its ends, and of the frames between those and the ends.

import { BUCKETS, bucketOf } from "./buckets";
import { Distribution } from "./distribution";
import type { Times } from "./lines";
import { Buckets, pack, type Packed } from "./packed";

/** How many sums would take as long to walk through as what lies between two that are kept. With
 * fewer, the sums take more memory than what they are of. */
const SUMS_BETWEEN = 5;
/** Numbers that are kept exactly of each frame: count, sum, least, greatest, cut off, least age of
 * one cut off. */
const EXACT = 6;

/** What was counted before a frame, by bucket, of which the first has the number `first`. */
interface Sum {
  frame: number;
  first: number;
  buckets: Float64Array;
}

/** Takes the histograms of the frames one after the other, and may be asked at any time. */
export class Channel {
  /** Histograms, of which a frame has none, one, or two: of what was cut off another. */
  private readonly packed: Packed[] = [];
  /** Which is the first of each frame. */
  private readonly begins = [0];
  /** How many buckets there are before each frame, as far as the length of a text says. */
  private readonly before = [0];
  private readonly exact: number[] = [];
  private readonly sums: Sum[] = [{ frame: 0, first: 0, buckets: new Float64Array(0) }];
  /** Between these all samples are. */
  first = BUCKETS - 1;
  last = 0;

  /** Adds what was counted in a frame; frames come in order, and some may be left out. */
  add(frame: number, times: Times) {
    // Frames without a sample are as empty ones.
    while (this.begins.length <= frame) this.close(0, 0, Infinity, 0, 0, Infinity);
    const ages = times.at_least;
    this.put(times);
    if (ages) this.put(ages);
    const min = Math.min(times.min_ns ?? Infinity, ages?.min_ns ?? Infinity);
    const max = Math.max(times.max_ns ?? 0, ages?.max_ns ?? 0);
    const sum = (times.sum_ns ?? 0) + (ages?.sum_ns ?? 0);
    const cut = ages?.count ?? 0;
    this.close(times.count + cut, sum, min, max, cut, ages?.min_ns ?? Infinity);
  }

  /** Calls back with each bucket that has samples in a frame. */
  each(frame: number, to: (bucket: number, count: number) => void) {
    for (let at = this.begins[frame]; at < this.begins[frame + 1]; at++) {
      const buckets = new Buckets(...this.packed[at]);
      while (buckets.next()) to(buckets.bucket, buckets.count);
    }
  }

  /** Adds the frames from one to before another to counts of all buckets that there are. */
  addTo(counts: Float64Array, from: number, until: number) {
    const last = this.begins.length - 1;
    this.addFrames(counts, 0, Math.min(from, last), Math.min(until, last), 1);
  }

  /** How many were cut off in a frame. */
  cutIn(frame: number): number {
    return this.exact[frame * EXACT + 4] ?? 0;
  }

  /** The buckets in which the samples of some ranks are, which ascend, in a frame where nothing was
   * cut off: its buckets then ascend, too. */
  bucketsOfRanks(frame: number, ranks: readonly number[]): number[] {
    const buckets = new Buckets(...this.packed[this.begins[frame]]);
    const found: number[] = [];
    let below = 0;
    for (const rank of ranks) {
      while (below < rank && buckets.next()) below += buckets.count;
      found.push(buckets.bucket);
    }
    return found;
  }

  /** How many samples there are in a frame; what was cut off is one, with its age. */
  samplesOf(frame: number): number {
    return this.exact[frame * EXACT] ?? 0;
  }

  /** Their sum in nanoseconds. */
  sumOf(frame: number): number {
    return this.exact[frame * EXACT + 1] ?? 0;
  }

  /** The sum of the frames from one to before another. */
  sum(from: number, until: number): Distribution {
    const end = Math.min(until, this.begins.length - 1);
    const begin = Math.min(from, end);
    const { first } = this;
    const width = Math.max(0, this.last - first + 1);
    const buckets = new Float64Array(width);
    if (this.before[end] - this.before[begin] < width * SUMS_BETWEEN) {
      this.addFrames(buckets, first, begin, end, 1);
    } else {
      this.keepSums();
      const [low, high] = [this.nearest(begin), this.nearest(end)];
      addSum(buckets, first, high, 1);
      addSum(buckets, first, low, -1);
      this.addFrames(buckets, first, high.frame, end, 1);
      this.addFrames(buckets, first, low.frame, begin, -1);
    }
    return this.withExact(new Distribution(first, buckets), begin, end);
  }

  /** Adds up what is kept exactly; each number in a variable of its own, as there are many. */
  private withExact(sum: Distribution, begin: number, end: number): Distribution {
    const { exact } = this;
    let [count, sumNs, minNs, maxNs, cut, shortestAgeNs] = [0, 0, Infinity, 0, 0, Infinity];
    for (let at = begin * EXACT; at < end * EXACT; at += EXACT) {
      count += exact[at];
      sumNs += exact[at + 1];
      if (exact[at + 2] < minNs) minNs = exact[at + 2];
      if (exact[at + 3] > maxNs) maxNs = exact[at + 3];
      cut += exact[at + 4];
      if (exact[at + 5] < shortestAgeNs) shortestAgeNs = exact[at + 5];
    }
    return Object.assign(sum, { count, sumNs, minNs, maxNs, cut, shortestAgeNs });
  }

  private put(times: Times) {
    const packed = times.packed ?? pack(times.buckets ?? []);
    if (packed[0] === "") return;
    this.packed.push(packed);
    this.first = Math.min(this.first, bucketOf(times.min_ns ?? 0));
    this.last = Math.max(this.last, bucketOf(times.max_ns ?? 0));
  }

  /** Ends a frame. */
  private close(...exact: [number, number, number, number, number, number]) {
    this.exact.push(...exact);
    const frame = this.begins.length - 1;
    let buckets = this.before[frame];
    for (let at = this.begins[frame]; at < this.packed.length; at++) {
      buckets += this.packed[at][0].length;
    }
    this.begins.push(this.packed.length);
    this.before.push(buckets);
  }

  /** Keeps the sums of all frames that there are by now. */
  private keepSums() {
    const { first } = this;
    const width = Math.max(0, this.last - first + 1);
    let from = this.sums[this.sums.length - 1].frame;
    for (let until = from + 1; until < this.begins.length; until++) {
      if (this.before[until] - this.before[from] < width * SUMS_BETWEEN) continue;
      const buckets = new Float64Array(width);
      addSum(buckets, first, this.sums[this.sums.length - 1], 1);
      this.addFrames(buckets, first, from, until, 1);
      this.sums.push({ frame: until, first, buckets });
      from = until;
    }
  }

  /** The sum that is kept whose end is nearest, by what lies between. */
  private nearest(frame: number): Sum {
    const { sums } = this;
    let after = sums.findIndex((sum) => sum.frame >= frame);
    if (after < 0) after = sums.length - 1;
    const before = Math.max(0, after - 1);
    const away = (at: number) => Math.abs(this.before[sums[at].frame] - this.before[frame]);
    return sums[away(before) < away(after) ? before : after];
  }

  /** Adds frames so many times; those from a later to before an earlier one are taken away. */
  private addFrames(
    to: Float64Array,
    first: number,
    from: number,
    until: number,
    times: 1 | -1,
  ) {
    const [low, high] = from < until ? [from, until] : [until, from];
    const factor = from < until ? times : -times;
    for (let at = this.begins[low]; at < this.begins[high]; at++) {
      const buckets = new Buckets(...this.packed[at]);
      while (buckets.next()) to[buckets.bucket - first] += factor * buckets.count;
    }
  }
}

/** Adds a sum to buckets of which the first has this number, or takes it away. */
function addSum(to: Float64Array, first: number, sum: Sum, factor: 1 | -1) {
  const offset = sum.first - first;
  for (let at = 0; at < sum.buckets.length; at++) to[at + offset] += factor * sum.buckets[at];
}
