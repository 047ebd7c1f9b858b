// Holds a page against the results of the same run: `npm run agree PAGE RESULTS`. What the page
// reckons from the frames of its record must be what the host says of the whole run.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import type { Distribution, Figure } from "../src/record/distribution";
import type { Report } from "../src/record/lines";
import { load } from "../src/record/load";
import { figuresOf, ownOf, requestsOf, socketsOf, surely, wholeRun } from "../src/record/stretch";

type TimesReport = { count: number; at_least?: Record<string, boolean> } & Record<string, unknown>;
type Counted = { started: number; ok: number; failed: number; interrupted: number };
type Named = Counted & { response_ms: TimesReport; service_ms: TimesReport; per_second: number };
interface Measured {
  transactions: Named & { unsent: Record<string, number>; user_lag_ms: TimesReport;
    generator_lag_ms: TimesReport };
  by_name: Record<string, Named & { failures: Record<string, number> }>;
  requests: { ok: number; failed: number; written: number; connections: number;
    body_bytes: number; statuses: Record<string, number>; errors: Record<string, number>;
    service_ms: TimesReport; phases_ms: Record<string, TimesReport> };
  sockets?: { connections: number; bytes_sent: number; bytes_received: number;
    errors: Record<string, number> };
  checks: Record<string, { passed: number; failed: number }>;
  metrics: { metric: string; tags: Record<string, string>; count: number;
    values: Record<string, number | null> }[];
  loop_delay_ms: TimesReport;
}

const [, , page, results] = process.argv;
const [, base64] = /<script type="application\/vnd.swell.record">([^<]+)</.exec(
  readFileSync(page, "utf8")) ?? [];
const run = await load(base64);
const { measured, confidence } = JSON.parse(readFileSync(results, "utf8")) as
  Report & { measured: Measured };
const whole = wholeRun(run);
const figures = figuresOf(run, whole);
const requests = requestsOf(run, whole);
const own = ownOf(run, whole);
let compared = 0;

/** Numbers that differ by no more than a nanosecond, or their last digits. */
function same(told: number | null | undefined, said: unknown, what: string) {
  compared++;
  const [one, other] = [told ?? null, said ?? null];
  if (one === null || other === null) return assert.equal(one, other, what);
  const difference = Math.abs(one - Number(other));
  assert.ok(difference <= 1.5e-6 + 1e-9 * Math.abs(one), `${what}: ${one}, not ${other}`);
}

function sameTimes(of: Distribution, said: TimesReport, what: string) {
  same(of.count, said.count, `${what}.count`);
  for (const [name, value] of Object.entries(said)) {
    const percent = /^p([\d.]+)$/.exec(name)?.[1];
    let figure: Figure | null;
    if (percent) figure = of.percentile(Number(percent));
    else if (name === "min" || name === "max" || name === "mean") figure = of[name];
    else continue;
    // A mean is cut to whole nanoseconds there.
    const ns = figure && Math.floor(figure.ns);
    same(ns === null ? null : ns / 1e6, value, `${what}.${name}`);
    assert.equal(figure?.atLeast ?? false, said.at_least?.[name] ?? false, `${what}.${name} ≥`);
  }
}

function sameCounts(of: Counted, said: Counted, what: string) {
  for (const key of ["started", "ok", "failed", "interrupted"] as const) {
    same(of[key], said[key], `${what}.${key}`);
  }
}

function sameMap(
  of: { name: string; count: number }[],
  said: Record<string, number>,
  what: string,
) {
  const some = Object.entries(said).filter(([, count]) => count > 0);
  assert.equal(of.length, some.length, what);
  for (const { name, count } of of) same(count, said[name], `${what}.${name}`);
}

const all = measured.transactions;
sameCounts(figures, all, "transactions");
same(figures.perSecond, all.per_second, "per_second");
const { users, host, lease, ...others } = all.unsent;
sameMap(figures.unsent, { users, generator: host ?? others.generator, lease }, "unsent");
sameTimes(figures.response, all.response_ms, "response");
sameTimes(figures.service, all.service_ms, "service");
sameTimes(figures.lags.users, all.user_lag_ms, "user_lag");
sameTimes(figures.lags.generator, all.generator_lag_ms, "generator_lag");
sameTimes(figures.lags.loop, measured.loop_delay_ms, "loop_delay");

for (const [name, said] of Object.entries(measured.by_name)) {
  const of = figures.names.find((of) => of.name === name);
  assert.ok(of || said.started === 0, name);
  if (!of) continue;
  sameCounts(of, said, name);
  same(of.perSecond, said.per_second, `${name}.per_second`);
  sameTimes(of.response, said.response_ms, `${name}.response`);
  sameTimes(of.service, said.service_ms, `${name}.service`);
}
const causes: Record<string, number> = {};
for (const { failures } of Object.values(measured.by_name)) {
  for (const [cause, n] of Object.entries(failures)) causes[cause] = (causes[cause] ?? 0) + n;
}
sameMap(figures.failures, causes, "failures");

const asked = measured.requests;
same(requests.ended, asked.ok + asked.failed, "requests");
same(requests.written, asked.written, "requests.written");
same(requests.connections, asked.connections, "requests.connections");
same(requests.bodyBytes, asked.body_bytes, "requests.body_bytes");
const spoken = socketsOf(run, whole);
const { sockets } = measured;
same(spoken.connections, sockets?.connections ?? 0, "sockets.connections");
same(spoken.bytesSent, sockets?.bytes_sent ?? 0, "sockets.bytes_sent");
same(spoken.bytesReceived, sockets?.bytes_received ?? 0, "sockets.bytes_received");
sameMap(spoken.errors, sockets?.errors ?? {}, "sockets.errors");
sameMap(requests.statuses, asked.statuses, "statuses");
sameMap(requests.errors, asked.errors, "errors");
sameTimes(requests.service, asked.service_ms, "requests.service");
for (const { name, times } of requests.phases) sameTimes(times, asked.phases_ms[name], name);

assert.equal(own.checks.length, Object.keys(measured.checks).length, "checks");
for (const { name, passed, failed } of own.checks) {
  same(passed, measured.checks[name].passed, name);
  same(failed, measured.checks[name].failed, name);
}
assert.equal(own.series.length, measured.metrics.length, "metrics");
for (const { series, figures: of } of own.series) {
  const tags = JSON.stringify(series.tags.toSorted());
  const said = measured.metrics.find((one) =>
    one.metric === series.metric && JSON.stringify(Object.entries(one.tags).sort()) === tags);
  assert.ok(said, series.metric);
  same(of.count, said.count, series.metric);
  for (const [name, value] of of.values) same(value, said.values[name], `${series.metric}.${name}`);
}
for (const [name, ends] of Object.entries(confidence?.response_ms ?? {})) {
  const [sure] = surely(run, whole, figures.response, [Number(name.slice(1))]);
  ends.forEach((end, at) => same((sure?.[at] ?? NaN) / 1e6, end, `${name} surely`));
}
console.log(`${compared} figures of the page are those of the results`);
