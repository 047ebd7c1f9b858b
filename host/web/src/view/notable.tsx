// Show me one: the slowest transactions of each name and the first that failed, each with the
// command that does its iteration again.

import { useMemo, useState } from "preact/hooks";

import type { NotableRow, Report } from "../record/lines";
import type { Run } from "../record/run";
import { Copyable, Panel, Q } from "./parts";
import * as words from "./words";

/** Rows that are shown before somebody asks for all. */
const FEW = 10;

type Which = "all" | "slowest" | "failures";
const WHICH: [Which, string][] =
  [["all", "All"], ["slowest", "Slowest"], ["failures", "First failures"]];

interface Row extends NotableRow {
  key: string;
  name: string;
  kinds: Which[];
}

export function Notable({ run }: { run: Run }) {
  const rows = useMemo(() => (run.report ? rowsOf(run.report) : []), [run]);
  const [which, setWhich] = useState<Which>("all");
  const [isWhole, setWhole] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  if (rows.length === 0) return null;
  const wanted = rows.filter(({ kinds }) => which === "all" || kinds.includes(which));
  const shown = isWhole ? wanted : wanted.slice(0, FEW);
  const longest = Math.max(...rows.map((row) => row.response_ms));
  const hasTrace = rows.some((row) => row.trace_id !== null);
  return (
    <Panel
      id="notable"
      title="Notable transactions"
      aside={
        <span class="dim lo">
          of the whole run: the ten slowest and the first failures of a name
        </span>
      }
    >
      <div class="choice" role="group" aria-label="Which">
        {WHICH.map(([key, name]) => (
          <button
            key={key}
            type="button"
            class="btn sm"
            aria-pressed={which === key}
            onClick={() => setWhich(key)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="scroll">
        <table class="data">
          <thead>
            <tr>
              <th scope="col" class="num">Ended</th>
              <th scope="col">Name</th>
              <th scope="col" class="num lo">Iteration</th>
              <th scope="col" class="num">Response</th>
              <th scope="col" class="num">Service</th>
              <th scope="col" class="lo w">Waited, then served</th>
              <th scope="col">What happened</th>
              {hasTrace && <th scope="col" class="lo">Trace</th>}
              <th scope="col"><span class="sr">Repeat</span></th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <One
                key={row.key}
                run={run}
                row={row}
                longest={longest}
                hasTrace={hasTrace}
                isOpen={open === row.key}
                toggle={() => setOpen(open === row.key ? null : row.key)}
              />
            ))}
          </tbody>
        </table>
      </div>
      {wanted.length === 0 && <p class="dim">Nothing failed.</p>}
      {wanted.length > shown.length && (
        <button type="button" class="btn more" onClick={() => setWhole(true)}>
          Show all {wanted.length}
        </button>
      )}
    </Panel>
  );
}

function One(props: {
  run: Run;
  row: Row;
  longest: number;
  hasTrace: boolean;
  isOpen: boolean;
  toggle: () => void;
}) {
  const { run, row, longest, hasTrace, isOpen, toggle } = props;
  return (
    <>
      <tr>
        <td class="num">{words.clock(row.at)}</td>
        <th scope="row" class="nm">{row.name}</th>
        <td class="num lo">{words.count(row.iteration)}</td>
        <td class="num strong"><Q of={words.time(row.response_ms * 1e6)} /></td>
        <td class="num"><Q of={words.time(row.service_ms * 1e6)} /></td>
        <td class="lo w"><Parts row={row} longest={longest} /></td>
        <td class={`words ${row.error ? "bad" : "dim"}`}>{row.error ?? "slow, succeeded"}</td>
        {hasTrace && <td class="lo mono">{row.trace_id}</td>}
        <td class="num">
          <button
            type="button"
            class="btn sm"
            aria-expanded={isOpen}
            aria-label={`Repeat iteration ${row.iteration}`}
            onClick={toggle}
          >
            Repeat
          </button>
        </td>
      </tr>
      {isOpen && (
        <tr class="opened">
          <td colSpan={hasTrace ? 9 : 8}>
            <p class="dim">
              Does this one iteration again, alone, and shows all that is sent and received. Other
              settings of the run, as headers, are yours to add: they may be secret.
            </p>
            <Copyable text={words.command(commandOf(run, row))} />
          </td>
        </tr>
      )}
    </>
  );
}

/** How long it waited to be begun, and how long it then took. */
function Parts({ row, longest }: { row: Row; longest: number }) {
  const all = (row.response_ms / longest) * 100;
  const served = Math.min(all, (row.service_ms / longest) * 100);
  return (
    <svg class="parts" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="axis" y="5.5" width="100" height="1" />
      <rect class="waited" y="2" width={all - served} height="8" />
      <rect class="served" x={all - served} y="2" width={Math.max(0.5, served)} height="8" />
    </svg>
  );
}

/** Whether there are some to show. */
export const hasNotable = ({ report }: Run) => report !== null && rowsOf(report).length > 0;

/** All of them once, the longest response first. */
function rowsOf(report: Report): Row[] {
  const rows = new Map<string, Row>();
  for (const [name, { notable }] of Object.entries(report.measured.by_name)) {
    for (const kind of ["slowest", "failures"] as const) {
      for (const row of notable?.[kind] ?? []) {
        const key = JSON.stringify([name, row.iteration, row.at]);
        const known = rows.get(key);
        if (known) known.kinds.push(kind);
        else rows.set(key, { ...row, key, name, kinds: [kind] });
      }
    }
  }
  return [...rows.values()].sort((one, other) => other.response_ms - one.response_ms);
}

/** The same command as the summary of the run has. */
function commandOf({ header }: Run, row: Row): string[] {
  // A URL that was run says itself where its service is, and the scenario's name how it is asked for.
  const isUrl = header.file.includes("://");
  const method = header.scenario.split(" ", 1)[0] ?? "GET";
  const scenarios = header.scenarios ?? [];
  return [
    "host", "try", header.file, "--scenario", scenarios[row.user % scenarios.length]?.name ?? header.scenario,
    ...(isUrl && method !== "GET" ? ["--method", method] : []),
    ...(header.target && !isUrl ? ["--target", header.target] : []),
    "--seed", header.seed, "--iteration", String(row.iteration), "--user", String(row.user),
    ...(row.trace_id ? ["--traceparent"] : []),
  ];
}
