// A run as the page knows it: its record's lines, put together so that any stretch is soon summed.

import { Channel } from "./channel";
import type {
  Counts, Frame, Header, Line, Mark, Report, SeriesCounts, Times, WebSocketCounts,
} from "./lines";
import { seriesKey, type Series } from "./series";
import { Tally } from "./tally";

/** The times of all transactions together, by their keys in a frame. */
const TIMES = ["response", "service", "user_lag", "generator_lag", "loop_delay"] as const;

/** The requests' times stand among those of transactions, under this name. */
export const REQUEST_SERVICE = "requests.service";

/** And those of WebSockets under these, in the order in which they are shown. */
export const WEBSOCKET_TIMES = {
  "connect": "websockets.connect",
  "connecting": "websockets.connecting",
  "tls": "websockets.tls",
  "handshake": "websockets.waiting",
  "round trip": "websockets.round_trip",
  "ping": "websockets.ping",
  "session": "websockets.session",
} as const;

/** What was counted in one part of the run: before the measured part, or in it. */
export class Part {
  readonly counts = new Tally();
  readonly times = new Map<string, Channel>();
  /** Times of the transactions of each name. */
  readonly names = new Map<string, Map<string, Channel>>();
  readonly phases = new Map<string, Channel>();
  readonly series: Series[] = [];
  private readonly seriesByKey = new Map<string, Series>();

  /** Adds what a frame counted; frames come in order, and some may be left out. */
  add(frame: number, of: Counts) {
    const {
      transactions, unsent, iterations, checks, by_name, requests, websockets, sockets, metrics,
    } = of;
    this.counts.add(frame, { transactions, unsent, iterations, checks, sockets });
    for (const key of TIMES) addTimes(this.times, key, frame, of[key]);
    for (const [name, { response, service, ...counts }] of Object.entries(by_name ?? {})) {
      this.counts.child("by_name").child(name).add(frame, counts);
      const times = this.names.get(name) ?? new Map<string, Channel>();
      this.names.set(name, times);
      addTimes(times, "response", frame, response);
      addTimes(times, "service", frame, service);
    }
    const { service, phases, ...counts } = requests ?? {};
    this.counts.child("requests").add(frame, counts);
    addTimes(this.times, REQUEST_SERVICE, frame, service);
    for (const [name, times] of Object.entries(phases ?? {})) {
      addTimes(this.phases, name, frame, times);
    }
    if (websockets) this.addWebSockets(frame, websockets);
    for (const one of metrics ?? []) this.seriesOf(one).frames.push({ frame, of: one });
  }

  private addWebSockets(frame: number, of: WebSocketCounts) {
    const { handshakes, session, round_trip, ping, ...counts } = of;
    const { service, phases, ...opened } = handshakes ?? {};
    const all = this.counts.child("websockets");
    all.add(frame, counts);
    all.child("handshakes").add(frame, opened);
    const times = { ...phases, connect: service, session, round_trip, ping };
    for (const [name, of] of Object.entries(times)) {
      addTimes(this.times, `websockets.${name}`, frame, of);
    }
  }

  private seriesOf(one: SeriesCounts): Series {
    const key = seriesKey(one);
    const known = this.seriesByKey.get(key);
    if (known) return known;
    const { metric, kind, tags } = one;
    const made = { metric, kind, tags: Object.entries(tags ?? {}), frames: [] };
    this.seriesByKey.set(key, made);
    this.series.push(made);
    return made;
  }
}

function addTimes(
  to: Map<string, Channel>,
  key: string,
  frame: number,
  times: Times | undefined,
) {
  if (!times) return;
  const channel = to.get(key) ?? new Channel();
  to.set(key, channel);
  channel.add(frame, times);
}

/** A frame without what it counted. */
export type Moment = Omit<Frame, "warm_up" | "measured">;

/** What a time axis is made of: frames, and which of them are measured. */
export interface Axis {
  moments: readonly { from: number; until: number }[];
  /** When the measured part begins and ends, in seconds since the run's first instant. */
  measuredFrom: number;
  measuredUntil: number;
}

export interface Run extends Axis {
  header: Header;
  /** How long the warm-up took, or is to take at most. */
  warmUpSeconds: number;
  moments: Moment[];
  marks: Mark[];
  /** Nothing where the record was cut short. */
  report: Report | null;
  warmUp: Part;
  measured: Part;
}

/** The seed as it is written: it may be greater than a number of JavaScript can be exactly. */
const exactSeed = (header: string) => /"seed":(\d+)/.exec(header)?.[1] ?? "unknown";

/** Takes a record's lines as they come. The run may be asked for at any time. */
export class RunBuilder {
  private header: Header | null = null;
  private report: Report | null = null;
  private readonly moments: Moment[] = [];
  private readonly marks: Mark[] = [];
  private readonly warmUp = new Part();
  private readonly measured = new Part();

  /** How many frames there are. */
  get frames(): number {
    return this.moments.length;
  }

  /** Whether the end is here. */
  get isOver(): boolean {
    return this.report !== null;
  }

  /** Adds a line; one of a kind that a later release may have is passed over. */
  add(text: string) {
    const line = JSON.parse(text) as Line;
    if ("header" in line) this.header = { ...line.header, seed: exactSeed(text) };
    else if ("mark" in line) this.marks.push(line.mark);
    else if ("end" in line) this.report = line.end.report;
    else if ("frame" in line) {
      const { warm_up, measured, ...moment } = line.frame;
      const frame = this.moments.push(moment) - 1;
      if (warm_up) this.warmUp.add(frame, warm_up);
      if (measured) this.measured.add(frame, measured);
    }
  }

  /** The run so far, or an error where the lines are not those of a record. It shares its frames
   * with this builder: after more lines it is to be asked for anew. */
  done(): Run {
    const { header, report, moments, marks, warmUp, measured } = this;
    if (!header) throw new Error("the record has no header");
    const [major] = String(header.schema).split(".").slice(-1);
    if (!major.startsWith("record/")) throw new Error(`${header.schema} is no record of a run`);
    const end = moments.at(-1)?.until ?? 0;
    const over = marks.find((mark) => mark.kind === "warm-up-over")?.at;
    const warmUpSeconds = report?.run.warm_up_seconds ?? over ?? header.warm_up_seconds;
    const length = report?.run.measured_seconds ?? header.measured_seconds ?? Infinity;
    return {
      header,
      warmUpSeconds,
      moments,
      marks: marks.toSorted((one, other) => one.at - other.at),
      report,
      warmUp,
      measured,
      measuredFrom: Math.min(warmUpSeconds, end),
      measuredUntil: Math.min(warmUpSeconds + length, Math.max(end, warmUpSeconds)),
    };
  }
}
