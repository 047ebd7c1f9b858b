// The page of a host that runs: `npm run live TEST` with its address and what else the test needs
// in the environment. `tests/suites/live_page.rs` begins the host and judges what it came to.

import assert from "node:assert/strict";
import { kill } from "node:process";

import type { Page } from "playwright-core";

import { Pages } from "./chromium";

const { SWELL_PAGE: address = "", SWELL_PID: pid = "", SWELL_RUN: name = "" } = process.env;
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

    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("button", { name: "Stop it now?", exact: true }).click();
    for (const tab of [page, other]) {
      await tab.getByText("All of it is here").waitFor();
      await tab.locator("h1.pass, h1.warn, h1.fail", { hasNotText: "Running" }).waitFor();
    }
    assert.equal(await completed(page), await completed(other));
    console.log(`transactions: ${await completed(page)}`);
    // The host is gone, and what does not answer any more is no error of the page.
    assert.deepEqual(errors.filter((error) => !error.includes("ERR_")), []);
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
    assert.deepEqual(errors.filter((error) => !error.includes("401")), []);
  },
};

try {
  await tests[process.argv[2]]();
} finally {
  await pages.end();
}
