// A chart as a picture of its own: with its title, its lines by name, and the marks.

import type uPlot from "uplot";

import type { Mark } from "../record/lines";
import { ratio, token } from "./look";
import type { Spec } from "./specs";

const EDGE = 14;
const HEAD = 50;

/** Draws what a chart shows, as PNG. */
export function picture(chart: uPlot, spec: Spec, words: string, marks: Mark[]): Promise<Blob> {
  const source = chart.ctx.canvas;
  const pixel = ratio();
  const canvas = document.createElement("canvas");
  canvas.width = source.width + 2 * EDGE * pixel;
  canvas.height = source.height + (HEAD + EDGE) * pixel;
  const ctx = canvas.getContext("2d")!;
  ctx.fillStyle = token("panel");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.scale(pixel, pixel);
  ctx.textBaseline = "middle";
  ctx.fillStyle = token("text");
  ctx.font = `600 13px ${token("sans")}`;
  ctx.fillText(spec.title, EDGE, 16);
  const title = ctx.measureText(spec.title).width;
  ctx.fillStyle = token("text-2");
  ctx.font = `11.5px ${token("sans")}`;
  ctx.fillText(`${spec.about} · ${words}`, EDGE + title + 10, 16);
  drawLegend(ctx, spec);
  drawMarks(ctx, chart, marks);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.drawImage(source, EDGE * pixel, HEAD * pixel);
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture was made")))));
}

function drawLegend(ctx: CanvasRenderingContext2D, spec: Spec) {
  let x = EDGE;
  for (const { label, color, dash, width, fill } of spec.lines.toReversed()) {
    ctx.strokeStyle = ctx.fillStyle = token(color);
    if (fill === color) {
      ctx.fillRect(x + 3, 32, 9, 9);
    } else {
      ctx.lineWidth = Math.max(1.5, width ?? 1.25);
      ctx.setLineDash(dash ?? []);
      ctx.beginPath();
      ctx.moveTo(x, 36);
      ctx.lineTo(x + 16, 36);
      ctx.stroke();
    }
    ctx.fillStyle = token("text");
    ctx.fillText(label, x + 21, 36);
    x += 21 + ctx.measureText(label).width + 16;
  }
  ctx.setLineDash([]);
}

function drawMarks(ctx: CanvasRenderingContext2D, chart: uPlot, marks: Mark[]) {
  const { min = 0, max = 0 } = chart.scales.x;
  const { top, height } = chart.bbox;
  ctx.strokeStyle = token("mark-info");
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 3]);
  for (const { at } of marks.filter(({ at }) => at >= min && at <= max)) {
    const x = EDGE + chart.valToPos(at, "x", true) / ratio();
    ctx.beginPath();
    ctx.moveTo(x, HEAD + top / ratio());
    ctx.lineTo(x, HEAD + (top + height) / ratio());
    ctx.stroke();
  }
  ctx.setLineDash([]);
}
