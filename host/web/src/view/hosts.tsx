// Did all take part, and did the generator keep out of the way.

import { useMemo } from "preact/hooks";

import type { Run } from "../record/run";
import type { Figures, Stretch } from "../record/stretch";
import { hostNames } from "../charts/specs";
import { Icon, Panel, Q } from "./parts";
import { stampState } from "./verdict";
import * as words from "./words";

export function Hosts(props: { run: Run; selected: Stretch | null; figures: Figures }) {
  const { run, selected, figures } = props;
  const { lags } = figures;
  const rows = [
    { name: "No user was free", times: lags.users, whose: "the service is slow, or users are few" },
    { name: "Generator lag", times: lags.generator, whose: "ours: a thread ran late" },
    { name: "Loop delay", times: lags.loop, whose: "ours: what was ready waited for a thread" },
  ].filter(({ times }) => times.count > 0);
  // No selection changes it.
  const names = useMemo(() => hostNames(run), [run]);
  const table = useMemo(
    () => names.length > 0 && <Table run={run} names={names} />, [run, names]);
  return (
    <Panel
      id="hosts"
      title={names.length > 0 ? "Hosts and generator" : "Generator"}
      run={run}
      stretch={selected}
    >
      {table}
      <div class="scroll">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">What waited</th>
              <th scope="col" class="num">p50</th>
              <th scope="col" class="num">p95</th>
              <th scope="col" class="num">p99</th>
              <th scope="col" class="num lo">Max</th>
              <th scope="col" class="lo">By whose fault</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, times, whose }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {times.percentiles([50, 95, 99]).map((figure) => (
                  <td class="num"><Q of={words.figure(figure)} /></td>
                ))}
                <td class="num lo"><Q of={words.figure(times.max)} /></td>
                <td class="lo dim">{whose}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** The hosts, always of the whole run. */
function Table({ run, names }: { run: Run; names: string[] }) {
  const { report } = run;
  return (
    <div class="scroll">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Host, whole run</th>
            <th scope="col">Took part</th>
            <th scope="col" class="lo w">Share over time</th>
            <th scope="col" class="num">Started</th>
            <th scope="col" class="num lo">Lag p99</th>
            <th scope="col" class="num lo">Processor time</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name, index) => {
            const host = report?.nodes.find((host) => host.name === name);
            const lag = host?.generator_lag_p99_ms;
            return (
              <tr key={name}>
                <th scope="row" class="nm"><i class={`dot n${index % 3}`} />{name}</th>
                <td><Presence run={run} name={name} verdict={host?.verdict} /></td>
                <td class="lo w"><Ribbon run={run} name={name} index={index} /></td>
                <td class="num">{host ? words.count(host.started) : "n/a"}</td>
                <td class="num lo">
                  <Q of={words.time(lag ? lag * 1e6 : null)} />
                </td>
                <td class="num lo">{host ? words.length(host.cpu_seconds) : "n/a"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const of = (run: Run, name: string) =>
  run.moments.map(({ hosts }) => hosts.find((host) => host.name === name));

function Presence({ run, name, verdict }: { run: Run; name: string; verdict?: string }) {
  const seen = of(run, name);
  const first = seen.findIndex((host) => host?.present);
  const away = seen.findIndex((host, frame) => frame > first && host && !host.present);
  if (away >= 0) {
    const back = seen.findIndex((host, frame) => frame > away && host?.present);
    const until = back < 0 ? "the end" : words.clock(run.moments[back].from);
    return (
      <>
        <Icon state="warn" />
        away {words.clock(run.moments[away].from)} – {until}
      </>
    );
  }
  return (
    <>
      <Icon state={stampState(verdict ?? "UNJUDGED")} />
      {verdict ?? "throughout"}
    </>
  );
}

/** Its share of the starts, as a height, and hatched where it was away. */
function Ribbon({ run, name, index }: { run: Run; name: string; index: number }) {
  const seen = of(run, name);
  const end = run.moments.at(-1)!.until;
  const pieces: { from: number; until: number; share: number; present: boolean }[] = [];
  seen.forEach((host, frame) => {
    if (!host) return;
    const { from, until } = run.moments[frame];
    const last = pieces.at(-1);
    if (last && last.share === host.share && last.present === host.present) last.until = until;
    else pieces.push({ from, until, share: host.share, present: host.present });
  });
  return (
    <svg class="rib" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" width="100" height="12" />
      {pieces.map(({ from, until, share, present }) => {
        const height = present ? Math.max(0.5, share * 12) : 12;
        return (
          <rect
            class={present ? `n${index % 3}` : "lost"}
            x={(from / end) * 100}
            width={((until - from) / end) * 100}
            y={12 - height}
            height={height}
          />
        );
      })}
    </svg>
  );
}
