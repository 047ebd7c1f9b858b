// Calls of the host that serves this page.

import type { Comparison } from "../record/comparison";
import { linesIn } from "../record/load";
import type { Answer } from "./record";

/** A run as the control API shows it. */
export interface ShownRun {
  name: string;
  scenario: string;
  model: string;
  status: {
    phase: string;
    elapsed_seconds: number;
    ends_at_seconds: number | null;
    cut_at_seconds: number | null;
    goal_per_second: number | null;
    per_second: number;
  };
  /** Nothing while it goes on. */
  exit: { code: number; reason: string; took_place: boolean } | null;
}

/** The host refuses a call, in its own words. */
export class Refused extends Error {
  constructor(readonly status: number, words: string) {
    super(words);
  }

  /** Whether it wants the token first. */
  get needsLogin(): boolean {
    return this.status === 401;
  }
}

/** How long the host may take to answer, and where it has to read or compile much for that. */
const PATIENCE_MS = 4_000;
const LONG_PATIENCE_MS = 60_000;

async function call(
  method: string,
  path: string,
  body?: unknown,
  patience = PATIENCE_MS,
): Promise<Response> {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(patience),
  });
  if (answer.ok) return answer;
  const words = await answer.text();
  let error: unknown;
  try {
    ({ error } = JSON.parse(words) as { error?: unknown });
  } catch {
    // It is no answer of the host itself.
  }
  throw new Refused(answer.status, typeof error === "string" ? error : `status ${answer.status}`);
}

/** Where the API has a run: one of now by its name, or an earlier one by its identity. */
export type RunPlace = `runs/${string}` | `history/${string}`;

const ofRun = (name: string) => `/v1/runs/${encodeURIComponent(name)}`;

/** The runs of this process, in the order in which they began. */
export async function runs(): Promise<ShownRun[]> {
  const answer = await call("GET", "/v1/runs");
  return ((await answer.json()) as { runs: ShownRun[] }).runs;
}

/** A run that is over, and kept. */
export interface EarlierRun {
  id: string;
  name: string;
  model: string;
  began_at: number;
  /** Nothing where its record has no end. */
  code: number | null;
  reason: string;
}

export async function earlierRuns(): Promise<EarlierRun[]> {
  const answer = await call("GET", "/v1/history");
  return ((await answer.json()) as { runs: EarlierRun[] }).runs;
}

/** The record of a run that is kept. */
export async function earlierRecord(id: string): Promise<Answer> {
  const path = `/v1/history/${encodeURIComponent(id)}/record`;
  const answer = await call("GET", path, undefined, LONG_PATIENCE_MS);
  return { lines: answer.body ? linesIn(answer.body) : none(), last: null };
}

/** What a run's record has after an entry, or all of it. */
export async function record(name: string, after: string | null): Promise<Answer> {
  const since = after === null ? "" : `?after=${encodeURIComponent(after)}`;
  const path = `${ofRun(name)}/record${since}`;
  const answer = await call("GET", path, undefined, LONG_PATIENCE_MS);
  const last = answer.headers.get("swell-entry");
  return { lines: answer.body ? linesIn(answer.body) : none(), last };
}

async function* none() {}

/** What the host finds of B against A, as far as both have come. */
export async function comparison(a: RunPlace, b: RunPlace): Promise<Comparison> {
  const places = new URLSearchParams({ a, b });
  const answer = await call("GET", `/v1/comparison?${places}`, undefined, LONG_PATIENCE_MS);
  return (await answer.json()) as Comparison;
}

/** The names of the scenarios that the host has stored. */
export async function storedScenarios(): Promise<string[]> {
  const answer = await call("GET", "/v1/scenarios");
  return ((await answer.json()) as { scenarios: string[] }).scenarios;
}

/** Begins a run by settings of `host run` beside the name of a `stored` scenario; gives its
 * name. */
export async function begin(settings: Record<string, unknown>): Promise<string> {
  const answer = await call("POST", "/v1/runs", settings, LONG_PATIENCE_MS);
  return ((await answer.json()) as ShownRun).name;
}

export async function setGoal(name: string, tps: number) {
  await call("PUT", `${ofRun(name)}/goal`, { tps });
}

export async function tell(name: string, what: "pause" | "resume" | "stop") {
  await call("POST", `${ofRun(name)}/${what}`);
}

export async function logIn(token: string) {
  await call("POST", "/v1/login", { token });
}
