// A run as the page knows it: its record's lines, put together so that any stretch is soon summed.

import { Channel, ChannelBuilder } from "./channel";
import type { Counts, Frame, Header, Line, Mark, Report, Times } from "./lines";
import { seriesKey, type Series } from "./series";
import { Tally } from "./tally";

/** What was counted in one part of the run: before the measured part, or in it. */
export interface Part {
  counts: Tally;
  times: Map<string, Channel>;
  /** Times of the transactions of each name. */
  names: Map<string, Map<string, Channel>>;
  phases: Map<string, Channel>;
  series: Series[];
}

/** A frame without what it counted. */
export type Moment = Omit<Frame, "warm_up" | "measured">;

export interface Run {
  header: Header;
  moments: Moment[];
  marks: Mark[];
  /** Nothing where the record was cut short. */
  report: Report | null;
  warmUp: Part;
  measured: Part;
  /** When the measured part begins and ends, in seconds since the run's first instant. */
  measuredFrom: number;
  measuredUntil: number;
}

/** The times of all transactions together, by their keys in a frame. */
const TIMES = ["response", "service", "user_lag", "generator_lag", "loop_delay"] as const;

/** The requests' times stand among those of transactions, under this name. */
export const REQUEST_SERVICE = "requests.service";

class PartBuilder {
  private readonly counts = new Tally();
  private readonly times = new Map<string, ChannelBuilder>();
  private readonly names = new Map<string, Map<string, ChannelBuilder>>();
  private readonly phases = new Map<string, ChannelBuilder>();
  private readonly series = new Map<string, Series>();

  add(frame: number, of: Counts) {
    const { transactions, unsent, iterations, checks, by_name, requests, metrics } = of;
    this.counts.add(frame, { transactions, unsent, iterations, checks });
    for (const key of TIMES) addTimes(this.times, key, frame, of[key]);
    for (const [name, { response, service, ...counts }] of Object.entries(by_name ?? {})) {
      this.counts.child("by_name").child(name).add(frame, counts);
      const times = this.names.get(name) ?? new Map<string, ChannelBuilder>();
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
    for (const one of metrics ?? []) {
      const key = seriesKey(one);
      const { metric, kind } = one;
      const known = this.series.get(key) ??
        { metric, kind, tags: Object.entries(one.tags ?? {}), frames: [] };
      known.frames.push({ frame, of: one });
      this.series.set(key, known);
    }
  }

  done(frames: number): Part {
    const done = (builders: Map<string, ChannelBuilder>) =>
      new Map([...builders].map(([name, builder]) => [name, builder.done(frames)]));
    return {
      counts: this.counts,
      times: done(this.times),
      names: new Map([...this.names].map(([name, times]) => [name, done(times)])),
      phases: done(this.phases),
      series: [...this.series.values()],
    };
  }
}

function addTimes(
  to: Map<string, ChannelBuilder>,
  key: string,
  frame: number,
  times: Times | undefined,
) {
  if (!times) return;
  const builder = to.get(key) ?? new ChannelBuilder();
  to.set(key, builder);
  builder.add(frame, times);
}

/** The seed as it is written: it may be greater than a number of JavaScript can be exactly. */
const exactSeed = (header: string) => /"seed":(\d+)/.exec(header)?.[1] ?? "unknown";

/** Takes a record's lines as they come. */
export class RunBuilder {
  private header: Header | null = null;
  private report: Report | null = null;
  private readonly moments: Moment[] = [];
  private readonly marks: Mark[] = [];
  private readonly warmUp = new PartBuilder();
  private readonly measured = new PartBuilder();

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

  /** The run, or an error where the lines are not those of a record. */
  done(): Run {
    const { header, report, moments, marks } = this;
    if (!header) throw new Error("the record has no header");
    const [major] = String(header.schema).split(".").slice(-1);
    if (!major.startsWith("record/")) throw new Error(`${header.schema} is no record of a run`);
    const end = moments.at(-1)?.until ?? 0;
    const over = marks.find((mark) => mark.kind === "warm-up-over")?.at;
    const measuredFrom = report?.run.warm_up_seconds ?? over ?? header.warm_up_seconds;
    const length = report?.run.measured_seconds ?? header.measured_seconds ?? Infinity;
    return {
      header,
      moments,
      marks: marks.sort((one, other) => one.at - other.at),
      report,
      warmUp: this.warmUp.done(moments.length),
      measured: this.measured.done(moments.length),
      measuredFrom: Math.min(measuredFrom, end),
      measuredUntil: Math.min(measuredFrom + length, Math.max(end, measuredFrom)),
    };
  }
}
