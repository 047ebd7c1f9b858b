// The whole page, and what its blocks share: the stretch that is selected, the part of the time
// axis that is seen, and the keys.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";

import { leadingCourses } from "../record/course";
import type { Run } from "../record/run";
import { figuresOf, framesIn, spoke, wholeRun, type Stretch } from "../record/stretch";
import { Checks } from "./checks";
import { Failures } from "./failures";
import { Figures } from "./figures";
import { Hosts } from "./hosts";
import { Notable } from "./notable";
import { Percentiles } from "./percentiles";
import { Plan } from "./plan";
import { Requests } from "./requests";
import { Sockets } from "./sockets";
import { Timeline } from "./timeline";
import { usePaint } from "./paint";
import { ready, Top, type Runs } from "./top";
import { Transactions } from "./transactions";
import { Verdict } from "./verdict";
import { WebSockets } from "./websockets";

/** The time that the address names, as in "#t=30-60". */
function fromAddress(): readonly [number, number] | null {
  const found = /^#t=([\d.]+)-([\d.]+)$/.exec(location.hash);
  return found && [Number(found[1]), Number(found[2])];
}

/** What the page has more while its host serves it. */
export interface Live {
  bar: ComponentChildren;
  /** What stands below all else. */
  after: ComponentChildren;
  /** Whether more is to come. */
  goesOn: boolean;
}

export function App({ run, runs, live }: { run: Run; runs?: Runs; live?: Live }) {
  // As time: frames of a run that goes on may be joined.
  const [time, setTime] = useState(fromAddress);
  const selected = useMemo(
    () => (time && run.moments.length > 0 ? framesIn(run, time) : null), [run, time]);
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

  const select = useCallback((stretch: Stretch | null, isMoving = false) => {
    if (!stretch) setZoomed(false);
    const short = (seconds: number) => Number(seconds.toFixed(3));
    const of = ({ from, until }: Stretch) =>
      [short(run.moments[from].from), short(run.moments[until - 1].until)] as const;
    const time = stretch && of(stretch);
    setTime(time);
    // While an end is dragged, a browser would refuse so many addresses.
    if (!isMoving) history.replaceState(null, "", time ? `#t=${time[0]}-${time[1]}` : "#");
  }, [run]);
  useEffect(() => {
    const follow = () => setTime(fromAddress());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
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

  // No selection changes these.
  const goesOn = live?.goesOn ?? false;
  const verdict = useMemo(
    () => <Verdict run={run} whole={whole} goesOn={goesOn} />, [run, whole, goesOn]);
  const last = useMemo(() => (
    <>
      <Notable run={run} />
      <Plan run={run} />
    </>
  ), [run]);

  if (run.moments.length === 0) return <Empty run={run} runs={runs} />;
  return (
    <>
      <Top run={run} runs={runs} stretch={stretch} />
      <main>
        {live?.bar}
        {verdict}
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
            <Percentiles
              run={run}
              selected={selected}
              figures={figures}
              whole={whole}
              paint={paint}
            />
            <div class="pair">
              <Failures run={run} selected={selected} figures={figures} />
              {(spoke(run, "requests") || !spoke(run, "sockets")) && (
                <Requests run={run} stretch={stretch} selected={selected} />
              )}
              {spoke(run, "sockets") && (
                <Sockets run={run} stretch={stretch} selected={selected} />
              )}
            </div>
            <WebSockets run={run} stretch={stretch} selected={selected} />
            <Checks run={run} stretch={stretch} selected={selected} />
            <Hosts run={run} selected={selected} figures={figures} />
            {last}
            {live?.after}
          </>
        )}
      </main>
      <footer>
        Swell {run.header.version} · {live
          ? "this page follows the run; what it has stays when the host is gone"
          : "this page holds its record and needs no network"} · made with Preact and uPlot, © their
        authors, MIT licence
      </footer>
    </>
  );
}

function Empty({ run, runs }: { run: Run; runs?: Runs }) {
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
