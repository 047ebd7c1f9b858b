// Small things that all blocks are made of.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Stretch } from "../record/stretch";
import type { Run } from "../record/run";
import { clock, type Quantity } from "./words";

const ICONS = {
  pass: "m4.8 8.3 2.2 2.2 4.3-4.8",
  fail: "m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2",
  warn: "M8 4.2v4.6m0 2.6v.1",
  info: "M8 7.2v4.4m0-7.1v.1",
};
export type State = keyof typeof ICONS;

export function Icon({ state }: { state: State }) {
  return (
    <svg class={`ic ${state}`} viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="7.25" />
      <path d={ICONS[state]} />
    </svg>
  );
}

/** A figure with its unit apart. */
export function Q({ of }: { of: Quantity }) {
  if (of.text === "n/a") return <span class="na">n/a</span>;
  return (
    <>
      {of.text}
      {of.unit && <i class="u">{of.unit}</i>}
    </>
  );
}

export function Panel(props: {
  id: string;
  title: string;
  stretch?: Stretch | null;
  run?: Run;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { id, title, stretch, run, aside, children } = props;
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <div class="hd">
        <h2 id={`${id}-title`}>{title}</h2>
        {stretch && run && <span class="chip sel">{stretchWords(run, stretch)}</span>}
        <span class="grow" />
        {aside}
      </div>
      {children}
    </section>
  );
}

/** Selects a stretch, or the whole run; while it is still moved, for the moment. */
export type Select = (stretch: Stretch | null, isMoving?: boolean) => void;

/** From when until when a stretch is. */
export function stretchWords(run: Run, { from, until }: Stretch): string {
  return `${clock(run.moments[from].from)} – ${clock(run.moments[until - 1].until)}`;
}

/** A text that is meant to be typed elsewhere. */
export function Copyable({ text }: { text: string }) {
  const [done, setDone] = useState<string | null>(null);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setDone("Copied"),
      () => setDone("Select it"),
    );
  };
  return (
    <div class="cmd">
      <code tabIndex={0}>{text}</code>
      <button type="button" class="copy" onClick={copy}>{done ?? "Copy"}</button>
    </div>
  );
}

/** A bar behind a number, as long as its part of the most. */
export function Bar(props: { part: number; kind?: "err"; children: ComponentChildren }) {
  const { part, kind, children } = props;
  const width = `${Math.min(100, Math.max(0, part * 100 || 0))}%`;
  return (
    <td class={`num bar ${kind ?? ""}`}>
      <i style={{ width }} />
      <span>{children}</span>
    </td>
  );
}

/** A course without axes, of at most some hundred points. */
export function Spark(props: {
  values: ArrayLike<number>;
  width: number;
  height: number;
  isLogarithmic?: boolean;
  isFilled?: boolean;
}) {
  const { values, width, height, isLogarithmic, isFilled } = props;
  const scale = (value: number) => (isLogarithmic ? Math.log10(value) : value);
  const points = Array.from(values, scale).map((y, at) => ({ x: at, y }));
  const known = points.filter(({ y }) => Number.isFinite(y));
  if (known.length < 2) return <span class="na">–</span>;
  const least = Math.min(...known.map(({ y }) => y));
  const low = isLogarithmic ? least : Math.min(0, least);
  const high = Math.max(...known.map(({ y }) => y), low + (isLogarithmic ? 0.8 : 1e-9));
  const line = known.map(({ x, y }) => {
    const left = (x / (points.length - 1)) * width;
    const top = height - 1.5 - ((y - low) / (high - low)) * (height - 3);
    return `${left.toFixed(1)},${top.toFixed(1)}`;
  });
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {isFilled && <polygon points={`0,${height} ${line.join(" ")} ${width},${height}`} />}
      <polyline points={line.join(" ")} />
    </svg>
  );
}
