// How far a threshold was kept or missed: a bar from the limit, which is in the middle, to what was
// found, on a scale where ten times as much is as far away as a tenth.

/** Decades to each side of the limit. */
const REACH = 1.5;

const UNITS: Record<string, { of: "time" | "share" | "number"; factor: number }> = {
  ns: { of: "time", factor: 1 },
  µs: { of: "time", factor: 1e3 },
  us: { of: "time", factor: 1e3 },
  ms: { of: "time", factor: 1e6 },
  s: { of: "time", factor: 1e9 },
  "%": { of: "share", factor: 0.01 },
  "/s": { of: "number", factor: 1 },
  k: { of: "number", factor: 1e3 },
  M: { of: "number", factor: 1e6 },
  "": { of: "number", factor: 1 },
};

interface Amount {
  of: string;
  value: number;
}

/** What words like "≥ 1.63s", "0.3%" or "2,958/s" say; nothing where that is not one number. */
export function amountOf(words: string): Amount | null {
  const [, digits, unit] = /^(?:≥ |<)?([\d,]*\.?\d+) ?([^\d\s]*)$/.exec(words.trim()) ?? [];
  const known = digits === undefined ? undefined : UNITS[unit];
  return known ? { of: known.of, value: Number(digits.replaceAll(",", "")) * known.factor } : null;
}

/** By how many decades what was found exceeds the limit of a rule; nothing where nobody can say. */
export function decadesBeyond(rule: string, found: string): number | null {
  const limit = amountOf(/.*[<>]=? ?(.+)$/.exec(rule)?.[1] ?? "");
  const amount = amountOf(found);
  if (!limit || !amount || limit.of !== amount.of || limit.value <= 0) return null;
  return amount.value > 0 ? Math.log10(amount.value / limit.value) : -Infinity;
}

export function Bullet(props: { rule: string; found: string; passed: boolean }) {
  const { rule, found, passed } = props;
  const beyond = decadesBeyond(rule, found);
  if (beyond === null) return null;
  const end = 50 + 50 * Math.min(1, Math.max(-1, beyond / REACH));
  return (
    <svg
      class={`bullet ${passed ? "kept" : "missed"}`}
      viewBox="0 0 100 14"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect class="axis" y="6.5" width="100" height="1" />
      <rect class="far" x={Math.min(end, 50)} y="4" width={Math.abs(end - 50)} height="6" />
      <rect class="limit" x="49.4" width="1.2" height="14" />
    </svg>
  );
}
