// What the host finds of two runs, asked for again while either goes on: it alone reckons how sure
// a difference is, as `host compare` does, and it takes a moment for that.

import type { Comparison } from "../record/comparison";
import { comparison, Refused, type RunPlace } from "./api";

/** How long the host is left alone between two questions. It answers seldom enough itself. */
const PAUSE_MS = 5_000;

export class Findings {
  found: Comparison | null = null;
  /** Whether that is of both runs to their ends. */
  isLast = false;
  /** Why there is nothing, or nothing new. */
  amiss: string | null = null;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private isEnded = false;

  /** Those of B against A. */
  constructor(
    private readonly a: RunPlace,
    private readonly b: RunPlace,
    private readonly goesOn: () => boolean,
    private readonly change: () => void,
  ) {
    void this.ask();
  }

  end() {
    this.isEnded = true;
    clearTimeout(this.waiting);
  }

  private ask = async () => {
    const isOver = !this.goesOn();
    try {
      // Nobody looks at a tab that is hidden.
      if (!document.hidden) {
        this.found = await comparison(this.a, this.b);
        this.amiss = null;
        this.isLast = isOver;
      }
    } catch (error) {
      // One that is busy with others is asked again.
      const isFinal = error instanceof Refused && error.status !== 503;
      this.amiss = isFinal ? error.message : null;
    }
    if (this.isEnded) return;
    this.change();
    if (!this.isLast) this.waiting = setTimeout(this.ask, PAUSE_MS);
  };
}
