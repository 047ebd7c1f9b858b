// How soon a page that the host wrote is on the screen, and how soon a selection is reckoned:
// `npm run measure -- FILE`. Medians of some openings, in milliseconds.

import { Pages, selections } from "./chromium";

const OPENINGS = 5;

const [file] = process.argv.slice(2);
if (!file) throw new Error("say which page: npm run measure -- FILE");
const pages = await Pages.begin();
const median = (values: number[]) => values.sort((one, other) => one - other)[values.length >> 1];
const painted: number[] = [];
const complete: number[] = [];
const selected: number[] = [];
let heap = 0;
for (let opening = 0; opening < OPENINGS; opening++) {
  const { page, errors } = await pages.openFile(file, {});
  if (errors.length > 0) throw new Error(errors.join("\n"));
  const marks = await page.evaluate(() => ["painted", "complete"].map((name) =>
    performance.getEntriesByName(name)[0].startTime));
  painted.push(marks[0]);
  complete.push(marks[1]);
  selected.push(...await selections(page));
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  heap = (await session.send("Runtime.getHeapUsage")).usedSize;
  await page.close();
}
await pages.end();
const told = (values: number[], most: number) =>
  `${Math.round(median(values))} ms, at most ${Math.round(Math.max(...values))} ms; ` +
  `to be at most ${most}`;
console.log(`head on the screen after ${told(painted, 1_000)}`);
console.log(`all on the screen after ${told(complete, 1_000)}`);
console.log(`a selection reckoned and shown in ${told(selected, 50)}`);
console.log(`memory of its script: ${(heap / 2 ** 20).toFixed(0)} MiB`);
