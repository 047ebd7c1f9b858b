// How the tail looks: the percentile curve, and its figures with what they are sure of.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { CURVE, drawCurve } from "../charts/curve";
import type { Run } from "../record/run";
import { surely, wholeRun, type Figures, type Stretch } from "../record/stretch";
import { Panel, Q } from "./parts";
import * as words from "./words";

const TOLD = [50, 90, 95, 99, 99.9];
const HEIGHT = 268;

interface Props {
  run: Run;
  selected: Stretch | null;
  figures: Figures;
  whole: Figures;
  paint: number;
}

export function Percentiles({ run, selected, figures, whole, paint }: Props) {
  const into = useRef<HTMLDivElement>(null);
  const stretch = selected ?? wholeRun(run);
  useLayoutEffect(() => {
    const { response, service } = figures;
    const ns = (of: Figures["response"]) =>
      of.percentiles(CURVE.slice(1)).map((figure) => figure?.ns ?? null);
    // The curve begins at the least, which is told of any number of samples.
    const from = (of: Figures["response"]) => [of.min?.ns ?? null, ...ns(of)];
    const lines = [
      { color: "service", width: 1.75, dash: [5, 3], values: from(service) },
      { color: "r95", width: 2, values: from(response) },
    ];
    if (selected) lines.unshift({ color: "text-3", width: 1, values: from(whole.response) });
    const band = surely(run, stretch, response, CURVE);
    const chart = drawCurve(into.current!, lines, band, HEIGHT);
    return () => chart.destroy();
  }, [run, figures, paint]);
  return (
    <Panel
      id="percentiles"
      title="Percentiles"
      run={run}
      stretch={selected}
      aside={
        <span class="clg">
          <span><i class="ln r" />Response</span>
          <span><i class="ln s" />Service</span>
          {selected && <span><i class="ln t" />Response, whole run</span>}
          <span><i class="bn" />95 % sure</span>
        </span>
      }
    >
      <div class="two">
        <div
          ref={into}
          role="img"
          aria-label="Percentiles of response and service time; the table beside has the figures"
        />
        <Table run={run} stretch={stretch} figures={figures} />
      </div>
    </Panel>
  );
}

function Table({ run, stretch, figures }: { run: Run; stretch: Stretch; figures: Figures }) {
  const { response, service } = figures;
  const sure = useMemo(() => surely(run, stretch, response, TOLD), [run, figures]);
  const [ofResponse, ofService] = [response.percentiles(TOLD), service.percentiles(TOLD)];
  return (
    <table class="data q">
      <thead>
        <tr>
          <th scope="col"><span class="sr">Figure</span></th>
          <th scope="col" class="num">Response</th>
          <th scope="col" class="num">95 % sure</th>
          <th scope="col" class="num">Service</th>
        </tr>
      </thead>
      <tbody>
        {TOLD.map((percent, at) => {
          const ends = ofResponse[at] && sure[at];
          return (
            <tr key={percent}>
              <th scope="row">p{percent}</th>
              <td class="num strong" data-figure={`response.p${percent}`}>
                <Q of={words.figure(ofResponse[at])} />
              </td>
              <td class="num dim">
                {ends
                  ? `${words.said(words.time(ends[0]))} – ${words.said(words.time(ends[1]))}`
                  : ""}
              </td>
              <td class="num"><Q of={words.figure(ofService[at])} /></td>
            </tr>
          );
        })}
        <tr>
          <th scope="row">mean</th>
          <td class="num"><Q of={words.figure(response.mean)} /></td>
          <td />
          <td class="num"><Q of={words.figure(service.mean)} /></td>
        </tr>
        <tr>
          <th scope="row">max</th>
          <td class="num"><Q of={words.figure(response.max)} /></td>
          <td />
          <td class="num"><Q of={words.figure(service.max)} /></td>
        </tr>
      </tbody>
    </table>
  );
}
