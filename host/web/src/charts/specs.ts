// Which charts there are: what each draws, in which colours, and on which scale.

import { failuresOverTime, heatOf, percentilesOverTime } from "../record/course";
import type { Heat, LeadingCourses, PercentileCourse, Values } from "../record/course";
import type { Run } from "../record/run";
import type { Figures } from "../record/stretch";
import * as words from "../view/words";
import type { Quantity } from "../view/words";

/** One of a chart's lines. They are drawn in their order, and told from the last to the first. */
export interface Line {
  label: string;
  /** The custom property that holds its colour. */
  color: string;
  values: Values;
  /** What the readout tells; of a stack, the height differs from it. */
  heights?: Values;
  say: (value: number) => Quantity;
  /** What is told of a stretch where no instant is looked at: by default the mean of its frames. */
  of?: (figures: Figures) => number | null | undefined;
  /** How many frames share a value, where it is not one. */
  frames?: number;
  dash?: number[];
  width?: number;
  isStepped?: boolean;
  fill?: string;
}

export interface Spec {
  id: string;
  title: string;
  about: string;
  height: number;
  lines: Line[];
  isLogarithmic: boolean;
  min: number;
  max: number;
  axis: (value: number) => string;
  heat?: Heat;
  /** A line across with a word: what must not be exceeded. */
  bound?: { at: number; word: string };
  /** Two lines with the room between them filled where the first is far above the second. */
  gap?: { above: Values; below: Values; words: string };
}

/** Lines for hosts that are told apart; of more, those are drawn that stand out. */
const MAX_HOSTS = 3;
const HOST_DASHES = [[], [6, 2], [2, 2]];

/** The charts of a run, from top to bottom. */
export function specsOf(run: Run, courses: LeadingCourses): Spec[] {
  const failures = failuresSpec(run);
  return [
    rateSpec(run, courses),
    ...responseSpecs(run, courses),
    ...(failures ? [failures] : []),
    usersSpec(run),
    lagSpec(run),
    coresSpec(run),
  ];
}

function rateSpec(run: Run, { ended }: LeadingCourses): Spec {
  const goal = values(run, (moment) => moment.goal_per_second);
  const lines: Line[] = [
    {
      label: "Completed",
      color: "blue",
      fill: "blue-fill",
      values: ended,
      say: words.rate,
      of: ({ perSecond }) => perSecond,
    },
  ];
  if (goal.some((value) => !Number.isNaN(value))) {
    lines.unshift({
      label: "Goal",
      color: "text",
      values: goal,
      say: words.rate,
      dash: [5, 3],
      width: 1,
      isStepped: true,
    });
  }
  return fromZero("rate", "Rate", "transactions a second", 116, lines);
}

function responseSpecs(run: Run, { p50, p95, p99, service95 }: LeadingCourses): Spec[] {
  const line = (label: string, color: string, { values, frames }: PercentileCourse): Line => {
    const [, of, percent] = /(\w+ )?p(\d+)/.exec(label)!;
    const key = of ? "service" : "response";
    const told = (figures: Figures) => figures[key].percentile(Number(percent))?.ns;
    return { label, color, values, frames, say: words.time, of: told };
  };
  const lines: Line[] = [
    { ...line("Service p95", "service", service95), dash: [4, 3], width: 1.5 },
    { ...line("p99", "r99", p99), width: 1 },
    { ...line("p95", "r95", p95), width: 1.75 },
    { ...line("p50", "r50", p50), width: 1.25 },
  ];
  const heat = heatOf(run);
  const response = logarithmic("response", "Response time", "from the intended start", 178, lines);
  response.gap = {
    above: p95.values,
    below: service95.values,
    words: "what coordinated omission\nwould have hidden",
  };
  const over: Line[] = [
    { ...line("p99", "ink", p99), width: 1 },
    { ...line("p50", "ink", p50), width: 1.25, dash: [1, 2] },
  ];
  const all = logarithmic("heat", "All responses", "how many, by response time", 196, over);
  // Rows are tenths of a decade; half a row of air above and below.
  all.min = 10 ** (heat.first / 10);
  all.max = 10 ** ((heat.first + heat.rows) / 10);
  return [response, { ...all, heat }];
}

function failuresSpec(run: Run): Spec | null {
  const rows = failuresOverTime(run);
  if (rows.length === 0) return null;
  const height = new Float64Array(run.moments.length);
  const lines = rows.map(({ cause, values, isRest }, index): Line => {
    values.forEach((value, at) => (height[at] += value));
    const color = isRest ? "other" : `e${index}`;
    return {
      label: cause,
      color,
      fill: color,
      values,
      heights: height.slice(),
      say: words.rate,
      of: ({ failures, seconds }) => {
        const found = failures.find(({ name }) => name === cause);
        return isRest ? undefined : (found?.count ?? 0) / seconds;
      },
      width: 0.5,
      isStepped: true,
    };
  });
  // The tallest is drawn first, and the others over it.
  return fromZero("failures", "Failures", "a second, by cause", 92, lines.reverse());
}

function usersSpec(run: Run): Spec {
  const say = (value: number) => ({ text: words.count(value), unit: "" });
  return fromZero("users", "Users", "busy with a transaction, and all", 84, [
    {
      label: "Users",
      color: "text-3",
      values: values(run, (moment) => moment.users),
      say,
      width: 1,
      isStepped: true,
    },
    {
      label: "Under way",
      color: "blue",
      fill: "blue-fill",
      values: values(run, (moment) => moment.under_way),
      say,
    },
  ]);
}

function lagSpec(run: Run): Spec {
  const names = hostNames(run);
  const bound = { at: 2e6, word: "INVALID above, if that is 10 % of the response p99" };
  const lines: Line[] = names.length > 0
    ? hostLines(run, names, (host) => (host.generator_lag_p99_ms ?? NaN) * 1e6, words.time)
    : ([["Loop delay", "loop", "n1"], ["Generator lag", "generator", "blue"]] as const).map(
        ([label, key, color]) => {
          const channel = { generator: "generator_lag", loop: "loop_delay" }[key];
          const [course] = percentilesOverTime(run, (part) => part.times.get(channel), [99]);
          const of = ({ lags }: Figures) => lags[key].percentile(99)?.ns ?? null;
          return { label, color, ...course, say: words.time, width: 1, of };
        });
  const about = names.length > 0 ? "p99 so far, of each host" : "p99: what we delayed ourselves";
  const spec = fromZero("lag", "Generator", about, 72, lines);
  return { ...spec, max: Math.max(spec.max, 2.4e6), axis: words.roundTime, bound };
}

function coresSpec(run: Run): Spec {
  const names = hostNames(run);
  const say = (value: number) => ({ text: value.toFixed(2), unit: "" });
  const lines = names.length > 0
    ? hostLines(run, names, (host) => host.cores, say)
    : [{
        label: "In use",
        color: "blue",
        fill: "blue-fill",
        values: values(run, (moment) => moment.cores),
        say,
      }];
  const cores = run.header.host.cores;
  const about = names.length > 0 ? "of each host" : `of ${words.count(cores)}`;
  const spec = fromZero("cores", "Cores in use", about, 72, lines);
  const bound = names.length > 0 ? undefined : { at: cores * 0.95, word: "busy above" };
  return { ...spec, max: Math.max(spec.max, names.length > 0 ? 0.1 : cores * 1.1), bound };
}

/** Names of the hosts that shared the run. */
export function hostNames(run: Run): string[] {
  return [...new Set(run.moments.flatMap(({ hosts }) => hosts.map(({ name }) => name)))];
}

type Host = Run["moments"][number]["hosts"][number];

function hostLines(
  run: Run,
  names: string[],
  of: (host: Host) => number,
  say: Line["say"],
): Line[] {
  const all = names.map((name, index): Line => ({
    label: name,
    color: `n${index % MAX_HOSTS}`,
    values: values(run, ({ hosts }) => {
      const host = hosts.find((host) => host.name === name && host.present);
      return host ? of(host) : null;
    }),
    say,
    width: 1,
    dash: HOST_DASHES[index % HOST_DASHES.length],
  }));
  if (all.length <= MAX_HOSTS) return all.reverse();
  const most = (line: Line) =>
    line.values.reduce((most, value) => (value > most ? value : most), 0);
  const ranked = all.sort((one, other) => most(other) - most(one));
  const middle = ranked[Math.floor(ranked.length / 2)];
  return [ranked[0], middle, ranked[ranked.length - 1]].map((line, index): Line => ({
    ...line,
    label: `${["worst", "median", "best"][index]}: ${line.label}`,
    color: `n${index}`,
    dash: HOST_DASHES[index],
  })).reverse();
}

function values(run: Run, of: (moment: Run["moments"][number]) => number | null): Values {
  return Float64Array.from(run.moments, (moment) => of(moment) ?? NaN);
}

/** A chart that begins at nothing. */
export function fromZero(
  id: string,
  title: string,
  about: string,
  height: number,
  lines: Line[],
): Spec {
  const most = greatest(lines);
  const max = most > 0 ? most * 1.1 : 1;
  const axis = (value: number) => words.plain(Number(value.toPrecision(6)));
  return { id, title, about, height, lines, isLogarithmic: false, min: 0, max, axis };
}

/** A chart in which each decade has as much room. */
export function logarithmic(
  id: string,
  title: string,
  about: string,
  height: number,
  lines: Line[],
): Spec {
  const known = lines.flatMap(({ values }) => [...values.filter((value) => value > 0)]);
  const [low, high] = known.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, 0]);
  const min = high > 0 ? low / 1.4 : 1e6;
  const max = high > 0 ? Math.max(high * 1.4, min * 12) : 1e9;
  return { id, title, about, height, lines, isLogarithmic: true, min, max, axis: words.roundTime };
}

function greatest(lines: Line[]): number {
  return lines.reduce((most, line) =>
    (line.heights ?? line.values).reduce((most, v) => (v > most ? v : most), most), 0);
}

/** A line's label, with how long its values are told together for where single frames have too few
 * samples. */
export function labelOf(run: Run, line: Line): string {
  if (!line.frames || line.frames === 1) return line.label;
  if (line.values.every(Number.isNaN)) return line.label;
  const [first] = run.moments;
  const step = first ? line.frames * (first.until - first.from) : line.frames;
  return `${line.label} · ${words.length(Math.round(step))}`;
}

/** What a line is told to be in a stretch. */
export function ofStretch(line: Line, figures: Figures, from: number, until: number): Quantity {
  const told = line.of?.(figures);
  if (told !== undefined) return told === null ? words.NOT_AVAILABLE : line.say(told);
  if (line.say === words.time) return words.NOT_AVAILABLE;
  const known = line.values.subarray(from, until).filter((value) => !Number.isNaN(value));
  if (known.length === 0) return words.NOT_AVAILABLE;
  return line.say(known.reduce((sum, value) => sum + value, 0) / known.length);
}
