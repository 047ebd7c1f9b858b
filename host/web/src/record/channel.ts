// One kind of time over a whole run: the histograms of all its frames, and the sum of any stretch.
//
// A sum over an hour must not walk through an hour's buckets: each so many frames all that came
// before is kept summed up, so a stretch is the difference of two such sums and some frames at its
// ends.

import { Distribution } from "./distribution";
import type { Times } from "./lines";

/** Frames between two sums that are kept: with fewer, the sums of an hour take more memory than all
 * else. */
const STEP = 256;

/** A list of numbers that grows. */
class Growing {
  length = 0;
  private values = new Float64Array(1024);

  push(value: number) {
    if (this.length === this.values.length) {
      const longer = new Float64Array(this.length * 2);
      longer.set(this.values);
      this.values = longer;
    }
    this.values[this.length++] = value;
  }

  done(): Float64Array {
    return this.values.subarray(0, this.length);
  }
}

/** Takes the histograms of the frames, one after the other. */
export class ChannelBuilder {
  private readonly bucket = new Growing();
  private readonly count = new Growing();
  private readonly begins: number[] = [];
  private readonly exact: number[] = [];
  private first = Infinity;
  private last = -1;

  /** Adds what was counted in a frame; frames come in order, and some may be left out. */
  add(frame: number, times: Times) {
    this.skipTo(frame);
    const ages = times.at_least;
    this.put(times);
    if (ages) this.put(ages);
    const min = Math.min(times.min_ns ?? Infinity, ages?.min_ns ?? Infinity);
    const max = Math.max(times.max_ns ?? 0, ages?.max_ns ?? 0);
    const sum = (times.sum_ns ?? 0) + (ages?.sum_ns ?? 0);
    const cut = ages?.count ?? 0;
    this.exact.push(times.count + cut, sum, min, max, cut, ages?.min_ns ?? Infinity);
    this.begins.push(this.bucket.length);
  }

  done(frames: number): Channel {
    this.skipTo(frames);
    const buckets = { bucket: this.bucket.done(), count: this.count.done() };
    const first = this.last < 0 ? 0 : this.first;
    const width = this.last < 0 ? 0 : this.last - first + 1;
    return new Channel(buckets, this.begins, Float64Array.from(this.exact), first, width);
  }

  private put(times: Times) {
    // Millions of pairs pass here before anything is shown: no iterator, no destructuring.
    const pairs = times.buckets ?? [];
    for (let at = 0; at < pairs.length; at++) {
      this.bucket.push(pairs[at][0]);
      this.count.push(pairs[at][1]);
    }
    if (pairs.length > 0) {
      this.first = Math.min(this.first, pairs[0][0]);
      this.last = Math.max(this.last, pairs[pairs.length - 1][0]);
    }
  }

  /** Frames without a sample are as empty ones. */
  private skipTo(frame: number) {
    if (this.begins.length === 0) this.begins.push(0);
    while (this.begins.length <= frame) {
      this.exact.push(0, 0, Infinity, 0, 0, Infinity);
      this.begins.push(this.bucket.length);
    }
  }
}

/** See above. */
export class Channel {
  private sums: Float64Array[] | null = null;

  constructor(
    private readonly samples: { bucket: Float64Array; count: Float64Array },
    private readonly begins: readonly number[],
    /** Six numbers a frame: count, sum, least, greatest, cut off, least age of one cut off. */
    private readonly exact: Float64Array,
    private readonly first: number,
    private readonly width: number,
  ) {}

  /** Calls back with each bucket that has samples in a frame. */
  each(frame: number, to: (bucket: number, count: number) => void) {
    const { bucket, count } = this.samples;
    for (let at = this.begins[frame]; at < this.begins[frame + 1]; at++) to(bucket[at], count[at]);
  }

  /** How many were cut off in a frame. */
  cutIn(frame: number): number {
    return this.exact[frame * 6 + 4];
  }

  /** The bucket in which the sample of a rank is, in a frame where nothing was cut off: buckets
   * then ascend. */
  bucketOfRank(frame: number, rank: number): number {
    const { bucket, count } = this.samples;
    let below = 0;
    let at = this.begins[frame];
    while (at + 1 < this.begins[frame + 1] && (below += count[at]) < rank) at++;
    return bucket[at];
  }

  /** How many samples there are in a frame; what was cut off is one, with its age. */
  samplesOf(frame: number): number {
    return this.exact[frame * 6];
  }

  /** Their sum in nanoseconds. */
  sumOf(frame: number): number {
    return this.exact[frame * 6 + 1];
  }

  /** The sum of the frames from one to before another. */
  sum(from: number, until: number): Distribution {
    const buckets = new Float64Array(this.width);
    const [low, high] = [Math.ceil(from / STEP), Math.floor(until / STEP)];
    if (low < high) {
      const sums = this.kept();
      const [less, more] = [sums[low], sums[high]];
      for (let at = 0; at < buckets.length; at++) buckets[at] = more[at] - less[at];
      this.addFrames(buckets, from, low * STEP);
      this.addFrames(buckets, high * STEP, until);
    } else {
      this.addFrames(buckets, from, until);
    }
    const sum = new Distribution(this.first, buckets);
    for (let at = from * 6; at < until * 6; at += 6) {
      const exact = this.exact;
      sum.count += exact[at];
      sum.sumNs += exact[at + 1];
      sum.minNs = Math.min(sum.minNs, exact[at + 2]);
      sum.maxNs = Math.max(sum.maxNs, exact[at + 3]);
      sum.cut += exact[at + 4];
      sum.shortestAgeNs = Math.min(sum.shortestAgeNs, exact[at + 5]);
    }
    return sum;
  }

  private kept(): Float64Array[] {
    if (this.sums) return this.sums;
    const sum = new Float64Array(this.width);
    const sums = [sum.slice()];
    for (let from = 0; from + STEP < this.begins.length; from += STEP) {
      this.addFrames(sum, from, from + STEP);
      sums.push(sum.slice());
    }
    this.sums = sums;
    return sums;
  }

  private addFrames(to: Float64Array, from: number, until: number) {
    const { bucket, count } = this.samples;
    for (let at = this.begins[from]; at < this.begins[until]; at++) {
      to[bucket[at] - this.first] += count[at];
    }
  }
}
