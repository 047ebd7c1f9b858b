// A made-up run, as lines of a record: with real histograms, a service that saturates for a while,
// failures by cause, checks, metrics with tags, and transactions that are cut off at the end.

import { bucketOf } from "../src/record/buckets";
import type { Comparison, FigureComparison } from "../src/record/comparison";
import type { Counts, Frame, Header, Line, Report, Times } from "../src/record/lines";
import type { Compared } from "./page";

export interface Wish {
  seconds: number;
  /** Transactions a second, of all names together. */
  perSecond: number;
  names?: string[];
  warmUp?: number;
  hosts?: string[];
}

/** A number from 0 to 1, the same in each test. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Samples in nanoseconds as a frame has them. */
export function times(samples: number[], ages: number[] = []): Times | undefined {
  const of = (samples: number[]): Times => {
    const counts = new Map<number, number>();
    for (const ns of samples) counts.set(bucketOf(ns), (counts.get(bucketOf(ns)) ?? 0) + 1);
    return {
      count: samples.length,
      sum_ns: samples.reduce((sum, ns) => sum + ns, 0),
      min_ns: Math.min(...samples),
      max_ns: Math.max(...samples),
      buckets: [...counts].sort(([a], [b]) => a - b),
    };
  };
  if (samples.length + ages.length === 0) return undefined;
  const ended = samples.length > 0 ? of(samples) : { count: 0 };
  return ages.length > 0 ? { ...ended, at_least: of(ages) } : ended;
}

const CAUSES = ["status 503", "request: timeout (waiting)", "the page has no order number"];
const NAMES = ["front page", "search", "checkout"];

/** The lines, and of each second the response times that they were made of. */
export function fixture(wish: Wish): { lines: Line[]; responses: number[][] } {
  const { seconds, perSecond, warmUp = 0, hosts = [] } = wish;
  const names = wish.names ?? NAMES;
  const of = { dice: random(7), names, warmUp, seconds, perSecond };
  const responses: number[][] = [];
  const lines: Line[] = [{ header: header(wish) }];
  for (let second = 0; second < seconds; second++) {
    const { counts, response } = secondOf(second, of);
    responses.push(response);
    const knee = kneeAt(second, of);
    const frame: Frame = {
      from: second,
      until: second + 1,
      phase: second < warmUp ? "warm-up" : "measuring",
      users: 200 + Math.round(200 * knee),
      under_way: Math.round(perSecond * 0.04 * (1 + 9 * knee)),
      goal_per_second: perSecond,
      held_by: null,
      limit: null,
      cores: 0.4 + 0.2 * of.dice(),
      memory_mib: 80,
      hosts: hosts.map((name, index) => ({
        name,
        share: 1 / hosts.length,
        present: index < hosts.length - 1 || second < seconds * 0.8 || second > seconds * 0.85,
        left: false,
        users: 70,
        per_second: perSecond / hosts.length,
        cores: 0.3 + 0.1 * of.dice(),
        generator_lag_p99_ms: 0.2 + 0.2 * of.dice(),
        verdict: "VALID",
      })),
      [second < warmUp ? "warm_up" : "measured"]: counts,
    };
    lines.push({ frame });
  }
  const mark = (at: number, kind: string, text: string) => ({ mark: { at, kind, text } });
  lines.push(
    mark(warmUp, "warm-up-over", "what begins now is measured"),
    mark(seconds * 0.6, "limited", "by the service: all users are under way"),
    mark(seconds * 0.61, "threshold-broken", "response.p95 < 250ms"),
    mark(seconds * 0.7, "goal-changed", "2,400/s, over the control API, by 10.0.0.9"),
    mark(seconds * 0.74, "reached", "completed keeps up with the goal"),
    { end: { report: report(wish) } },
  );
  return { lines, responses };
}

type Of = {
  dice: () => number;
  names: string[];
  warmUp: number;
  seconds: number;
  perSecond: number;
};

/** How far the service is beyond what it can, from 0 to 1. */
function kneeAt(second: number, { seconds }: Of): number {
  const at = second / seconds;
  return at > 0.6 && at < 0.75 ? Math.sin(((at - 0.6) / 0.15) * Math.PI) : 0;
}

function secondOf(second: number, of: Of): { counts: Counts; response: number[] } {
  const { dice, names, perSecond, seconds } = of;
  const knee = kneeAt(second, of);
  const normal = () => Math.sqrt(-2 * Math.log(1 - dice())) * Math.cos(2 * Math.PI * dice());
  // A name may be one that objects have of their own.
  const byName = Object.create(null) as NonNullable<Counts["by_name"]>;
  const counts: Counts = { by_name: byName };
  const all = { response: [] as number[], service: [] as number[], ages: [] as number[] };
  const total = { started: 0, ok: 0, failed: 0, interrupted: 0 };
  names.forEach((name, index) => {
    const wanted = Math.round((perSecond / names.length) * (0.9 + 0.2 * dice()));
    const row = { response: [] as number[], service: [] as number[], ages: [] as number[] };
    const failures: Record<string, number> = {};
    for (let n = 0; n < wanted; n++) {
      const base = 6e6 * (index + 1) ** 1.5 * (1 + 4 * knee) * (1 + 0.1 * Math.sin(second / 9));
      const service = Math.round(base * Math.exp(0.5 * normal()));
      const waited = Math.round(knee * 2e9 * (0.5 + 0.5 * dice()));
      if (second === seconds - 1 && dice() < 0.01) {
        row.ages.push(Math.round(5e8 + 4e8 * dice()));
        continue;
      }
      row.service.push(service);
      row.response.push(service + waited);
      if (dice() < 0.0005 + 0.02 * knee) {
        const cause = CAUSES[Math.floor(dice() * dice() * CAUSES.length)];
        failures[cause] = (failures[cause] ?? 0) + 1;
      }
    }
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
    const [ended, cut] = [row.service.length, row.ages.length];
    const counted = { started: ended + cut, ok: ended - failed, failed, interrupted: cut };
    byName[name] = {
      ...counted,
      response: times(row.response, row.ages),
      service: times(row.service, row.ages),
      failures,
    };
    for (const key of ["started", "ok", "failed", "interrupted"] as const) {
      total[key] += counted[key];
    }
    all.response.push(...row.response);
    all.service.push(...row.service);
    all.ages.push(...row.ages);
  });
  const some = (scale: number, n = 100) =>
    times(Array.from({ length: n }, () => Math.round(scale * Math.exp(0.6 * normal()))));
  counts.transactions = total;
  counts.response = times(all.response, all.ages);
  counts.service = times(all.service, all.ages);
  counts.user_lag = some(2e4 + 1e9 * knee);
  counts.generator_lag = some(6e4);
  counts.loop_delay = some(4e4);
  counts.iterations = total;
  if (knee > 0.9) counts.unsent = { users: 3 };
  counts.checks = { "has a title": { passed: total.ok, failed: total.failed } };
  counts.requests = {
    ok: total.ok,
    failed: total.failed,
    written: total.started,
    connections: second === 0 ? 200 : 0,
    body_bytes: total.ok * 4096,
    statuses: { 200: total.ok, 503: total.failed },
    service: counts.service,
    phases: Object.fromEntries([["blocked", 2e4], ["connecting", 4e5], ["sending", 5e4],
      ["waiting", 1e7 * (1 + 4 * knee)], ["receiving", 9e5]]
      .map(([name, scale]) => [name, some(Number(scale))!])),
  };
  const value = 20 + Math.round(50 * dice());
  counts.metrics = [
    { metric: "basket", kind: "trend", tags: { currency: "eur" }, count: 1, mean: value,
      min: value, max: value, buckets: [[value * 1.0005, 1]] },
    { metric: "orders", kind: "counter", count: total.ok, sum: total.ok },
  ];
  return { counts, response: all.response };
}

function header({ seconds, perSecond, warmUp = 0 }: Wish): Header {
  return {
    schema: "swell.record/1",
    name: "checkout",
    id: "1a215dd7b8b-3161",
    version: "0.1.0",
    seed: "1552998097",
    scenario: "checkout",
    file: "checkout.wasm",
    file_hash: "e60a0fd15ce4a1e48f99a6e38c2f1bd66b3f3d9a0c3c14f1b7e7c6a2c199c29a",
    target: "https://shop.staging.example",
    model: `open model, ${perSecond}/s transactions, at most 600 users`,
    asked_per_second: perSecond,
    grace_seconds: 30,
    timeout_seconds: 60,
    began_at: 1_795_666_331,
    command: ["host", "run", "checkout.wasm", "--target", "https://shop.staging.example", "--tps",
      String(perSecond), "--threshold", "response.p95 < 250ms"],
    warm_up_seconds: warmUp,
    measured_seconds: seconds - warmUp,
    thresholds: ["response.p95 < 250ms", "error_rate < 1%"],
    objectives: [],
    host: { name: "load-a", cores: 4, system: "linux x86_64" },
  };
}

/** Some of the slowest of each name, and of the first one a failure. */
function notable(names: string[], seconds: number): Report["measured"] {
  const row = (at: number, iteration: number, response_ms: number, error: string | null) => ({
    at, iteration, user: iteration % 200, response_ms, service_ms: response_ms * 0.3, error,
    trace_id: "7c2f81d09b3e4a55c1d2e3f405162738",
  });
  const byName = Object.create(null) as Report["measured"]["by_name"];
  names.forEach((name, index) => {
    const slowest = Array.from({ length: 10 }, (_, at) =>
      row(seconds * 0.66 + at, 241_077 + 31 * at + index, 3_000 - 250 * at - index, null));
    const failures = [row(seconds * 0.62, 231_400 + index, 1_630, "status 503")];
    byName[name] = { notable: { slowest, failures: index === 0 ? failures : [] } };
  });
  return { by_name: byName };
}

function report({ seconds, warmUp = 0, hosts = [], names = NAMES }: Wish): Report {
  return {
    measured: notable(names, seconds),
    run: { warm_up_seconds: warmUp, measured_seconds: seconds - warmUp },
    verdict: { stamp: "VALID", evidence: [] },
    exit: { code: 99, reason: "a threshold failed: response.p95 < 250ms" },
    confidence: null,
    thresholds: [
      { rule: "response.p95 < 250ms", passed: false, found: "1.61 s" },
      { rule: "error_rate < 1%", passed: true, found: "0.23 %" },
    ],
    control: null,
    limits: [{
      by: "service",
      from_seconds: seconds * 0.6,
      until_seconds: seconds * 0.74,
      means: "the service: all 400 users are under way, and it takes 5 times as long as at best",
    }],
    nodes: hosts.map((name) => ({
      name,
      share: 1 / hosts.length,
      started: 12_345,
      verdict: "VALID",
      generator_lag_p99_ms: 0.41,
      cpu_seconds: 93,
      times_lost: name === hosts.at(-1) ? 1 : 0,
      complete: true,
      unknown_least: 0,
      unknown_most: 0,
    })),
    search: null,
    users: { created: 400, most_at_once: 400, trapped: 0, traps: {} },
    machine: { cores: 4, cpu_seconds: 280, resident_mib: 86 },
    requests_written: 100,
  };
}

/** What the host might have found of two such runs. */
export function compared(): Compared {
  const row = (figure: string, more: Partial<FigureComparison>): FigureComparison => ({
    figure, unit: "s", a: 0.01, b: 0.012, is_relative: true, difference: 0.2,
    interval: [0.1, 0.35], finding: "differs", ...more,
  });
  const found: Comparison = {
    a: ["old.swell"],
    b: ["new.swell"],
    method: "two-runs",
    unlike: [{ what: "version", a: ["0.1.0"], b: ["0.2.0"] }],
    remarks: ["36,000 response times of A are worth 900 independent ones"],
    figures: [
      row("response.p95", {}),
      row("response.p50", { b: 0.0101, difference: 0.01, interval: [-0.02, 0.05],
        finding: "cannot tell" }),
      row("error_rate", { unit: "share", a: 0.001, b: 0.004, is_relative: false,
        difference: 0.003, interval: [0.001, 0.006] }),
      row("response.p99", { b: null, difference: null, interval: null, finding: "not known",
        why: "B: too few samples" }),
    ],
    by_name: [
      row("service[front page].p95", { interval: [null, 0.4], finding: "may be chance" }),
      row("service[search].p95", { a: 0.02, b: 0.016, difference: -0.2, interval: [-0.3, -0.1] }),
    ],
    margins: [{ rule: "response.p95 > +50%", ruling: "passed", found: "+20.0 %" }],
  };
  return { found, sides: ["a", "b"] };
}
