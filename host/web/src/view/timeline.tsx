// When, and what came first: charts on one time axis with one cursor, and the marks through all.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";

import { picture } from "../charts/picture";
import { specsOf, type Spec } from "../charts/specs";
import type { LeadingCourses } from "../record/course";
import type { Run } from "../record/run";
import { framesIn, windowOf, wholeRun, type Figures, type Stretch } from "../record/stretch";
import { ChartTable } from "./chart-table";
import { download, fileName } from "./download";
import { Grips } from "./grips";
import { Lane } from "./lane";
import { Legend } from "./legend";
import { Marks } from "./marks";
import { Panel, stretchWords, type Select } from "./parts";
import { Plot } from "./plot";
import { clock } from "./words";

interface Props {
  run: Run;
  selected: Stretch | null;
  figures: Figures;
  courses: LeadingCourses;
  isZoomed: boolean;
  paint: number;
  select: Select;
}

export function Timeline(props: Props) {
  const { run, selected, figures, courses, isZoomed, paint, select } = props;
  const specs = useMemo(() => specsOf(run, courses), [run, courses]);
  const [cursor, setCursor] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [tables, setTables] = useState<ReadonlySet<string>>(new Set());
  // Of the plots, without their axes.
  const [width, setWidth] = useState(948);
  const charts = useRef<Map<string, uPlot>>(new Map());
  const seen = isZoomed ? selected : null;
  const [from, until] = windowOf(run, seen);
  const window = useMemo(() => [from, until] as const, [from, until]);
  useKeys(run, charts, cursor, selected, select);
  const exact = useMemo(() => coarse(run), [run]);
  // The cursor moves often, and changes none of these.
  const plots = useMemo(() => specs.map((spec, index) => (
    <Plot
      key={spec.id}
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
  )), [run, specs, window, selected, hidden, paint, select]);

  const keep = async (spec: Spec) => {
    const chart = charts.current.get(spec.id);
    if (!chart) return;
    const time = `${run.header.name}, ${clock(from)} – ${clock(until)}`;
    const name = fileName([run.header.name, spec.id, clock(from), clock(until)], "png");
    download(name, await picture(chart, spec, time, run.marks));
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
          <kbd>→</kbd> cursor <kbd>⇧</kbd> select <kbd>M</kbd> next mark{exact}
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
          marks={run.marks}
          window={window}
          paint={paint}
          width={width}
          setWidth={setWidth}
        >
          {selected && <Grips run={run} selected={selected} window={window} select={select} />}
        </Lane>
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
            toggle={(label) => setHidden(toggled(hidden, label))}
            tools={
              <Tools
                title={spec.title}
                isTable={tables.has(spec.id)}
                showTable={() => setTables(toggled(tables, spec.id))}
                keep={() => void keep(spec)}
              />
            }
          />
          {plots[index]}
          {tables.has(spec.id) && (
            <ChartTable run={run} spec={spec} stretch={seen ?? selected ?? wholeRun(run)} />
          )}
        </div>
      ))}
      <Marks marks={run.marks} />
    </Panel>
  );
}

/** A set with one more, or without it. */
function toggled(set: ReadonlySet<string>, one: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(one)) next.add(one);
  return next;
}

/** What can be done with a chart beside looking at it. */
function Tools(props: {
  title: string;
  isTable: boolean;
  showTable: () => void;
  keep: () => void;
}) {
  const { title, isTable, showTable, keep } = props;
  return (
    <span class="tools">
      <button
        type="button"
        title={`${title} as a table`}
        aria-label={`${title} as a table`}
        aria-expanded={isTable}
        onClick={showTable}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M2.5 3.5h11v9h-11zm0 3h11m-11 3h11m-6-6v9" />
        </svg>
      </button>
      <button
        type="button"
        title={`${title} as a picture (PNG)`}
        aria-label={`${title} as a picture`}
        onClick={keep}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 2.5v7m-3-3 3 3 3-3m-8.5 4v2h11v-2" />
        </svg>
      </button>
    </span>
  );
}

/** Says so where frames were joined. */
function coarse(run: Run): string {
  const longest = run.moments.reduce((most, { from, until }) => Math.max(most, until - from), 0);
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
      // Within the frame, where no other is as near.
      const { from, until } = run.moments[at];
      chart.setCursor({ left: chart.valToPos(from + (until - from) / 4, "x"), top: 10 });
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
