// One chart of the time axis: uPlot draws lines and axes, this what is ours: heatmap, gap, bound.

import uPlot from "uplot";

import type { Axis } from "../record/run";
import { clock } from "../view/words";
import { drawHeat } from "./heatmap";
import { font, ratio, token } from "./look";
import type { Line, Spec } from "./specs";

/** Room at the left, for the numbers of the axis, and at the right, for half of the last time. */
export const gutter = () => (innerWidth < 620 ? 46 : 54);
export const RIGHT = 18;
const X_AXIS = 22;

/** Frames of which each is drawn as wide as it is: with more, nobody could tell. */
const FEW = 40;

/** How far above the service time the response time must be for the room between to be filled. */
const GAP = 1.35;

export interface Events {
  cursor: (frame: number | null) => void;
  select: (from: number, until: number) => void;
}

/** What is seen of the time axis, in seconds. */
export type Window = readonly [number, number];

/** Draws a chart into an element. */
export function draw(
  into: HTMLElement,
  axis: Axis,
  spec: Spec,
  window: Window,
  hidden: ReadonlySet<string>,
  hasTimes: boolean,
  on: Events,
): uPlot {
  const last = axis.moments.length - 1;
  const end = axis.moments[last]?.until ?? 0;
  const isFew = axis.moments.length <= FEW;
  // The last frame lasts until the end: without that, a run of one frame has no line.
  const x = isFew
    ? axis.moments.flatMap(({ from, until }) => [from, until])
    : [...axis.moments.map(({ from }) => from), end];
  const frameAt = (index: number) => Math.min(isFew ? index >> 1 : index, last);
  const grid = { stroke: token("grid"), width: 1 };
  const look = { font: font(), stroke: token("text-2"), grid, ticks: { show: false } };
  const options: uPlot.Options = {
    width: Math.max(into.clientWidth, 80),
    height: spec.height + (hasTimes ? X_AXIS : 0),
    padding: [4, RIGHT, hasTimes ? 0 : 4, 0],
    legend: { show: false },
    cursor: {
      sync: { key: "time", setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 5, width: 1.5 },
      y: false,
    },
    scales: {
      x: { time: false, range: () => [window[0], window[1]] },
      y: { distr: spec.isLogarithmic ? 3 : 1, range: () => [spec.min, spec.max] },
    },
    axes: [
      {
        ...look,
        size: hasTimes ? X_AXIS : 0,
        gap: 4,
        splits: () => timeTicks(window, into.clientWidth),
        values: (_, at) => at.map((value) => (hasTimes ? clock(value) : "")),
      },
      {
        ...look,
        size: gutter(),
        gap: 6,
        splits: () => (spec.isLogarithmic ? decades(spec) : roundTicks(spec)),
        values: (_, at) => at.map((value) => (value === null ? "" : spec.axis(value))),
      },
    ],
    series: [{}, ...spec.lines.map((line) => seriesOf(line, isFew, hidden))],
    plugins: [{
      hooks: { drawAxes: (u) => under(u, axis, spec), draw: (u) => over(u, axis, spec) },
    }],
    hooks: {
      setCursor: [
        ({ cursor: { idx } }) => on.cursor(typeof idx === "number" ? frameAt(idx) : null),
      ],
      setSelect: [
        (u) => {
          const { left, width } = u.select;
          if (width > 3) {
            const at = (px: number) => Math.min(Math.max(u.posToVal(px, "x"), 0), end);
            on.select(at(left), at(left + width));
          }
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
  const data = [x, ...spec.lines.map((line) => heightsOf(line, isFew))];
  return new uPlot(options, data as unknown as uPlot.AlignedData, into);
}

function heightsOf({ values, heights }: Line, isFew: boolean): (number | null)[] {
  const known = Array.from(heights ?? values, (value) => (Number.isNaN(value) ? null : value));
  return isFew ? known.flatMap((height) => [height, height]) : [...known, known.at(-1) ?? null];
}

/** Values without one beside them: no line leads there, so they are points. */
function alone(u: uPlot, series: number): number[] {
  const values = u.data[series];
  const isKnown = (at: number) => values[at] !== null && values[at] !== undefined;
  const found: number[] = [];
  for (let at = 0; at < values.length; at++) {
    if (isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1)) found.push(at);
  }
  return found;
}

function seriesOf(line: Line, isFew: boolean, hidden: ReadonlySet<string>): uPlot.Series {
  // Few frames have both their ends, so that a straight line has steps by itself.
  const isStepped = !isFew && (line.isStepped || (line.frames ?? 1) > 1);
  return {
    scale: "y",
    show: !hidden.has(line.label),
    stroke: token(line.color),
    width: line.width ?? 1.25,
    dash: line.dash,
    fill: line.fill && token(line.fill),
    points: { show: false, size: 3, filter: alone },
    paths: isStepped ? uPlot.paths.stepped!({ align: 1 }) : uPlot.paths.linear!(),
    spanGaps: false,
  };
}

/** Times at which the axis has a word: whole steps, so far apart that words do not touch. */
function timeTicks([from, until]: Window, width: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
  const most = Math.max(2, width / 90);
  const step = steps.find((step) => (until - from) / step <= most) ?? 86_400;
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= until; at += step) ticks.push(at);
  return ticks;
}

/** 1, 2 or 5 times a power of ten apart, some three of them. */
function roundTicks({ max }: Spec): number[] {
  const power = 10 ** Math.floor(Math.log10(max / 3));
  const step = [1, 2, 5, 10].map((of) => of * power).find((of) => max / of <= 4) ?? 10 * power;
  const ticks = [];
  for (let at = 0; at <= max; at += step) ticks.push(at);
  return ticks;
}

/** Powers of ten; where there is but one of them, their doubles and fives too. */
function decades({ min, max }: Spec): number[] {
  const few = max / min < 150 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10) {
    ticks.push(...few.map((of) => of * power).filter((tick) => tick >= min && tick <= max));
  }
  return ticks;
}

/** What lies below the lines. */
function under(u: uPlot, axis: Axis, spec: Spec) {
  clipped(u, () => {
    const { ctx } = u;
    const { top, height } = u.bbox;
    const at = (seconds: number) => u.valToPos(seconds, "x", true);
    if (spec.heat) drawHeat(u, axis, spec.heat);
    // What is no part of the figures is hatched.
    const end = axis.moments.at(-1)?.until ?? 0;
    ctx.strokeStyle = token("hatch");
    for (const [from, until] of [[0, axis.measuredFrom], [axis.measuredUntil, end]]) {
      if (until > from) hatch(ctx, at(from), at(until), top, height);
    }
    if (spec.gap) drawGap(u, axis, spec.gap);
  });
}

function hatch(
  ctx: CanvasRenderingContext2D,
  from: number,
  until: number,
  top: number,
  height: number,
) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, top, until - from, height);
  ctx.clip();
  ctx.lineWidth = ratio();
  ctx.beginPath();
  for (let x = from - height; x < until; x += 6 * ratio()) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

/** Whether the response time is far above the service time in a frame. */
const isWide = ({ above, below }: NonNullable<Spec["gap"]>, frame: number) =>
  above[frame] > below[frame] * GAP;

function drawGap(u: uPlot, axis: Axis, gap: NonNullable<Spec["gap"]>) {
  const { ctx } = u;
  ctx.fillStyle = token("gap");
  const end = gap.above.length;
  for (let from = 0; from < end; from++) {
    if (!isWide(gap, from)) continue;
    let until = from;
    while (until + 1 < end && isWide(gap, until + 1)) until++;
    const edge = (frame: number, of: Float64Array) =>
      ctx.lineTo(
        u.valToPos(axis.moments[frame].from, "x", true),
        u.valToPos(of[frame], "y", true));
    ctx.beginPath();
    for (let frame = from; frame <= until; frame++) edge(frame, gap.above);
    for (let frame = until; frame >= from; frame--) edge(frame, gap.below);
    ctx.fill();
    from = until;
  }
}

/** What lies above the lines. */
function over(u: uPlot, axis: Axis, spec: Spec) {
  clipped(u, () => {
    if (spec.bound) drawBound(u, spec.bound);
    if (spec.gap) sayGap(u, axis, spec.gap);
  });
}

function drawBound(u: uPlot, { at, word }: NonNullable<Spec["bound"]>) {
  const { ctx } = u;
  const { left, width } = u.bbox;
  const y = Math.round(u.valToPos(at, "y", true)) + 0.5;
  ctx.strokeStyle = token("fail");
  ctx.globalAlpha = 0.6;
  ctx.lineWidth = ratio();
  ctx.setLineDash([4 * ratio(), 4 * ratio()]);
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(left + width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  ctx.fillStyle = token("text-2");
  ctx.font = `${10.5 * ratio()}px ${token("sans")}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  if (width / ratio() > 420) ctx.fillText(word, left + width - 4 * ratio(), y + 3 * ratio());
}

/** Says once what the filled room is, left of the first place where it stays, if there is room. */
function sayGap(u: uPlot, axis: Axis, gap: NonNullable<Spec["gap"]>) {
  const frames = gap.above.length;
  const lasts = Math.max(3, Math.round(frames / 100));
  let first = -1;
  for (let frame = 0, wide = 0; frame < frames && first < 0; frame++) {
    wide = isWide(gap, frame) ? wide + 1 : 0;
    if (wide >= lasts) first = frame;
  }
  if (first < 0) return;
  const { ctx } = u;
  const pixel = ratio();
  const x = u.valToPos(axis.moments[first].from, "x", true) - 14 * pixel;
  if (x - u.bbox.left < 170 * pixel) return;
  const middle = Math.sqrt(gap.above[first] * gap.below[first]);
  const low = u.bbox.top + 10 * pixel;
  const y = Math.max(low, u.valToPos(middle, "y", true) - 26 * pixel);
  ctx.fillStyle = token("service-ink");
  ctx.font = `500 ${11.5 * pixel}px ${token("sans")}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  gap.words.split("\n").forEach((line, at) => ctx.fillText(line, x, y + at * 15 * pixel));
}

function clipped(u: uPlot, paint: () => void) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  paint();
  ctx.restore();
}
