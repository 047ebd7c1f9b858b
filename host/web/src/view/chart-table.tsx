// A chart as a table: for who listens to the page, and to copy from.

import { labelOf, type Spec } from "../charts/specs";
import type { Run } from "../record/run";
import type { Stretch } from "../record/stretch";
import { Q } from "./parts";
import { clock, count, NOT_AVAILABLE } from "./words";

/** Rows of a table; of more frames each so many-th is told. */
const MAX_ROWS = 300;

export function ChartTable(props: { run: Run; spec: Spec; stretch: Stretch }) {
  const { run, spec, stretch: { from, until } } = props;
  const step = Math.ceil((until - from) / MAX_ROWS);
  const frames = Array.from(
    { length: Math.ceil((until - from) / step) }, (_, row) => from + row * step);
  const lines = spec.lines.toReversed();
  const all = `${count(until - from)} frames`;
  return (
    <div
      class="charttable"
      role="region"
      aria-label={`${spec.title} as a table`}
      tabIndex={0}
    >
      <table class="data">
        <caption>
          {step === 1 ? all : `Each ${step}th of ${all}; a shorter stretch has all of its own`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map((line) => (
              <th key={line.label} scope="col" class="num">{labelOf(run, line)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {frames.map((frame) => (
            <tr key={frame}>
              <th scope="row">{clock(run.moments[frame].from)}</th>
              {lines.map(({ label, values, say }) => (
                <td key={label} class="num">
                  <Q of={Number.isNaN(values[frame]) ? NOT_AVAILABLE : say(values[frame])} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
