// Debian's Chromium, with pages that are watched: what they ask of the network, and their errors.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

import type { Line } from "../../src/record/lines";
import { writePage, type Compared } from "../page";

export interface Opened {
  page: Page;
  /** All that was asked for but the file itself. */
  requests: string[];
  errors: string[];
}

export class Pages {
  private readonly folder = mkdtempSync(join(tmpdir(), "swell-page-"));
  private constructor(private readonly browser: Browser) {}

  static async begin(): Promise<Pages> {
    const executablePath = process.env.SWELL_CHROMIUM ?? "/usr/bin/chromium";
    // As root, which CI often is, Chromium has no sandbox of its own.
    const args = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"];
    return new Pages(await chromium.launch({ executablePath, args }));
  }

  /** Opens a page with the lines of a run, or of several, from the disk. */
  async open(
    lines: Line[] | Line[][],
    options: BrowserContextOptions = {},
    hash = "",
    compared?: Compared,
  ): Promise<Opened> {
    const path = join(this.folder, "page.html");
    writePage(path, Array.isArray(lines[0]) ? lines as Line[][] : [lines as Line[]], compared);
    return this.openFile(path, options, hash);
  }

  openFile(path: string, options: BrowserContextOptions, hash = ""): Promise<Opened> {
    return this.visit(pathToFileURL(path).href, options, hash);
  }

  /** Opens what is at an address, whoever has made its certificate. */
  async visit(address: string, options: BrowserContextOptions = {}, hash = ""): Promise<Opened> {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 900 },
      ignoreHTTPSErrors: true,
      ...options,
    });
    const page = await context.newPage();
    // It may have been closed with its browser.
    page.once("close", () => void context.close().catch(() => undefined));
    const [requests, errors]: string[][] = [[], []];
    page.on("request", (request) => {
      if (!request.url().startsWith(address)) requests.push(request.url());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
    });
    await page.goto(address + hash);
    await page.waitForSelector("html[data-ready]", { state: "attached" });
    // What listens to keys begins to once the page was painted.
    await page.evaluate(() =>
      new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50))));
    return { page, requests, errors };
  }

  async end() {
    await this.browser.close();
    rmSync(this.folder, { recursive: true });
  }
}

/** How long each of some selections takes until it is on the screen, in milliseconds. */
export function selections(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const took: number[] = [];
    for (let from = 100; from < 3_000; from += 300) {
      const began = performance.now();
      location.hash = `#t=${from}-${from + 555}`;
      await new Promise((done) => addEventListener("hashchange", done, { once: true }));
      // What was reckoned is on the page once a frame was painted.
      await new Promise(requestAnimationFrame);
      await new Promise((done) => setTimeout(done));
      took.push(performance.now() - began);
    }
    return took;
  });
}
