// The page of a host that runs: `npm run live TEST` with its address and what else the test needs
// in the environment. `tests/suites/live_page.rs` begins the host and judges what it came to.

import assert from "node:assert/strict";
import { kill } from "node:process";

import type { Page } from "playwright-core";

import { Pages } from "./chromium";

const {
  SWELL_PAGE: address = "", SWELL_PID: pid = "", SWELL_RUN: name = "", SWELL_TARGET: target = "",
} = process.env;
const pages = await Pages.begin();

/** How long something of the page may take: machines that test are busy. */
const PATIENCE_MS = 40_000;

const completed = async (page: Page) => {
  const text = await page.locator("#transactions tbody td").first().innerText();
  return Number(text.replaceAll(",", ""));
};

/** Waits until more is completed than so many. */
async function grows(page: Page, than: number) {
  await page.waitForFunction(
    (than) => {
      const cell = document.querySelector("#transactions tbody td");
      return Number(cell?.textContent?.replaceAll(",", "")) > than;
    },
    than,
    { timeout: PATIENCE_MS },
  );
}

async function open() {
  const opened = await pages.visit(`${address}/`);
  opened.page.setDefaultTimeout(PATIENCE_MS);
  return opened;
}

/** Stops the run that is shown. */
async function stop(page: Page) {
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop it now?", exact: true }).click();
}

const tests: Record<string, () => Promise<void>> = {
  async run() {
    const { page, errors } = await open();
    page.on("dialog", () => errors.push("a script of a name ran"));
    await page.locator("#time canvas").first().waitFor();
    assert.equal(await page.locator(".top .crumb b").innerText(), name);
    assert.equal(await page.locator("img").count(), 0);
    assert.match(await page.locator("h1").innerText(), /^Running/);
    await grows(page, await completed(page));

    // A stretch that is selected stays, while what comes is drawn.
    await page.evaluate(() => (location.hash = "#t=1-2"));
    await page.locator(".selbar.on").waitFor();
    const clock = await page.locator(".clock").innerText();
    await page.locator(".clock", { hasNotText: clock }).waitFor();
    assert.equal(await page.locator(".selbar.on").count(), 1);
    await page.keyboard.press("Escape");

    // Another tab follows by the same connection.
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.locator("#time canvas").first().waitFor();

    await page.getByRole("textbox", { name: "Goal" }).fill("120");
    await page.getByRole("button", { name: "Set", exact: true }).click();
    for (const tab of [page, other]) {
      await tab.locator(".marks", { hasText: /goal 120(\.0)?\/s, on the page/ }).waitFor();
    }
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await page.locator(".marks", { hasText: "resumed, on the page" }).waitFor();

    kill(Number(pid), "SIGSTOP");
    await page.getByText("The host does not answer").waitFor();
    kill(Number(pid), "SIGCONT");
    await page.getByText("Connected", { exact: true }).waitFor();
    const before = await completed(page);
    await grows(page, before);

    await stop(page);
    for (const tab of [page, other]) {
      await tab.getByText("All of it is here").waitFor();
      await tab.locator("h1.pass, h1.warn, h1.fail", { hasNotText: "Running" }).waitFor();
    }
    assert.equal(await completed(page), await completed(other));
    console.log(`transactions: ${await completed(page)}`);
    // The host is gone, and what does not answer any more is no error of the page.
    // Nor is it that it has stored no scenarios.
    const amiss = (error: string) => !/ERR_|404 .*\/v1\/scenarios/.test(error);
    assert.deepEqual(errors.filter(amiss), []);
  },

  async stored() {
    const { page, errors } = await open();
    await page.getByText("No run goes on").waitFor();
    const form = page.locator("#begin form");
    await form.waitFor();
    assert.deepEqual(await form.locator("[name=stored] option").allInnerTexts(), ["browse"]);
    const begin = async (typed: Record<string, string>) => {
      for (const [name, text] of Object.entries(typed)) {
        await form.locator(`input[name=${name}]`).fill(text);
      }
      await form.getByRole("button", { name: "Begin", exact: true }).click();
    };
    // What it may not reach, and what is no number, the host says.
    await begin({ amount: "many", target });
    await page.getByRole("alert").filter({ hasText: "many" }).waitFor();
    await begin({ amount: "50", target: "http://10.0.0.1:81/" });
    await page.getByRole("alert").filter({ hasText: "--target http://10.0.0.1:81/" }).waitFor();
    await begin({ target });
    await page.locator("#time canvas").first().waitFor();
    await grows(page, await completed(page));
    await stop(page);
    await page.getByText("All of it is here").waitFor();

    const first = page.url();
    await form.locator("[name=load]").selectOption("vus");
    await begin({ amount: "2", duration: "1h", target });
    await page.waitForURL((url) => url.href !== first);
    await page.locator(".lamp.measuring").first().waitFor();
    await grows(page, await completed(page));

    // The first is beside it, from the history, and what is found follows.
    const earlier = page.locator("optgroup[label='Earlier runs'] option").first();
    await page.getByLabel("Beside it").selectOption(await earlier.getAttribute("value"));
    const row = page.locator("#differences tr", { hasText: "throughput" });
    await row.waitFor();
    assert.match(await page.locator("h1").innerText(), /so far$/);
    assert.match(await page.locator(".facts").innerText(), /goes on/);
    assert.ok(await page.locator("#time canvas").count() >= 3);
    const before = await row.innerText();
    await page.waitForFunction(
      (before) => [...document.querySelectorAll<HTMLElement>("#differences tr")].some((row) =>
        row.innerText.startsWith("throughput") && row.innerText !== before),
      before);
    await stop(page);
    await page.locator("h1", { hasNotText: "so far" }).waitFor();
    assert.match(await page.locator(".facts").innerText(), /exit \d+.*exit \d+/s);
    // So it is after a reload, too; then one alone.
    await page.reload();
    await row.waitFor();
    await page.getByLabel("Beside it").selectOption("");
    await page.locator("#transactions tbody td").first().waitFor();
    assert.equal(await page.locator("#differences").count(), 0);
    assert.deepEqual(errors.filter((error) => !error.includes("422")), []);
  },

  async login() {
    const { page, errors } = await open();
    await page.getByText("SWELL_CONTROL_TOKEN").waitFor();
    await page.locator("#token").fill("a guess");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await page.locator("#token").fill(process.env.SWELL_TOKEN_TYPED ?? "");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.locator("#time canvas").first().waitFor();
    assert.equal(await page.evaluate(() => document.cookie), "");
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, "Strict"]);
    assert.equal(cookie.name, `swell-${new URL(address).port}`);
    await grows(page, await completed(page));
    const amiss = (error: string) => !/401|404 .*\/v1\/scenarios/.test(error);
    assert.deepEqual(errors.filter(amiss), []);
  },
};

try {
  await tests[process.argv[2]]();
} finally {
  await pages.end();
}
