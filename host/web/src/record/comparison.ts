// What the host found of two sides (`host/report/src/compare`), and their courses and marks on one
// time axis.

import { perSecond, percentilesOverTime, type Values } from "./course";
import type { Mark } from "./lines";
import type { Axis, Part, Run } from "./run";

export interface FigureComparison {
  figure: string;
  unit: "s" | "share" | "1/s" | "";
  a: number | null;
  b: number | null;
  at_least?: [boolean, boolean];
  is_relative: boolean;
  difference: number | null;
  /** Ends that are not known are absent. */
  interval: [number | null, number | null] | null;
  finding: "differs" | "may be chance" | "cannot tell" | "the same" | "not known";
  why?: string;
}

export interface Comparison {
  a: string[];
  b: string[];
  method: "totals-of-two-runs" | "two-runs" | "few-runs" | "many-runs";
  unlike: { what: string; a: string[]; b: string[] }[];
  remarks: string[];
  figures: FigureComparison[];
  by_name: FigureComparison[];
  margins: { rule: string; ruling: "passed" | "failed" | "no-data"; found: string }[];
}

export type Side = "a" | "b";

/** A run on its side. */
export interface Sided {
  side: Side;
  run: Run;
  /** Whether more of it is to come. */
  goesOn?: boolean;
}

/** Which of the runs something is of. */
export interface RunLabel {
  side: Side;
  /** A, or A1 where its side has several. */
  label: string;
}

/** What a run is called beside the others. */
export function labelOf(all: readonly Sided[], at: number): RunLabel {
  const { side } = all[at];
  const isAlone = all.filter((other) => other.side === side).length === 1;
  return { side, label: side.toUpperCase() + (isAlone ? "" : numberOf(all, at) + 1) };
}

/** The how-manieth run of its side it is, from 0. */
export const numberOf = (all: readonly Sided[], at: number) =>
  all.slice(0, at).filter(({ side }) => side === all[at].side).length;

/** What happened in one of the runs, where it is on the time axis of all. */
export type SidedMark = Mark & { of: RunLabel };

/** The courses of a run, on the time axis of all. */
export interface SidedCourses {
  completed: Values;
  p50: Values;
  p95: Values;
  failed: Values;
}

/** Runs on one time axis. */
export interface Aligned {
  axis: Axis;
  courses: SidedCourses[];
  /** In the order in which they stand on it. */
  marks: SidedMark[];
}

/** Lays runs on one axis, so that their measured parts begin at the same place. */
export function aligned(all: readonly Sided[]): Aligned {
  // Of a run that still warms up, where that is to be.
  const begin = Math.max(...all.map(({ run }) => run.warmUpSeconds));
  const shift = all.map(({ run }) => begin - run.warmUpSeconds);
  const ends = all.map(({ run }, at) => (run.moments.at(-1)?.until ?? 0) + shift[at]);
  const end = Math.max(...ends);
  const step = Math.max(1, ...all.map(({ run }) => typicalStep(run)));
  const count = Math.max(1, Math.ceil(end / step - 1e-6));
  const moments = Array.from({ length: count }, (_, at) =>
    ({ from: at * step, until: Math.min((at + 1) * step, end) }));
  const courses = all.map(({ run }, at): SidedCourses => {
    const on = (values: Values) => placed(run, values, shift[at], moments);
    const counts = (...names: string[]) => on(perSecond(run, (part) =>
      names.map((name) => part.counts.at("transactions", name))));
    const response = (part: Part) => part.times.get("response");
    const [p50, p95] = percentilesOverTime(run, response, [50, 95]);
    return {
      completed: counts("ok", "failed"),
      failed: counts("failed"),
      p50: on(p50.values),
      p95: on(p95.values),
    };
  });
  const measured = all.map(({ run }, at) => run.measuredUntil + shift[at]);
  const marks = all.flatMap(({ run }, at) => {
    const of = labelOf(all, at);
    return run.marks.map((mark): SidedMark => ({ ...mark, at: mark.at + shift[at], of }));
  });
  return {
    axis: { moments, measuredFrom: begin, measuredUntil: Math.max(...measured) },
    courses,
    marks: marks.sort((one, other) => one.at - other.at),
  };
}

/** How long most frames of a run are; the last is often shorter. */
function typicalStep({ moments }: Run): number {
  const lengths = moments.map(({ from, until }) => until - from).sort((one, other) => one - other);
  return lengths[lengths.length >> 1] ?? 1;
}

/** The values of a run where they stand on another axis: of each place that of the frame in its
 * middle, nothing where there is none. */
function placed(run: Run, values: Values, shift: number, moments: Axis["moments"]): Values {
  let frame = 0;
  return Float64Array.from(moments, ({ from, until }) => {
    const middle = (from + until) / 2 - shift;
    while (frame < run.moments.length && run.moments[frame].until <= middle) frame++;
    const found = run.moments[frame];
    return found && found.from <= middle ? values[frame] : NaN;
  });
}
