// Reads the records that stand in the page: lines of JSON, deflated, as base64.

import type { Header } from "./lines";
import { RunBuilder, type Run } from "./run";

/** The run of an embedded record. */
export async function load(base64: string): Promise<Run> {
  const builder = new RunBuilder();
  for await (const line of linesOf(base64)) builder.add(line);
  return builder.done();
}

/** What the runs of some records are called: their first lines say so. */
export function namesOf(records: string[]): Promise<string[]> {
  return Promise.all(records.map(async (base64) => {
    for await (const line of linesOf(base64)) {
      return (JSON.parse(line) as { header: Header }).header.name;
    }
    throw new Error("a record is empty");
  }));
}

async function* linesOf(base64: string) {
  const chars = atob(base64);
  const deflated = new Uint8Array(chars.length);
  for (let at = 0; at < chars.length; at++) deflated[at] = chars.charCodeAt(at);
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield line;
  }
  if (rest) yield rest;
}
