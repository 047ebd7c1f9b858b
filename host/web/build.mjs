// Builds the page: `dist/page.html`, one file with all that it needs and a place for records, and
// `dist/live.html`, the same for a host to serve, which follows its runs with `dist/worker.js`.
// Nothing else may run in them: their policy names the script and the style by their hashes. The
// report may load nothing at all, the live page from its own host alone.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** What the page may weigh, gzipped. */
const MAX_BYTES = 150 * 1024;

/** What a source and all that it needs are as one script. */
const bundled = async (entry) => {
  const { outputFiles } = await build({
    entryPoints: [entry],
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
  return outputFiles[0].text.trim();
};
const styles = await build({
  entryPoints: ["src/page.css"],
  bundle: true,
  minify: true,
  write: false,
  charset: "utf8",
});
const script = (await bundled("src/main.tsx")).replaceAll("</script", "<\\/script");
const style = styles.outputFiles[0].text.trim();
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = (...more) => [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  ...more,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const template = readFileSync("src/template.html", "utf8");
const filled = (parts) =>
  template.replace(/@@([A-Z]+)@@/g, (place, name) => parts[name] ?? place);
const both = { STYLE: style, SCRIPT: script };
const page = filled({ ...both, POLICY: policy(), LIVE: "" });
const live = filled({
  ...both,
  POLICY: policy("connect-src 'self'", "worker-src 'self'"),
  LIVE: " data-live",
  RECORDS: "",
});
const weight = gzipSync(page).length;
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
console.log(`page: ${kilobytes(page.length)}, ${kilobytes(weight)} gzipped`);
if (weight > MAX_BYTES) throw new Error(`the page weighs ${weight} bytes, at most ${MAX_BYTES}`);
if (page.split("@@RECORDS@@").length !== 2) throw new Error("the page has no place for records");
mkdirSync("dist", { recursive: true });
writeFileSync("dist/page.html", page);
writeFileSync("dist/live.html", live);
writeFileSync("dist/worker.js", await bundled("src/live/worker.ts"));
