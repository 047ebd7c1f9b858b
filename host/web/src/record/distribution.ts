// Times of many samples, summed up over some frames, under the host's rules: a percentile is told
// only where ten samples lie beyond it, never leaves what was seen, and is "at least" so much where
// something was cut off at an age that is no greater.

import { longestIn } from "./buckets";

/** A time in nanoseconds that is so long, or at least so long. */
export interface Figure {
  ns: number;
  atLeast: boolean;
}

/** How many samples must lie beyond a percentile before it is told. */
const SAMPLES_BEYOND = 10;

/** How many samples a percentile between 0 and 100 needs to be told. */
export function samplesNeeded(percent: number): number {
  const beyond = Math.min(percent, 100 - percent) / 100;
  // Without the small step back, rounding would ask for 10,001 samples at p99.9.
  return Math.ceil(SAMPLES_BEYOND / beyond - 1e-6);
}

/** See above. What was cut off is among the samples, with the age that it had. */
export class Distribution {
  count = 0;
  sumNs = 0;
  minNs = Infinity;
  maxNs = 0;
  /** How many were cut off, and the least age of one. */
  cut = 0;
  shortestAgeNs = Infinity;

  /** Samples by bucket, of which the first has the number `first`. */
  constructor(readonly first: number, readonly buckets: Float64Array) {}

  get mean(): Figure | null {
    if (this.count === 0) return null;
    return { ns: this.sumNs / this.count, atLeast: this.cut > 0 };
  }

  get min(): Figure | null {
    return this.count > 0 ? this.figure(this.minNs) : null;
  }

  get max(): Figure | null {
    return this.count > 0 ? this.figure(this.maxNs) : null;
  }

  /** The time within which so many percent of the samples lie; nothing where they are too few. */
  percentile(percent: number): Figure | null {
    return this.percentiles([percent])[0];
  }

  /** The same of several, which must ascend, in one pass. */
  percentiles(percents: readonly number[]): (Figure | null)[] {
    const enough = (percent: number) => this.count >= samplesNeeded(percent);
    const seen = this.seen(percents);
    return seen.map((ns, at) => (ns !== null && enough(percents[at]) ? this.figure(ns) : null));
  }

  /** Where percentiles lie however few samples there are, in nanoseconds. */
  seen(percents: readonly number[]): (number | null)[] {
    const found: (number | null)[] = [];
    let below = 0;
    let at = -1;
    for (const percent of percents) {
      if (this.count === 0) {
        found.push(null);
        continue;
      }
      const rank = Math.max(1, Math.ceil(Math.min(1, percent / 100) * this.count));
      while (below < rank && at + 1 < this.buckets.length) below += this.buckets[++at];
      const longest = below < rank ? this.maxNs : longestIn(this.first + at);
      found.push(Math.min(Math.max(longest, this.minNs), this.maxNs));
    }
    return found;
  }

  /** The variance of the samples that ended and were cut off alike, in ns², by their buckets. */
  get variance(): number | null {
    if (this.count === 0) return null;
    const mean = this.sumNs / this.count;
    let squares = 0;
    for (let at = 0; at < this.buckets.length; at++) {
      const count = this.buckets[at];
      if (count > 0) squares += (longestIn(this.first + at) - mean) ** 2 * count;
    }
    return squares / this.count;
  }

  private figure(ns: number): Figure {
    return { ns, atLeast: this.shortestAgeNs <= ns };
  }
}
