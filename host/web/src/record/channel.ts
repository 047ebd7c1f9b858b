// One kind of time over a whole run: the histograms of all its frames, and the sum of any stretch.
//
// A sum over an hour must not walk through an hour's buckets. So each time as many of them have
// passed as some sums have, all that came before is kept summed up: a stretch is the difference of
// the two such sums that are nearest to its ends, and of the frames between those and the ends.

import { Distribution } from "./distribution";
import type { Times } from "./lines";
import { unpack } from "./packed";

/** How many sums would take as long to walk through as what lies between two that are kept. With
 * fewer, the sums take more memory than what they are of. */
const SUMS_BETWEEN = 2;
/** Numbers that are kept exactly of each frame: count, sum, least, greatest, cut off, least age of
 * one cut off. */
const EXACT = 6;
const MAX_COUNT = 2 ** 32 - 1;

/** What was counted before a frame, by bucket, of which the first has the number `first`. */
interface Sum {
  frame: number;
  first: number;
  buckets: Float64Array;
}

/** Takes the histograms of the frames one after the other, and may be asked at any time. */
export class Channel {
  private bucket = new Uint32Array(256);
  private count = new Uint32Array(256);
  private readonly begins = [0];
  private readonly exact: number[] = [];
  private readonly sums: Sum[] = [{ frame: 0, first: 0, buckets: new Float64Array(0) }];
  private first = Infinity;
  private last = -1;

  /** Adds what was counted in a frame; frames come in order, and some may be left out. */
  add(frame: number, times: Times) {
    // Frames without a sample are as empty ones.
    while (this.begins.length <= frame) this.close(0, 0, Infinity, 0, 0, Infinity);
    const ages = times.at_least;
    let end = this.put(times, this.begins[frame]);
    if (ages) end = this.put(ages, end);
    const min = Math.min(times.min_ns ?? Infinity, ages?.min_ns ?? Infinity);
    const max = Math.max(times.max_ns ?? 0, ages?.max_ns ?? 0);
    const sum = (times.sum_ns ?? 0) + (ages?.sum_ns ?? 0);
    const cut = ages?.count ?? 0;
    this.close(times.count + cut, sum, min, max, cut, ages?.min_ns ?? Infinity, end);
  }

  /** Calls back with each bucket that has samples in a frame. */
  each(frame: number, to: (bucket: number, count: number) => void) {
    const { bucket, count } = this;
    for (let at = this.begins[frame]; at < this.begins[frame + 1]; at++) to(bucket[at], count[at]);
  }

  /** How many were cut off in a frame. */
  cutIn(frame: number): number {
    return this.exact[frame * EXACT + 4] ?? 0;
  }

  /** The buckets in which the samples of some ranks are, which ascend, in a frame where nothing was
   * cut off: its buckets then ascend, too. */
  bucketsOfRanks(frame: number, ranks: readonly number[]): number[] {
    const { bucket, count } = this;
    const last = this.begins[frame + 1] - 1;
    let at = this.begins[frame];
    let below = count[at];
    return ranks.map((rank) => {
      while (at < last && below < rank) below += count[++at];
      return bucket[at];
    });
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
    const first = this.last < 0 ? 0 : this.first;
    const width = this.last < 0 ? 0 : this.last - first + 1;
    const buckets = new Float64Array(width);
    if (this.begins[end] - this.begins[begin] < width * SUMS_BETWEEN) {
      this.addFrames(buckets, first, begin, end, 1);
    } else {
      this.keepSums();
      const [low, high] = [this.nearest(begin), this.nearest(end)];
      addSum(buckets, first, high, 1);
      addSum(buckets, first, low, -1);
      this.addFrames(buckets, first, high.frame, end, 1);
      this.addFrames(buckets, first, low.frame, begin, -1);
    }
    const sum = new Distribution(first, buckets);
    const { exact } = this;
    for (let at = begin * EXACT; at < end * EXACT; at += EXACT) {
      sum.count += exact[at];
      sum.sumNs += exact[at + 1];
      sum.minNs = Math.min(sum.minNs, exact[at + 2]);
      sum.maxNs = Math.max(sum.maxNs, exact[at + 3]);
      sum.cut += exact[at + 4];
      sum.shortestAgeNs = Math.min(sum.shortestAgeNs, exact[at + 5]);
    }
    return sum;
  }

  private close(
    count: number,
    sum: number,
    min: number,
    max: number,
    cut: number,
    age: number,
    end = this.begins[this.begins.length - 1],
  ) {
    this.exact.push(count, sum, min, max, cut, age);
    this.begins.push(end);
  }

  /** Puts buckets to a place, and says where the next would go. */
  private put({ buckets, packed }: Times, at: number): number {
    const end = packed ? this.putPacked(packed, at) : this.putPairs(buckets ?? [], at);
    if (end > at) {
      this.first = Math.min(this.first, this.bucket[at]);
      this.last = Math.max(this.last, this.bucket[end - 1]);
    }
    return end;
  }

  /** Millions of buckets pass here before anything is shown. */
  private putPacked([steps, counts]: readonly [string, string], at: number): number {
    this.reserve(at + Math.max(steps.length, counts.length));
    const { bucket, count } = this;
    const end = unpack(steps, bucket, at);
    unpack(counts, count, at);
    for (let next = at + 1; next < end; next++) bucket[next] += bucket[next - 1];
    return end;
  }

  private putPairs(pairs: readonly (readonly [number, number])[], at: number): number {
    let end = at;
    for (const [bucket, count] of pairs) {
      // What is more than a place can hold takes several.
      for (let rest = count; rest > 0; rest -= MAX_COUNT) {
        this.reserve(end + 1);
        this.bucket[end] = bucket;
        this.count[end++] = Math.min(rest, MAX_COUNT);
      }
    }
    return end;
  }

  private reserve(places: number) {
    if (places <= this.bucket.length) return;
    const longer = (values: Uint32Array) => {
      const copy = new Uint32Array(Math.max(places, values.length * 2));
      copy.set(values);
      return copy;
    };
    this.bucket = longer(this.bucket);
    this.count = longer(this.count);
  }

  /** Keeps the sums of all frames that there are by now. */
  private keepSums() {
    const [first, width] = [this.first, this.last - this.first + 1];
    let from = this.sums[this.sums.length - 1].frame;
    for (let until = from + 1; until < this.begins.length; until++) {
      if (this.begins[until] - this.begins[from] < width * SUMS_BETWEEN) continue;
      const before = this.sums[this.sums.length - 1];
      const buckets = new Float64Array(width);
      addSum(buckets, first, before, 1);
      this.addFrames(buckets, first, from, until, 1);
      this.sums.push({ frame: until, first, buckets });
      from = until;
    }
  }

  /** The sum that is kept whose end is nearest, by what lies between. */
  private nearest(frame: number): Sum {
    const { begins, sums } = this;
    let after = sums.findIndex((sum) => sum.frame >= frame);
    if (after < 0) after = sums.length - 1;
    const before = Math.max(0, after - 1);
    const away = (at: number) => Math.abs(begins[sums[at].frame] - begins[frame]);
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
    const { bucket, count } = this;
    for (let at = this.begins[low]; at < this.begins[high]; at++) {
      to[bucket[at] - first] += factor * count[at];
    }
  }
}

/** Adds a sum to buckets of which the first has this number, or takes it away. */
function addSum(to: Float64Array, first: number, sum: Sum, factor: 1 | -1) {
  const offset = sum.first - first;
  for (let at = 0; at < sum.buckets.length; at++) to[at + offset] += factor * sum.buckets[at];
}
