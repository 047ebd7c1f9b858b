// A record that grows: whatever way its entries come, each is taken once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isEarlier, placeOf } from "../src/live/beside";
import { LiveRecord, type Answer } from "../src/live/record";
import type { Run } from "../src/record/run";
import { figuresOf, wholeRun } from "../src/record/stretch";
import { fixture, random } from "./fixture";
import { textOf } from "./page";

/** A host with the record of a run, of which some entries have been told. */
class Host {
  told = 1;
  /** How often all was asked for. */
  whole = 0;
  private readonly lines: string[];

  constructor(readonly run: string, seconds: number) {
    this.lines = textOf(fixture({ seconds, perSecond: 30 }).lines).split("\n");
  }

  get length(): number {
    return this.lines.length;
  }

  entry(number: number): [string, string] {
    return [`${this.run}.${number}`, this.lines[number - 1]];
  }

  read = async (after: string | null): Promise<Answer> => {
    const seen = after?.startsWith(`${this.run}.`) ? Number(after.split(".")[1]) : 0;
    if (seen === 0) this.whole++;
    const { lines, run, told } = this;
    async function* some() {
      yield* lines.slice(seen, told);
    }
    return { lines: some(), last: `${run}.${told}` };
  };
}

/** What a run came to, so that one that lost or doubled a frame differs. */
const summary = (run: Run | null) => {
  assert.ok(run);
  const { started, ok, response } = figuresOf(run, wholeRun(run));
  const p50 = response.percentile(50);
  return [run.moments.length, run.marks.length, started, ok, response.count, p50, run.report?.exit];
};

const whole = async (host: Host) => {
  const record = new LiveRecord(host.read);
  await record.catchUp();
  return record.run();
};

test("entries that are lost, late or told twice are each counted once", async () => {
  const dice = random(5);
  const host = new Host("a-1", 300);
  const record = new LiveRecord(host.read);
  await record.catchUp();
  let gaps = 0;
  while (host.told < host.length) {
    host.told++;
    if (dice() < 0.2) continue;
    // A stream that was connected again begins somewhat before.
    for (let number = host.told - Math.floor(3 * dice()); number <= host.told; number++) {
      if (record.take(...host.entry(Math.max(number, 1)))) continue;
      gaps++;
      const reading = record.catchUp();
      // More comes while it is read.
      if (host.told < host.length && dice() < 0.5) record.take(...host.entry(++host.told));
      await reading;
    }
  }
  await record.catchUp();
  assert.ok(gaps > 5, String(gaps));
  assert.equal(host.whole, 1, "the rest came in parts");
  assert.deepEqual(summary(record.run()), summary(await whole(host)));
});

test("a run is drawn again and again while it grows, and is in the end as one that is read whole",
  async () => {
    const host = new Host("a-1", 60);
    const record = new LiveRecord(host.read);
    await record.catchUp();
    const counts: number[] = [];
    while (host.told < host.length) {
      host.told++;
      assert.ok(record.take(...host.entry(host.told)));
      const run = record.run()!;
      counts.push(figuresOf(run, wholeRun(run)).started);
    }
    assert.ok(counts.every((count, at) => at === 0 || count >= counts[at - 1]));
    assert.deepEqual(summary(record.run()), summary(await whole(host)));
  });

test("another process at the same address has its run shown from the beginning", async () => {
  const [first, second] = [new Host("a-1", 40), new Host("b-2", 20)];
  first.told = first.length;
  second.told = 10;
  let host = first;
  const record = new LiveRecord((after) => host.read(after));
  await record.catchUp();
  host = second;
  assert.equal(record.take(...second.entry(10)), false);
  await record.catchUp();
  assert.equal(record.seen, "b-2.10");
  assert.deepEqual(summary(record.run()), summary(await whole(second)));
});

test("an answer that breaks off counts nothing twice", async () => {
  const host = new Host("a-1", 30);
  host.told = 10;
  let breaks = false;
  const record = new LiveRecord(async (after) => {
    const { lines, last } = await host.read(after);
    async function* some() {
      let left = 5;
      for await (const line of lines) {
        if (breaks && left-- === 0) throw new Error("the connection was reset");
        yield line;
      }
    }
    return { lines: some(), last };
  });
  await record.catchUp();
  host.told = host.length;
  breaks = true;
  await assert.rejects(record.catchUp());
  assert.equal(record.seen, "a-1.10");
  breaks = false;
  await record.catchUp();
  assert.deepEqual(summary(record.run()), summary(await whole(host)));
});

test("a run is over as soon as its end has come, though the host has gone while it was read",
  async () => {
    const host = new Host("a-1", 20);
    host.told = host.length - 2;
    let isGone = false;
    const record = new LiveRecord((after) => {
      if (isGone) return Promise.reject(new Error("the host is gone"));
      return host.read(after);
    });
    await record.catchUp();
    assert.equal(record.isOver, false);
    isGone = true;
    const reading = record.catchUp();
    for (const number of [host.length - 1, host.length]) {
      assert.ok(record.take(...host.entry(number)));
    }
    await assert.rejects(reading);
    assert.equal(record.isOver, true);
    host.told = host.length;
    assert.deepEqual(summary(record.run()), summary(await whole(host)));
  });

test("a record that has grown too long is read anew, as its host has joined what is old", async () => {
  const host = new Host("a-1", 5);
  host.told = host.length - 1;
  const record = new LiveRecord(host.read);
  await record.catchUp();
  const [, frame] = host.entry(2);
  let number = host.told;
  while (!record.isLong) record.take(`a-1.${++number}`, frame);
  assert.ok(record.run()!.moments.length > 4_000);
  await record.renew();
  assert.equal(record.isLong, false);
  assert.equal(record.run()!.moments.length, 5);
});

test("an address names a run of now or an earlier one to be laid beside, and nothing else", () => {
  for (const [text, isOver] of [["runs/a/b", false], ["history/19ac-1", true]] as const) {
    assert.equal(placeOf(text), text);
    assert.equal(isEarlier(placeOf(text)!), isOver);
  }
  for (const text of [null, "", "runs/", "shop", "file/etc/passwd", "../runs/a"]) {
    assert.equal(placeOf(text), null);
  }
});
