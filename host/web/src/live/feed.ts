// Where this tab hears of a run: from the worker that all tabs share, or by a connection of its own
// where the browser has no such workers.

import { Stream, type Told } from "./stream";
import type { Asked } from "./worker";

export class Feed {
  private readonly port: MessagePort | null;
  private stream: Stream | null = null;
  /** Whoever asked before is told nothing more. */
  private tell: (told: Told) => void = () => {};

  constructor() {
    this.port = typeof SharedWorker === "undefined" ? null : new SharedWorker("/worker.js").port;
    if (!this.port) return;
    this.port.onmessage = ({ data }: MessageEvent<Told>) => this.tell(data);
    // A tab that is put away may come back as it was.
    addEventListener("pagehide", () => this.ask({ leave: true }));
  }

  /** Follows a run from an entry on, and no other. */
  follow(run: string, after: string | null, tell: (told: Told) => void) {
    this.tell = tell;
    if (this.port) {
      this.ask({ follow: run, after });
    } else {
      this.stream?.end();
      this.stream = new Stream(run, after, tell);
    }
  }

  /** Follows nothing. */
  leave() {
    this.tell = () => {};
    this.stream?.end();
    this.ask({ leave: true });
  }

  private ask(asked: Asked) {
    this.port?.postMessage(asked);
  }
}
