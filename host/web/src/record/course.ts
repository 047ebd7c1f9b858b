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

/** A percentile over time, of as many frames together as it needs samples. */
export interface PercentileCourse {
  values: Values;
  /** How many frames share a value. */
  frames: number;
}

/**
 * Percentiles of what one or both parts counted, in nanoseconds; they must ascend. Where a frame
 * has too few samples to tell one, as many neighbours as needed are told together.
 */
export function percentilesOverTime(
  run: Run,
  of: (part: Part) => Channel | undefined,
  percents: readonly number[],
): PercentileCourse[] {
  const channels = [run.warmUp, run.measured].map(of).filter((channel) => channel !== undefined);
  const counts = run.moments.map((_, frame) =>
    channels.reduce((sum, channel) => sum + channel.samplesOf(frame), 0));
  const courses = percents.map((percent) => ({
    values: new Float64Array(counts.length).fill(NaN),
    frames: framesFor(counts, samplesNeeded(percent)),
  }));
  const sums = new Sums();
  // Those that share as many frames are found in one pass.
  for (const frames of new Set(courses.map((course) => course.frames))) {
    const told = percents.map((_, at) => at).filter((at) => courses[at].frames === frames);
    for (let from = 0; from < counts.length; from += frames) {
      const until = Math.min(from + frames, counts.length);
      let count = 0;
      for (let frame = from; frame < until; frame++) count += counts[frame];
      const enough = told.filter((at) => count >= samplesNeeded(percents[at]));
      if (enough.length === 0) continue;
      const ranks = enough.map((at) => Math.ceil((percents[at] / 100) * count));
      const buckets = bucketsOfRanks(channels, from, until, ranks, sums);
      enough.forEach((at, index) => {
        courses[at].values.fill(longestIn(buckets[index]), from, until);
      });
    }
  }
  return courses;
}

/** Courses that several blocks show. */
export interface LeadingCourses {
  /** Transactions that ended a second. */
  ended: Values;
  failed: Values;
  p50: PercentileCourse;
  p95: PercentileCourse;
  p99: PercentileCourse;
  service95: PercentileCourse;
}

/** How much, how slow, how wrong, over the whole run. */
export function leadingCourses(run: Run): LeadingCourses {
  const counts = (names: string[]) => perSecond(run, (part) =>
    names.map((name) => part.counts.at("transactions", name)));
  const response = (part: Part) => part.times.get("response");
  const [p50, p95, p99] = percentilesOverTime(run, response, [50, 95, 99]);
  const [service95] = percentilesOverTime(run, (part) => part.times.get("service"), [95]);
  return { ended: counts(["ok", "failed"]), failed: counts(["failed"]), p50, p95, p99, service95 };
}

function bucketsOfRanks(
  channels: readonly Channel[],
  from: number,
  until: number,
  ranks: readonly number[],
  sums: Sums,
): number[] {
  if (until > from + 1) return sums.bucketsOfRanks(channels, from, until, ranks);
  const some = channels.filter((channel) => channel.samplesOf(from) > 0);
  const isSimple = some.length === 1 && some[0].cutIn(from) === 0;
  return isSimple
    ? some[0].bucketsOfRanks(from, ranks)
    : sums.bucketsOfRanks(some, from, until, ranks);
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

  /** The buckets in which the samples of some ranks are, which ascend. */
  bucketsOfRanks(
    channels: readonly Channel[],
    from: number,
    until: number,
    ranks: readonly number[],
  ): number[] {
    const { counts } = this;
    let [first, last] = [BUCKETS, -1];
    for (const channel of channels) {
      channel.addTo(counts, from, until);
      first = Math.min(first, channel.first);
      last = Math.max(last, channel.last);
    }
    // Thousands of buckets for each value of a chart: a plain loop.
    const found: number[] = [];
    let at = first;
    let below = counts[first];
    for (const rank of ranks) {
      while (at < last && below < rank) below += counts[++at];
      found.push(at);
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

/** The row of each bucket, counted from that of a nanosecond; and one more than the last. */
const ROWS = new Uint8Array(BUCKETS);
for (let bucket = 0; bucket < BUCKETS; bucket++) {
  ROWS[bucket] = Math.floor(Math.log10(longestIn(bucket)) * ROWS_A_DECADE);
}
const END_OF_ROWS = ROWS[BUCKETS - 1] + 1;

/** Where the response times of each frame lie. */
export function heatOf(run: Run): Heat {
  const frames = run.moments.length;
  const all = new Float64Array(frames * END_OF_ROWS);
  for (const part of [run.warmUp, run.measured]) {
    const channel = part.times.get("response");
    for (let frame = 0; frame < frames; frame++) {
      const begin = frame * END_OF_ROWS;
      channel?.each(frame, (bucket, count) => (all[begin + ROWS[bucket]] += count));
    }
  }
  let [first, last] = [END_OF_ROWS, -1];
  for (let at = 0; at < all.length; at++) {
    if (all[at] === 0) continue;
    const row = at % END_OF_ROWS;
    if (row < first) first = row;
    if (row > last) last = row;
  }
  if (last < first) return { first: 0, rows: 0, cells: new Float64Array(0) };
  const rows = last - first + 1;
  const cells = new Float64Array(frames * rows);
  for (let frame = 0; frame < frames; frame++) {
    const begin = frame * END_OF_ROWS + first;
    cells.set(all.subarray(begin, begin + rows), frame * rows);
  }
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
