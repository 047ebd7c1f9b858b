// How figures are told: three digits, a unit, and "n/a" where nothing is known.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { FigureComparison } from "../src/record/comparison";
import { decadesBeyond } from "../src/view/bullet";
import { change, ends, found, valueWords } from "../src/view/difference";
import { fileName } from "../src/view/download";
import * as words from "../src/view/words";

test("times have three digits and their unit", () => {
  const told = (ns: number) => words.said(words.time(ns));
  assert.deepEqual(
    [1_500, 999_400, 999_600, 12_345_678, 999_499_999, 999_600_000, 5.51e9, 3.6e12].map(told),
    ["1.50 µs", "999 µs", "1.00 ms", "12.3 ms", "999 ms", "1.00 s", "5.51 s", "3,600 s"]);
  assert.equal(words.said(words.time(null)), "n/a");
  assert.equal(words.said(words.figure({ ns: 3e10, atLeast: true })), "≥ 30.0 s");
  assert.deepEqual([1e8, 1e9, 2e6].map(words.roundTime), ["100 ms", "1 s", "2 ms"]);
});

test("counts are in groups, shares are percent, small ones keep their digits", () => {
  assert.deepEqual([0, 999, 1_234_567].map(words.count), ["0", "999", "1,234,567"]);
  assert.equal(words.said(words.share(1, 1_000_000)), "0.0001 %");
  assert.equal(words.said(words.share(1, 3)), "33.33 %");
  assert.equal(words.said(words.share(0, 0)), "n/a");
  assert.equal(words.said(words.rate(2764.2)), "2,764/s");
});

test("an instant is minutes and seconds, and hours where there are some", () => {
  assert.deepEqual([0, 61, 3_725].map(words.clock), ["0:00", "1:01", "1:02:05"]);
});

test("a command is quoted so that a shell takes it as it was", () => {
  assert.equal(
    words.command(["host", "run", "a b.wasm", "--threshold", "response.p95 < 1s", "it's"]),
    "host run 'a b.wasm' --threshold 'response.p95 < 1s' 'it'\\''s'");
});

test("differences are told as the host tells them", () => {
  const row = (unit: FigureComparison["unit"], is_relative: boolean) => ({
    figure: "response.p95", unit, a: 0.01, b: 0.02, is_relative, difference: 1,
    interval: [0.5, null] as [number, null], finding: "differs" as const,
  });
  const relative = row("s", true);
  assert.equal(change(0.123, relative), "+12.3 %");
  assert.equal(change(-0.5, relative), "−50.0 %");
  assert.equal(change(12, relative), "+12.0 ×");
  assert.equal(change(0.0123, row("share", false)), "+1.2 pt");
  assert.equal(ends(relative), "+50.0 % or more");
  assert.deepEqual([valueWords(relative, "a"), valueWords(relative, "b")], ["10.0 ms", "20.0 ms"]);
  assert.equal(found(relative, "two-runs"), "differs within these two runs");
  assert.equal(found({ ...relative, finding: "not known" }, "totals-of-two-runs"),
    "no interval is known");
});

test("a file is named by words without what shells and file systems take for more", () => {
  assert.equal(fileName(["../shop & <co>", "1:30"], "csv"), "shop-co-1-30.csv");
});

test("how far a threshold was missed is read from its words, where they are of one kind", () => {
  assert.equal(decadesBeyond("response.p95 < 200ms", "2s"), 1);
  assert.equal(decadesBeyond("service[a < b].p99 < 1s", "≥ 10.0s"), 1);
  assert.equal(decadesBeyond("error_rate < 1%", "0.1%"), -1);
  assert.equal(decadesBeyond("throughput > 2.9k", "2,900/s"), 0);
  assert.equal(decadesBeyond("error_rate < 1%", "0%"), -Infinity);
  for (const found of ["no data: too few samples", "1m30s", "3%"]) {
    assert.equal(decadesBeyond("response.p95 < 200ms", found), null, found);
  }
});
