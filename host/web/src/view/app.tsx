// The whole page, and what its blocks share: the stretch that is selected, the part of the time
// axis that is seen, and the keys.

import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";

import { leadingCourses } from "../record/course";
import type { Run } from "../record/run";
import { figuresOf, framesIn, wholeRun, type Stretch } from "../record/stretch";
import { Checks } from "./checks";
import { Failures } from "./failures";
import { Figures } from "./figures";
import { Hosts } from "./hosts";
import { Percentiles } from "./percentiles";
import { Plan } from "./plan";
import { Requests } from "./requests";
import { Timeline } from "./timeline";
import { Transactions } from "./transactions";
import { usePaint } from "./paint";
import { Verdict } from "./verdict";
import { date } from "./words";

/** Says, to whoever drives a browser, that all is on the page. */
export function ready() {
  performance.mark("complete");
  document.documentElement.dataset.ready = "";
}

/** The stretch that the address names, as in "#t=30-60". */
function fromAddress(run: Run): Stretch | null {
  const found = /^#t=([\d.]+)-([\d.]+)$/.exec(location.hash);
  if (!found || run.moments.length === 0) return null;
  return framesIn(run, [Number(found[1]), Number(found[2])]);
}

/** The runs of the command: which there are, and which is shown. */
export interface Runs {
  names: string[];
  index: number;
  choose: (index: number) => void;
}

export function App({ run, runs }: { run: Run; runs: Runs }) {
  const [selected, setSelected] = useState<Stretch | null>(() => fromAddress(run));
  const [isZoomed, setZoomed] = useState(false);
  const paint = usePaint();
  // The head is on the screen before the charts and tables are reckoned.
  const [isWhole, setWhole] = useState(false);
  useEffect(() => {
    if (isWhole) ready();
    else {
      performance.mark("painted");
      setWhole(true);
    }
  }, [isWhole]);
  const whole = useMemo(() => figuresOf(run, wholeRun(run)), [run]);
  const courses = useMemo(() => leadingCourses(run), [run]);
  const figures = useMemo(
    () => (selected ? figuresOf(run, selected) : whole), [run, selected, whole]);
  const stretch = selected ?? wholeRun(run);

  const select = (stretch: Stretch | null) => {
    setSelected(stretch);
    if (!stretch) setZoomed(false);
    const [from, until] = stretch
      ? [run.moments[stretch.from].from, run.moments[stretch.until - 1].until]
      : [];
    const short = (seconds = 0) => Number(seconds.toFixed(3));
    const hash = stretch ? `#t=${short(from)}-${short(until)}` : "#";
    history.replaceState(null, "", hash);
  };
  useEffect(() => {
    const follow = () => setSelected(fromAddress(run));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [run]);
  // At once, as the next key may come before anything is painted.
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
      if (event.key === "Escape") select(null);
      else if (event.key === "z" && selected) setZoomed(!isZoomed);
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });

  if (run.moments.length === 0) return <Empty run={run} runs={runs} />;
  return (
    <>
      <Top run={run} runs={runs} />
      <main>
        <Verdict run={run} whole={whole} />
        <Figures
          run={run}
          stretch={selected}
          figures={figures}
          whole={whole}
          courses={courses}
          isZoomed={isZoomed}
          zoom={setZoomed}
          select={select}
        />
        {isWhole && (
          <>
            <Timeline
              run={run}
              selected={selected}
              figures={figures}
              courses={courses}
              isZoomed={isZoomed && selected !== null}
              paint={paint}
              select={select}
            />
            <Transactions run={run} selected={selected} figures={figures} />
            <Percentiles run={run} selected={selected} figures={figures} whole={whole} paint={paint} />
            <div class="pair">
              <Failures run={run} selected={selected} figures={figures} />
              <Requests run={run} stretch={stretch} selected={selected} />
            </div>
            <Checks run={run} stretch={stretch} selected={selected} />
            <Hosts run={run} selected={selected} figures={figures} />
            <Plan run={run} />
          </>
        )}
      </main>
      <footer>
        Swell {run.header.version} · this page holds its record and needs no network · made with
        Preact and uPlot, © their authors, MIT licence
      </footer>
    </>
  );
}

function Top({ run, runs }: { run: Run; runs: Runs }) {
  const { name, target, began_at } = run.header;
  return (
    <header class="top">
      <div class="in">
        <span class="logo">
          <svg viewBox="0 0 22 16" aria-hidden="true">
            <path d="M1 12c3 0 3.5-9 7-9s3 9 6.5 9S18 6 21 6" />
          </svg>
          Swell
        </span>
        <span class="crumb">
          {runs.names.length > 1
            ? (
              <select
                aria-label="Run"
                value={runs.index}
                onChange={(event) => runs.choose(Number(event.currentTarget.value))}
              >
                {runs.names.map((name, at) => <option key={at} value={at}>{name}</option>)}
              </select>
            )
            : <b>{name}</b>}
          {target && <span class="tgt">{target.replace(/^https?:\/\//, "")}</span>}
          <span class="when">{date(began_at)}</span>
        </span>
        <span class="grow" />
        <nav class="jump" aria-label="Parts of this page">
          <a href="#time" onClick={jump}>Timeline</a>
          <a href="#transactions" onClick={jump}>Transactions</a>
          <a href="#percentiles" onClick={jump}>Percentiles</a>
          <a href="#failures" onClick={jump}>Failures</a>
          <a href="#plan" onClick={jump}>Plan</a>
        </nav>
      </div>
    </header>
  );
}

/** Goes to a part of the page, and leaves the selection in the address. */
function jump(event: MouseEvent) {
  event.preventDefault();
  const link = event.currentTarget as HTMLAnchorElement;
  document.querySelector(link.hash)?.scrollIntoView();
}

function Empty({ run, runs }: { run: Run; runs: Runs }) {
  return (
    <>
      <Top run={run} runs={runs} />
      <main>
        <p class="broken" role="status">
          The record of this run has no frame: it ended before its first second.
          {run.report && ` ${run.report.exit.reason}`}
        </p>
        <Plan run={run} />
      </main>
    </>
  );
}
