// The figures of two sides beside each other: by how much they differ, and how sure that is.

import type { Comparison, FigureComparison } from "../record/comparison";
import { change, ends as endsInWords, found, valueWords } from "./difference";
import { Panel } from "./parts";

export function Differences(props: {
  id: string;
  title: string;
  rows: FigureComparison[];
  method: Comparison["method"];
}) {
  const { id, title, rows, method } = props;
  if (rows.length === 0) return null;
  const reach = Math.max(0.1, ...rows.filter((row) => row.is_relative).flatMap(({ interval }) =>
    (interval ?? []).map((end) => Math.min(4, Math.abs(logarithm(end))))));
  return (
    <Panel
      id={id}
      title={title}
      aside={<span class="dim lo">B against A, with the interval that is 95 % sure</span>}
    >
      <div class="scroll" tabIndex={0} role="region" aria-label={`${title} as a table`}>
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" class="num"><i class="ln a" />A</th>
              <th scope="col" class="num"><i class="ln r" />B</th>
              <th scope="col" class="num">B to A</th>
              <th scope="col" class="num lo">95 % sure</th>
              <th scope="col" class="lo w whisker">
                <span>less</span>
                <span>same</span>
                <span>more</span>
              </th>
              <th scope="col">Found</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const kind = row.finding === "differs" ? judged(row, method) : "";
              return (
                <tr key={row.figure}>
                  <th scope="row" class="nm">{row.figure}</th>
                  <td class="num">{valueWords(row, "a")}</td>
                  <td class="num strong">{valueWords(row, "b")}</td>
                  <td class={`num ${kind}`}>
                    {row.difference === null ? "" : change(row.difference, row)}
                  </td>
                  <td class="num lo dim">{endsInWords(row)}</td>
                  <td class="lo w"><Whisker row={row} reach={reach} kind={kind} /></td>
                  <td class={`words found ${kind || "dim"}`}>{found(row, method)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** Whether it is good or bad that B has more: only many runs may say so. */
function judged({ figure, difference }: FigureComparison, method: Comparison["method"]): string {
  if (method !== "many-runs" || difference === null) return "told";
  const isMore = difference > 0;
  return isMore === (figure === "throughput") ? "good" : "bad";
}

/** On a scale where half is as far from the same as double. */
const logarithm = (part: number | null) =>
  part === null ? Infinity : Math.log(Math.max(1 + part, 1e-9));

/** The interval and the difference in it. Parts share one axis; amounts have one of their own, as
 * their units differ. */
function Whisker({ row, reach, kind }: { row: FigureComparison; reach: number; kind: string }) {
  const { difference, interval, is_relative } = row;
  const middle = <rect class="same" x="49.8" width="0.4" height="14" />;
  if (difference === null) {
    return <svg class="whisk" viewBox="0 0 100 14" preserveAspectRatio="none">{middle}</svg>;
  }
  const ends = [difference, ...(interval ?? [])].map((end) => Math.abs(end ?? 0));
  const most = Math.max(1e-12, ...ends);
  const at = (value: number | null, otherwise: number) => {
    const scaled = value === null
      ? otherwise
      : is_relative ? logarithm(value) / reach : value / most;
    return 50 + 46 * Math.min(1, Math.max(-1, scaled));
  };
  const [low, high] = interval ? [at(interval[0], -1), at(interval[1], 1)] : [0, 0];
  return (
    <svg
      class={`whisk ${kind}`}
      viewBox="0 0 100 14"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {middle}
      {interval && (
        <rect class="range" x={low} y="5.5" width={Math.max(0.4, high - low)} height="3" />
      )}
      <rect class="dotted" x={at(difference, 0) - 0.8} y="3" width="1.6" height="8" />
    </svg>
  );
}
