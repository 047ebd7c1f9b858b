// Which transaction is it: a row a name, most failed first.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { percentilesOverTime } from "../record/course";
import type { Figure } from "../record/distribution";
import type { Part, Run } from "../record/run";
import type { Figures, NameFigures, Stretch } from "../record/stretch";
import { thinned } from "./figures";
import { Bar, Panel, Q, Spark } from "./parts";
import * as words from "./words";

/** Rows that are shown at a time; a filter finds the others. */
const MAX_ROWS = 100;

interface Row extends NameFigures {
  ended: number;
  service50: Figure | null;
  service95: Figure | null;
  service99: Figure | null;
  response95: Figure | null;
  longest: Figure | null;
}

interface Column {
  key: string;
  title: string;
  by: (row: Row) => number | string;
  kind?: string;
}

/** The columns: what they are called, and by what they sort. */
const COLUMNS: Column[] = [
  { key: "name", title: "Name", by: ({ name }) => name },
  { key: "count", title: "Count", by: ({ ended }) => ended, kind: "num lo" },
  { key: "rate", title: "Rate", by: ({ perSecond }) => perSecond, kind: "num" },
  { key: "failed", title: "Failed", by: ({ failed, ended }) => failed / ended || 0, kind: "num" },
  { key: "s50", title: "Service p50", by: ({ service50 }) => service50?.ns ?? -1, kind: "num lo" },
  { key: "s95", title: "p95", by: ({ service95 }) => service95?.ns ?? -1, kind: "num lo" },
  { key: "s99", title: "p99", by: ({ service99 }) => service99?.ns ?? -1, kind: "num lo" },
  { key: "r95", title: "Response p95", by: ({ response95 }) => response95?.ns ?? -1, kind: "num" },
  { key: "max", title: "Max", by: ({ longest }) => longest?.ns ?? -1, kind: "num lo" },
];

export function Transactions(props: { run: Run; selected: Stretch | null; figures: Figures }) {
  const { run, selected, figures } = props;
  const [sort, setSort] = useState({ key: "failed", descends: true });
  const [filter, setFilter] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const courses = useMemo(() => new Map<string, Float64Array>(), [run]);
  const courseOf = (name: string) => {
    const known = courses.get(name);
    if (known) return known;
    const service = (part: Part) => part.names.get(name)?.get("service");
    const [{ values }] = percentilesOverTime(run, service, [95]);
    const course = thinned(values);
    courses.set(name, course);
    return course;
  };
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  const rows = useMemo(() => figures.names.map(rowOf), [figures]);
  const shown = rows
    .filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()))
    .sort(order(sort));
  const mostRate = Math.max(...rows.map(({ perSecond }) => perSecond));
  const mostFailed = Math.max(...rows.map(({ failed, ended }) => failed / ended || 0));
  const scale = scaleOf(rows);
  return (
    <Panel
      id="transactions"
      title="Transactions"
      run={run}
      stretch={selected}
      aside={rows.length > 3 && (
        <label class="flt">
          <span class="sr">Filter by name</span>
          <input
            ref={input}
            value={filter}
            placeholder="Filter by name  /"
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
      )}
    >
      {rows.length === 0 ? <p class="dim">No transaction began here.</p> : (
        <div class="scroll">
          <table class="data">
            <Head sort={sort} setSort={setSort} scale={scale} />
            <tbody>
              {shown.slice(0, MAX_ROWS).map((row) => (
                <tr key={row.name}>
                  <th scope="row" class="nm">{row.name}</th>
                  <td class="num lo">{words.count(row.ended)}</td>
                  <Bar part={row.perSecond / mostRate}>
                    <Q of={words.rate(row.perSecond)} />
                  </Bar>
                  <Bar part={row.failed / row.ended / mostFailed} kind="err">
                    <Q of={words.share(row.failed, row.ended)} />
                  </Bar>
                  <td class="num lo"><Q of={words.figure(row.service50)} /></td>
                  <td class="num lo"><Q of={words.figure(row.service95)} /></td>
                  <td class="num lo"><Q of={words.figure(row.service99)} /></td>
                  <td class="num strong"><Q of={words.figure(row.response95)} /></td>
                  <td class="num lo"><Q of={words.figure(row.longest)} /></td>
                  <td class="lo w">{scale && <Range row={row} scale={scale} />}</td>
                  <td class="lo svc spk">
                    <Spark
                      values={courseOf(row.name)}
                      width={96}
                      height={20}
                      isLogarithmic
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {shown.length > MAX_ROWS && (
            <p class="dim">{words.count(shown.length - MAX_ROWS)} more: sort, or filter by name.</p>
          )}
          {shown.length === 0 && <p class="dim">No name has “{filter}” in it.</p>}
        </div>
      )}
    </Panel>
  );
}

type Sort = { key: string; descends: boolean };

function Head(props: { sort: Sort; setSort: (sort: Sort) => void; scale: Scale | null }) {
  const { sort, setSort, scale } = props;
  return (
    <thead>
      <tr>
        {COLUMNS.map(({ key, title, kind }) => {
          const isSorted = sort.key === key;
          const descends = isSorted ? !sort.descends : key !== "name";
          const state = !isSorted ? "none" : sort.descends ? "descending" : "ascending";
          return (
            <th key={key} scope="col" class={kind} aria-sort={state}>
              <button type="button" onClick={() => setSort({ key, descends })}>
                {title}
                {isSorted && <i>{sort.descends ? " ↓" : " ↑"}</i>}
              </button>
            </th>
          );
        })}
        <th scope="col" class="lo w">
          {scale && `p50 – p95 – p99, ${scale.map(words.roundTime).join(" to ")}`}
        </th>
        <th scope="col" class="lo spk">p95 over time</th>
      </tr>
    </thead>
  );
}

function rowOf(of: NameFigures): Row {
  const [service50, service95, service99] = of.service.percentiles([50, 95, 99]);
  return {
    ...of,
    ended: of.ok + of.failed,
    service50,
    service95,
    service99,
    response95: of.response.percentile(95),
    longest: of.response.max,
  };
}

function order({ key, descends }: Sort) {
  const by = COLUMNS.find((column) => column.key === key)!.by;
  return (one: Row, other: Row) => {
    const [a, b] = [by(one), by(other)];
    const ascending = a < b ? -1 : a > b ? 1 : 0;
    return (descends ? -ascending : ascending) || (one.name < other.name ? -1 : 1);
  };
}

type Scale = readonly [number, number];

/** One logarithmic axis for all rows, from a round time to a round time. */
function scaleOf(rows: Row[]): Scale | null {
  const known = rows
    .flatMap(({ service50, service95, service99 }) => [service50, service95, service99])
    .flatMap((figure) => (figure && figure.ns > 0 ? [figure.ns] : []));
  if (known.length === 0) return null;
  const power = (ns: number) => 10 ** Math.floor(Math.log10(ns));
  const low = Math.min(...known);
  const high = Math.max(...known);
  const below = [5, 2, 1].map((of) => of * power(low)).find((of) => of <= low)!;
  const above = [1, 2, 5, 10].map((of) => of * power(high)).find((of) => of >= high)!;
  return [below, Math.max(above, below * 10)];
}

function Range({ row, scale: [low, high] }: { row: Row; scale: Scale }) {
  const { service50, service95, service99 } = row;
  if (!service50) return null;
  const at = (ns: number) => (100 * Math.log(Math.max(ns, low) / low)) / Math.log(high / low);
  const [p50, p95] = [at(service50.ns), at(service95?.ns ?? service50.ns)];
  const p99 = at(service99?.ns ?? service95?.ns ?? service50.ns);
  return (
    <svg class="rb" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" x="0" y="6.5" width="100" height="1" />
      <rect class="pale" x={p95} y="4" width={Math.max(0, p99 - p95)} height="6" />
      <rect class="solid" x={p50} y="4" width={Math.max(0, p95 - p50)} height="6" />
      <rect class="tick" x={Math.max(0, p50 - 0.6)} y="1" width="1.2" height="12" />
    </svg>
  );
}
