// What the scenario itself looked at: its checks, and its own metrics with their tags.

import { useMemo } from "preact/hooks";

import type { Run } from "../record/run";
import { ownOf, type Stretch } from "../record/stretch";
import { Icon, Panel, Q } from "./parts";
import * as words from "./words";

export function Checks(props: { run: Run; stretch: Stretch; selected: Stretch | null }) {
  const { run, stretch, selected } = props;
  const { checks, series } = useMemo(
    () => ownOf(run, stretch), [run, stretch.from, stretch.until]);
  if (checks.length + series.length === 0) return null;
  return (
    <Panel id="checks" title="Checks and metrics of the scenario" run={run} stretch={selected}>
      <div class="pair">
        {checks.length > 0 && (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">Check</th>
                <th scope="col" class="num">Passed</th>
                <th scope="col" class="num">Failed</th>
                <th scope="col" class="num">Of all</th>
              </tr>
            </thead>
            <tbody>
              {checks.map(({ name, passed, failed }) => (
                <tr key={name}>
                  <th scope="row" class="words">
                    <Icon state={failed === 0 ? "pass" : "warn"} />
                    {name}
                  </th>
                  <td class="num"><Q of={words.share(passed, passed + failed)} /></td>
                  <td class={`num ${failed > 0 ? "bad" : ""}`}>{words.count(failed)}</td>
                  <td class="num">{words.count(passed + failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {series.length > 0 && (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">Metric</th>
                <th scope="col" class="num">Values</th>
                <th scope="col">What they came to</th>
              </tr>
            </thead>
            <tbody>
              {series.map(({ series: { metric, tags }, figures }) => (
                <tr key={JSON.stringify([metric, tags])}>
                  <th scope="row" class="words">
                    {metric}{" "}
                    {tags.map(([name, value]) => (
                      <span key={name} class="chip">{name}={value}</span>
                    ))}
                  </th>
                  <td class="num">{words.count(figures.count)}</td>
                  <td class="words">
                    {figures.values.map(([name, value]) => (
                      <span key={name} class="stat">
                        <span class="dim">{name}</span> {words.plain(value)}
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </Panel>
  );
}
