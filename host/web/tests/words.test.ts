// How figures are told: three digits, a unit, and "n/a" where nothing is known.

import assert from "node:assert/strict";
import { test } from "node:test";

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
