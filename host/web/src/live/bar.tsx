// What a run is doing now, and what a person may have it do.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import * as words from "../view/words";
import { setGoal, tell, type ShownRun } from "./api";

/**
 * How the page hears of the run: by a stream, by asking again and again where that is lost, and not
 * at all any more where the host is gone.
 */
export type Connection = "connecting" | "live" | "lost" | "over" | "gone";

const CONNECTIONS: Record<Connection, string> = {
  connecting: "Connecting",
  live: "Connected",
  lost: "No lasting connection: this page asks for what is new every second.",
  over: "All of it is here",
  gone: "The host does not answer. This page keeps what it has, and asks again.",
};

const PHASES: Record<string, string> = {
  preparing: "Preparing",
  "warm-up": "Warming up",
  measuring: "Measuring",
  paused: "Paused",
  draining: "Ending",
  over: "Over",
};

/** How long a person has to say that a run is to be stopped indeed. */
const SURE_MS = 4_000;

export function Bar(props: {
  all: ShownRun[];
  known: ShownRun | undefined;
  connection: Connection;
  choose: (name: string) => void;
  again: () => void;
  /** Which run is beside it. */
  beside: ComponentChildren;
}) {
  const { all, known, connection, choose, again, beside } = props;
  const [amiss, setAmiss] = useState<string | null>(null);
  const act = async (what: () => Promise<void>) => {
    setAmiss(null);
    try {
      await what();
    } catch (error) {
      setAmiss(error instanceof Error ? error.message : String(error));
    }
    again();
  };
  const isOver = connection === "over" || Boolean(known?.exit);
  const phase = isOver ? "over" : known?.status.phase ?? "";
  const isAnswered = connection !== "gone";
  return (
    <section class="live panel" aria-label="The run now">
      <div class="row">
        <i class={`lamp ${isAnswered ? phase : "lost"}`} />
        <b class="clock">{words.clock(known?.status.elapsed_seconds ?? 0)}</b>
        <span class="dim" role="status">{now(phase, known)}</span>
        <span class="grow" />
        {known && !isOver && connection !== "gone" && (
          <Commands key={known.name} run={known} phase={phase} act={act} />
        )}
      </div>
      <Progress known={known} isOver={isOver} />
      <div class="row">
        {all.length > 1 && all.map((run) => (
          <button
            key={run.name}
            type="button"
            class="btn sm"
            aria-pressed={run.name === known?.name}
            onClick={() => choose(run.name)}
          >
            <i class={`lamp ${run.exit ? "over" : run.status.phase}`} />
            {run.name}{" "}
            <span class="dim">{run.exit ? `exit code ${run.exit.code}` : rateOf(run)}</span>
          </button>
        ))}
        <span class="grow" />
        {beside}
        <span class={isAnswered ? "dim" : "bad"} role={isAnswered ? undefined : "alert"}>
          {CONNECTIONS[connection]}
        </span>
      </div>
      {amiss && <p role="alert" class="bad">{amiss}</p>}
    </section>
  );
}

const rateOf = ({ status }: ShownRun) => words.said(words.rate(status.per_second));

/** What a run may be told now. */
function Commands(props: {
  run: ShownRun;
  phase: string;
  act: (what: () => Promise<void>) => void;
}) {
  const { run: { name, status }, phase, act } = props;
  const goesOn = phase === "warm-up" || phase === "measuring";
  if (!goesOn && phase !== "paused") return null;
  return (
    <>
      {status.goal_per_second !== null && (
        <Goal goal={status.goal_per_second} set={(tps) => act(() => setGoal(name, tps))} />
      )}
      {goesOn
        ? (
          <button type="button" class="btn" onClick={() => act(() => tell(name, "pause"))}>
            Pause
          </button>
        )
        : (
          <button type="button" class="btn" onClick={() => act(() => tell(name, "resume"))}>
            Resume
          </button>
        )}
      <Stop stop={() => act(() => tell(name, "stop"))} />
    </>
  );
}

/** How far the run is, where that is known. */
function Progress({ known, isOver }: { known: ShownRun | undefined; isOver: boolean }) {
  const end = endOf(known);
  if (!known || !end) return null;
  const part = isOver ? 1 : Math.min(1, known.status.elapsed_seconds / end);
  return (
    <div class="progress" aria-hidden="true">
      <i style={{ width: `${part * 100}%` }} />
    </div>
  );
}

const endOf = (known: ShownRun | undefined) =>
  known?.status.cut_at_seconds ?? known?.status.ends_at_seconds ?? null;

function now(phase: string, known: ShownRun | undefined): string {
  const end = endOf(known);
  const what = PHASES[phase] ?? "No run";
  if (known?.exit) return `${what}: exit code ${known.exit.code}`;
  if (phase === "over") return what;
  return end ? `of ${words.clock(end)} · ${what}` : what;
}

/** The rate that is asked for, as long as nobody types another. */
function Goal({ goal, set }: { goal: number; set: (tps: number) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const wanted = Number(typed);
  const isOne = typed !== null && typed.trim() !== "" && wanted > 0 && Number.isFinite(wanted);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isOne) set(wanted);
    if (isOne) setTyped(null);
  };
  return (
    <form class="goal" onSubmit={submit}>
      <label>
        Goal{" "}
        <input
          inputMode="decimal"
          value={typed ?? String(Number(goal.toPrecision(6)))}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && setTyped(null)}
        />
        <span class="u">/s</span>
      </label>
      <button type="submit" class="btn" disabled={!isOne}>Set</button>
    </form>
  );
}

/** Asks once more: what is stopped does not go on. */
function Stop({ stop }: { stop: () => void }) {
  const [isSure, setSure] = useState(false);
  useEffect(() => {
    if (!isSure) return;
    const timer = setTimeout(() => setSure(false), SURE_MS);
    return () => clearTimeout(timer);
  }, [isSure]);
  const press = () => {
    if (isSure) stop();
    setSure(!isSure);
  };
  return (
    <button type="button" class={isSure ? "btn danger" : "btn"} onClick={press}>
      {isSure ? "Stop it now?" : "Stop"}
    </button>
  );
}
