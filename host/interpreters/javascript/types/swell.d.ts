// The types of the module "swell", for editors. `host schema types > swell.d.ts` writes this file.
// The types of k6's modules: npm install --save-dev @types/k6

declare module 'swell' {
  /**
   * Runs a function as a transaction: what the host paces, times and counts. Requests in it are its
   * parts. One that fails, or whatever the function throws, makes it a failed one. Of an `async`
   * function it ends when the promise does.
   */
  export function transaction<T>(name: string, body: () => T): T;

  /** Counts a check, which fails nothing by itself; whether it has passed. */
  export function check(name: string, passed: unknown): boolean;

  /** Throws an error with this message unless the condition holds. */
  export function ensure(condition: unknown, message?: string): asserts condition;

  /** Waits this many seconds; of two numbers, any time between them. */
  export function think(seconds: number, most?: number): void;

  /** Calls one of several functions, each as often as its weight says: `choose([7, look], [1, buy])`. */
  export function choose<T>(...branches: [weight: number, body: () => T][]): T;

  /** Any of the elements, by the run's own randomness; nothing of an empty array. */
  export function pick<T>(array: readonly T[]): T | undefined;

  /** A row: columns, each with its value. JSON that is no text is given as it is written in the file. */
  export type Row = Record<string, string>;

  /** Ways to take a row of a feed. */
  export interface Feed {
    /** Row i for iteration i, beginning anew after the last one. */
    sequential(): Row;
    /** Any row, another each time. */
    random(): Row;
    /** Row i for iteration i, each at most once: where there are no more the run ends. */
    unique(): Row;
    /** Row u for user u: a user keeps its row. */
    byUser(): Row;
    /** How many rows there are. */
    size(): number;
  }

  /** The feed that was given with `--data NAME=FILE`. */
  export function feed(name: string): Feed;

  /** What a streamed request is, beside its URL. */
  export interface StreamParams {
    /** GET, where nothing else is said. */
    method?: string;
    headers?: Record<string, string | number>;
    body?: string | ArrayBuffer | ArrayBufferView;
    /** The most that it may take in all, as "30s" or milliseconds; without it, as long as it lasts. */
    timeout?: string | number;
    /** How many redirects to follow. */
    redirects?: number;
    /** Statuses that are a success, instead of 200 to 399. */
    expect?: number | { min: number; max: number } | (number | { min: number; max: number })[];
  }

  /** A server-sent event. */
  export interface StreamEvent {
    /** Its type: "message" where the service names none. */
    kind: string;
    data: string;
    /** The last id that was given, by this event or one before it. */
    id: string;
    /** After how many milliseconds to connect again, where the service has just said so. */
    retry?: number;
    /** When it came: milliseconds after the request had been sent. */
    after: number;
  }

  /**
   * An answer that is read while it comes, in events or in chunks. Each call waits for what comes
   * next, and throws when the answer breaks off, or nothing comes in time. It ends with the
   * transaction in which it was opened.
   */
  export interface Stream {
    readonly status: number;
    /** By their names in lower case. */
    readonly headers: Record<string, string>;
    /** Where the answer came from. */
    readonly url: string;
    /** Waits for at most so long each time, as "5s" or milliseconds; else for what --timeout says. */
    waitAtMost(time: string | number): void;
    /** The next event; null at the end. */
    event(): StreamEvent | null;
    /** All events to the end. */
    events(): Generator<StreamEvent, void>;
    /** The next bytes; null at the end. */
    chunk(): ArrayBuffer | null;
    /** All chunks to the end. */
    chunks(): Generator<ArrayBuffer, void>;
    /** Reads to the end, and keeps nothing; how many bytes there were. */
    discard(): number;
    /** Ends it, if it is not over: whether it was read to its end, bytes of its body, milliseconds from its head to its end. */
    end(): { complete: boolean; bodySize: number; receiving: number };
  }

  /** Sends a request and returns with the head of its answer, whose body is read as it comes. */
  export function stream(url: string, params?: StreamParams): Stream;

  /** An open WebSocket; it closes at the end of its iteration. */
  export interface Connection {
    /** The subprotocol that the service chose; empty without one. */
    readonly subprotocol: string;
    /** The headers of the answer to the handshake. */
    readonly headers: Record<string, string>;
    /** Sends a text, or bytes. */
    send(message: string | ArrayBuffer | ArrayBufferView): void;
    /** The next message, within the run's `--timeout` or so many seconds. That the service has closed is an error. */
    receive(seconds?: number): string | ArrayBuffer;
    /** Sends a message and waits for the first that comes after it: a round trip. */
    exchange(message: string | ArrayBuffer | ArrayBufferView, seconds?: number): string | ArrayBuffer;
    /** Whether a message, or the end, comes within so many seconds. */
    isReadyWithin(seconds: number): boolean;
    /** Sends a ping; the host measures how long its pong takes. */
    ping(): void;
    /** Closes it, and waits until the service has answered. */
    close(code?: number, reason?: string): void;
  }

  /** WebSockets that wait, one thing after the other; those that call back are in `k6/ws` and `k6/websockets`. */
  export const websocket: {
    /** Opens one: at `ws://…`, `wss://…`, or a path of the run's target. */
    connect(url: string, params?: {
      headers?: Record<string, string>;
      protocols?: string | string[];
      timeout?: number | string;
      /** The name of the transaction that it is. */
      name?: string;
    }): Connection;
  };

  /** This user's number, from 0. */
  export function user(): number;
  /** The number of this iteration in the run, from 0. */
  export function iteration(): number;
  /** The run's identity, the same for every user. */
  export function runId(): string;
  /** Ends the run early, with exit code 108 and this reason: what is under way may finish. */
  export function stopRun(reason: string): void;
  /** The same as a failure, with exit code 110. */
  export function failRun(reason: string): void;
  /**
   * Ends this user when the present iteration has ended. Where the number of users is fixed nobody
   * takes its place, and with the last of them the run ends.
   */
  export function stopUser(reason: string): void;

  /** Settings of a run by the names of the flags of `host run`, as `{ tps: 500, latency: 'p95=200ms' }`. */
  export type Settings = Record<string, string | number | boolean | (string | number)[]>;

  /** `export const options`: what k6 has, and settings of the host. */
  export interface Options {
    settings?: Settings;
    scenarios?: Record<string, { exec?: string; settings?: Settings; [option: string]: unknown }>;
    [option: string]: unknown;
  }

  /** Milliseconds; nothing where there were too few samples. */
  export interface Times {
    p50?: number;
    p90?: number;
    p95?: number;
    p99?: number;
    p999?: number;
  }

  /** What the measured part of a run came to. Transactions are the outermost ones. */
  export interface Stats {
    /** Whether the figures may be believed. */
    stamp: 'valid' | 'suspect' | 'invalid';
    /** Length of the measured part. */
    seconds: number;
    started: number;
    ok: number;
    failed: number;
    /** Cut off before they ended. */
    interrupted: number;
    /** Starts that were due and given up. */
    unsent: number;
    /** Failed of those that ended by themselves, as a part of one; nothing where none did. */
    errorRate?: number;
    /** Starts a second that were to be at the end; nothing where users were fixed. */
    goalTps?: number;
    /** Completed a second, well or not. */
    actualTps: number;
    /** Transactions under way, on average. */
    concurrency: number;
    /** Virtual users, at most at once. */
    users: number;
    /** End minus intended start. */
    response: Times;
    /** End minus actual start. */
    service: Times;
    /** What kept the rate below the goal at the end. */
    tpsLimited?: string;
  }

  /** A run that goes on, or is over. */
  export interface Run {
    /** Waits for its end. */
    wait(): Stats;
    /** Gives it another goal, in starts a second. */
    setTps(tps: number): void;
    /** Has it end as if its time were over. */
    stop(): void;
  }

  /** Runs of this file's scenarios. `export function conduct()` alone may begin any. */
  export const runs: {
    /** Begins one; `name` among the settings is the name under which it is reported. */
    start(scenario: string, settings?: Settings): Run;
  };
}
