// Charts of runs that are compared: the courses of both sides over each other.

import { aligned, type Side, type Sided, type SidedCourses } from "../record/comparison";
import type { Axis } from "../record/run";
import type { Figures } from "../record/stretch";
import * as words from "../view/words";
import { fromZero, logarithmic, type Line, type Spec } from "./specs";

/** Runs of a side that are drawn: more are hard to tell apart. */
export const DRAWN_RUNS = 6;
const DASHES = [[], [6, 2], [2, 2], [8, 3, 2, 3], [1, 3], [12, 3]];
const COLORS: Record<Side, string> = { a: "run-a", b: "blue" };

/** The charts, and the axis that they share. */
export function overlaid(all: readonly Sided[]): { axis: Axis; specs: Spec[] } {
  const { axis, courses } = aligned(all);
  const lines = (
    of: (courses: SidedCourses) => Line["values"],
    say: Line["say"],
    told: (figures: Figures) => number | null | undefined,
  ): Line[] => all.map(({ side }, at) => ({
    label: labelOf(all, at),
    color: COLORS[side],
    values: of(courses[at]),
    say,
    of: told,
    width: 1.25,
    dash: DASHES[numberOf(all, at) % DASHES.length],
  })).reverse();
  const percentile = (percent: number) => ({ response }: Figures) =>
    response.percentile(percent)?.ns ?? null;
  const p95 = lines((of) => of.p95, words.time, percentile(95));
  const p50 = lines((of) => of.p50, words.time, percentile(50));
  const rate = lines((of) => of.completed, words.rate, (of) => of.perSecond);
  const failed = lines(
    (of) => of.failed, words.rate, (of) => (of.seconds > 0 ? of.failed / of.seconds : 0));
  const specs = [
    fromZero("rate", "Rate", "completed a second", 116, rate),
    logarithmic("p95", "Response p95", "from the intended start", 178, p95),
    logarithmic("p50", "Response p50", "from the intended start", 116, p50),
  ];
  const isFailing = failed.some(({ values }) => values.some((value) => value > 0));
  if (isFailing) specs.push(fromZero("failures", "Failures", "a second", 92, failed));
  return { axis, specs };
}

/** The how-manieth run of its side it is, from 0. */
const numberOf = (all: readonly Sided[], at: number) =>
  all.slice(0, at).filter(({ side }) => side === all[at].side).length;

/** What a run is called beside charts: A, or A1 where its side has several. */
export function labelOf(all: readonly Sided[], at: number): string {
  const { side } = all[at];
  const isAlone = all.filter((other) => other.side === side).length === 1;
  return side.toUpperCase() + (isAlone ? "" : numberOf(all, at) + 1);
}
