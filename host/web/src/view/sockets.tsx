// What the scenario did over sockets of its own.

import { useMemo } from "preact/hooks";

import type { Run } from "../record/run";
import { socketsOf, type Stretch } from "../record/stretch";
import { Panel } from "./parts";
import * as words from "./words";

export function Sockets(props: { run: Run; stretch: Stretch; selected: Stretch | null }) {
  const { run, stretch, selected } = props;
  const of = useMemo(() => socketsOf(run, stretch), [run, stretch.from, stretch.until]);
  const size = (bytes: number) => words.said(words.bytes(bytes));
  const lines = [
    `connections opened: ${words.count(of.connections)}`,
    `bytes: ${size(of.bytesSent)} sent, ${size(of.bytesReceived)} received`,
    ...(of.datagramsSent + of.datagramsReceived > 0
      ? [`datagrams: ${words.count(of.datagramsSent)} sent, ${
          words.count(of.datagramsReceived)} received`]
      : []),
    ...of.errors.map(({ name, count }) => `${name}: ${words.count(count)}`),
  ];
  return (
    <Panel id="sockets" title="Sockets" run={run} stretch={selected}>
      <ul class="notes">{lines.map((line) => <li key={line}>{line}</li>)}</ul>
    </Panel>
  );
}
