// What stands beside a chart: its lines with their values, at the cursor or of the stretch.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import type { Window } from "../charts/chart";
import { fullest } from "../charts/heatmap";
import { labelOf, ofStretch, type Line, type Spec } from "../charts/specs";
import type { Run } from "../record/run";
import type { Figures, Stretch } from "../record/stretch";
import { Q } from "./parts";
import { count, NOT_AVAILABLE } from "./words";

export function Legend(props: {
  run: Run;
  spec: Spec;
  window: Window;
  width: number;
  cursor: number | null;
  stretch: Stretch;
  figures: Figures;
  hidden: ReadonlySet<string>;
  toggle: (label: string) => void;
  tools: ComponentChildren;
}) {
  const { run, spec, window, width, cursor, stretch, figures, hidden, toggle, tools } = props;
  const most = useMemo(
    () => (spec.heat ? fullest(run, spec.heat, window, width) : 0),
    [spec, window[0], window[1], width],
  );
  const shown = spec.lines.toReversed();
  return (
    <div class="lg">
      {tools}
      <h3>{spec.title}</h3>
      <p>{spec.about}</p>
      <ul>
        {shown.map((line) => {
          const value = cursor === null ? NaN : line.values[cursor];
          const atCursor = Number.isNaN(value) ? NOT_AVAILABLE : line.say(value);
          const told = cursor === null
            ? ofStretch(line, figures, stretch.from, stretch.until)
            : atCursor;
          return (
            <li key={line.label} class={hidden.has(line.label) ? "off" : ""}>
              <button
                type="button"
                aria-pressed={!hidden.has(line.label)}
                title={`Show or hide ${line.label}`}
                onClick={() => toggle(line.label)}
              >
                <Swatch line={line} />
                <span>{labelOf(run, line)}</span>
              </button>
              <b><Q of={told} /></b>
            </li>
          );
        })}
      </ul>
      {spec.heat && most > 0 && (
        <div class="ramp" aria-hidden="true">
          <span>1</span>
          <i />
          <span>{count(most)}</span>
        </div>
      )}
    </div>
  );
}

export function Swatch({ line }: { line: Line }) {
  const stroke = `var(--${line.color})`;
  return (
    <svg class="sw" viewBox="0 0 16 8" aria-hidden="true">
      {line.fill === line.color
        ? <rect x="2" width="8" height="8" rx="1.5" fill={stroke} />
        : (
          <line
            x1="0"
            x2="16"
            y1="4"
            y2="4"
            stroke={stroke}
            stroke-width={Math.max(1.5, (line.width ?? 1.25) * 1.2)}
            stroke-dasharray={line.dash?.join(" ")}
          />
        )}
    </svg>
  );
}
