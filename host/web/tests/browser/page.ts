// The page in Debian's Chromium: what is drawn, what a selection reckons, what leaves the machine.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import axe from "axe-core";
import type { Locator } from "playwright-core";

import { RunBuilder } from "../../src/record/run";
import { figuresOf } from "../../src/record/stretch";
import * as words from "../../src/view/words";
import { compared, fixture } from "../fixture";
import { textOf } from "../page";
import { Pages, selections } from "./chromium";

let pages: Pages;
before(async () => {
  pages = await Pages.begin();
});
after(() => pages.end());

const small = () => fixture({ seconds: 240, perSecond: 150, warmUp: 20 }).lines;

/** How many pixels of a canvas have a colour. */
const painted = (canvas: HTMLCanvasElement) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d")!.getImageData(0, 0, width, height);
  return data.filter((value, at) => at % 4 === 3 && value > 0).length;
};

test("all charts are drawn, without a request and without an error", async () => {
  const { page, requests, errors } = await pages.open(small());
  const canvases = page.locator("#time canvas");
  assert.equal(await canvases.count(), 7);
  for (let chart = 0; chart < 7; chart++) {
    assert.ok(await canvases.nth(chart).evaluate(painted) > 2_000, `chart ${chart}`);
  }
  assert.equal(await page.locator("h1").innerText(), "Failed");
  assert.deepEqual([requests, errors], [[], []]);
});

test("a stretch that is dragged has the p99 of its own samples, and escape ends it", async () => {
  const lines = small();
  const { page, errors } = await pages.open(lines);
  const box = (await page.locator("#time .plot").first().locator(".u-over").boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.6, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 50, { steps: 8 });
  await page.mouse.up();
  const [, from, until] = /^#t=(\d+)-(\d+)$/.exec(await page.evaluate(() => location.hash))!;
  assert.ok(Math.abs(Number(from) - 144) < 4 && Math.abs(Number(until) - 192) < 4);

  const builder = new RunBuilder();
  textOf(lines).split("\n").forEach((line) => builder.add(line));
  const stretch = { from: Number(from), until: Number(until) };
  const p99 = figuresOf(builder.done(), stretch).response.percentile(99);
  const told = await page.locator("[data-figure='response.p99']").innerText();
  assert.equal(told.replace(/\s/g, ""), words.said(words.figure(p99)).replace(/\s/g, ""));
  assert.ok(await page.locator("#transactions .chip.sel").isVisible());

  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".chip.sel").count(), 0);
  assert.deepEqual(errors, []);
});

test("names are text, whatever they are", async () => {
  const name = "<img src=x onerror=alert(1)>\u001b[31m\"'&amp;";
  const lines = fixture({ seconds: 30, perSecond: 90, names: [name, "__proto__"] }).lines;
  const first = lines[0] as { header: { name: string; target: string } };
  first.header.name = name;
  first.header.target = "https://</script><script>alert(1)</script>";
  const { page, requests, errors } = await pages.open(lines);
  page.on("dialog", () => errors.push("a script of a name ran"));
  const rows = page.locator("#transactions tbody th");
  assert.deepEqual((await rows.allTextContents()).sort(), [name, "__proto__"].sort());
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual([requests, errors], [[], []]);
});

test("on 360 pixels, dark, nothing is wider than the screen", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const viewport = { width: 360, height: 740 };
    const { page, errors } = await pages.open(small(), { colorScheme, viewport }, "#t=100-200");
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(width, 360);
    const [background] = await page.evaluate(() =>
      getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g)!.map(Number));
    assert.ok(colorScheme === "dark" ? background < 40 : background > 200, String(background));
    assert.deepEqual(errors, []);
  }
});

test("keys move the cursor, select, go to marks and find the filter", async () => {
  const lines = fixture({ seconds: 60, perSecond: 90, names: ["a", "b", "c", "d"] }).lines;
  const { page } = await pages.open(lines);
  const at = page.locator(".lanerow b");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await at.innerText(), "at 0:01");
  for (let step = 0; step < 4; step++) await page.keyboard.press("Shift+ArrowRight");
  assert.equal(await page.evaluate(() => location.hash), "#t=1-6");
  await page.keyboard.press("m");
  assert.equal(await at.innerText(), "at 0:36");
  await page.keyboard.press("/");
  await page.keyboard.type("c");
  assert.equal(await page.locator("#transactions tbody tr").count(), 1);
});

test("several runs of a command are in one page, one at a time", async () => {
  const second = small();
  (second[0] as { header: { name: string } }).header.name = "search";
  const { page } = await pages.open([small(), second]);
  const choice = page.locator("select");
  assert.deepEqual(await choice.locator("option").allInnerTexts(), ["checkout", "search"]);
  await choice.selectOption("1");
  await page.waitForFunction(() => document.title === "search · Swell");
  await page.locator("#time canvas").nth(6).waitFor();
});

test("a record without an end, without a frame and one that is broken are told", async () => {
  const cut = await pages.open(small().slice(0, 100));
  assert.match(await cut.page.locator("h1").innerText(), /record ends at 1:39/);
  const empty = await pages.open(small().slice(0, 1));
  assert.match(await empty.page.locator(".broken").innerText(), /no frame/);
  const broken = await pages.open(small().slice(5));
  assert.match(await broken.page.locator(".broken").innerText(), /no header/);
});

test("figures of a run that the generator spoilt are veiled until they are asked for", async () => {
  const lines = small();
  const end = lines.at(-1) as { end: { report: { verdict: object } } };
  const evidence = [{ stamp: "INVALID", what: "it stood still", advice: "give it more cores" }];
  end.end.report.verdict = { stamp: "INVALID", evidence };
  const { page } = await pages.open(lines);
  assert.match(await page.locator("h1").innerText(), /^INVALID/);
  assert.match(await page.locator(".facts").innerText(), /give it more cores/);
  assert.equal(await page.locator(".kpis.hidden").count(), 1);
  await page.getByText("Show anyway").click();
  assert.equal(await page.locator(".kpis.hidden").count(), 0);
});

test("paper is light, and nothing is cut at its right", async () => {
  const { page } = await pages.open(small(), { colorScheme: "dark" });
  await page.setViewportSize({ width: 703, height: 900 });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const [width, background] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    getComputedStyle(document.documentElement).backgroundColor,
  ]);
  assert.deepEqual([width, background], [703, "rgb(255, 255, 255)"]);
});

test("the ends of a stretch, and all of it, are moved by keys and dragged", async () => {
  const { page, errors } = await pages.open(small(), {}, "#t=100-150");
  const hash = () => page.evaluate(() => location.hash);
  const end = page.getByRole("slider", { name: "End of the stretch" });
  await end.focus();
  for (const key of ["ArrowRight", "ArrowRight", "PageDown"]) await page.keyboard.press(key);
  assert.equal(await hash(), "#t=100-142");
  await page.getByRole("slider", { name: "The whole stretch" }).focus();
  await page.keyboard.press("Home");
  assert.equal(await hash(), "#t=0-42");

  const drag = async (grip: Locator, by: number) => {
    const box = (await grip.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + by, y, { steps: 5 });
    await page.mouse.up();
  };
  const plot = (await page.locator("#time .u-over").first().boundingBox())!;
  await drag(end, plot.width / 4);
  assert.equal(await hash(), "#t=0-102");
  await drag(page.locator("#time .plot .edge").nth(1), -plot.width / 8);
  assert.equal(await hash(), "#t=0-72");
  assert.match(await page.locator(".selbar b").innerText(), /0:00 – 1:12/);
  assert.deepEqual(errors, []);
});

test("a chart is a table and a picture too, and a stretch is taken along as data", async () => {
  const { page, requests, errors } = await pages.open(small(), {}, "#t=100-150");
  await page.getByRole("button", { name: "Response time as a table" }).click();
  const table = page.getByRole("region", { name: "Response time as a table" });
  assert.equal(await table.locator("tbody tr").count(), 50);
  assert.equal(await table.locator("thead th").count(), 5);
  const taken = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name }).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const picture = await taken("Rate as a picture");
  assert.equal(picture.name, "checkout-rate-0-00-4-00.png");
  assert.equal(picture.bytes.subarray(1, 4).toString(), "PNG");
  assert.ok(picture.bytes.length > 3_000, String(picture.bytes.length));
  await page.getByText("Export", { exact: true }).click();
  const csv = await taken("CSV");
  assert.equal(csv.name, "checkout-1-40-2-30.csv");
  assert.equal(csv.bytes.toString().split("\r\n").length, 52);
  const json = await taken("JSON");
  assert.equal(JSON.parse(json.bytes.toString()).seconds, 50);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("details[open]").count(), 0);
  assert.ok(await page.locator(".chip.sel").first().isVisible());
  assert.deepEqual([requests, errors], [[], []]);
});

test("a run of one frame has its charts, and no line is missing", async () => {
  const { page, errors } = await pages.open(fixture({ seconds: 1, perSecond: 1_200 }).lines);
  const canvases = page.locator("#time canvas");
  for (let chart = 0; chart < await canvases.count(); chart++) {
    assert.ok(await canvases.nth(chart).evaluate(painted) > 1_000, `chart ${chart}`);
  }
  const blue = await canvases.first().evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((red, at) => at % 4 === 0 && red === 0x1f && data[at + 2] === 0xc6).length;
  });
  assert.ok(blue > 500, String(blue));
  assert.deepEqual(errors, []);
});

test("keys find each of a few frames", async () => {
  const { page } = await pages.open(fixture({ seconds: 12, perSecond: 300 }).lines);
  const at = page.locator(".lanerow b");
  for (let second = 0; second < 12; second++) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await at.innerText(), `at ${words.clock(second)}`);
  }
});

test("each notable transaction has the command that does its iteration again", async () => {
  const { page } = await pages.open(small());
  const rows = page.locator("#notable tbody tr");
  assert.equal(await rows.count(), 10);
  await page.getByRole("button", { name: "First failures" }).click();
  assert.match(await rows.first().innerText(), /status 503/);
  await page.getByRole("button", { name: "Repeat iteration 231400" }).click();
  assert.equal(
    await page.locator("#notable code").innerText(),
    "host try checkout.wasm --scenario checkout --target https://shop.staging.example " +
      "--seed 1552998097 --iteration 231400 --user 0 --traceparent");
});

test("two runs that are compared lie over each other, with what was found of them", async () => {
  const { page, requests, errors } = await pages.open([small(), small()], {}, "", compared());
  assert.match(await page.locator("h1").innerText(), /B differs from A within these two runs/);
  const row = page.locator("#differences tbody tr").first();
  assert.match(await row.innerText(), /response\.p95\s+10\.0 ms\s+12\.0 ms\s+\+20\.0 %/);
  assert.match(await page.locator(".why").innerText(), /version/);
  const canvases = page.locator("#time canvas");
  assert.equal(await canvases.count(), 4);
  assert.ok(await canvases.first().evaluate(painted) > 2_000);
  // What happened in both is on each chart, and told below.
  const told = page.locator("#time .marks li");
  assert.equal(await told.count(), 10);
  assert.match(await told.filter({ hasText: "Goal changed" }).first().innerText(), /\bA\b/);
  assert.equal(await page.locator("#time .plot").first().locator(".stem").count(), 10);
  // Each run is there, too.
  await page.locator("select").selectOption("2");
  await page.locator("#plan").waitFor();
  assert.deepEqual([requests, errors], [[], []]);
});

test("nothing on the page keeps out who listens to it or uses keys alone", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const whole = { colorScheme, reducedMotion: "reduce" as const };
    const opened = [
      await pages.open(small(), whole, "#t=100-150"),
      await pages.open([small(), small()], whole, "", compared()),
      await pages.open(
        [small(), small()], { ...whole, viewport: { width: 360, height: 740 } }, "", compared()),
    ];
    for (const { page } of opened) {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: typeof axe }).axe.run());
      const told = violations.map(({ id, nodes }) =>
        `${id}: ${nodes.slice(0, 3).map(({ html }) => html).join(" ")}`);
      assert.deepEqual(told, [], colorScheme);
    }
  }
});

test("an hour with three names is on the screen in a second, a selection in 50 ms", async (t) => {
  const { lines } = fixture({ seconds: 3_600, perSecond: 60 });
  const { page } = await pages.open(lines);
  const [painted, complete] = await page.evaluate(() =>
    ["painted", "complete"].map((name) => performance.getEntriesByName(name)[0].startTime));
  const took = (await selections(page)).sort((one, other) => one - other);
  const median = took[took.length >> 1];
  const [first, all, chosen] = [painted, complete, median].map(Math.round);
  t.diagnostic(`painted after ${first} ms, complete after ${all} ms, a selection ${chosen} ms`);
  // A machine that does other things takes longer; what takes ten times as long is broken.
  assert.ok(complete < 10_000 && median < 500, `${complete} ms, ${median} ms`);
});
