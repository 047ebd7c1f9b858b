// What happened at one instant of the run: how each kind is told, and the list of all.

import type { Mark } from "../record/lines";
import type { Run } from "../record/run";
import { clock } from "./words";

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
export const markWords = (mark: Mark) => `${clock(mark.at)} ${told(mark)[1]}: ${mark.text}`;

export function Marks({ run }: { run: Run }) {
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
