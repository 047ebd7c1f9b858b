// Pictures of the page, to be looked at: build/shots/*.png. `npm run shots` takes them of a made-up
// run, `npm run shots -- FILE [STRETCH]` of a page that the host wrote, and a stretch as "30-60".

import { mkdirSync } from "node:fs";
import type { BrowserContextOptions } from "playwright-core";

import { compared, fixture } from "../fixture";
import { Pages } from "./chromium";

const [file, stretch = "360-480"] = process.argv.slice(2);
const pages = await Pages.begin();
mkdirSync("build/shots", { recursive: true });
const hosts = ["load-a", "load-b"];
const made = () => fixture({ seconds: 630, perSecond: 900, warmUp: 30, hosts }).lines;
const lines = file ? [] : made();

async function compare(options: BrowserContextOptions, name: string) {
  const slower = fixture({ seconds: 600, perSecond: 700, warmUp: 10 }).lines;
  const { page, errors } = await pages.open([lines, slower], options, "", compared());
  const path = `build/shots/${name}-${options.colorScheme}-compared.png`;
  await page.screenshot({ path, fullPage: true });
  console.log(path, ...errors);
  await page.close();
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const [width, name] of [[1280, "wide"], [360, "phone"]] as const) {
    for (const hash of ["", `#t=${stretch}`]) {
      const options = { colorScheme, viewport: { width, height: 900 } };
      const { page, errors } = file
        ? await pages.openFile(file, options, hash)
        : await pages.open(lines, options, hash);
      const path = `build/shots/${name}-${colorScheme}${hash ? "-selected" : ""}.png`;
      await page.screenshot({ path, fullPage: true });
      console.log(path, ...errors);
      await page.close();
    }
    if (!file) await compare({ colorScheme, viewport: { width, height: 900 } }, name);
  }
}
await pages.end();
