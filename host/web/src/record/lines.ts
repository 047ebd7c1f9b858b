// The lines of a record as the host writes them (`host/report/src/record/lines.rs`): what is empty
// is left out.

import type { Packed } from "./packed";

export interface Times {
  count: number;
  sum_ns?: number;
  min_ns?: number;
  max_ns?: number;
  /** Numbers of buckets with how many samples each has. */
  buckets?: [number, number][];
  /** The same as a page has it: by how much each number is more than that before, and the counts.
   * See `packed.ts`. */
  packed?: Packed;
  /** Ages of what was cut off. */
  at_least?: Times;
}

export interface Outcomes {
  started: number;
  ok: number;
  failed: number;
  interrupted: number;
}

export interface NameCounts extends Outcomes {
  response?: Times;
  service?: Times;
  failures?: Record<string, number>;
}

export interface RequestCounts {
  statuses?: Record<string, number>;
  errors?: Record<string, number>;
  service?: Times;
  phases?: Record<string, Times>;
  [count: string]: unknown;
}

export interface WebSocketCounts {
  handshakes?: RequestCounts;
  ends?: Record<string, number>;
  errors?: Record<string, number>;
  messages_sent?: number;
  messages_received?: number;
  bytes_sent?: number;
  bytes_received?: number;
  session?: Times;
  round_trip?: Times;
  ping?: Times;
}

export interface SocketCounts {
  errors?: Record<string, number>;
  [count: string]: unknown;
}

export interface SeriesCounts {
  metric: string;
  kind: "counter" | "gauge" | "rate" | "trend";
  tags?: Record<string, string>;
  count: number;
  sum?: number;
  at?: number;
  last?: number;
  nonzero?: number;
  mean?: number;
  min?: number;
  max?: number;
  /** The greatest value of each bucket with how many values it has. */
  buckets?: [number, number][];
}

export interface Counts {
  transactions?: Outcomes;
  unsent?: Record<string, number>;
  by_name?: Record<string, NameCounts>;
  requests?: RequestCounts;
  websockets?: WebSocketCounts;
  sockets?: SocketCounts;
  iterations?: Outcomes;
  checks?: Record<string, { passed: number; failed: number }>;
  metrics?: SeriesCounts[];
  response?: Times;
  service?: Times;
  user_lag?: Times;
  generator_lag?: Times;
  loop_delay?: Times;
}

export interface HostMoment {
  name: string;
  share: number;
  present: boolean;
  left: boolean;
  users: number;
  per_second: number;
  cores: number;
  generator_lag_p99_ms: number | null;
  verdict: string;
}

export interface Frame {
  from: number;
  until: number;
  phase: string;
  users: number;
  under_way: number;
  goal_per_second: number | null;
  held_by: string | null;
  limit: string | null;
  cores: number | null;
  memory_mib: number | null;
  hosts: HostMoment[];
  warm_up?: Counts;
  measured?: Counts;
}

export interface Mark {
  at: number;
  kind: string;
  text: string;
}

export interface Header {
  schema: string;
  name: string;
  id: string;
  version: string;
  seed: string;
  scenario: string;
  /** Where there are several: a user's number, divided by how many they are, leaves its own. */
  scenarios?: { name: string; weight: number }[];
  file: string;
  file_hash: string;
  target: string | null;
  model: string;
  asked_per_second: number | null;
  grace_seconds: number;
  timeout_seconds: number;
  began_at: number;
  command: string[];
  warm_up_seconds: number;
  measured_seconds: number | null;
  thresholds: string[];
  objectives: string[];
  host: { name: string; cores: number; system: string };
}

/** A transaction that is worth a look of its own. */
export interface NotableRow {
  /** When it ended. */
  at: number;
  iteration: number;
  user: number;
  response_ms: number;
  service_ms: number;
  error: string | null;
  trace_id: string | null;
}

/** What of `--out json` the page shows; figures it reckons itself. */
export interface Report {
  measured: {
    by_name: Record<string, { notable?: { slowest: NotableRow[]; failures: NotableRow[] } }>;
  };
  run: { warm_up_seconds: number; measured_seconds: number };
  verdict: { stamp: string; evidence: { stamp: string; what: string; advice: string }[] };
  exit: { code: number; reason: string };
  confidence: {
    effective_samples: number;
    response_ms: Record<string, [number, number]>;
    at_least?: string[];
  } | null;
  thresholds: { rule: string; passed: boolean; found: string }[];
  control: {
    goal_per_second: number;
    objectives: { rule: string; means: string; limit_per_second: number; state: string }[];
  } | null;
  limits: { by: string; from_seconds: number; until_seconds: number | null; means: string }[];
  nodes: {
    name: string;
    share: number;
    started: number;
    verdict: string;
    generator_lag_p99_ms: number | null;
    cpu_seconds: number;
    times_lost: number;
    complete: boolean;
    unknown_least: number;
    unknown_most: number | null;
  }[];
  search: {
    end: string;
    held_per_second: number | null;
    broken_per_second: number | null;
    broken_by: string | null;
    trials: number;
  } | null;
  users: {
    created: number;
    most_at_once: number;
    trapped: number;
    traps: Record<string, number>;
    stopped?: number;
  };
  machine: { cores: number; cpu_seconds: number; resident_mib: number | null };
  requests_written: number;
}

export type Line =
  | { header: Header }
  | { frame: Frame }
  | { mark: Mark }
  | { end: { report: Report } };
