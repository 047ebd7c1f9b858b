// How much, how slow, how wrong: six figures, of the whole run or of the stretch that is selected.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";

import type { LeadingCourses } from "../record/course";
import type { Run } from "../record/run";
import { surely, wholeRun, type Figures as Of, type Stretch } from "../record/stretch";
import { Q, Spark, stretchWords } from "./parts";
import * as words from "./words";

/** Points of a course without axes. */
const POINTS = 75;

interface Props {
  run: Run;
  stretch: Stretch | null;
  figures: Of;
  whole: Of;
  courses: LeadingCourses;
  isZoomed: boolean;
  zoom: (isZoomed: boolean) => void;
  select: (stretch: Stretch | null) => void;
}

export function Figures(props: Props) {
  const { run, stretch, figures, whole } = props;
  const courses = useMemo(() => thinnedCourses(props.courses), [props.courses]);
  const [isVeiled, setVeiled] = useState(run.report?.verdict.stamp === "INVALID");
  const [p50, p95, p99] = figures.response.percentiles([50, 95, 99]);
  const [sure] = useMemo(
    () => surely(run, stretch ?? wholeRun(run), figures.response, [95]), [run, stretch, figures]);
  const [was50, was95, was99] = whole.response.percentiles([50, 95, 99]);
  const asked = run.header.asked_per_second;
  const ended = figures.ok + figures.failed;
  const note = (ofRun: words.Quantity, here: ComponentChildren) =>
    stretch ? <>whole run {words.said(ofRun)}</> : here;
  return (
    <div class="leading">
      {isVeiled && (
        <p class="veiled">
          The load generator was in the way: these figures say more of it than of the service.{" "}
          <button type="button" class="btn" onClick={() => setVeiled(false)}>Show anyway</button>
        </p>
      )}
      <SelectionBar {...props} />
      <div class={isVeiled ? "kpis hidden" : "kpis"} aria-hidden={isVeiled}>
        <Kpi label="Completed" of={words.rate(figures.perSecond)} spark={courses.ended}>
          {note(
            words.rate(whole.perSecond),
            asked === null ? `${words.count(ended)} in all` : `of ${words.count(asked)} asked`,
          )}
        </Kpi>
        <Kpi label="Response p50" of={words.figure(p50)} spark={courses.p50} isLogarithmic>
          {note(words.figure(was50), "half wait less")}
        </Kpi>
        <Kpi label="Response p95" of={words.figure(p95)} spark={courses.p95} isLogarithmic>
          {note(
            words.figure(was95),
            sure
              ? `95 % sure: ${words.said(words.time(sure[0]))} – ${words.said(words.time(sure[1]))}`
              : "1 in 20 waits longer",
          )}
        </Kpi>
        <Kpi label="Response p99" of={words.figure(p99)} spark={courses.p99} isLogarithmic>
          {note(words.figure(was99), "1 in 100 waits longer")}
        </Kpi>
        <Kpi
          label="Service p95"
          of={words.figure(figures.service.percentile(95))}
          spark={courses.service}
          kind="svc"
          isLogarithmic
        >
          {note(words.figure(whole.service.percentile(95)), "from the actual start")}
        </Kpi>
        <Kpi
          label="Failed"
          of={words.share(figures.failed, ended)}
          spark={courses.failed}
          kind={figures.failed > 0 ? "err" : ""}
        >
          {note(
            words.share(whole.failed, whole.ok + whole.failed),
            `${words.count(figures.failed)} of ${words.count(ended)}`,
          )}
        </Kpi>
      </div>
    </div>
  );
}

function Kpi(props: {
  label: string;
  of: words.Quantity;
  spark: Float64Array;
  kind?: string;
  isLogarithmic?: boolean;
  children: ComponentChildren;
}) {
  const { label, of, spark, kind, isLogarithmic, children } = props;
  return (
    <div class={`kpi ${kind ?? ""}`}>
      <span class="l">{label}</span>
      <span class="v"><Q of={of} /></span>
      <span class="n">{children}</span>
      <Spark values={spark} width={150} height={26} isLogarithmic={isLogarithmic} isFilled />
    </div>
  );
}

function SelectionBar({ run, stretch, figures, isZoomed, zoom, select }: Props) {
  if (!stretch) {
    return (
      <div class="selbar" role="status">
        <span class="dim">
          Figures of the <b>whole measured part</b>, {words.length(figures.seconds)}. Drag over a
          chart to select a stretch, and everything is reckoned anew for it.
        </span>
      </div>
    );
  }
  const ended = figures.ok + figures.failed;
  return (
    <div class="selbar on" role="status">
      <span class="handle" />
      <b>{stretchWords(run, stretch)}</b>
      <span class="dim">
        {words.length(figures.seconds)} {figures.isWarmUp ? "of the warm-up" : "selected"},{" "}
        {words.count(ended)} transactions. Blocks with this time are of this stretch, exactly.
      </span>
      <span class="grow" />
      <button type="button" class="btn sm" aria-pressed={isZoomed} onClick={() => zoom(!isZoomed)}>
        {isZoomed ? "Zoom out" : "Zoom in"} <kbd>Z</kbd>
      </button>
      <button type="button" class="btn sm" onClick={() => select(null)}>
        Whole run <kbd>Esc</kbd>
      </button>
    </div>
  );
}

/** The courses under the figures, always of the whole run. */
function thinnedCourses({ ended, failed, p50, p95, p99, service95 }: LeadingCourses) {
  return {
    ended: thinned(ended),
    failed: thinned(failed),
    p50: thinned(p50.values),
    p95: thinned(p95.values),
    p99: thinned(p99.values),
    service: thinned(service95.values),
  };
}

/** So few points that they can be told apart: of neighbours the greatest, so no peak is lost. */
export function thinned(values: Float64Array): Float64Array {
  const step = Math.max(1, Math.ceil(values.length / POINTS));
  return Float64Array.from({ length: Math.ceil(values.length / step) }, (_, at) =>
    values.subarray(at * step, (at + 1) * step)
      .reduce((most, value) => (value > most || Number.isNaN(most) ? value : most), NaN));
}
