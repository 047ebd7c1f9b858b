// The run that is laid beside the one that is shown: its record, and what the host finds of both.

import type { RunPlace } from "./api";
import { isEarlier, recordOf } from "./beside";
import { Findings } from "./findings";
import type { LiveRecord } from "./record";

export class BesideRun {
  readonly record: LiveRecord;
  readonly findings: Findings;
  /** Why there is nothing of its record. */
  amiss: string | null = null;

  /** A run beside the one at another place, which says itself whether it goes on. */
  constructor(
    readonly place: RunPlace,
    shown: RunPlace,
    shownGoesOn: () => boolean,
    private readonly change: () => void,
  ) {
    this.record = recordOf(place);
    const goesOn = () => shownGoesOn() || this.goesOn;
    this.findings = new Findings(place, shown, goesOn, change);
    void this.read(this.record.catchUp());
  }

  /** Whether more of it is to come. */
  get goesOn(): boolean {
    return !isEarlier(this.place) && !this.record.isOver;
  }

  /** Reads what is new: no stream tells it. */
  follow() {
    if (isEarlier(this.place)) return;
    if (this.record.isLong) void this.read(this.record.renew());
    else if (!this.record.isOver) void this.read(this.record.catchUp());
  }

  end() {
    this.findings.end();
  }

  private async read(reading: Promise<void>) {
    try {
      await reading;
      this.amiss = null;
    } catch (error) {
      // What is here stays, whatever becomes of the host.
      const words = error instanceof Error ? error.message : String(error);
      this.amiss = this.record.run() === null ? words : null;
    }
    this.change();
  }
}
