// Reads what stands in the page: a record as lines of JSON, or a comparison, deflated, as base64.

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
      const { header } = JSON.parse(line) as { header?: Header };
      if (header) return header.name;
      break;
    }
    throw new Error("the record has no header");
  }));
}

/** A text that stands in the page as a record does. */
export async function textOf(base64: string): Promise<string> {
  const lines: string[] = [];
  for await (const line of linesOf(base64)) lines.push(line);
  return lines.join("\n");
}

/** Characters that are inflated at a time, whole groups of four: there is never much more of the
 * text at once. */
const PIECE = 1 << 18;

async function* linesOf(base64: string) {
  const { readable, writable } = new DecompressionStream("deflate");
  // Whoever reads hears of what is broken.
  write(base64, writable).catch(() => {});
  yield* linesIn(readable);
}

/** The lines of a text as its bytes come, without empty ones. */
export async function* linesIn(bytes: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) yield line;
    }
    if (rest) yield rest;
  } finally {
    // Who wants no more lines has nothing inflated in vain.
    reader.cancel().catch(() => {});
  }
}

async function write(base64: string, to: WritableStream<BufferSource>) {
  const writer = to.getWriter();
  for (let at = 0; at < base64.length; at += PIECE) {
    await writer.write(bytesOf(base64.slice(at, at + PIECE)));
  }
  await writer.close();
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  // Current browsers do it themselves, which is faster.
  const own = Uint8Array as unknown as {
    fromBase64?: (text: string) => Uint8Array<ArrayBuffer>;
  };
  if (own.fromBase64) return own.fromBase64(base64);
  const chars = atob(base64);
  const bytes = new Uint8Array(chars.length);
  for (let at = 0; at < chars.length; at++) bytes[at] = chars.charCodeAt(at);
  return bytes;
}
