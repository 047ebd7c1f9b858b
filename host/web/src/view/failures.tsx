// What broke, in the service's own words.

import { useMemo } from "preact/hooks";

import { failuresOverTime } from "../record/course";
import type { Run } from "../record/run";
import type { Figures, Stretch } from "../record/stretch";
import { thinned } from "./figures";
import { Bar, Panel, Q, Spark } from "./parts";
import * as words from "./words";

export function Failures(props: { run: Run; selected: Stretch | null; figures: Figures }) {
  const { run, selected, figures } = props;
  const courses = useMemo(() => failuresOverTime(run), [run]);
  const ended = figures.ok + figures.failed;
  const most = figures.failures[0]?.count ?? 1;
  const color = (cause: string) => {
    const at = courses.findIndex((course) => course.cause === cause && !course.isRest);
    return at < 0 ? "other" : `e${at}`;
  };
  return (
    <Panel id="failures" title="Failures" run={run} stretch={selected}>
      {figures.failures.length === 0
        ? <p class="dim">No failures in {words.count(ended)} transactions.</p>
        : (
          <div class="scroll">
            <table class="data">
              <thead>
                <tr>
                  <th scope="col">Cause</th>
                  <th scope="col" class="num">Count</th>
                  <th scope="col" class="num">Of all</th>
                  <th scope="col" class="lo">Over time</th>
                </tr>
              </thead>
              <tbody>
                {figures.failures.map(({ name, count }) => (
                  <tr key={name}>
                    <th scope="row" class="words">
                      <i class={`dot ${color(name)}`} />
                      {name}
                    </th>
                    <Bar part={count / most} kind="err">{words.count(count)}</Bar>
                    <td class="num"><Q of={words.share(count, ended)} /></td>
                    <td class="lo bad">
                      <Spark
                        values={thinned(
                          courses.find(({ cause }) => cause === name)?.values ??
                            new Float64Array(0),
                        )}
                        width={96}
                        height={20}
                      />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      <NotDone figures={figures} />
    </Panel>
  );
}

/** What neither succeeded nor failed: cut off at the end, or never begun. */
function NotDone({ figures }: { figures: Figures }) {
  const reasons: Record<string, string> = {
    users: "no user was free",
    generator: "the generator was late",
    lease: "no lease was held",
  };
  const lines = figures.unsent.map(({ name, count }) =>
    `${words.count(count)} starts unsent: ${reasons[name] ?? name}`);
  if (figures.interrupted > 0) {
    lines.unshift(`${words.count(figures.interrupted)} cut off before their end; they count in ` +
      "every time with the age that they had");
  }
  if (lines.length === 0) return null;
  return <ul class="notes">{lines.map((line) => <li key={line}>{line}</li>)}</ul>;
}
