// A stretch as data for other programs: a row a frame, and what all of it came to.

import type { Distribution, Figure } from "./distribution";
import type { Part, Run } from "./run";
import {
  figuresOf, ownOf, partOf, requestsOf, socketsOf, windowOf, type NameFigures, type Stretch,
} from "./stretch";

/** A column of a table: its name, and of each row a number, a word, or nothing. */
export interface Column {
  name: string;
  values: (number | string | null)[];
}

const PERCENTS = [50, 95, 99];

/** A row for each frame of a stretch, of both parts of the run. */
export function columnsOf(run: Run, stretch: Stretch): Column[] {
  const frames = Array.from(
    { length: stretch.until - stretch.from }, (_, at) => stretch.from + at);
  const parts = [run.warmUp, run.measured];
  const column = (name: string, of: (frame: number) => number | string | null) =>
    ({ name, values: frames.map(of) });
  const moment = (name: string, of: (moment: Run["moments"][number]) => number | string | null) =>
    column(name, (frame) => of(run.moments[frame]));
  const count = (name: string, of: (part: Part) => number[]) => {
    const sums = parts.map(of);
    return { name, values: frames.map((_, at) => sums.reduce((sum, each) => sum + each[at], 0)) };
  };
  const tally = (part: Part, path: string[]) => {
    const of = part.counts.at(...path);
    return frames.map((frame) => of.sum(frame, frame + 1));
  };
  const outcome = (name: string) => count(name, (part) => tally(part, ["transactions", name]));
  return [
    moment("from_seconds", ({ from }) => from),
    moment("until_seconds", ({ until }) => until),
    moment("phase", ({ phase }) => phase),
    ...["started", "ok", "failed", "interrupted"].map(outcome),
    count("unsent", (part) => {
      const reasons = [...part.counts.at("unsent").below.keys()].map((key) =>
        tally(part, ["unsent", key]));
      return frames.map((_, at) => reasons.reduce((sum, each) => sum + each[at], 0));
    }),
    moment("goal_per_second", ({ goal_per_second }) => goal_per_second),
    ...timesOf(run, frames, "response"),
    ...timesOf(run, frames, "service"),
    moment("users", ({ users }) => users),
    moment("under_way", ({ under_way }) => under_way),
    moment("cores", ({ cores }) => cores),
    moment("memory_mib", ({ memory_mib }) => memory_mib),
    ...causes(parts).map((cause) => count(`failed: ${cause}`, (part) => {
      const names = [...part.counts.at("by_name").below.keys()].map((name) =>
        tally(part, ["by_name", name, "failures", cause]));
      return frames.map((_, at) => names.reduce((sum, each) => sum + each[at], 0));
    })),
  ];
}

/** Percentiles and the maximum of each frame; a frame in which both parts have samples is told of
 * the measured one. */
function timesOf(run: Run, frames: number[], key: string): Column[] {
  const of = frames.map((frame) => {
    const parts = [run.measured, run.warmUp].map((part) => part.times.get(key));
    const times = parts.find((channel) => channel && channel.samplesOf(frame) > 0);
    const sum = times?.sum(frame, frame + 1);
    return sum ? [...sum.percentiles(PERCENTS), sum.max] : [];
  });
  const names = [...PERCENTS.map((percent) => `p${percent}`), "max"];
  return names.map((name, at) => ({
    name: `${key}_${name}_ms`,
    values: of.map((figures) => milliseconds(figures[at] ?? null)),
  }));
}

function causes(parts: Part[]): string[] {
  const names = parts.flatMap((part) => [...part.counts.at("by_name").below.values()]);
  return [...new Set(names.flatMap((name) => [...name.at("failures").below.keys()]))].sort();
}

const milliseconds = (figure: Figure | null) => figure && figure.ns / 1e6;

/** Columns as CSV (RFC 4180), with their names as its first line. */
export function csvOf(columns: Column[]): string {
  const field = (value: number | string | null) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = columns[0].values.map((_, row) =>
    columns.map(({ values }) => field(values[row])).join(","));
  return [columns.map(({ name }) => field(name)).join(","), ...rows, ""].join("\r\n");
}

/** What a stretch came to, with the names that `--out json` has for the same. */
export function jsonOf(run: Run, stretch: Stretch): string {
  const figures = figuresOf(run, stretch);
  const requests = requestsOf(run, stretch);
  const sockets = socketsOf(run, stretch);
  const { checks, series } = ownOf(run, stretch);
  const [from, until] = windowOf(run, stretch);
  const { header } = run;
  const byName = (rows: { name: string; count: number }[]) =>
    Object.fromEntries(rows.map(({ name, count }) => [name, count]));
  const outcomes = ({ started, ok, failed, interrupted, perSecond }: Omit<NameFigures, "name">) =>
    ({ started, ok, failed, interrupted, per_second: perSecond });
  const told = {
    schema: "swell.stretch/1",
    run: { id: header.id, name: header.name, began_at: header.began_at, target: header.target },
    from_seconds: from,
    until_seconds: until,
    part: partOf(run, stretch).isWarmUp ? "warm_up" : "measured",
    seconds: figures.seconds,
    transactions: {
      ...outcomes(figures),
      unsent: byName(figures.unsent),
      response_ms: timesJson(figures.response),
      service_ms: timesJson(figures.service),
    },
    by_name: Object.fromEntries(figures.names.map((of) => [of.name, {
      ...outcomes(of),
      response_ms: timesJson(of.response),
      service_ms: timesJson(of.service),
    }])),
    failures: byName(figures.failures),
    requests: {
      ended: requests.ended,
      written: requests.written,
      connections: requests.connections,
      body_bytes: requests.bodyBytes,
      statuses: byName(requests.statuses),
      errors: byName(requests.errors),
      phases_ms: Object.fromEntries(
        requests.phases.map(({ name, times }) => [name, timesJson(times)])),
    },
    sockets: {
      connections: sockets.connections,
      bytes_sent: sockets.bytesSent,
      bytes_received: sockets.bytesReceived,
      datagrams_sent: sockets.datagramsSent,
      datagrams_received: sockets.datagramsReceived,
      errors: byName(sockets.errors),
    },
    checks: Object.fromEntries(checks.map(({ name, ...counts }) => [name, counts])),
    metrics: series.map(({ series: { metric, kind, tags }, figures: { count, values } }) => ({
      metric,
      kind,
      tags: Object.fromEntries(tags),
      count,
      values: Object.fromEntries(values),
    })),
  };
  return `${JSON.stringify(told, null, 2)}\n`;
}

function timesJson(times: Distribution) {
  const percents = [50, 90, 95, 99, 99.9];
  const figures: [string, Figure | null][] = [
    ["min", times.min],
    ["mean", times.mean],
    ...times.percentiles(percents).map((figure, at): [string, Figure | null] =>
      [`p${percents[at]}`, figure]),
    ["max", times.max],
  ];
  const atLeast = figures.filter(([, figure]) => figure?.atLeast).map(([name]) => [name, true]);
  return {
    count: times.count,
    ...Object.fromEntries(figures.map(([name, figure]) => [name, milliseconds(figure)])),
    ...(atLeast.length > 0 && { at_least: Object.fromEntries(atLeast) }),
  };
}
