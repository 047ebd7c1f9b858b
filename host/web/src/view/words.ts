// Figures in words: three digits and the unit apart, so that columns align on both.

import type { Figure } from "../record/distribution";

export interface Quantity {
  text: string;
  unit: string;
}

export const NOT_AVAILABLE: Quantity = { text: "n/a", unit: "" };

/** Three significant digits of a number from 1 to 1,000. */
function three(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** A time in nanoseconds. */
export function time(ns: number | null | undefined): Quantity {
  if (ns === null || ns === undefined || Number.isNaN(ns)) return NOT_AVAILABLE;
  if (ns === 0) return { text: "0", unit: "ms" };
  if (ns < 999.5e3) return { text: three(ns / 1e3), unit: "µs" };
  if (ns < 999.5e6) return { text: three(ns / 1e6), unit: "ms" };
  if (ns < 999.5e9) return { text: three(ns / 1e9), unit: "s" };
  return { text: count(ns / 1e9), unit: "s" };
}

/** A time at a whole place of an axis. */
export function roundTime(ns: number): string {
  const { text, unit } = time(ns);
  return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text} ${unit}`;
}

/** A time that may be a bound. */
export function figure(of: Figure | null): Quantity {
  const { text, unit } = time(of?.ns);
  return { text: of?.atLeast ? `≥ ${text}` : text, unit };
}

/** A whole number, in groups of three digits. */
export function count(value: number): string {
  const digits = String(Math.round(Math.abs(value)));
  return (value < 0 ? "−" : "") + digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number a second. */
export function rate(value: number | null | undefined): Quantity {
  if (value === null || value === undefined || Number.isNaN(value)) return NOT_AVAILABLE;
  const text = value >= 100 || value === 0 ? count(value) : three(value);
  return { text, unit: "/s" };
}

/** A part of one, as percent. */
export function share(part: number, of: number): Quantity {
  if (of === 0) return NOT_AVAILABLE;
  const percent = (part / of) * 100;
  const digits = percent > 0 && percent < 0.01 ? 4 : 2;
  return { text: percent.toFixed(digits), unit: "%" };
}

/** A number of any size, as metrics of a scenario have. */
export function plain(value: number | null): string {
  if (value === null) return "n/a";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return count(value);
  return Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3
    ? value.toPrecision(3)
    : String(Number(value.toPrecision(5)));
}

/** Bytes, in the greatest unit of which there are some. */
export function bytes(value: number): Quantity {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), units.length - 1);
  const scaled = value / 1024 ** step;
  return { text: step === 0 ? count(scaled) : three(scaled), unit: units[step] };
}

/** Both together. */
export function said({ text, unit }: Quantity): string {
  if (!unit) return text;
  return unit === "/s" ? text + unit : `${text} ${unit}`;
}

/** An instant of the run, as minutes and seconds. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), String(whole % 60).padStart(2, "0")];
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** A length of time. */
export function length(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)];
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** A moment of the world, in UTC. */
export function date(unix: number): string {
  const at = new Date(unix * 1000);
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const [hours, minutes] = [at.getUTCHours(), at.getUTCMinutes()];
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  return `${day}, ${two(hours)}:${two(minutes)} UTC`;
}

/** A command line as it would be typed into a shell. */
export function command(words: readonly string[]): string {
  const quoted = (word: string) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return words.map(quoted).join(" ");
}
