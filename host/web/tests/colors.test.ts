// Colours that stand beside each other are told apart by who sees no red, no green or no blue, too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

type Triple = [number, number, number];

/** What of linear red, green and blue such an eye sees: Machado, Oliveira and Fernandes, "A
 * Physiologically-based Model for Simulation of Color Vision Deficiency", 2009. */
const EYES: Record<string, [Triple, Triple, Triple]> = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  "no red": [
    [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "no green": [
    [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "no blue": [
    [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** Custom properties that share a chart, and are told by their colour alone. */
const GROUPS = [
  ["r50", "r95", "r99"],
  ["r95", "service"],
  ["blue", "run-a"],
  ["e0", "e1", "e2", "e3", "e4", "other"],
  ["n0", "n1", "n2"],
];

/** How far apart two colours are at least, in Oklab: some four steps that are just seen. */
const APART = 0.08;

const linear = (part: number) =>
  part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;

function seen(color: string, eye: [Triple, Triple, Triple]): Triple {
  const rgb = [1, 3, 5].map((at) => linear(parseInt(color.slice(at, at + 2), 16) / 255));
  const [r, g, b] = eye.map((row) =>
    Math.min(1, Math.max(0, row.reduce((sum, factor, at) => sum + factor * rgb[at], 0))));
  const [l, m, s] = [
    0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
    0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
    0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
  ].map(Math.cbrt);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

test("colours that share a chart are told apart by every eye, in both schemes", () => {
  const css = readFileSync("src/page.css", "utf8");
  const [light, dark] = css.split("@media (prefers-color-scheme: dark)");
  for (const [scheme, text] of [["light", light], ["dark", dark]]) {
    const colorOf = (name: string) => new RegExp(`--${name}: (#[0-9a-f]{6})\\b`).exec(text)![1];
    for (const [eye, matrix] of Object.entries(EYES)) {
      for (const group of GROUPS) {
        group.forEach((one, at) => group.slice(at + 1).forEach((other) => {
          const [a, b] = [one, other].map((name) => seen(colorOf(name), matrix));
          const distance = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          assert.ok(distance >= APART,
            `${scheme}, eye with ${eye}: ${one} and ${other}, ${distance.toFixed(3)}`);
        }));
      }
    }
  }
});
