// The built page with lines in it, as the host writes it.

import { readFileSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

import type { Comparison, Side } from "../src/record/comparison";
import type { Line, Times } from "../src/record/lines";

/** The lines as text; the seed is a bare number there, as the host writes it. */
export function textOf(lines: Line[]): string {
  return lines
    .map((line) => JSON.stringify(line).replace(/"seed":"(\d+)"/, '"seed":$1'))
    .join("\n");
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function digitsOf(value: number): string {
  let digits = "";
  for (let rest = value; ; rest = Math.floor(rest / 32)) {
    if (rest < 32) return digits + DIGITS[rest];
    digits += DIGITS[32 + (rest % 32)];
  }
}

/** A histogram as a page has it. */
export function packed({ buckets = [], at_least, ...times }: Times): Times {
  const steps = buckets.map(([bucket], at) => digitsOf(bucket - (buckets[at - 1]?.[0] ?? 0)));
  const counts = buckets.map(([, count]) => digitsOf(count));
  return {
    ...times,
    packed: [steps.join(""), counts.join("")],
    ...(at_least && { at_least: at_least.packed ? at_least : packed(at_least) }),
  };
}

/** The same text with all histograms packed, as the host does for a page. */
function packedText(text: string): string {
  const pack = (_: string, value: unknown) =>
    value && typeof value === "object" && "sum_ns" in value && "buckets" in value
      ? packed(value as Times)
      : value;
  const line = JSON.stringify(JSON.parse(text, pack));
  return text.startsWith('{"header"') ? text : line;
}

/** What was found of runs, and on which side each is. */
export interface Compared {
  found: Comparison;
  sides: Side[];
}

/** Writes a page that holds the lines of these runs. */
export function writePage(path: string, runs: Line[][], compared?: Compared) {
  const page = readFileSync("dist/page.html", "utf8");
  const script = (kind: string, text: string, attributes = "") =>
    `<script type="application/vnd.swell.${kind}"${attributes}>` +
    `${deflateSync(text).toString("base64")}</script>`;
  const parts = runs.map((lines, at) => {
    const text = textOf(lines).split("\n").map(packedText).join("\n");
    return script("record", text, compared && ` data-side="${compared.sides[at]}"`);
  });
  if (compared) parts.push(script("comparison", JSON.stringify(compared.found, null, 2)));
  writeFileSync(path, page.replace("@@RECORDS@@", () => parts.join("")));
}
