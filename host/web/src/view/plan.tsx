// What was run, and where.

import type { ComponentChildren } from "preact";

import type { Run } from "../record/run";
import { Panel } from "./parts";
import * as words from "./words";

export function Plan({ run }: { run: Run }) {
  const { header, report, moments } = run;
  const length = header.measured_seconds === null
    ? "until it ends by itself"
    : `${words.length(header.measured_seconds)} measured`;
  const steps = moments.map(({ from, until }) => until - from);
  const [least, most] = [Math.min(...steps), Math.max(...steps)].map((step) => Math.round(step));
  const step = least === most ? `${words.length(least)} each` : `${least} to ${most} s each`;
  return (
    <Panel id="plan" title="Plan and place">
      <div class="pl">
        <Group
          title="Load"
          rows={[
            ["model", header.model],
            ["length", `${words.length(header.warm_up_seconds)} warm-up, ${length}`],
            ["objectives", header.objectives.join(", ")],
            ["timeout", `${words.length(header.timeout_seconds)} for the head of a response`],
            ["grace", `${words.length(header.grace_seconds)} for what is under way at the end`],
            ["seed", header.seed],
          ]}
        />
        <Group
          title="Scenario"
          rows={[
            ["scenario", header.scenario],
            ["file", header.file],
            ["BLAKE3", <span class="mono">{header.file_hash}</span>],
            ["target", header.target ?? "none"],
          ]}
        />
        <Group
          title="Place"
          rows={[
            ["swell", header.version],
            ["host", `${header.host.name}, ${header.host.cores} cores, ${header.host.system}`],
            ["began", words.date(header.began_at)],
            ["users", report && `${words.count(report.users.created)} created, at most ${
              words.count(report.users.most_at_once)} at a time${report.users.stopped
              ? `, ${words.count(report.users.stopped)} ended by themselves` : ""}`],
            ["processor", report && `${words.length(report.machine.cpu_seconds)} of time`],
            ["memory", report?.machine.resident_mib &&
              `at most ${words.count(report.machine.resident_mib)} MiB`],
            ["record", moments.length > 0 && `${words.count(moments.length)} frames, ${step}`],
            ["run", <span class="mono">{header.id}</span>],
          ]}
        />
      </div>
    </Panel>
  );
}

function Group({ title, rows }: { title: string; rows: [string, ComponentChildren][] }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl>
        {rows.filter(([, value]) => value).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
