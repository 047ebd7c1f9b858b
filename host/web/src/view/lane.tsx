// The row above the charts: numbered pins of the marks, and what else stands on the time axis.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { gutter, RIGHT, type Window } from "../charts/chart";
import type { Side } from "../record/comparison";
import { markWords, told, type ShownMark } from "./marks";

interface Pin {
  from: number;
  until: number;
  left: number;
  kind: "info" | "warn" | "bad";
  /** Of which side all of them are, if there are sides and they are of one. */
  side: Side | undefined;
}

/** The row of numbered pins; neighbours that would cover each other share one. */
export function Lane(props: {
  marks: readonly ShownMark[];
  window: Window;
  paint: number;
  width: number;
  setWidth: (px: number) => void;
  children?: ComponentChildren;
}) {
  const { marks, window, width, setWidth, children } = props;
  const place = (seconds: number) => (seconds - window[0]) / (window[1] - window[0]);
  const lane = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => setWidth(lane.current!.clientWidth - gutter() - RIGHT), [props.paint]);
  const rank = { info: 0, warn: 1, bad: 2 };
  const pins: Pin[] = [];
  marks.forEach((mark, index) => {
    const at = place(mark.at);
    if (at < 0 || at > 1) return;
    const [kind] = told(mark);
    const last = pins.at(-1);
    if (last && (at - last.left) * width < (last.until > last.from + 1 ? 34 : 20)) {
      last.until = index + 1;
      if (rank[kind] > rank[last.kind]) last.kind = kind;
      if (last.side !== mark.of?.side) last.side = undefined;
    } else {
      pins.push({ from: index, until: index + 1, left: at, kind, side: mark.of?.side });
    }
  });
  return (
    <div class="lane" ref={lane}>
      <div class="over" style={{ left: `${gutter()}px`, right: `${RIGHT}px` }}>
        {pins.map(({ from, until, left, kind, side }) => {
          const text = marks.slice(from, until).map(markWords).join("\n");
          const name = until > from + 1 ? `${from + 1}–${until}` : String(from + 1);
          const go = () => document.getElementById(`mark-${from}`)?.focus();
          return (
            <button
              key={from}
              type="button"
              class={`pin ${kind} ${side ?? ""}`}
              style={{ left: `${left * 100}%` }}
              title={text}
              aria-label={`${name}: ${text}`}
              onClick={go}
            >
              {name}
            </button>
          );
        })}
        {children}
      </div>
    </div>
  );
}
