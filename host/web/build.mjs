// Builds the page: `dist/page.html`, one file with all that it needs and a place for records.
// Nothing else may run in it or be loaded by it: its policy names the script and the style by
// their hashes.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** What the page may weigh, gzipped. */
const MAX_BYTES = 150 * 1024;

const { outputFiles } = await build({
  entryPoints: ["src/main.tsx"],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: "es2023",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  legalComments: "none",
});
const styles = await build({
  entryPoints: ["src/page.css"],
  bundle: true,
  minify: true,
  write: false,
  charset: "utf8",
});
const script = outputFiles[0].text.trim().replaceAll("</script", "<\\/script");
const style = styles.outputFiles[0].text.trim();
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
const template = readFileSync("src/template.html", "utf8");
const page = template.replace(/@@(POLICY|STYLE|SCRIPT)@@/g, (_, name) => parts[name]);
const weight = gzipSync(page).length;
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
console.log(`page: ${kilobytes(page.length)}, ${kilobytes(weight)} gzipped`);
if (weight > MAX_BYTES) throw new Error(`the page weighs ${weight} bytes, at most ${MAX_BYTES}`);
if (page.split("@@RECORDS@@").length !== 2) throw new Error("the page has no place for records");
mkdirSync("dist", { recursive: true });
writeFileSync("dist/page.html", page);
