// The heatmap of response times: how many lie in each cell of time and a tenth of a decade.

import type uPlot from "uplot";

import { ROWS_A_DECADE, type Heat } from "../record/course";
import type { Axis } from "../record/run";
import { ratio, token } from "./look";

/** Width of a cell on the page that is aimed at. */
const CELL_PX = 5;
/** Colours rise with this power of the count, and begin at a floor: one slow response is seen. */
const POWER = 0.36;
const FLOOR = 0.07;

/** Frames that share a cell, so that one is some pixels wide. */
function framesACell(frames: number, px: number): number {
  return Math.max(1, Math.round((frames * CELL_PX) / Math.max(px, 1)));
}

/** Paints the cells under a chart's lines. */
export function drawHeat(u: uPlot, axis: Axis, heat: Heat) {
  const { ctx } = u;
  const frames = axis.moments.length;
  const [from, until] = [u.scales.x.min ?? 0, u.scales.x.max ?? 0];
  const step = framesACell(framesSeen(axis, [from, until]), u.bbox.width / ratio());
  const { cells, most } = joined(heat, frames, step);
  if (most === 0) return;
  const paint = ramp(token("heat"));
  const y = Array.from({ length: heat.rows + 1 }, (_, row) =>
    Math.round(u.valToPos(10 ** ((heat.first + row) / ROWS_A_DECADE), "y", true)));
  for (let column = 0; column * step < frames; column++) {
    const last = Math.min((column + 1) * step, frames) - 1;
    const left = Math.round(u.valToPos(axis.moments[column * step].from, "x", true));
    const right = Math.round(u.valToPos(axis.moments[last].until, "x", true));
    for (let row = 0; row < heat.rows; row++) {
      const count = cells[column * heat.rows + row];
      if (count === 0) continue;
      ctx.fillStyle = paint(Math.max(FLOOR, (count / most) ** POWER));
      ctx.fillRect(left, y[row + 1], right - left, y[row] - y[row + 1]);
    }
  }
}

/** How many are in the fullest cell, where so much of the time axis has so much room. */
export function fullest(
  axis: Axis,
  heat: Heat,
  seen: readonly [number, number],
  px: number,
): number {
  return joined(heat, axis.moments.length, framesACell(framesSeen(axis, seen), px)).most;
}

function framesSeen(axis: Axis, [begin, end]: readonly [number, number]): number {
  return axis.moments.filter(({ from, until }) => until > begin && from < end).length;
}

function joined(heat: Heat, frames: number, step: number) {
  const cells = new Float64Array(Math.ceil(frames / step) * heat.rows);
  for (let frame = 0; frame < frames; frame++) {
    const column = Math.floor(frame / step);
    for (let row = 0; row < heat.rows; row++) {
      cells[column * heat.rows + row] += heat.cells[frame * heat.rows + row];
    }
  }
  return { cells, most: cells.reduce((most, count) => Math.max(most, count), 0) };
}

/** A colour for each part of one, between those of a list like "#ffffff #000000". */
function ramp(colors: string): (part: number) => string {
  const stops = colors.split(" ").map((color) =>
    [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)));
  const shades = Array.from({ length: 256 }, (_, shade) => {
    const at = (shade / 255) * (stops.length - 1);
    const stop = Math.min(Math.floor(at), stops.length - 2);
    const mixed = stops[stop].map((from, of) => from + (stops[stop + 1][of] - from) * (at - stop));
    return `rgb(${mixed.map(Math.round).join(" ")})`;
  });
  return (part) => shades[Math.round(part * 255)];
}
