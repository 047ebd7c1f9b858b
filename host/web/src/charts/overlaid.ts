// Charts of runs that are compared: the courses of both sides over each other.

import {
  aligned, labelOf, numberOf, type Side, type Sided, type SidedCourses, type SidedMark,
} from "../record/comparison";
import type { Axis } from "../record/run";
import type { Figures } from "../record/stretch";
import * as words from "../view/words";
import { fromZero, logarithmic, type Line, type Spec } from "./specs";

/** Runs of a side that are drawn: more are hard to tell apart. */
export const DRAWN_RUNS = 6;
const DASHES = [[], [6, 2], [2, 2], [8, 3, 2, 3], [1, 3], [12, 3]];
const COLORS: Record<Side, string> = { a: "run-a", b: "blue" };

/** The charts, and the axis that they share, with what happened on it. */
export function overlaid(
  all: readonly Sided[],
): { axis: Axis; specs: Spec[]; marks: SidedMark[] } {
  const { axis, courses, marks } = aligned(all);
  const lines = (
    of: (courses: SidedCourses) => Line["values"],
    say: Line["say"],
    told: (figures: Figures) => number | null | undefined,
  ): Line[] => all.map(({ side }, at) => ({
    label: labelOf(all, at).label,
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
  return { axis, specs, marks };
}
