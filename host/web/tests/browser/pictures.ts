// Pictures for the README, of a made-up run: `npm run pictures` writes them to `host/docs/pictures`.
// Each is small enough to be kept in the repository.

import { mkdirSync, statSync } from "node:fs";

import { fixture } from "../fixture";
import { Pages } from "./chromium";

const FOLDER = "../docs/pictures";
const MAX_BYTES = 150 * 1024;

const pages = await Pages.begin();
mkdirSync(FOLDER, { recursive: true });
const { lines } = fixture({ seconds: 630, perSecond: 900, warmUp: 30 });
const { page, errors } = await pages.open(lines, {}, "#t=360-480");
if (errors.length > 0) throw new Error(errors.join("\n"));
const path = `${FOLDER}/report.png`;
const clip = { x: 0, y: 0, width: 1280, height: 1_150 };
await page.screenshot({ path, clip, fullPage: true });
await pages.end();
const { size } = statSync(path);
console.log(`${path}: ${Math.round(size / 1024)} KB`);
if (size > MAX_BYTES) throw new Error(`a picture has at most ${MAX_BYTES / 1024} KB`);
