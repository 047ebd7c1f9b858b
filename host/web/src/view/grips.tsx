// What a selected stretch is held by: its ends, and all of it. Each is moved with a pointer, or by a
// frame with arrow keys, by ten with page keys.

import type { Window } from "../charts/chart";
import type { Run } from "../record/run";
import { frameNearest, movedBy, windowOf, type Stretch, type StretchPart } from "../record/stretch";
import { stretchWords, type Select } from "./parts";
import { clock } from "./words";

interface Props {
  run: Run;
  selected: Stretch;
  window: Window;
  select: Select;
}

const NAMES: Record<StretchPart, string> = {
  from: "Begin of the stretch",
  both: "The whole stretch",
  until: "End of the stretch",
};

/** Frames that a key moves by; Home and End go as far as they can. */
const KEYS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -Infinity,
  End: Infinity,
};

/** The grips in the row above the charts, where keys find them, too. */
export function Grips({ run, selected, window, select }: Props) {
  const [from, until] = windowOf(run, selected).map((at) => partOf(window, at));
  const place: Record<StretchPart, { left: string; width?: string }> = {
    from: { left: percent(from) },
    both: { left: percent(from), width: percent(until - from) },
    until: { left: percent(until) },
  };
  const move = (part: StretchPart) => (event: KeyboardEvent) => {
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const frames = Math.min(Math.max(step, -run.moments.length), run.moments.length);
    select(movedBy(run, selected, part, frames));
  };
  return (
    <>
      {(["both", "from", "until"] as const).map((part) => {
        const now = part === "until" ? selected.until : selected.from;
        const [begin, end] = windowOf(run, selected);
        const text = part === "both"
          ? stretchWords(run, selected)
          : clock(part === "from" ? begin : end);
        return (
          <div
            key={part}
            class={`grip ${part}`}
            style={place[part]}
            role="slider"
            tabIndex={0}
            aria-label={NAMES[part]}
            aria-valuemin={0}
            aria-valuemax={run.moments.length}
            aria-valuenow={now}
            aria-valuetext={text}
            onKeyDown={move(part)}
            onPointerDown={drags({ run, selected, window, select }, part)}
          />
        );
      })}
    </>
  );
}

/** What begins to drag a part of the stretch; its parent is as wide as the time axis. */
export function drags({ run, selected, window, select }: Props, part: StretchPart) {
  return (down: PointerEvent) => {
    if (down.button !== 0) return;
    down.preventDefault();
    const grip = down.currentTarget as HTMLElement;
    const { left, width } = grip.parentElement!.getBoundingClientRect();
    const frameAt = ({ clientX }: PointerEvent) => frameNearest(
      run, window[0] + ((clientX - left) / width) * (window[1] - window[0]));
    const began = frameAt(down);
    let now = selected;
    const move = (event: PointerEvent) => {
      // From where it was grabbed, so that it does not jump under the pointer.
      now = movedBy(run, selected, part, frameAt(event) - began);
      select(now, true);
    };
    const end = () => {
      grip.removeEventListener("pointermove", move);
      grip.removeEventListener("pointerup", end);
      grip.removeEventListener("pointercancel", end);
      select(now);
    };
    grip.focus({ preventScroll: true });
    grip.setPointerCapture(down.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", end);
    grip.addEventListener("pointercancel", end);
  };
}

/** Where an instant is within what is seen, from 0 to 1. */
export function partOf(window: Window, seconds: number): number {
  return Math.min(1, Math.max(0, (seconds - window[0]) / (window[1] - window[0])));
}

export const percent = (part: number) => `${part * 100}%`;
