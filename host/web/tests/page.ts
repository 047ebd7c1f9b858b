// The built page with lines in it, as the host writes it.

import { readFileSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

import type { Line } from "../src/record/lines";

/** The lines as text; the seed is a bare number there, as the host writes it. */
export function textOf(lines: Line[]): string {
  return lines
    .map((line) => JSON.stringify(line).replace(/"seed":"(\d+)"/, '"seed":$1'))
    .join("\n");
}

/** Writes a page that holds the lines of these runs. */
export function writePage(path: string, ...runs: Line[][]) {
  const page = readFileSync("dist/page.html", "utf8");
  const records = runs.map((lines) => {
    const record = deflateSync(textOf(lines)).toString("base64");
    return `<script type="application/vnd.swell.record">${record}</script>`;
  });
  writeFileSync(path, page.replace("@@RECORDS@@", () => records.join("")));
}
