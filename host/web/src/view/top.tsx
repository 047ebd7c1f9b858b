// The head of the page: which run it is, where its parts are, and what can be taken from it.

import type { Run } from "../record/run";
import type { Stretch } from "../record/stretch";
import { Export } from "./export";
import { hasNotable } from "./notable";
import { date } from "./words";

/** Says, to whoever drives a browser, that all is on the page. */
export function ready() {
  performance.mark("complete");
  document.documentElement.dataset.ready = "";
}

/** The runs of the command: which there are, and which is shown. */
export interface Runs {
  names: string[];
  index: number;
  choose: (index: number) => void;
}

/** Parts of the page of a run, by their ids. */
const PARTS = [
  ["time", "Timeline"],
  ["transactions", "Transactions"],
  ["percentiles", "Percentiles"],
  ["failures", "Failures"],
  ["notable", "Notable"],
  ["plan", "Plan"],
];
const PARTS_OF_COMPARISON = [
  ["differences", "Differences"],
  ["time", "Timeline"],
  ["percentiles", "Percentiles"],
  ["transactions", "Transactions"],
];

const partsOf = (run?: Run) =>
  run ? PARTS.filter(([id]) => id !== "notable" || hasNotable(run)) : PARTS_OF_COMPARISON;

/** The head of the page; of a comparison it is that of no run. */
export function Top({ run, runs, stretch }: { run?: Run; runs?: Runs; stretch?: Stretch }) {
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
          {runs && runs.names.length > 1
            ? (
              <select
                aria-label="Run"
                value={runs.index}
                onChange={(event) => runs.choose(Number(event.currentTarget.value))}
              >
                {runs.names.map((name, at) => <option key={at} value={at}>{name}</option>)}
              </select>
            )
            : <b>{runs?.names[0] ?? run?.header.name}</b>}
          {run && <Place run={run} />}
        </span>
        <span class="grow" />
        <nav class="jump" aria-label="Parts of this page">
          {partsOf(run).map(([id, name]) => (
            <a key={id} href={`#${id}`} onClick={jump}>{name}</a>
          ))}
        </nav>
        {run && stretch && <Export run={run} stretch={stretch} />}
      </div>
    </header>
  );
}

function Place({ run: { header: { target, began_at } } }: { run: Run }) {
  return (
    <>
      {target && <span class="tgt">{target.replace(/^https?:\/\//, "")}</span>}
      <span class="when">{date(began_at)}</span>
    </>
  );
}

/** Goes to a part of the page, and leaves the selection in the address. */
function jump(event: MouseEvent) {
  event.preventDefault();
  const link = event.currentTarget as HTMLAnchorElement;
  document.querySelector(link.hash)?.scrollIntoView();
}
