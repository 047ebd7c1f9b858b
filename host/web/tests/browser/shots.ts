// Pictures of the page, to be looked at: build/shots/*.png.

import { mkdirSync } from "node:fs";

import { fixture } from "../fixture";
import { Pages } from "./chromium";

const pages = await Pages.begin();
mkdirSync("build/shots", { recursive: true });
const hosts = ["load-a", "load-b"];
const { lines } = fixture({ seconds: 630, perSecond: 900, warmUp: 30, hosts });
const selection = "#t=360-480";
for (const colorScheme of ["light", "dark"] as const) {
  for (const [width, name] of [[1280, "wide"], [360, "phone"]] as const) {
    for (const hash of ["", selection]) {
      const options = { colorScheme, viewport: { width, height: 900 } };
      const { page, errors } = await pages.open(lines, options, hash);
      const path = `build/shots/${name}-${colorScheme}${hash ? "-selected" : ""}.png`;
      await page.screenshot({ path, fullPage: true });
      console.log(path, ...errors);
      await page.close();
    }
  }
}
const { page } = await pages.open(lines);
await page.pdf({ path: "build/shots/paper.pdf", format: "A4", printBackground: true });
await pages.end();
