// Pictures for the README, of a made-up run: `npm run pictures` writes them to
// `host/docs/pictures`. Each is small enough to be kept in the repository.

import { mkdirSync, writeFileSync } from "node:fs";

import { fixture } from "../fixture";
import { Pages } from "./chromium";

const FOLDER = "../docs/pictures";
const MAX_BYTES = 150 * 1024;

const pages = await Pages.begin();
mkdirSync(FOLDER, { recursive: true });
const { lines } = fixture({ seconds: 90, perSecond: 2_000 });
const { page, errors } = await pages.open(lines, {}, "#t=52-70");
if (errors.length > 0) throw new Error(errors.join("\n"));
const path = `${FOLDER}/report.png`;
const clip = { x: 0, y: 50, width: 1280, height: 826 };
const picture = await page.screenshot({ clip, fullPage: true });
await pages.end();
console.log(`${path}: ${Math.round(picture.length / 1024)} KB`);
if (picture.length > MAX_BYTES) throw new Error(`a picture has at most ${MAX_BYTES / 1024} KB`);
writeFileSync(path, picture);
