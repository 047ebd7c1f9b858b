// Reads the record that stands in the page: lines of JSON, deflated, as base64.

import { RunBuilder, type Run } from "./run";

/** The run of an embedded record. */
export async function load(base64: string): Promise<Run> {
  const deflated = Uint8Array.from(atob(base64.trim()), (char) => char.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const builder = new RunBuilder();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) builder.add(line);
  }
  if (rest) builder.add(rest);
  return builder.done();
}
