// A scenario's own metrics over a stretch: what each kind keeps of its values.

import { samplesNeeded } from "./distribution";
import type { SeriesCounts } from "./lines";

export interface Series {
  metric: string;
  kind: SeriesCounts["kind"];
  tags: [string, string][];
  frames: { frame: number; of: SeriesCounts }[];
}

/** What a series came to: statistics by name; nothing where there are too few values. */
export interface SeriesFigures {
  count: number;
  values: [string, number | null][];
}

/** What tells a series from all others. */
export function seriesKey(of: SeriesCounts): string {
  return JSON.stringify([of.metric, of.kind, Object.entries(of.tags ?? {}).sort()]);
}

/** What was counted in the frames from one to before another. */
export function seriesFigures(series: Series, from: number, until: number): SeriesFigures {
  const parts = series.frames
    .filter(({ frame }) => frame >= from && frame < until)
    .map(({ of }) => of);
  const total = (of: (part: SeriesCounts) => number) => parts.reduce((sum, p) => sum + of(p), 0);
  const count = total((part) => part.count);
  const least = () => Math.min(...parts.map((part) => part.min ?? Infinity));
  const most = () => Math.max(...parts.map((part) => part.max ?? -Infinity));
  if (count === 0) return { count, values: [] };
  switch (series.kind) {
    case "counter":
      return { count, values: [["sum", total((part) => part.sum ?? 0)]] };
    case "rate":
      return { count, values: [["share", total((part) => part.nonzero ?? 0) / count]] };
    case "gauge": {
      const latest = parts.reduce((a, b) => ((b.at ?? 0) >= (a.at ?? 0) ? b : a));
      return { count, values: [["last", latest.last ?? null], ["min", least()], ["max", most()]] };
    }
    case "trend": {
      const percentile = percentilesOf(parts, count, least(), most());
      const mean = total((part) => (part.mean ?? 0) * part.count) / count;
      return {
        count,
        values: [["mean", mean], ["p50", percentile(50)], ["p95", percentile(95)], ["max", most()]],
      };
    }
  }
}

/** Percentiles under the host's rules, from buckets that are known by their greatest value. */
function percentilesOf(parts: SeriesCounts[], count: number, min: number, max: number) {
  const buckets = new Map<number, number>();
  for (const [greatest, samples] of parts.flatMap((part) => part.buckets ?? [])) {
    buckets.set(greatest, (buckets.get(greatest) ?? 0) + samples);
  }
  const ascending = [...buckets].sort(([a], [b]) => a - b);
  return (percent: number): number | null => {
    if (count < samplesNeeded(percent)) return null;
    const rank = Math.ceil((count * percent) / 100);
    let below = 0;
    const found = ascending.find(([, samples]) => (below += samples) >= rank);
    return found ? Math.min(Math.max(found[0], min), max) : null;
  };
}
