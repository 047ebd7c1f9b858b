// Differences in words, as `host compare` has them (`host/report/src/compare/words.rs`).

import type { Comparison, FigureComparison } from "../record/comparison";
import { share, rate, plain, said, time } from "./words";

/** What was found of a row. */
export function found(row: FigureComparison, method: Comparison["method"]): string {
  if (row.why !== undefined) return row.why;
  if (row.finding === "differs" && method === "two-runs") return "differs within these two runs";
  if (row.finding !== "not known") return row.finding;
  return method === "totals-of-two-runs" ? "no interval is known" : "too few samples to tell";
}

/** A value of one side. */
export function valueWords(row: FigureComparison, side: "a" | "b"): string {
  const value = row[side];
  if (value === null) return "n/a";
  const bound = row.at_least?.[side === "a" ? 0 : 1] ? "≥ " : "";
  const told = {
    s: () => said(time(value * 1e9)),
    share: () => said(share(value, 1)),
    "1/s": () => said(rate(value)),
    "": () => plain(value),
  }[row.unit]();
  return bound + told;
}

/** A difference with its sign: as a part of the first side's value, or in the unit. */
export function change(difference: number, { is_relative, unit }: FigureComparison): string {
  if (difference === Infinity) return "any more";
  if (difference === -Infinity) return "any less";
  const sign = difference < 0 ? "−" : "+";
  const size = Math.abs(difference);
  if (is_relative && size >= 9.995) return `${sign}${size.toFixed(1)} ×`;
  if (is_relative) return `${sign}${digits(size * 100)} %`;
  switch (unit) {
    case "share": return `${sign}${digits(size * 100)} pt`;
    case "s": return `${sign}${digits(size * 1e3)} ms`;
    case "1/s": return `${sign}${digits(size)}/s`;
    default: return sign + digits(size);
  }
}

/** The ends of an interval. */
export function ends(row: FigureComparison): string {
  if (!row.interval) return "";
  const [low, high] = row.interval;
  // Nothing is less than none.
  const isBound = low !== null && !(row.is_relative && low <= -1);
  if (isBound && high !== null) return `${change(low, row)} to ${change(high, row)}`;
  if (isBound) return `${change(low, row)} or more`;
  return high === null ? "anything" : `${change(high, row)} or less`;
}

/** Two digits that say something; more would be noise. */
function digits(number: number): string {
  if (number < 0.0005) return "0";
  if (number < 0.0995) return number.toFixed(3);
  if (number < 0.995) return number.toFixed(2);
  return number < 99.5 ? number.toFixed(1) : number.toFixed(0);
}
