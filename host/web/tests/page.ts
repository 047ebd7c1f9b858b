// The built page with lines in it, as the host writes it.

import { readFileSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

import type { Comparison, Side } from "../src/record/comparison";
import type { Line, Times } from "../src/record/lines";
import { pack } from "../src/record/packed";

/** The lines as text; the seed is a bare number there, as the host writes it. */
export function textOf(lines: Line[]): string {
  return lines
    .map((line) => JSON.stringify(line).replace(/"seed":"(\d+)"/, '"seed":$1'))
    .join("\n");
}

/** A histogram as a page has it. */
export function packed({ buckets = [], at_least, ...times }: Times): Times {
  return {
    ...times,
    packed: pack(buckets),
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
