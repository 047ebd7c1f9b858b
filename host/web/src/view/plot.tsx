// One chart on the page, with the marks and the selected stretch above it.

import { useLayoutEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";

import { draw, gutter, RIGHT, type Window } from "../charts/chart";
import type { Spec } from "../charts/specs";
import type { Run } from "../record/run";
import { framesIn, windowOf, type Stretch } from "../record/stretch";
import { told } from "./marks";
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
  select: (stretch: Stretch) => void;
}) {
  const { run, spec, window, selected, hidden, paint, hasTimes, charts } = props;
  const into = useRef<HTMLDivElement>(null);
  const [from, until] = window;
  useLayoutEffect(() => {
    const on = {
      cursor: props.setCursor,
      select: (from: number, until: number) => props.select(framesIn(run, [from, until])),
    };
    const chart = draw(into.current!, run, spec, [from, until], hidden, hasTimes, on);
    charts.set(spec.id, chart);
    return () => {
      chart.destroy();
      charts.delete(spec.id);
    };
  }, [run, spec, from, until, hidden, paint]);
  return (
    <div class="plot" role="img" aria-label={sentence(spec)}>
      <div ref={into} />
      <Overlay run={run} window={window} selected={selected} hasTimes={hasTimes} />
    </div>
  );
}

/** A chart in a sentence, for those who do not see it. */
function sentence(spec: Spec): string {
  const parts = spec.lines.map(({ label, values, say }) => {
    const known = values.filter((value) => !Number.isNaN(value));
    if (known.length === 0) return `${label}: too few samples`;
    const [low, high] = known.reduce(
      ([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
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
}) {
  const { run, window, selected, hasTimes } = props;
  const part = (seconds: number) =>
    Math.min(1, Math.max(0, (seconds - window[0]) / (window[1] - window[0])));
  const left = (seconds: number) => ({ left: `${part(seconds) * 100}%` });
  const edges = { left: `${gutter()}px`, right: `${RIGHT}px`, bottom: hasTimes ? "22px" : "4px" };
  const span = selected && windowOf(run, selected);
  return (
    <div class="over" style={edges} aria-hidden="true">
      {run.marks.filter(({ at }) => at >= window[0] && at <= window[1]).map((mark, index) => (
        <i key={index} class={`stem ${told(mark)[0]}`} style={left(mark.at)} />
      ))}
      {span && (
        <>
          <i class="veil" style={{ left: 0, width: `${part(span[0]) * 100}%` }} />
          <i class="veil" style={{ right: 0, width: `${(1 - part(span[1])) * 100}%` }} />
          <i class="edge" style={left(span[0])} />
          <i class="edge" style={left(span[1])} />
        </>
      )}
    </div>
  );
}
