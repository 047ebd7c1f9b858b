// Where the time of a request goes: its phases, and what came back.

import { useMemo } from "preact/hooks";

import type { Run } from "../record/run";
import { requestsOf, type Stretch } from "../record/stretch";
import { Bar, Panel, Q } from "./parts";
import * as words from "./words";

export function Requests(props: { run: Run; stretch: Stretch; selected: Stretch | null }) {
  const { run, stretch, selected } = props;
  const of = useMemo(() => requestsOf(run, stretch), [run, stretch.from, stretch.until]);
  const aside = (
    <span class="dim">
      {words.count(of.ended)} requests, {words.count(of.connections)} connections
    </span>
  );
  const all = of.phases.reduce((sum, { times }) => sum + times.sumNs, 0);
  const rows = of.phases.filter(({ times }) => times.count > 0).map(({ name, times }) => {
    const [p50, p95] = times.percentiles([50, 95]);
    return { name, times, p50, p95 };
  });
  const most = Math.max(...rows.map(({ p95 }) => p95?.ns ?? 0));
  return (
    <Panel id="requests" title="Requests by phase" run={run} stretch={selected} aside={aside}>
      {rows.length === 0 ? <p class="dim">No request ended here.</p> : (
        <>
          <svg class="stackbar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
            {stacked(rows.map(({ times }) => times.sumNs / all)).map(({ from, part }, at) => (
              <rect
                key={rows[at].name}
                class={`phase ${rows[at].name}`}
                x={from * 100}
                width={part * 100}
                height="1"
              />
            ))}
          </svg>
          <div class="scroll">
            <table class="data">
              <thead>
                <tr>
                  <th scope="col">Phase</th>
                  <th scope="col" class="num">p50</th>
                  <th scope="col" class="num">p95</th>
                  <th scope="col" class="num lo">Max</th>
                  <th scope="col" class="num lo">Share of the time</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ name, times, p50, p95 }) => (
                  <tr key={name}>
                    <th scope="row"><i class={`dot phase ${name}`} />{name}</th>
                    <td class="num"><Q of={words.figure(p50)} /></td>
                    <Bar part={(p95?.ns ?? 0) / most}><Q of={words.figure(p95)} /></Bar>
                    <td class="num lo"><Q of={words.figure(times.max)} /></td>
                    <td class="num lo"><Q of={words.share(times.sumNs, all)} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <Answers of={of} />
    </Panel>
  );
}

function Answers({ of }: { of: ReturnType<typeof requestsOf> }) {
  const statuses = of.statuses.map(({ name, count }) => `status ${name}: ${words.count(count)}`);
  const errors = of.errors.map(({ name, count }) => `${name}: ${words.count(count)}`);
  const lines = [...statuses, ...errors];
  if (of.reconnects > 0) {
    lines.push(`sent anew, as the connection had closed: ${words.count(of.reconnects)}`);
  }
  if (of.bodyBytes > 0) lines.push(`${words.said(words.bytes(of.bodyBytes))} of bodies`);
  if (lines.length === 0) return null;
  return <ul class="notes">{lines.map((line) => <li key={line}>{line}</li>)}</ul>;
}

/** Where each part begins when they follow each other. */
function stacked(parts: number[]): { from: number; part: number }[] {
  let from = 0;
  return parts.map((part) => {
    const at = { from, part };
    from += part;
    return at;
  });
}
