// One chart on the page, with the marks and the selected stretch above it.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type uPlot from "uplot";

import { draw, gutter, RIGHT, type Window } from "../charts/chart";
import type { Spec } from "../charts/specs";
import type { Run } from "../record/run";
import { framesIn, windowOf, type Stretch } from "../record/stretch";
import { drags, partOf, percent } from "./grips";
import { told, type ShownMark } from "./marks";
import type { Select } from "./parts";
import { said } from "./words";

export function Plot(props: {
  run: Run;
  spec: Spec;
  window: Window;
  selected: Stretch | null;
  hidden: ReadonlySet<string>;
  paint: number;
  hasTimes: boolean;
  charts: Map<string, uPlot>;
  setCursor: (frame: number | null) => void;
  select: Select;
}) {
  const { run, spec, window, selected, hidden, paint, hasTimes, charts, setCursor, select } = props;
  const into = useRef<HTMLDivElement>(null);
  const [from, until] = window;
  useLayoutEffect(() => {
    const on = {
      cursor: setCursor,
      select: (from: number, until: number) => select(framesIn(run, [from, until])),
    };
    const chart = draw(into.current!, run, spec, [from, until], hidden, hasTimes, on);
    charts.set(spec.id, chart);
    return () => {
      chart.destroy();
      charts.delete(spec.id);
    };
  }, [run, spec, from, until, hidden, paint]);
  const words = useMemo(() => sentence(spec), [spec]);
  return (
    <div class="plot">
      <div ref={into} role="img" aria-label={words} />
      <Overlay
        run={run}
        window={window}
        selected={selected}
        hasTimes={hasTimes}
        select={select}
      />
    </div>
  );
}

/** A chart in a sentence, for those who do not see it. */
export function sentence(spec: Spec): string {
  const parts = spec.lines.map(({ label, values, say }) => {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (high < low) return `${label}: too few samples`;
    return `${label} from ${said(say(low))} to ${said(say(high))}`;
  });
  return `${spec.title}, ${spec.about}: ${parts.join("; ")}`;
}

/** Marks and the selected stretch, above a plot: no canvas is drawn anew for them. */
function Overlay(props: {
  run: Run;
  window: Window;
  selected: Stretch | null;
  hasTimes: boolean;
  select: Select;
}) {
  const { run, window, selected, hasTimes, select } = props;
  const span = selected && windowOf(run, selected);
  return (
    <Over window={window} marks={run.marks} hasTimes={hasTimes}>
      {span && (
        <>
          <i class="veil" style={{ left: 0, width: percent(partOf(window, span[0])) }} />
          <i class="veil" style={{ right: 0, width: percent(1 - partOf(window, span[1])) }} />
          {(["from", "until"] as const).map((part, at) => (
            <i
              key={part}
              class="edge"
              style={{ left: percent(partOf(window, span[at])) }}
              onPointerDown={drags({ run, selected, window, select }, part)}
            />
          ))}
        </>
      )}
    </Over>
  );
}

/** What lies above a plot, where its lines are: the marks, and what else there is. */
export function Over(props: {
  window: Window;
  marks: readonly ShownMark[];
  hasTimes: boolean;
  children?: ComponentChildren;
}) {
  const { window, marks, hasTimes, children } = props;
  const edges = { left: `${gutter()}px`, right: `${RIGHT}px`, bottom: hasTimes ? "22px" : "4px" };
  return (
    <div class="over" style={edges} aria-hidden="true">
      {marks.filter(({ at }) => at >= window[0] && at <= window[1]).map((mark, index) => (
        <i
          key={index}
          class={`stem ${told(mark)[0]} ${mark.of?.side ?? ""}`}
          style={{ left: percent(partOf(window, mark.at)) }}
        />
      ))}
      {children}
    </div>
  );
}
