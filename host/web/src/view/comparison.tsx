// The page of a comparison: what differs, how sure that is, and where in time it lies.

import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { CURVE, drawCurve } from "../charts/curve";
import { DRAWN_RUNS } from "../charts/overlaid";
import { labelOf, type Comparison as Found, type Side, type Sided } from "../record/comparison";
import { figuresOf, surely, wholeRun, type Figures } from "../record/stretch";
import type { Live } from "./app";
import { change, valueWords } from "./difference";
import { Differences } from "./differences";
import { OverTime } from "./overlaid";
import { usePaint } from "./paint";
import { Icon, Panel } from "./parts";
import { ready, Top, type Runs } from "./top";
import * as words from "./words";

/** What the page has more while its host serves it. */
interface ComparedLive extends Live {
  /** Whether what was found is of both runs to their ends. */
  isLast: boolean;
  /** Why nothing was found, or nothing new. */
  amiss: string | null;
}

export function Comparison(props: {
  /** Nothing until the host has found something. */
  found: Found | null;
  sided: Sided[];
  runs: Runs;
  live?: ComparedLive;
}) {
  const { found, sided, runs, live } = props;
  const paint = usePaint();
  useEffect(ready, []);
  const drawn = useMemo(() => (["a", "b"] as const).flatMap((side) =>
    sided.filter((run) => run.side === side).slice(0, DRAWN_RUNS)), [sided]);
  const figures = useMemo(
    () => drawn.map(({ run }) => figuresOf(run, wholeRun(run))), [drawn]);
  return (
    <>
      <Top runs={runs} />
      <main>
        {live?.bar}
        {live && <Pending found={found} amiss={live.amiss} />}
        {found && <Verdict found={found} sided={sided} isLast={live?.isLast ?? true} />}
        {found && (
          <Differences
            id="differences"
            title="Differences"
            rows={found.figures}
            method={found.method}
          />
        )}
        {drawn.length > 0 && (
          <>
            <OverTime drawn={drawn} figures={figures} paint={paint} all={sided.length} />
            <Curves drawn={drawn} figures={figures} paint={paint} />
          </>
        )}
        {found && (
          <Differences
            id="transactions"
            title="Transactions"
            rows={found.by_name}
            method={found.method}
          />
        )}
        {live?.after}
      </main>
      <footer>
        Swell · {live
          ? "this page follows both runs; what it has stays when the host is gone"
          : "this page holds its records and needs no network"} · made with Preact and uPlot, ©
        their authors, MIT licence
      </footer>
    </>
  );
}

/** What there is to say as long as there are no findings, or no new ones. */
function Pending({ found, amiss }: { found: Found | null; amiss: string | null }) {
  if (amiss) return <p class="broken bad" role="alert">{amiss}</p>;
  if (found) return null;
  return <p class="broken" role="status">The host holds the runs against each other.</p>;
}

function Verdict(props: { found: Found; sided: Sided[]; isLast: boolean }) {
  const { found, sided, isLast } = props;
  const differs = found.figures.filter(({ finding }) => finding === "differs");
  const p95 = found.figures.find(({ figure }) => figure === "response.p95");
  const isFailed = found.margins.some(({ ruling }) => ruling !== "passed");
  const soFar = isLast ? "" : " so far";
  const within = (found.method === "two-runs" ? " within these two runs" : "") + soFar;
  const word = found.method === "totals-of-two-runs"
    ? "Two totals beside each other"
    : differs.length > 0
      ? `B differs from A${within}`
      : `No difference can be told${soFar}`;
  const state = isFailed ? "fail" : differs.length > 0 ? "warn" : "info";
  return (
    <section class="verdict" aria-label="Verdict">
      <div class="say">
        <h1 class={state}>
          <Icon state={state} />
          {isFailed ? "Failed: " : ""}{word}
        </h1>
        {p95 && p95.difference !== null && (
          <p class="lead">
            The response p95 of B is <b>{valueWords(p95, "b")}</b>, that of A{" "}
            <b>{valueWords(p95, "a")}</b>: {change(p95.difference, p95)}.
          </p>
        )}
        <dl class="facts">
          {(["a", "b"] as const).map((side) => (
            <div key={side}>
              <dt><i class={`ln ${side === "a" ? "a" : "r"}`} />{side.toUpperCase()}</dt>
              <dd class="plain">{sideWords(found, sided, side)}</dd>
            </div>
          ))}
        </dl>
        <p class="dim">{METHODS[found.method]}</p>
      </div>
      <div class="why">
        {found.margins.length > 0 && <Margins found={found} />}
        <h2>What else differs</h2>
        {found.unlike.length === 0
          ? <p><Icon state="pass" />Nothing that is known: plan, target, version and machine.</p>
          : (
            <table class="thr">
              <thead class="sr">
                <tr><th>What</th><th>A</th><th>B</th></tr>
              </thead>
              <tbody>
                {found.unlike.map(({ what, a, b }) => (
                  <tr key={what}>
                    <th scope="row" class="what"><Icon state="warn" />{what}</th>
                    <td class="words">{a.join(" | ")}</td>
                    <td class="words"><b>{b.join(" | ")}</b></td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        {found.remarks.length > 0 && (
          <>
            <h2>Before you read on</h2>
            <ul class="remarks">
              {found.remarks.map((remark) => <li key={remark}>{remark}</li>)}
            </ul>
          </>
        )}
      </div>
    </section>
  );
}

/** What each way of comparing can say, as `host/report/src/compare/method.rs` has it. */
const METHODS: Record<Found["method"], string> = {
  "totals-of-two-runs":
    "The totals of two runs: how sure a difference is, only their records could say.",
  "two-runs":
    "Two runs: “differs” speaks of these two and what varied within them. How much equal runs " +
    "differ from each other, they cannot say: give some of each, A1,A2,… B1,B2,…, best taken in " +
    "turn.",
  "few-runs":
    "Few runs: “differs” holds if runs spread as the normal law says. With five and more on each " +
    "side nothing is assumed.",
  "many-runs":
    "Ranks of the runs (Mann-Whitney) and the median of their differences (Hodges-Lehmann): " +
    "nothing is assumed of how runs spread.",
};

function Margins({ found }: { found: Found }) {
  const word = { passed: "ok", failed: "failed", "no-data": "no data" };
  return (
    <>
      <h2>Must not be</h2>
      <table class="thr">
        <tbody>
          {found.margins.map(({ rule, ruling, found }) => (
            <tr key={rule}>
              <td>
                <Icon state={ruling === "passed" ? "pass" : "fail"} />
                <span class="sr">{word[ruling]}</span>
              </td>
              <th scope="row" class="mono">{rule}</th>
              <td class="num">{found}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function sideWords(found: Found, sided: Sided[], side: Side): string {
  const names = found[side];
  const first = sided.find((run) => run.side === side);
  if (names.length > 1) return `${names.length} runs: ${names.join(", ")}`;
  if (!first) return `${names[0]}: its totals`;
  const { goesOn, run: { header, report } } = first;
  const cut = goesOn ? "goes on" : "without an end";
  const end = report ? `exit ${report.exit.code}, ${report.verdict.stamp}` : cut;
  return `${header.name}, ${words.date(header.began_at)}, ${end} (${names[0]})`;
}

const HEIGHT = 268;

/** The percentile curves of all runs. */
function Curves({ drawn, figures, paint }: { drawn: Sided[]; figures: Figures[]; paint: number }) {
  const into = useRef<HTMLDivElement>(null);
  const onlyB = drawn.filter(({ side }) => side === "b").length === 1;
  useLayoutEffect(() => {
    const lines = figures.map(({ response }, at) => ({
      color: drawn[at].side === "a" ? "run-a" : "r95",
      width: 1.75,
      values: [
        response.min?.ns ?? null,
        ...response.percentiles(CURVE.slice(1)).map((figure) => figure?.ns ?? null),
      ],
    }));
    const b = drawn.findIndex(({ side }) => side === "b");
    const band = onlyB
      ? surely(drawn[b].run, wholeRun(drawn[b].run), figures[b].response, CURVE)
      : [];
    const chart = drawCurve(into.current!, lines, band, HEIGHT);
    return () => chart.destroy();
  }, [drawn, figures, paint]);
  const told = drawn.map((_, at) =>
    `${labelOf(drawn, at).label} p95 ${words.said(words.figure(figures[at].response.percentile(95)))}`);
  return (
    <Panel
      id="percentiles"
      title="Percentiles of the response time"
      aside={
        <span class="clg">
          <span><i class="ln a" />A</span>
          <span><i class="ln r" />B</span>
          {onlyB && <span><i class="bn" />B, 95 % sure</span>}
        </span>
      }
    >
      <div ref={into} role="img" aria-label={`Percentiles: ${told.join("; ")}`} />
    </Panel>
  );
}
