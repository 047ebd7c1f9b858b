// Pictures for the README: `npm run pictures` writes them to `host/docs/pictures`, the page of a
// made-up run and what the tests of the terminal view have on the screen. Each is small enough to
// be kept in the repository.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Page } from "playwright-core";

import { fixture } from "../fixture";
import { Pages } from "./chromium";

const FOLDER = "../docs/pictures";
const MAX_BYTES = 150 * 1024;
const TERMINAL = "../tui/src/snapshots/swell_tui__tests__shop_120x40.snap";

const pages = await Pages.begin();
mkdirSync(FOLDER, { recursive: true });
const { lines } = fixture({ seconds: 90, perSecond: 2_000 });
const { page, errors } = await pages.open(lines, {}, "#t=52-70");
if (errors.length > 0) throw new Error(errors.join("\n"));
// Below the head, to the end of the second chart.
keep("report", await page.screenshot({
  clip: { x: 0, y: 50, width: 1280, height: 826 },
  fullPage: true,
}));
keep("terminal", await terminal(page, readFileSync(TERMINAL, "utf8")));
await pages.end();

function keep(name: string, png: Buffer) {
  const path = `${FOLDER}/${name}.png`;
  console.log(`${path}: ${Math.round(png.length / 1024)} KB`);
  if (png.length > MAX_BYTES) throw new Error(`a picture has at most ${MAX_BYTES / 1024} KB`);
  writeFileSync(path, png);
}

/** A screen that a test has written down, after its lines about the test. Each character has a
 * cell of one size, and the points of charts are drawn: no font has all of them in one width. */
async function terminal(page: Page, snapshot: string): Promise<Buffer> {
  const rows = snapshot.split("\n---\n")[1].trimEnd().split("\n");
  await page.goto("about:blank");
  await page.evaluate((rows) => {
    const [width, height, edge] = [8.5, 17, 16];
    const canvas = document.createElement("canvas");
    const columns = Math.max(...rows.map((row) => row.length));
    canvas.width = columns * width + 2 * edge;
    canvas.height = rows.length * height + 2 * edge;
    document.body.style.margin = "0";
    document.body.append(canvas);
    const ctx = canvas.getContext("2d")!;
    ctx.fillStyle = "#15171b";
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.font = "14px 'DejaVu Sans Mono', monospace";
    ctx.textBaseline = "middle";
    rows.forEach((row, line) => [...row].forEach((character, column) => {
      const [x, y] = [edge + column * width, edge + line * height];
      const dots = character.charCodeAt(0) - 0x2800;
      const isChart = dots >= 0 && dots < 256;
      ctx.fillStyle = isChart ? "#6aa5ff" : "#d8dbe0";
      if (!isChart) ctx.fillText(character, x, y + height / 2);
      // Bits of braille: three rows of each column, then the fourth of both.
      for (let bit = 0; isChart && bit < 8; bit++) {
        if (!(dots & (1 << bit))) continue;
        const [right, down] = bit < 6 ? [Math.floor(bit / 3), bit % 3] : [bit - 6, 3];
        ctx.fillRect(x + 1.5 + right * 4.25, y + 1.5 + down * 4.25, 2, 2);
      }
    }));
  }, rows);
  return page.locator("canvas").screenshot();
}
