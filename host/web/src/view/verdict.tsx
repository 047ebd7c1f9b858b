// Did it pass, may it be believed, and what held it back.

import type { Report } from "../record/lines";
import type { Run } from "../record/run";
import type { Figures } from "../record/stretch";
import { Bullet } from "./bullet";
import { Copyable, Icon, type State } from "./parts";
import * as words from "./words";

export function Verdict(props: { run: Run; whole: Figures; goesOn: boolean }) {
  const { run, whole, goesOn } = props;
  const { report, header } = run;
  return (
    <section class="verdict" aria-label="Verdict">
      <div class="say">
        {report
          ? <Headline report={report} />
          : goesOn ? <GoesOn run={run} /> : <CutShort run={run} />}
        <Lead run={run} whole={whole} goesOn={goesOn} />
        {report ? <Facts run={run} report={report} /> : goesOn && <Now run={run} />}
      </div>
      <div class="why">
        <h2>
          Thresholds <span class="dim">of the whole run</span>
        </h2>
        {report ? <Thresholds report={report} /> : <Unjudged run={run} goesOn={goesOn} />}
        {header.command.length > 0 && (
          <>
            <h2>Repeat this run</h2>
            <Copyable text={words.command(header.command)} />
          </>
        )}
      </div>
    </section>
  );
}

function Headline({ report }: { report: Report }) {
  const { code } = report.exit;
  const isInvalid = report.verdict.stamp === "INVALID";
  const [state, word]: [State, string] = isInvalid
    ? ["warn", "INVALID: the load generator was in the way"]
    : code === 0 ? ["pass", "Passed"]
    : code === 103 || code === 105 ? ["warn", "Stopped before its end"]
    : ["fail", "Failed"];
  return (
    <h1 class={state}>
      <Icon state={state} />
      {word}
    </h1>
  );
}

function GoesOn({ run }: { run: Run }) {
  const isBroken = run.marks.some(({ kind }) => kind === "threshold-broken");
  const [state, word]: [State, string] = isBroken
    ? ["warn", "Running; a threshold does not hold so far"]
    : ["info", "Running"];
  return (
    <h1 class={state}>
      <Icon state={state} />
      {word}
    </h1>
  );
}

/** What holds a run back at the moment. */
function Now({ run }: { run: Run }) {
  const now = run.moments.at(-1);
  if (!now?.limit && !now?.held_by) return null;
  return (
    <dl class="facts">
      {now.limit && <Fact name="Limited" state="warn" lead="now">{now.limit}</Fact>}
      {now.held_by && <Fact name="Goal" state="info" lead="held">{now.held_by}</Fact>}
    </dl>
  );
}

/** The thresholds of a run that has no end. */
function Unjudged({ run, goesOn }: { run: Run; goesOn: boolean }) {
  if (!goesOn) return <p class="dim">Not judged: there is no end.</p>;
  const { thresholds } = run.header;
  if (thresholds.length === 0) return <p class="dim">None were given.</p>;
  return (
    <>
      <ul>{thresholds.map((rule) => <li key={rule} class="mono">{rule}</li>)}</ul>
      <p class="dim">They are judged at the end.</p>
    </>
  );
}

function CutShort({ run }: { run: Run }) {
  const end = run.moments.at(-1)?.until ?? 0;
  return (
    <h1 class="warn">
      <Icon state="warn" />
      The record ends at {words.clock(end)}
    </h1>
  );
}

/** One or two sentences with the numbers that decide. */
function Lead({ run, whole, goesOn }: { run: Run; whole: Figures; goesOn: boolean }) {
  const p95 = whole.response.percentile(95);
  const served = whole.service.percentile(95);
  const asked = run.header.asked_per_second;
  const broken = run.report?.thresholds.filter(({ passed }) => !passed).length ?? 0;
  const all = run.report?.thresholds.length ?? 0;
  const differs = p95 && served && p95.ns > served.ns * 1.35;
  return (
    <p class="lead">
      {!run.report && !goesOn && "It has no end: the host was stopped, or the run goes on. "}
      {broken > 0 && `${broken} of ${all} ${all === 1 ? "threshold" : "thresholds"} broken. `}
      The service completed <b>{words.said(words.rate(whole.perSecond))}</b>
      {asked !== null && ` of the ${words.said(words.rate(asked))} asked for${
        goesOn ? "" : " at the end"}`}.{" "}
      {p95 ? (
        <>
          {p95.atLeast
            ? "5 % of its users would have waited at least "
            : "95 % of its users would have waited at most "}
          <b>{words.said(words.time(p95.ns))}</b>
          {differs ? (
            <>
              ; the service itself answered in <b>{words.said(words.figure(served))}</b>
            </>
          ) : ""}
          .
        </>
      ) : "There are too few samples for a 95th percentile."}
    </p>
  );
}

function Facts({ run, report }: { run: Run; report: Report }) {
  const { verdict, limits, control, search, exit } = report;
  const state = stampState(verdict.stamp);
  const lag = run.measured.times.get("generator_lag")?.sum(0, run.moments.length).percentile(99);
  const kept = lag ? `generator lag p99 ${words.said(words.figure(lag))}` : "";
  return (
    <dl class="facts">
      <Fact name="Measurement" state={state} lead={verdict.stamp}>
        {verdict.evidence.length === 0 ? kept : verdict.evidence.map(({ what, advice }) => (
          <span key={what} class="evidence">{what}: {advice}</span>
        ))}
      </Fact>
      {control?.objectives.map((objective) => (
        <Fact
          key={objective.rule}
          name="Objective"
          state={objective.limit_per_second < control.goal_per_second ? "warn" : "info"}
          lead={objective.rule}
        >
          found to hold up to {words.said(words.rate(objective.limit_per_second))}
          {"; "}goal at the end {words.said(words.rate(control.goal_per_second))}
        </Fact>
      ))}
      {search && <Found search={search} />}
      {limits.map((limit) => (
        <Fact
          key={limit.from_seconds}
          name="Limited"
          state="warn"
          lead={`${words.clock(limit.from_seconds)} – ${
            limit.until_seconds === null ? "end" : words.clock(limit.until_seconds)
          } by ${limit.by}`}
        >
          {limit.means}
        </Fact>
      ))}
      {report.nodes.filter((host) => host.times_lost > 0 || !host.complete).map((host) => (
        <Fact key={host.name} name="Hosts" state="warn" lead={`${host.name} was lost`}>
          {host.complete
            ? "all that it counted is in these figures"
            : `${words.count(host.unknown_least)} to ${
                host.unknown_most === null ? "an unknown number" : words.count(host.unknown_most)
              } of its starts are in no figure`}
        </Fact>
      ))}
      <Fact name="Exit" state={exit.code === 0 ? "pass" : "info"} lead={String(exit.code)}>
        {exit.reason}
      </Fact>
    </dl>
  );
}

function Found({ search }: { search: NonNullable<Report["search"]> }) {
  const { held_per_second, broken_per_second, broken_by, trials } = search;
  const lead = held_per_second === null
    ? "no rate held"
    : `${words.said(words.rate(held_per_second))} holds`;
  return (
    <Fact name="Search" state={held_per_second === null ? "warn" : "pass"} lead={lead}>
      {broken_per_second !== null &&
        `${words.said(words.rate(broken_per_second))} does not: ${broken_by ?? ""}; `}
      {trials} trials
    </Fact>
  );
}

function Fact(props: {
  name: string;
  state: State;
  lead: string;
  children: preact.ComponentChildren;
}) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>
        <Icon state={props.state} />
        <b>{props.lead}</b> <span class="dim">{props.children}</span>
      </dd>
    </div>
  );
}

export function stampState(stamp: string): State {
  return stamp === "VALID" ? "pass" : stamp === "UNJUDGED" ? "info" : "warn";
}

function Thresholds({ report }: { report: Report }) {
  if (report.thresholds.length === 0) {
    return (
      <p class="dim">
        None were given. As an example: <code>--threshold 'response.p95 &lt; 200ms'</code>
      </p>
    );
  }
  return (
    <table class="thr">
      <tbody>
        {report.thresholds.map(({ rule, passed, found }) => (
          <tr key={rule}>
            <td>
              <Icon state={passed ? "pass" : "fail"} />
              <span class="sr">{passed ? "holds" : "broken"}</span>
            </td>
            <th scope="row" class="mono">{rule}</th>
            <td class="lo"><Bullet rule={rule} found={found} passed={passed} /></td>
            <td class={`num ${passed ? "" : "bad"}`}>{found}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
