// What happened at one instant of the run: how each kind is told, and the list of all.

import type { RunLabel } from "../record/comparison";
import type { Mark } from "../record/lines";
import { clock } from "./words";

/** A mark, with the run that it is of where there are several. */
export type ShownMark = Mark & { of?: RunLabel };

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
  "ended-by-condition": ["bad", "Ended by a condition"],
};
export const told = ({ kind }: Mark) => KINDS[kind] ?? ["info", kind];

/** A mark in a line. */
export function markWords(mark: ShownMark): string {
  const whose = mark.of ? `${mark.of.label}, ` : "";
  return `${clock(mark.at)} ${whose}${told(mark)[1]}: ${mark.text}`;
}

export function Marks({ marks }: { marks: readonly ShownMark[] }) {
  if (marks.length === 0) return null;
  return (
    <ol class="marks" aria-label="Marks">
      {marks.map((mark, index) => {
        const [kind, title] = told(mark);
        return (
          <li key={index} id={`mark-${index}`} tabIndex={-1}>
            <span class={`pin st ${kind} ${mark.of?.side ?? ""}`}>{index + 1}</span>
            <time>{clock(mark.at)}</time>
            <span>
              {mark.of && (
                <>
                  <i class={`ln ${mark.of.side === "a" ? "a" : "r"}`} />{mark.of.label}{" "}
                </>
              )}
              <b>{title}</b> <span class="dim">{mark.text}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}
