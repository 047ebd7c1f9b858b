// The arithmetic of frames: what a stretch sums up to, and under which rules it is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bucketOf, longestIn, shortestIn } from "../src/record/buckets";
import { Channel } from "../src/record/channel";
import { aligned } from "../src/record/comparison";
import { effectiveSamples, intervals } from "../src/record/confidence";
import { leadingCourses, percentilesOverTime } from "../src/record/course";
import { samplesNeeded } from "../src/record/distribution";
import type { Line } from "../src/record/lines";
import { RunBuilder, type Part, type Run } from "../src/record/run";
import { columnsOf, csvOf, jsonOf } from "../src/record/rows";
import {
  figuresOf, frameNearest, framesIn, movedBy, ownOf, requestsOf, socketsOf, spoke, webSocketsOf,
  wholeRun, windowOf,
} from "../src/record/stretch";
import { fixture, random, times } from "./fixture";
import { packed, textOf } from "./page";

function runOf(lines: Line[]): Run {
  const builder = new RunBuilder();
  textOf(lines).split("\n").forEach((line) => builder.add(line));
  return builder.done();
}

/** The sample that at least so many percent do not exceed, as its bucket tells it. */
function truth(samples: number[], percent: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const found = sorted[Math.ceil((percent / 100) * sorted.length) - 1];
  return Math.min(Math.max(longestIn(bucketOf(found)), sorted[0]), sorted.at(-1)!);
}

test("buckets follow each other without a gap and hold their times", () => {
  for (const bucket of [0, 1, 2047, 2048, 2049, 3071, 3072, 10_000, 24_575]) {
    assert.equal(longestIn(bucket) + 1, shortestIn(bucket + 1));
    assert.equal(bucketOf(shortestIn(bucket)), bucket);
    assert.equal(bucketOf(longestIn(bucket)), bucket);
  }
  // As the host numbers them.
  assert.equal(shortestIn(2048), 2048 * 512);
  assert.equal(bucketOf(1e9), 12_147);
});

test("a percentile is told only where ten samples lie beyond it", () => {
  assert.deepEqual([50, 95, 99, 99.9, 5].map(samplesNeeded), [20, 200, 1_000, 10_000, 200]);
  const channel = new Channel();
  channel.add(0, times(Array.from({ length: 199 }, (_, ms) => (ms + 1) * 1e6))!);
  channel.add(1, times([2e8])!);
  assert.equal(channel.sum(0, 1).percentile(95), null);
  assert.ok(channel.sum(0, 2).percentile(95));
  assert.equal(channel.sum(0, 2).max?.ns, 2e8);
});

test("any stretch has the percentiles of its samples", () => {
  const dice = random(3);
  const frames = Array.from({ length: 333 }, (_, frame) =>
    Array.from({ length: frame % 7 === 3 ? 0 : 1 + Math.floor(dice() * 40) }, () =>
      Math.round(1e3 * 10 ** (6 * dice()))));
  const channel = new Channel();
  frames.forEach((samples, frame) => {
    const of = times(samples);
    if (of) channel.add(frame, frame % 2 === 0 ? of : packed(of));
    // Whoever asks meanwhile changes nothing.
    if (frame % 50 === 0) channel.sum(0, frame);
  });
  for (let round = 0; round < 200; round++) {
    const from = Math.floor(dice() * frames.length);
    const until = from + 1 + Math.floor(dice() * (frames.length - from));
    const samples = frames.slice(from, until).flat();
    const sum = channel.sum(from, until);
    assert.equal(sum.count, samples.length, `${from}..${until}`);
    for (const percent of [50, 95]) {
      const told = sum.percentile(percent)?.ns ?? null;
      const enough = samples.length >= samplesNeeded(percent);
      assert.equal(told, enough ? truth(samples, percent) : null, `p${percent} ${from}..${until}`);
    }
  }
});

test("a percentile at or above an age of what was cut off is at least so much", () => {
  const channel = new Channel();
  const ages = Array.from({ length: 400 }, (_, at) => (30_000 + at * 20) * 1e6);
  channel.add(0, times(Array<number>(400).fill(1e7), ages)!);
  const sum = channel.sum(0, 1);
  assert.deepEqual([sum.count, sum.cut], [800, 400]);
  assert.equal(sum.percentile(50)?.atLeast, false);
  assert.equal(sum.percentile(95)?.atLeast, true);
  assert.deepEqual([sum.min?.atLeast, sum.mean?.atLeast, sum.max?.atLeast], [false, true, true]);
  assert.equal(Math.round(sum.mean!.ns / 1e9), 17);
});

test("a stretch is of the measured part, or of the warm-up where it lies there", () => {
  const run = runOf(fixture({ seconds: 60, perSecond: 90, warmUp: 10 }).lines);
  const whole = figuresOf(run, wholeRun(run));
  assert.deepEqual([whole.isWarmUp, whole.seconds], [false, 50]);
  const warm = figuresOf(run, { from: 0, until: 10 });
  assert.deepEqual([warm.isWarmUp, warm.seconds], [true, 10]);
  const parts = [0, 10, 25, 60];
  const sums = parts.slice(1).map((until, at) => figuresOf(run, { from: parts[at], until }));
  const measured = sums.slice(1).reduce((sum, { started }) => sum + started, 0);
  assert.equal(measured, whole.started);
  assert.ok(sums[0].started > 0 && whole.started > 0);
});

test("a bucket that has more samples than a number of 32 bits keeps them all", () => {
  const many = 3 * 2 ** 32 + 5;
  const of = { count: many, sum_ns: 1e3 * many, min_ns: 1e3, max_ns: 1e3 };
  const pair = new Channel();
  pair.add(0, { ...of, buckets: [[1, many]] });
  assert.equal(pair.sum(0, 1).buckets[0], many);
  const text = new Channel();
  text.add(0, packed({ ...of, buckets: [[1, 2 ** 32 - 1], [1, 7]] }));
  assert.equal(text.sum(0, 1).buckets[0], 2 ** 32 + 6);
});

test("a run that grows is told as far as it goes", () => {
  const { lines } = fixture({ seconds: 300, perSecond: 60 });
  const builder = new RunBuilder();
  const texts = textOf(lines).split("\n");
  const checked = [1, 40, 41, 300];
  texts.slice(0, 301).forEach((text, frames) => {
    builder.add(text);
    if (!checked.includes(frames)) return;
    const grown = builder.done();
    const whole = runOf(lines.slice(0, frames + 1));
    assert.equal(grown.moments.length, frames);
    const last = { from: frames >> 1, until: frames };
    for (const stretch of [wholeRun(grown), { from: 0, until: 1 }, last]) {
      assert.deepEqual(figuresOf(grown, stretch), figuresOf(whole, stretch));
      assert.deepEqual(requestsOf(grown, stretch), requestsOf(whole, stretch));
    }
  });
});

test("counts of a stretch add up, and name what failed", () => {
  const { lines, responses } = fixture({ seconds: 100, perSecond: 300 });
  const run = runOf(lines);
  const stretch = { from: 55, until: 80 };
  const figures = figuresOf(run, stretch);
  assert.equal(figures.response.count, responses.slice(55, 80).flat().length);
  assert.equal(figures.started, figures.ok + figures.failed + figures.interrupted);
  const failed = figures.failures.reduce((sum, { count }) => sum + count, 0);
  assert.ok(failed > 0);
  assert.equal(failed, figures.failed);
  const named = figures.names.reduce((sum, { started }) => sum + started, 0);
  assert.equal(named, figures.started);
  assert.equal(requestsOf(run, stretch).ended, figures.ok + figures.failed);
  const { checks, series } = ownOf(run, stretch);
  assert.equal(checks[0].passed, figures.ok);
  const orders = series.find((one) => one.series.metric === "orders")!.figures;
  assert.deepEqual(orders.values, [["sum", figures.ok]]);
  const basket = series.find((one) => one.series.metric === "basket")!.figures;
  assert.equal(basket.count, 25);
  assert.ok(basket.values.some(([name, value]) => name === "p50" && value !== null));
});

test("web sockets are told where there are some", () => {
  const { lines } = fixture({ seconds: 4, perSecond: 10 });
  assert.equal(webSocketsOf(runOf(lines), { from: 0, until: 4 }), null);
  let frames = 0;
  const chatting = lines.map((line) => {
    const { frame } = line as { frame?: { measured?: object } };
    if (!frame?.measured) return line;
    frames += 1;
    const websockets = {
      handshakes: {
        ok: 2,
        failed: 1,
        statuses: { 101: 2, 403: 1 },
        phases: { waiting: times([1e6, 2e6]) },
      },
      ends: { scenario: 1, "service 1001": 1 },
      messages_sent: 5,
      bytes_received: 70,
      round_trip: times([3e6]),
    };
    return { frame: { ...frame, measured: { ...frame.measured, websockets } } } as unknown as Line;
  });
  const run = runOf(chatting);
  const of = webSocketsOf(run, wholeRun(run))!;
  assert.ok(frames > 0);
  assert.deepEqual([of.opened, of.failed, of.sent], [2 * frames, frames, 5 * frames]);
  assert.deepEqual([of.received, of.bytesReceived], [0, 70 * frames]);
  assert.deepEqual(of.ends.map(({ name, count }) => [name, count]).toSorted(), [
    ["scenario", frames], ["service 1001", frames],
  ]);
  assert.deepEqual(of.times.map(({ name, times }) => [name, times.count]), [
    ["handshake", 2 * frames], ["round trip", frames],
  ]);
});

test("a record without an end is shown, and one without a header is refused", () => {
  const { lines } = fixture({ seconds: 5, perSecond: 50 });
  const run = runOf(lines.slice(0, -1));
  assert.deepEqual([run.report, run.moments.length], [null, 5]);
  assert.equal(figuresOf(run, wholeRun(run)).seconds, 5);
  assert.throws(() => runOf(lines.slice(1)), /no header/);
  const other = { header: { ...(lines[0] as { header: object }).header, schema: "other/1" } };
  assert.throws(() => runOf([other as Line]), /other\/1 is no record/);
  assert.equal(runOf([...lines, { later: {} } as unknown as Line]).moments.length, 5);
});

test("a seed beyond what a number can be is kept digit by digit", () => {
  const { lines } = fixture({ seconds: 1, perSecond: 5 });
  const [first] = lines as [{ header: Run["header"] }];
  first.header.seed = "18446744073709551615";
  assert.equal(runOf(lines).header.seed, "18446744073709551615");
});

test("where a frame has too few samples, neighbours are told together", () => {
  const run = runOf(fixture({ seconds: 120, perSecond: 30 }).lines);
  const response = (part: Part) => part.times.get("response");
  const [p50, p95] = percentilesOverTime(run, response, [50, 95]);
  assert.equal(p50.frames, 1);
  assert.ok(p95.frames > 5 && p95.frames < 15, String(p95.frames));
  const first = run.measured.times.get("response")!.sum(0, p95.frames).percentile(95);
  assert.equal(p95.values[0], first?.ns);
});

test("samples that resemble their neighbours are worth fewer, and the interval is wider", () => {
  const dice = random(11);
  const of = (level: () => number) => {
    const channel = new Channel();
    let now = 1;
    for (let frame = 0; frame < 120; frame++) {
      if (frame % 5 === 0) now = level();
      const samples = Array.from({ length: 200 }, () =>
        Math.round(-1e7 * now * Math.log(1 - dice())) + 1000);
      channel.add(frame, times(samples)!);
    }
    const all = channel.sum(0, 120);
    const effective = effectiveSamples(channel, 0, 120, all)!;
    return { effective, all, sure: intervals(all, [90], effective)[0]! };
  };
  const steady = of(() => 1);
  assert.ok(steady.effective > steady.all.count * 0.4);
  const [low, high] = steady.sure;
  assert.ok(low < 1e7 * Math.log(10) * 1.02 && high > 1e7 * Math.log(10) * 0.98);
  const moody = of(() => (dice() < 0.5 ? 0.5 : 2));
  assert.ok(moody.effective < moody.all.count / 20, String(moody.effective));
  assert.equal(effectiveSamples(new Channel(), 0, 9, steady.all), null);
});

test("an end of a stretch is moved as far as there are frames, and one is always left", () => {
  const run = runOf(fixture({ seconds: 60, perSecond: 30 }).lines);
  const of = { from: 20, until: 30 };
  assert.deepEqual(movedBy(run, of, "from", 4), { from: 24, until: 30 });
  assert.deepEqual(movedBy(run, of, "from", 99), { from: 29, until: 30 });
  assert.deepEqual(movedBy(run, of, "until", -99), { from: 20, until: 21 });
  assert.deepEqual(movedBy(run, of, "until", 99), { from: 20, until: 60 });
  assert.deepEqual(movedBy(run, of, "both", -99), { from: 0, until: 10 });
  assert.deepEqual(movedBy(run, of, "both", 35), { from: 50, until: 60 });
  assert.deepEqual([-5, 0.4, 0.6, 59.6, 99].map((at) => frameNearest(run, at)), [0, 0, 1, 60, 60]);
});

test("a time that was rounded for an address has the frames that it was made of", () => {
  const { lines } = fixture({ seconds: 9, perSecond: 30 });
  for (const line of lines) {
    if (!("frame" in line)) continue;
    line.frame.from = Math.max(0, line.frame.from - 0.0004);
    line.frame.until -= 0.0004;
  }
  const run = runOf(lines);
  const time = windowOf(run, { from: 3, until: 5 }).map((at) => Number(at.toFixed(3)));
  assert.deepEqual(time, [3, 5]);
  assert.deepEqual(framesIn(run, [3, 5]), { from: 3, until: 5 });
});

test("a stretch as data has a row a frame, and what it came to", () => {
  const { lines } = fixture({ seconds: 40, perSecond: 600, warmUp: 5 });
  const run = runOf(lines);
  const stretch = { from: 20, until: 30 };
  const columns = columnsOf(run, stretch);
  const values = (name: string) => columns.find((column) => column.name === name)!.values;
  const sum = (name: string) =>
    values(name).reduce<number>((sum, value) => sum + Number(value), 0);
  const figures = figuresOf(run, stretch);
  assert.equal(values("from_seconds").length, 10);
  assert.equal(sum("ok") + sum("failed"), figures.ok + figures.failed);
  const failed = columns.filter(({ name }) => name.startsWith("failed: "));
  assert.equal(failed.reduce((all, { name }) => all + sum(name), 0), figures.failed);
  const response = run.measured.times.get("response")!;
  const [first] = values("response_p95_ms");
  assert.equal(first, response.sum(20, 21).percentile(95)!.ns / 1e6);

  const odd = { name: 'a "name", with', values: Array<string>(10).fill("x\ny") };
  const rows = csvOf([...columns, odd]).split("\r\n");
  assert.ok(rows[0].startsWith("from_seconds,") && rows[0].endsWith(',"a ""name"", with"'));
  assert.ok(rows[1].startsWith("20,21,measuring,") && rows[1].endsWith(',"x\ny"'));
  assert.deepEqual([rows.length, rows.at(-1)], [12, ""]);

  const json = JSON.parse(jsonOf(run, stretch));
  assert.deepEqual([json.part, json.from_seconds, json.seconds], ["measured", 20, 10]);
  assert.equal(json.transactions.response_ms.p95, figures.response.percentile(95)!.ns / 1e6);
  assert.deepEqual(Object.keys(json.by_name), figures.names.map(({ name }) => name));
});

test("courses of two runs stand on one axis, where their measured parts begin together", () => {
  const of = (wish: { seconds: number; warmUp: number }, side: "a" | "b") =>
    ({ side, run: runOf(fixture({ ...wish, perSecond: 300 }).lines) });
  const [a, b] = [of({ seconds: 30, warmUp: 10 }, "a"), of({ seconds: 40, warmUp: 5 }, "b")];
  const { axis, courses, marks } = aligned([a, b]);
  assert.deepEqual([axis.moments.length, axis.measuredFrom, axis.measuredUntil], [45, 10, 45]);
  assert.equal(courses[0].completed[12], leadingCourses(a.run).ended[12]);
  assert.equal(courses[1].completed[12], leadingCourses(b.run).ended[7]);
  assert.ok(Number.isNaN(courses[0].p95[44]) && Number.isNaN(courses[1].p95[2]));
  const over = marks.filter(({ kind }) => kind === "warm-up-over");
  assert.deepEqual(over.map(({ at, of }) => [at, of.label]), [[10, "A"], [10, "B"]]);
  const goals = marks.filter(({ kind }) => kind === "goal-changed").map(({ at }) => at);
  assert.deepEqual(goals, [21, 28 + 5]);
});

test("what was done over sockets adds up over the frames of a stretch", () => {
  const { lines } = fixture({ seconds: 4, perSecond: 10 });
  assert.equal(spoke(runOf(lines), "sockets"), false);
  for (const line of lines) {
    if ("frame" in line) {
      line.frame.measured = { ...line.frame.measured, sockets: {
        connections: 1, bytes_sent: 14, bytes_received: 7, errors: { denied: 2 } } };
    }
  }
  const run = runOf(lines);
  assert.ok(spoke(run, "sockets") && spoke(run, "requests"));
  const frames = run.moments.length;
  assert.deepEqual(socketsOf(run, wholeRun(run)), {
    connections: frames, bytesSent: 14 * frames, bytesReceived: 7 * frames,
    datagramsSent: 0, datagramsReceived: 0, errors: [{ name: "denied", count: 2 * frames }],
  });
});
