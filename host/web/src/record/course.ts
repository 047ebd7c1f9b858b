// The course of a run, a value for each frame: what the charts draw.

import { BUCKETS, longestIn } from "./buckets";
import { samplesNeeded } from "./distribution";
import type { Channel } from "./channel";
import type { Part, Run } from "./run";
import type { Tally } from "./tally";

/** Values of the frames in their order; NaN where nothing is known. */
export type Values = Float64Array;

/** Numbers of a count a second, both parts of the run together. */
export function perSecond(run: Run, of: (part: Part) => Tally[]): Values {
  const tallies = [run.warmUp, run.measured].flatMap(of);
  return Float64Array.from(run.moments, ({ from, until }, frame) => {
    const count = tallies.reduce((sum, tally) => sum + tally.sum(frame, frame + 1), 0);
    return count / Math.max(until - from, 1e-3);
  });
}

/** Percentiles over time; each percentile over as many frames as it needs samples. */
export interface Percentiles {
  values: Values;
  /** How many frames share a value. */
  frames: number;
}

/**
 * A percentile of what one or both parts counted, in nanoseconds. Where a frame has too few samples
 * to tell it, as many neighbours as needed are told together.
 */
export function percentileOverTime(
  run: Run,
  of: (part: Part) => Channel | undefined,
  percent: number,
): Percentiles {
  const channels = [run.warmUp, run.measured].map(of).filter((channel) => channel !== undefined);
  const values = new Float64Array(run.moments.length).fill(NaN);
  const counts = run.moments.map((_, frame) =>
    channels.reduce((sum, channel) => sum + channel.samplesOf(frame), 0));
  const needed = samplesNeeded(percent);
  const frames = framesFor(counts, needed);
  const sums = new Sums();
  for (let from = 0; from < values.length; from += frames) {
    const until = Math.min(from + frames, values.length);
    let count = 0;
    for (let frame = from; frame < until; frame++) count += counts[frame];
    if (count < needed) continue;
    const rank = Math.ceil((percent / 100) * count);
    const some = channels.filter((channel) => frames > 1 || channel.samplesOf(from) > 0);
    const isSimple = frames === 1 && some.length === 1 && some[0].cutIn(from) === 0;
    const bucket = isSimple ? some[0].bucketOfRank(from, rank) : sums.rank(some, from, until, rank);
    values.fill(longestIn(bucket), from, until);
  }
  return { values, frames };
}

/** How many frames must be told together so that most have the samples that are needed. */
function framesFor(counts: number[], needed: number): number {
  const some = counts.filter((count) => count > 0).sort((one, other) => one - other);
  if (some.length === 0) return 1;
  const typical = some[some.length >> 2];
  return typical >= needed ? 1 : Math.ceil((needed * 1.1) / typical);
}

/** Buckets of several frames, summed up one after the other in the same memory. */
class Sums {
  private readonly counts = new Float64Array(BUCKETS);

  /** The bucket in which the sample of a rank is. */
  rank(channels: Channel[], from: number, until: number, rank: number): number {
    const { counts } = this;
    let [first, last] = [BUCKETS, 0];
    for (const channel of channels) {
      for (let frame = from; frame < until; frame++) {
        channel.each(frame, (bucket, count) => {
          counts[bucket] += count;
          if (bucket < first) first = bucket;
          if (bucket > last) last = bucket;
        });
      }
    }
    let [below, found] = [0, last];
    for (let bucket = first; bucket <= last; bucket++) {
      below += counts[bucket];
      if (below >= rank) {
        found = bucket;
        break;
      }
    }
    counts.fill(0, first, last + 1);
    return found;
  }
}

/** How many cells of the heatmap there are in a decade of time. */
export const ROWS_A_DECADE = 10;

/** Response times by frame and by tenth of a decade: how many in each cell. */
export interface Heat {
  /** The decade of nanoseconds at which the first row begins, in tenths. */
  first: number;
  rows: number;
  /** Cells by frame, then by row. */
  cells: Float64Array;
}

/** Where the response times of each frame lie. */
export function heatOf(run: Run): Heat {
  const rowOf = Int16Array.from({ length: BUCKETS }, (_, bucket) =>
    Math.floor(Math.log10(longestIn(bucket)) * ROWS_A_DECADE));
  const channels = [run.warmUp, run.measured].map((part) => part.times.get("response"));
  let [first, last] = [Infinity, -Infinity];
  const frames = run.moments.map((_, frame) => {
    const row = new Map<number, number>();
    for (const channel of channels) {
      channel?.each(frame, (bucket, count) => {
        const at = rowOf[bucket];
        row.set(at, (row.get(at) ?? 0) + count);
        first = Math.min(first, at);
        last = Math.max(last, at);
      });
    }
    return row;
  });
  if (last < first) return { first: 0, rows: 0, cells: new Float64Array(0) };
  const rows = last - first + 1;
  const cells = new Float64Array(frames.length * rows);
  frames.forEach((row, frame) => row.forEach((n, at) => (cells[frame * rows + at - first] = n)));
  return { first, rows, cells };
}

/** Causes of failure that have a colour of their own; the rest are one. */
export const MAX_CAUSES = 4;

/** Failures a second of a cause, or of all that have no colour of their own. */
export interface CauseCourse {
  cause: string;
  values: Values;
  isRest: boolean;
}

/** Failures a second by cause, most frequent first, and all others as one. */
export function failuresOverTime(run: Run): CauseCourse[] {
  const totals = new Map<string, number>();
  const each = (part: Part, to: (cause: string, tally: Tally) => void) => {
    for (const name of part.counts.at("by_name").below.values()) {
      name.at("failures").below.forEach((tally, cause) => to(cause, tally));
    }
  };
  const end = run.moments.length;
  for (const part of [run.warmUp, run.measured]) {
    each(part, (cause, tally) => totals.set(cause, (totals.get(cause) ?? 0) + tally.sum(0, end)));
  }
  const causes = [...totals].sort((one, other) => other[1] - one[1]).map(([cause]) => cause);
  const of = (wanted: (cause: string) => boolean) =>
    perSecond(run, (part) => {
      const tallies: Tally[] = [];
      each(part, (cause, tally) => wanted(cause) && tallies.push(tally));
      return tallies;
    });
  const told = causes.slice(0, causes.length > MAX_CAUSES + 1 ? MAX_CAUSES : MAX_CAUSES + 1);
  const rows: CauseCourse[] = told.map((cause) =>
    ({ cause, values: of((other) => other === cause), isRest: false }));
  const rest = new Set(causes.slice(told.length));
  if (rest.size > 0) {
    const values = of((cause) => rest.has(cause));
    rows.push({ cause: `${rest.size} others`, values, isRest: true });
  }
  return rows;
}
