// Counts by name over a whole run, so that the sum of any stretch is a difference of two numbers.

/** A tree of counts as JSON has them: a number for each frame, or more by name below. */
export class Tally {
  readonly below = new Map<string, Tally>();
  private readonly frames: number[] = [];
  private before: Float64Array | null = null;

  /** Adds what a frame counted: a number, or an object of such. */
  add(frame: number, counted: unknown) {
    if (typeof counted === "number") {
      this.frames[frame] = (this.frames[frame] ?? 0) + counted;
    } else if (counted && typeof counted === "object") {
      for (const [name, of] of Object.entries(counted)) this.child(name).add(frame, of);
    }
  }

  child(name: string): Tally {
    const known = this.below.get(name);
    if (known) return known;
    const made = new Tally();
    this.below.set(name, made);
    return made;
  }

  /** What stands under these names; an empty one where nothing does. */
  at(...path: string[]): Tally {
    return path.reduce<Tally>((of, name) => of.below.get(name) ?? NOTHING, this);
  }

  /** The sum of the frames from one to before another. */
  sum(from: number, until: number): number {
    if (this.frames.length === 0) return 0;
    if (!this.before) {
      this.before = new Float64Array(this.frames.length + 1);
      for (let at = 0; at < this.frames.length; at++) {
        this.before[at + 1] = this.before[at] + (this.frames[at] ?? 0);
      }
    }
    const last = this.before.length - 1;
    return this.before[Math.min(until, last)] - this.before[Math.min(from, last)];
  }
}

const NOTHING = new Tally();
