// What a run tells, as it comes: one connection, which is made again whenever it was lost.
//
// A browser that loses the connection connects again by itself, and says which entry came last. It
// gives up where the host answers that it cannot now; then this asks again, less and less often.

/** What comes of a stream. */
export type Told =
  | { kind: "entry"; id: string; line: string }
  | { kind: "connected" }
  | { kind: "lost" }
  | { kind: "over" };

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;

export class Stream {
  private source: EventSource | null = null;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;
  private isEnded = false;

  /** Follows a run from an entry on. */
  constructor(
    private readonly run: string,
    private after: string | null,
    private readonly tell: (told: Told) => void,
  ) {
    this.connect();
  }

  end() {
    this.isEnded = true;
    clearTimeout(this.waiting);
    this.source?.close();
  }

  private connect() {
    const after = this.after === null ? "" : `?after=${encodeURIComponent(this.after)}`;
    const source = new EventSource(`/v1/runs/${encodeURIComponent(this.run)}/stream${after}`);
    this.source = source;
    source.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.tell({ kind: "connected" });
    };
    source.onmessage = ({ lastEventId, data }) => {
      this.after = lastEventId;
      this.tell({ kind: "entry", id: lastEventId, line: data as string });
    };
    source.addEventListener("over", () => {
      this.end();
      this.tell({ kind: "over" });
    });
    source.onerror = () => {
      this.tell({ kind: "lost" });
      if (source.readyState !== EventSource.CLOSED || this.isEnded) return;
      this.waiting = setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    };
  }
}
