// How soon a page that the host wrote is on the screen, and how soon a selection is reckoned:
// `npm run measure -- FILE`. Medians of some openings, in milliseconds; and what of it the page's
// thread computed, which is the same on a machine that does other things, too.

import { Pages, selections } from "./chromium";

const OPENINGS = 5;

const [file] = process.argv.slice(2);
if (!file) throw new Error("say which page: npm run measure -- FILE");
const pages = await Pages.begin();
const median = (values: number[]) => values.sort((one, other) => one - other)[values.length >> 1];
const painted: number[] = [];
const complete: number[] = [];
const selected: number[] = [];
const computedAll: number[] = [];
const computedSelected: number[] = [];
let heap = 0;
let record = "";
for (let opening = 0; opening < OPENINGS; opening++) {
  const { page, errors } = await pages.openFile(file, {});
  if (errors.length > 0) throw new Error(errors.join("\n"));
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const computed = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")!.value * 1e3;
  };
  const before = await computed();
  await page.reload();
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  const loaded = await computed();
  computedAll.push(loaded - before);
  const marks = await page.evaluate(() => ["painted", "complete"].map((name) =>
    performance.getEntriesByName(name)[0].startTime));
  painted.push(marks[0]);
  complete.push(marks[1]);
  record = await page.locator("#plan dd", { hasText: "frames" }).innerText();
  const took = await selections(page);
  selected.push(...took);
  computedSelected.push((await computed() - loaded) / took.length);
  await session.send("HeapProfiler.collectGarbage");
  heap = (await session.send("Runtime.getHeapUsage")).usedSize;
  await page.close();
}
await pages.end();
const told = (values: number[], most: number) =>
  `${Math.round(median(values))} ms, at most ${Math.round(Math.max(...values))} ms; ` +
  `to be at most ${most}`;
console.log(`its record has ${record}`);
console.log(`head on the screen after ${told(painted, 1_000)}`);
console.log(`all on the screen after ${told(complete, 1_000)}; computed ${
  Math.round(median(computedAll))} ms`);
console.log(`a selection reckoned and shown in ${told(selected, 50)}; computed ${
  Math.round(median(computedSelected))} ms`);
console.log(`memory of its script: ${(heap / 2 ** 20).toFixed(0)} MiB`);
