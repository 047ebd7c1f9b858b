// WebSockets: how they were opened, what went over them, how they ended. Nothing where there were
// none.

import { useMemo } from "preact/hooks";

import type { Run } from "../record/run";
import { webSocketsOf, type Stretch } from "../record/stretch";
import { Panel, Q } from "./parts";
import * as words from "./words";

export function WebSockets(props: { run: Run; stretch: Stretch; selected: Stretch | null }) {
  const { run, stretch, selected } = props;
  const of = useMemo(() => webSocketsOf(run, stretch), [run, stretch.from, stretch.until]);
  if (of === null) return null;
  const aside = (
    <span class="dim">
      {words.count(of.opened)} opened, {words.count(of.failed)} failed
    </span>
  );
  return (
    <Panel id="websockets" title="WebSockets" run={run} stretch={selected} aside={aside}>
      <div class="scroll">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col" class="num">Count</th>
              <th scope="col" class="num">p50</th>
              <th scope="col" class="num">p95</th>
              <th scope="col" class="num lo">Max</th>
            </tr>
          </thead>
          <tbody>
            {of.times.map(({ name, times }) => {
              const [p50, p95] = times.percentiles([50, 95]);
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="num">{words.count(times.count)}</td>
                  <td class="num"><Q of={words.figure(p50)} /></td>
                  <td class="num"><Q of={words.figure(p95)} /></td>
                  <td class="num lo"><Q of={words.figure(times.max)} /></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <ul class="notes">{lines(of).map((line) => <li key={line}>{line}</li>)}</ul>
    </Panel>
  );
}

function lines(of: NonNullable<ReturnType<typeof webSocketsOf>>): string[] {
  const size = (bytes: number) => words.said(words.bytes(bytes));
  return [
    `${words.count(of.sent)} messages sent, ${size(of.bytesSent)}`,
    `${words.count(of.received)} messages received, ${size(of.bytesReceived)}`,
    ...of.ends.map(({ name, count }) => `ended by ${name}: ${words.count(count)}`),
    ...of.statuses
      .filter(({ name }) => name !== "101")
      .map(({ name, count }) => `not opened, status ${name}: ${words.count(count)}`),
    ...of.unanswered.map(({ name, count }) => `not opened, ${name}: ${words.count(count)}`),
    ...of.errors.map(({ name, count }) => `error, ${name}: ${words.count(count)}`),
  ];
}
