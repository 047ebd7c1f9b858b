// A run's record as it grows: entries that come by a stream, and what the stream has left out.
//
// Every entry has a number. The next one is taken as it comes; where some are missing, as after a
// lost connection, they are read from the host, which gives either those or, where it has joined
// what this page has a part of, the whole record anew. So nothing is lost or counted twice,
// whichever way it comes. A record that has grown too long is read anew as well: the host has
// joined its old frames meanwhile, so a page that stays open for a day stays small.

import { RunBuilder, type Run } from "../record/run";

/** What the host has said of a record: its lines, and the number of the last. */
export interface Answer {
  lines: AsyncIterable<string>;
  last: string | null;
}

/** Reads what came after an entry, or all. */
export type Read = (after: string | null) => Promise<Answer>;

/** Beyond these the record is read anew: the host keeps 3,600 frames of a run. */
const MAX_FRAMES = 4_500;
const MAX_CHARACTERS = 48 << 20;

/** How long lines are read before the browser may do other things. */
const SLICE_MS = 40;

export class LiveRecord {
  /** The entry that was taken last. */
  seen: string | null = null;
  private builder = new RunBuilder();
  private hasHeader = false;
  /** What came since the record was read whole. */
  private characters = 0;
  private reading: Promise<void> | null = null;
  /** What came while the record was read. */
  private waiting: [id: string, line: string][] = [];

  constructor(private readonly read: Read) {}

  /** The run so far; nothing before it begins. */
  run(): Run | null {
    return this.hasHeader ? this.builder.done() : null;
  }

  /** Takes an entry of the stream; says whether all before it are here as well. */
  take(id: string, line: string): boolean {
    if (this.reading) {
      this.waiting.push([id, line]);
      return true;
    }
    return this.takeNext(id, line);
  }

  private takeNext(id: string, line: string): boolean {
    const [run, number] = parts(id);
    const [ownRun, ownNumber] = parts(this.seen);
    if (run !== ownRun || number > ownNumber + 1) return false;
    if (number <= ownNumber) return true;
    this.add(line);
    this.seen = id;
    return true;
  }

  /** Whether the run's last entry is here: nothing comes any more, whether its host goes or stays. */
  get isOver(): boolean {
    return this.builder.isOver;
  }

  /** Whether it is better read anew. */
  get isLong(): boolean {
    return this.builder.frames > MAX_FRAMES || this.characters > MAX_CHARACTERS;
  }

  /** Reads what is missing. */
  catchUp(): Promise<void> {
    return this.readAll(() => this.seen);
  }

  /** Reads everything anew. */
  renew(): Promise<void> {
    return this.readAll(() => null);
  }

  private readAll(after: () => string | null): Promise<void> {
    this.reading ??= (async () => {
      try {
        await this.readOnce(after());
        while (!this.takeWaiting()) await this.readOnce(this.seen);
      } finally {
        // The host may have gone while it was read, and what it said before that counts.
        this.takeWaiting();
        this.reading = null;
      }
    })();
    return this.reading;
  }

  /** Takes what came meanwhile; says whether all before it are here as well. */
  private takeWaiting(): boolean {
    const waiting = this.waiting;
    this.waiting = [];
    return waiting.every(([id, line]) => this.takeNext(id, line));
  }

  private async readOnce(after: string | null) {
    const { lines, last } = await this.read(after);
    let began = performance.now();
    let builder: RunBuilder | null = null;
    const missing: string[] = [];
    for await (const line of lines) {
      // The page shows what it has until the other is whole.
      if (line.startsWith('{"header"')) builder = new RunBuilder();
      if (builder) builder.add(line);
      else missing.push(line);
      if (performance.now() - began > SLICE_MS) {
        await new Promise((done) => setTimeout(done));
        began = performance.now();
      }
    }
    if (builder) {
      this.builder = builder;
      this.hasHeader = true;
      this.characters = 0;
    }
    // Not before all have come: else they would come again.
    for (const line of missing) this.add(line);
    if (last !== null) this.seen = last;
  }

  private add(line: string) {
    this.builder.add(line);
    this.characters += line.length;
    this.hasHeader ||= line.startsWith('{"header"');
  }
}

/** The run of an entry, and its number. */
function parts(id: string | null): [string, number] {
  const dot = id?.lastIndexOf(".") ?? -1;
  return id === null || dot < 0 ? ["", 0] : [id.slice(0, dot), Number(id.slice(dot + 1))];
}
