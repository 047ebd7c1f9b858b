// When, and what came first: charts on one time axis with one cursor, and the marks through all.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";

import { specsOf } from "../charts/specs";
import type { LeadingCourses } from "../record/course";
import type { Run } from "../record/run";
import { framesIn, windowOf, wholeRun, type Figures, type Stretch } from "../record/stretch";
import { Lane } from "./lane";
import { Legend } from "./legend";
import { Marks } from "./marks";
import { Panel, stretchWords } from "./parts";
import { Plot } from "./plot";
import { clock } from "./words";

interface Props {
  run: Run;
  selected: Stretch | null;
  figures: Figures;
  courses: LeadingCourses;
  isZoomed: boolean;
  paint: number;
  select: (stretch: Stretch | null) => void;
}

export function Timeline(props: Props) {
  const { run, selected, figures, courses, isZoomed, paint, select } = props;
  const specs = useMemo(() => specsOf(run, courses), [run, courses]);
  const [cursor, setCursor] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  // Of the plots, without their axes.
  const [width, setWidth] = useState(948);
  const charts = useRef<Map<string, uPlot>>(new Map());
  const window = windowOf(run, isZoomed ? selected : null);
  const place = (seconds: number) => (seconds - window[0]) / (window[1] - window[0]);
  useKeys(run, charts, cursor, selected, select);

  const toggle = (label: string) => {
    const next = new Set(hidden);
    if (!next.delete(label)) next.add(label);
    setHidden(next);
  };
  const at = cursor === null ? null : run.moments[cursor];
  const step = at && at.until - at.from > 1.5 ? ` (${Math.round(at.until - at.from)} s)` : "";
  return (
    <Panel
      id="time"
      title="Over time"
      aside={
        <span class="dim lo keys">
          <kbd>←</kbd>
          <kbd>→</kbd> cursor <kbd>⇧</kbd> select <kbd>M</kbd> next mark{coarse(run)}
        </span>
      }
    >
      <div class="lanerow">
        <div class="lg">
          <span class="dim">Values: </span>
          <b>
            {at
              ? `at ${clock(at.from)}${step}`
              : selected ? stretchWords(run, selected) : "whole run"}
          </b>
        </div>
        <Lane
          run={run}
          place={place}
          selected={selected}
          paint={paint}
          width={width}
          setWidth={setWidth}
        />
      </div>
      {specs.map((spec, index) => (
        <div class="ch" key={spec.id}>
          <Legend
            run={run}
            spec={spec}
            window={window}
            width={width}
            cursor={cursor}
            stretch={selected ?? wholeRun(run)}
            figures={figures}
            hidden={hidden}
            toggle={toggle}
          />
          <Plot
            run={run}
            spec={spec}
            window={window}
            selected={selected}
            hidden={hidden}
            paint={paint}
            hasTimes={index === specs.length - 1}
            charts={charts.current}
            setCursor={setCursor}
            select={select}
          />
        </div>
      ))}
      <Marks run={run} />
    </Panel>
  );
}

/** Says so where frames were joined. */
function coarse(run: Run): string {
  const longest = Math.max(...run.moments.map(({ from, until }) => until - from));
  return longest < 1.5 ? "" : ` · a selection is exact in steps of ${Math.round(longest)} s`;
}

/** Arrows move the cursor by a frame, with shift they select, M goes to the next mark. */
function useKeys(
  run: Run,
  charts: { current: Map<string, uPlot> },
  cursor: number | null,
  selected: Stretch | null,
  select: (stretch: Stretch) => void,
) {
  const anchor = useRef<number | null>(null);
  // At once, as the next key may come before anything is painted.
  useLayoutEffect(() => {
    const last = run.moments.length - 1;
    const go = (frame: number) => {
      const chart = charts.current.values().next().value;
      if (!chart) return;
      const at = Math.min(Math.max(frame, 0), last);
      chart.setCursor({ left: chart.valToPos(run.moments[at].from, "x"), top: 10 });
      return at;
    };
    const key = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
      if (event.key === "Escape") anchor.current = null;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        event.preventDefault();
        const before = cursor ?? selected?.from ?? (step > 0 ? -1 : last + 1);
        const at = go(before + step) ?? 0;
        if (!event.shiftKey) anchor.current = null;
        else {
          anchor.current ??= Math.max(0, before);
          const [from, until] = [Math.min(anchor.current, at), Math.max(anchor.current, at)];
          select({ from, until: until + 1 });
        }
      } else if (event.key === "m" || event.key === "M") {
        const now = cursor === null ? -1 : run.moments[cursor].from;
        const ahead = event.shiftKey
          ? run.marks.findLast(({ at }) => at < now - 0.5)
          : run.marks.find(({ at }) => at > now + 1);
        const mark = ahead ?? (event.shiftKey ? run.marks.at(-1) : run.marks[0]);
        if (mark) go(framesIn(run, [mark.at, mark.at]).from);
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });
}
