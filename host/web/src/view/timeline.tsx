// When, and what came first: charts on one time axis with one cursor, and the marks through all.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";

import { draw, gutter, RIGHT, type Window } from "../charts/chart";
import { fullest } from "../charts/heatmap";
import { labelOf, ofStretch, specsOf, type Line, type Spec } from "../charts/specs";
import type { LeadingCourses } from "../record/course";
import type { Mark } from "../record/lines";
import type { Run } from "../record/run";
import { framesIn, wholeRun, type Figures, type Stretch } from "../record/stretch";
import { Panel, Q, stretchWords } from "./parts";
import { clock, count, NOT_AVAILABLE, said } from "./words";

/** How a kind of mark is told: as news, as something to look at, or as bad. */
const KINDS: Record<string, ["info" | "warn" | "bad", string]> = {
  "goal-changed": ["info", "Goal changed"],
  paused: ["info", "Paused"],
  resumed: ["info", "Resumed"],
  "warm-up-over": ["info", "Warm-up over"],
  limited: ["warn", "Limited"],
  reached: ["info", "Limit left"],
  "host-joined": ["info", "Host joined"],
  "host-lost": ["bad", "Host lost"],
  "host-left": ["warn", "Host left"],
  "threshold-broken": ["bad", "Threshold broken first"],
  "user-trapped": ["bad", "User trapped first"],
};
const told = ({ kind }: Mark) => KINDS[kind] ?? ["info", kind];

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

/** What is seen of the time axis. */
function windowOf(run: Run, stretch: Stretch | null): Window {
  const from = stretch?.from ?? 0;
  const until = stretch?.until ?? run.moments.length;
  return [run.moments[from].from, run.moments[until - 1].until];
}

function Legend(props: {
  run: Run;
  spec: Spec;
  window: Window;
  width: number;
  cursor: number | null;
  stretch: Stretch;
  figures: Figures;
  hidden: ReadonlySet<string>;
  toggle: (label: string) => void;
}) {
  const { run, spec, window, width, cursor, stretch, figures, hidden, toggle } = props;
  const most = useMemo(
    () => (spec.heat ? fullest(run, spec.heat, window, width) : 0),
    [spec, window[0], window[1], width],
  );
  const shown = spec.lines.toReversed();
  return (
    <div class="lg">
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

function Swatch({ line }: { line: Line }) {
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

function Plot(props: {
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

interface Pin {
  from: number;
  until: number;
  left: number;
  kind: "info" | "warn" | "bad";
}

/** The row of numbered pins; neighbours that would cover each other share one. */
function Lane(props: {
  run: Run;
  place: (seconds: number) => number;
  selected: Stretch | null;
  paint: number;
  width: number;
  setWidth: (px: number) => void;
}) {
  const { run, place, selected, width, setWidth } = props;
  const lane = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => setWidth(lane.current!.clientWidth - gutter() - RIGHT), [props.paint]);
  const rank = { info: 0, warn: 1, bad: 2 };
  const pins: Pin[] = [];
  run.marks.forEach((mark, index) => {
    const at = place(mark.at);
    if (at < 0 || at > 1) return;
    const [kind] = told(mark);
    const last = pins.at(-1);
    if (last && (at - last.left) * width < (last.until > last.from + 1 ? 34 : 20)) {
      last.until = index + 1;
      if (rank[kind] > rank[last.kind]) last.kind = kind;
    } else {
      pins.push({ from: index, until: index + 1, left: at, kind });
    }
  });
  const span = selected && windowOf(run, selected).map((at) => Math.min(1, Math.max(0, place(at))));
  return (
    <div class="lane" ref={lane}>
      <div class="over" style={{ left: `${gutter()}px`, right: `${RIGHT}px` }}>
        {pins.map(({ from, until, left, kind }) => {
          const text = run.marks.slice(from, until).map(markWords).join("\n");
          const name = until > from + 1 ? `${from + 1}–${until}` : String(from + 1);
          const go = () => document.getElementById(`mark-${from}`)?.focus();
          return (
            <button
              key={from}
              type="button"
              class={`pin ${kind}`}
              style={{ left: `${left * 100}%` }}
              title={text}
              aria-label={text}
              onClick={go}
            >
              {name}
            </button>
          );
        })}
        {span && (
          <i
            class="span"
            style={{ left: `${span[0] * 100}%`, width: `${(span[1] - span[0]) * 100}%` }}
          />
        )}
      </div>
    </div>
  );
}

const markWords = (mark: Mark) => `${clock(mark.at)} ${told(mark)[1]}: ${mark.text}`;

function Marks({ run }: { run: Run }) {
  if (run.marks.length === 0) return null;
  return (
    <ol class="marks" aria-label="Marks">
      {run.marks.map((mark, index) => {
        const [kind, title] = told(mark);
        return (
          <li key={index} id={`mark-${index}`} tabIndex={-1}>
            <span class={`pin st ${kind}`}>{index + 1}</span>
            <time>{clock(mark.at)}</time>
            <span>
              <b>{title}</b> <span class="dim">{mark.text}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
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
