// The courses of runs that are compared, over each other on one time axis.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { draw, type Window } from "../charts/chart";
import { DRAWN_RUNS, overlaid } from "../charts/overlaid";
import type { Spec } from "../charts/specs";
import type { Sided, SidedMark } from "../record/comparison";
import type { Axis } from "../record/run";
import type { Figures } from "../record/stretch";
import { Lane } from "./lane";
import { Swatch } from "./legend";
import { Marks } from "./marks";
import { Panel, Q } from "./parts";
import { Over, sentence } from "./plot";
import * as words from "./words";

export function OverTime(props: { drawn: Sided[]; figures: Figures[]; paint: number; all: number }) {
  const { drawn, figures, paint, all } = props;
  const { axis, specs, marks } = useMemo(() => overlaid(drawn), [drawn]);
  const [cursor, setCursor] = useState<number | null>(null);
  const [zoom, setZoom] = useState<Window | null>(null);
  // Of the plots, without their axes.
  const [width, setWidth] = useState(948);
  useEffect(() => {
    const key = (event: KeyboardEvent) => event.key === "Escape" && setZoom(null);
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const window = useMemo<Window>(
    () => zoom ?? [0, axis.moments[axis.moments.length - 1].until], [zoom, axis]);
  const plots = useMemo(() => specs.map((spec, index) => (
    <OverlaidPlot
      key={spec.id}
      axis={axis}
      spec={spec}
      marks={marks}
      window={window}
      paint={paint}
      hasTimes={index === specs.length - 1}
      setCursor={setCursor}
      zoom={setZoom}
    />
  )), [axis, specs, marks, window, paint]);
  const at = cursor === null ? "whole runs" : `at ${words.clock(axis.moments[cursor].from)}`;
  return (
    <Panel
      id="time"
      title="Over time"
      aside={
        <>
          {drawn.length < all && <span class="dim">the first {DRAWN_RUNS} of each side</span>}
          {zoom && (
            <button type="button" class="btn sm" onClick={() => setZoom(null)}>
              Whole run <kbd>Esc</kbd>
            </button>
          )}
          <span class="dim lo">Drag to zoom · measured parts begin together</span>
        </>
      }
    >
      <div class="lanerow">
        <div class="lg"><span class="dim">Values: </span><b>{at}</b></div>
        <Lane marks={marks} window={window} paint={paint} width={width} setWidth={setWidth} />
      </div>
      {specs.map((spec, index) => (
        <div class="ch" key={spec.id}>
          <div class="lg">
            <h3>{spec.title}</h3>
            <p>{spec.about}</p>
            <ul>
              {spec.lines.toReversed().map((line, run) => {
                const value = cursor === null ? line.of?.(figures[run]) : line.values[cursor];
                const known = typeof value === "number" && !Number.isNaN(value);
                return (
                  <li key={line.label}>
                    <Swatch line={line} />
                    <span class="grow">{line.label}</span>
                    <b><Q of={known ? line.say(value) : words.NOT_AVAILABLE} /></b>
                  </li>
                );
              })}
            </ul>
          </div>
          {plots[index]}
        </div>
      ))}
      <Marks marks={marks} />
    </Panel>
  );
}

const NONE: ReadonlySet<string> = new Set();

function OverlaidPlot(props: {
  axis: Axis;
  spec: Spec;
  marks: readonly SidedMark[];
  window: Window;
  paint: number;
  hasTimes: boolean;
  setCursor: (frame: number | null) => void;
  zoom: (window: Window) => void;
}) {
  const { axis, spec, marks, window, paint, hasTimes, setCursor, zoom } = props;
  const into = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const select = (from: number, until: number) => zoom([from, until]);
    const on = { cursor: setCursor, select };
    const chart = draw(into.current!, axis, spec, window, NONE, hasTimes, on);
    return () => chart.destroy();
  }, [axis, spec, window, paint]);
  return (
    <div class="plot">
      <div ref={into} role="img" aria-label={sentence(spec)} />
      <Over window={window} marks={marks} hasTimes={hasTimes} />
    </div>
  );
}
