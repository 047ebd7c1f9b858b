// Everything that is told of a stretch of a run: of the measured part, or of what came before it
// where the stretch lies there altogether.

import { effectiveSamples, intervals } from "./confidence";
import { Distribution } from "./distribution";
import { REQUEST_SERVICE, WEBSOCKET_TIMES, type Part, type Run } from "./run";
import { seriesFigures, type Series, type SeriesFigures } from "./series";
import type { Tally } from "./tally";

/** Frames from one to before another. */
export interface Stretch {
  from: number;
  until: number;
}

export interface Outcomes {
  started: number;
  ok: number;
  failed: number;
  interrupted: number;
}

export interface NameFigures extends Outcomes {
  name: string;
  perSecond: number;
  response: Distribution;
  service: Distribution;
}

export interface Counted {
  name: string;
  count: number;
}

export interface Figures extends Outcomes {
  isWarmUp: boolean;
  /** What rates are by: the stretch as far as it lies in its part. */
  seconds: number;
  perSecond: number;
  unsent: Counted[];
  response: Distribution;
  service: Distribution;
  names: NameFigures[];
  failures: Counted[];
  lags: Lags;
}

/** How long starts waited, and by whose fault; and how late threads ran what was ready. */
export interface Lags {
  users: Distribution;
  generator: Distribution;
  loop: Distribution;
}

const NOTHING = new Distribution(0, new Float64Array(0));

/** All frames. */
export function wholeRun(run: Run): Stretch {
  return { from: 0, until: run.moments.length };
}

/** Seconds by which a time may be beside a frame's ends: addresses are rounded. */
const ROUNDED = 1e-3;

/** Finds the frames that lie in a time, at least one. */
export function framesIn(run: Run, [from, until]: readonly [number, number]): Stretch {
  const last = run.moments.length - 1;
  const found = run.moments.findIndex((moment) => moment.until > from + ROUNDED);
  const first = found < 0 ? last : found;
  const after = run.moments.findIndex((moment) => moment.from >= until - ROUNDED);
  return { from: first, until: Math.max(first + 1, after < 0 ? last + 1 : after) };
}

/** From when until when a stretch, or the whole run, is in seconds. */
export function windowOf(run: Run, stretch: Stretch | null): readonly [number, number] {
  const from = stretch?.from ?? 0;
  const until = stretch?.until ?? run.moments.length;
  return [run.moments[from].from, run.moments[until - 1].until];
}

/** What of a stretch is moved: one of its ends, or all of it. */
export type StretchPart = "from" | "until" | "both";

/** A stretch of which something was moved by some frames, as far as there are frames; one is always
 * left. */
export function movedBy(run: Run, of: Stretch, part: StretchPart, frames: number): Stretch {
  const { from, until } = of;
  const end = run.moments.length;
  const within = (frame: number, least: number, most: number) =>
    Math.min(Math.max(frame, least), most);
  if (part === "from") return { from: within(from + frames, 0, until - 1), until };
  if (part === "until") return { from, until: within(until + frames, from + 1, end) };
  const shift = within(frames, -from, end - until);
  return { from: from + shift, until: until + shift };
}

/** Which frame begins nearest to an instant; of the end of the run, the number of frames. */
export function frameNearest(run: Run, seconds: number): number {
  const found = run.moments.findIndex(({ from, until }) => (from + until) / 2 > seconds);
  return found < 0 ? run.moments.length : found;
}

/** The part that a stretch is told of. */
export function partOf(run: Run, stretch: Stretch): { part: Part; isWarmUp: boolean } {
  const end = run.moments[stretch.until - 1]?.until ?? 0;
  const isWarmUp = run.measuredFrom > 0 && end <= run.measuredFrom;
  return { part: isWarmUp ? run.warmUp : run.measured, isWarmUp };
}

/** The figures that lead. */
export function figuresOf(run: Run, { from, until }: Stretch): Figures {
  const { part, isWarmUp } = partOf(run, { from, until });
  const seconds = secondsOf(run, { from, until }, isWarmUp);
  const sum = (name: string) => part.times.get(name)?.sum(from, until) ?? NOTHING;
  const all = outcomes(part.counts.at("transactions"), { from, until });
  const names = [...part.names].map(([name, times]): NameFigures => {
    const of = outcomes(part.counts.at("by_name", name), { from, until });
    const sum = (key: string) => times.get(key)?.sum(from, until) ?? NOTHING;
    const perSecond = rate(of.ok + of.failed, seconds);
    return { name, ...of, perSecond, response: sum("response"), service: sum("service") };
  });
  return {
    ...all,
    isWarmUp,
    seconds,
    perSecond: rate(all.ok + all.failed, seconds),
    unsent: counted(part.counts.at("unsent"), { from, until }),
    response: sum("response"),
    service: sum("service"),
    names: names.filter((of) => of.started + of.ok + of.failed + of.interrupted > 0),
    failures: failures(part, { from, until }),
    lags: {
      users: sum("user_lag"),
      generator: sum("generator_lag"),
      loop: sum("loop_delay"),
    },
  };
}

export interface RequestFigures {
  ended: number;
  written: number;
  connections: number;
  reconnects: number;
  bodyBytes: number;
  statuses: Counted[];
  errors: Counted[];
  service: Distribution;
  phases: { name: string; times: Distribution }[];
}

/** What became of the requests. */
export function requestsOf(run: Run, { from, until }: Stretch): RequestFigures {
  const { part } = partOf(run, { from, until });
  const of = part.counts.at("requests");
  const sum = (name: string) => of.at(name).sum(from, until);
  return {
    ended: sum("ok") + sum("failed"),
    written: sum("written"),
    connections: sum("connections"),
    reconnects: sum("reconnects"),
    bodyBytes: sum("body_bytes"),
    statuses: counted(of.at("statuses"), { from, until }),
    errors: counted(of.at("errors"), { from, until }),
    service: part.times.get(REQUEST_SERVICE)?.sum(from, until) ?? NOTHING,
    phases: [...part.phases].map(([name, times]) => ({ name, times: times.sum(from, until) })),
  };
}

/** What became of WebSockets; nothing where there were none. */
export function webSocketsOf(run: Run, { from, until }: Stretch) {
  const { part } = partOf(run, { from, until });
  const of = part.counts.at("websockets");
  const sum = (name: string) => of.at(name).sum(from, until);
  const handshakes = of.at("handshakes");
  const [ok, failed] = ["ok", "failed"].map((name) => handshakes.at(name).sum(from, until));
  const ends = counted(of.at("ends"), { from, until });
  if (ok + failed + ends.length === 0) return null;
  const times = Object.entries(WEBSOCKET_TIMES).map(([name, key]) => (
    { name, times: part.times.get(key)?.sum(from, until) ?? NOTHING }
  ));
  return {
    opened: ok,
    failed,
    sent: sum("messages_sent"),
    received: sum("messages_received"),
    bytesSent: sum("bytes_sent"),
    bytesReceived: sum("bytes_received"),
    statuses: counted(handshakes.at("statuses"), { from, until }),
    unanswered: counted(handshakes.at("errors"), { from, until }),
    errors: counted(of.at("errors"), { from, until }),
    ends,
    times: times.filter(({ times }) => times.count > 0),
  };
}

export interface SocketFigures {
  connections: number;
  bytesSent: number;
  bytesReceived: number;
  datagramsSent: number;
  datagramsReceived: number;
  errors: Counted[];
}

/** What the scenario did over sockets of its own. */
export function socketsOf(run: Run, { from, until }: Stretch): SocketFigures {
  const of = partOf(run, { from, until }).part.counts.at("sockets");
  const sum = (name: string) => of.at(name).sum(from, until);
  return {
    connections: sum("connections"),
    bytesSent: sum("bytes_sent"),
    bytesReceived: sum("bytes_received"),
    datagramsSent: sum("datagrams_sent"),
    datagramsReceived: sum("datagrams_received"),
    errors: counted(of.at("errors"), { from, until }),
  };
}

/** Whether the run had any requests, or did anything over sockets. */
export function spoke(run: Run, by: "requests" | "sockets"): boolean {
  return [run.warmUp, run.measured].some((part) => part.counts.at(by).below.size > 0);
}

export interface CheckFigures {
  name: string;
  passed: number;
  failed: number;
}

/** What the scenario checked, and its own metrics. */
export function ownOf(run: Run, { from, until }: Stretch) {
  const { part } = partOf(run, { from, until });
  const checks = [...part.counts.at("checks").below].map(([name, of]): CheckFigures => ({
    name,
    passed: of.at("passed").sum(from, until),
    failed: of.at("failed").sum(from, until),
  }));
  const series = part.series.map((one): { series: Series; figures: SeriesFigures } => ({
    series: one,
    figures: seriesFigures(one, from, until),
  }));
  return {
    checks: checks.filter((check) => check.passed + check.failed > 0),
    series: series.filter(({ figures }) => figures.count > 0),
  };
}

/** Where percentiles of the response time lie to 95 %, in ns: of the whole run as the host says. */
export function surely(
  run: Run,
  stretch: Stretch,
  all: Distribution,
  percents: readonly number[],
): ([number, number] | null)[] {
  const { part } = partOf(run, stretch);
  const channel = part.times.get("response");
  if (!channel) return percents.map(() => null);
  const isWhole = stretch.from === 0 && stretch.until === run.moments.length;
  const told = isWhole ? run.report?.confidence?.effective_samples : undefined;
  const effective = told ?? effectiveSamples(channel, stretch.from, stretch.until, all);
  return effective === null ? percents.map(() => null) : intervals(all, percents, effective);
}

function secondsOf(run: Run, { from, until }: Stretch, isWarmUp: boolean): number {
  const [begin, end] = [run.moments[from]?.from ?? 0, run.moments[until - 1]?.until ?? 0];
  const [low, high] = isWarmUp ? [0, run.measuredFrom] : [run.measuredFrom, run.measuredUntil];
  const within = Math.min(end, high) - Math.max(begin, low);
  // After the measured part something may still end.
  return within > 0 ? within : end - begin;
}

function outcomes(of: Tally, { from, until }: Stretch): Outcomes {
  const sum = (name: string) => of.at(name).sum(from, until);
  return {
    started: sum("started"),
    ok: sum("ok"),
    failed: sum("failed"),
    interrupted: sum("interrupted"),
  };
}

/** Why transactions of any name failed, most frequent first. */
function failures(part: Part, { from, until }: Stretch): Counted[] {
  const causes = new Map<string, number>();
  for (const name of part.counts.at("by_name").below.values()) {
    for (const { name: cause, count } of counted(name.at("failures"), { from, until })) {
      causes.set(cause, (causes.get(cause) ?? 0) + count);
    }
  }
  return mostFirst([...causes].map(([name, count]) => ({ name, count })));
}

function counted(of: Tally, { from, until }: Stretch): Counted[] {
  const all = [...of.below].map(([name, count]) => ({ name, count: count.sum(from, until) }));
  return mostFirst(all.filter(({ count }) => count > 0));
}

const mostFirst = (all: Counted[]) => all.sort((one, other) => other.count - one.count);

function rate(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}
