// The percentile curve on HdrHistogram's axis: each decade of rarity takes the same room, so the
// tail is seen.

import uPlot from "uplot";

import { roundTime } from "../view/words";
import { font, token } from "./look";

export interface CurveLine {
  color: string;
  width: number;
  dash?: number[];
  /** In nanoseconds, for each of the percentiles. */
  values: (number | null)[];
}

const POINTS = 150;
const LAST = 4.6;
/** Percentiles of the curve, ascending. */
export const CURVE = Array.from({ length: POINTS }, (_, at) =>
  100 * (1 - 10 ** (-(at * LAST) / (POINTS - 1))));

const place = (percent: number) => -Math.log10(1 - percent / 100);
const TICKS = [0, 50, 90, 99, 99.9, 99.99];

export function drawCurve(
  into: HTMLElement,
  lines: CurveLine[],
  band: ([number, number] | null)[],
  height: number,
): uPlot {
  const known = lines.flatMap(({ values }) => values.flatMap((ns) => (ns ? [ns] : [])));
  const min = Math.min(...known, 1e9) / 1.2;
  const max = Math.max(Math.max(...known, 0) * 1.2, min * 12);
  const grid = { stroke: token("grid"), width: 1 };
  const axis = { font: font(), stroke: token("text-2"), grid, ticks: { show: false } };
  const lastKnown = lines.reduce(
    (last, { values }) => Math.max(last, values.findLastIndex((v) => v !== null)), 1);
  const right = Math.max(place(CURVE[lastKnown]), 1.3);
  const narrow = into.clientWidth < 420;
  const ticks = TICKS.filter((tick) => !(narrow && tick === 0) && place(tick) <= right);
  const decades: number[] = [];
  for (let power = 1e3; power < 1e14; power *= 10) {
    for (const of of max / min < 150 ? [1, 2, 5] : [1]) {
      if (of * power >= min && of * power <= max) decades.push(of * power);
    }
  }
  const options: uPlot.Options = {
    width: Math.max(into.clientWidth, 80),
    height,
    padding: [6, 14, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: () => [0, right] },
      y: { distr: 3, range: () => [min, max] },
    },
    axes: [
      {
        ...axis,
        size: 22,
        gap: 4,
        splits: () => ticks.map(place),
        values: () => ticks.map((tick) => (tick === 0 ? "0" : `${tick} %`)),
      },
      {
        ...axis,
        size: 54,
        gap: 6,
        splits: () => decades,
        values: (_, at) => at.map(roundTime),
      },
    ],
    series: [{}, ...lines.map(({ color, width, dash }) => ({
      stroke: token(color),
      width,
      dash,
      points: { show: false },
    }))],
    plugins: [{ hooks: { drawAxes: (u: uPlot) => drawBand(u, band) } }],
  };
  const data = [CURVE.map(place), ...lines.map(({ values }) => values)];
  return new uPlot(options, data as unknown as uPlot.AlignedData, into);
}

/** Fills where the percentiles may lie. */
function drawBand(u: uPlot, band: ([number, number] | null)[]) {
  const known = band.flatMap((ends, at) => (ends ? [{ at, ends }] : []));
  if (known.length < 2) return;
  const { ctx } = u;
  const to = (at: number, ns: number) =>
    ctx.lineTo(u.valToPos(place(CURVE[at]), "x", true), u.valToPos(ns, "y", true));
  ctx.save();
  ctx.beginPath();
  known.forEach(({ at, ends }) => to(at, ends[1]));
  known.toReversed().forEach(({ at, ends }) => to(at, ends[0]));
  ctx.closePath();
  ctx.fillStyle = token("band");
  ctx.fill();
  ctx.restore();
}
