// Counts by name over a whole run, so that the sum of any stretch is a difference of two numbers.

/** A tree of counts as JSON has them: a number for each frame, or more by name below. */
export class Tally {
  readonly below = new Map<string, Tally>();
  private readonly frames: number[] = [];
  /** Sums of all frames before each, as far as they are known. */
  private readonly before = [0];

  /** Adds what a frame counted: a number, or an object of such. */
  add(frame: number, counted: unknown) {
    if (typeof counted === "number") {
      while (this.frames.length <= frame) this.frames.push(0);
      this.frames[frame] += counted;
      this.before.length = Math.min(this.before.length, frame + 1);
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
    const { before, frames } = this;
    for (let at = before.length - 1; at < frames.length; at++) before.push(before[at] + frames[at]);
    const last = frames.length;
    return before[Math.min(until, last)] - before[Math.min(from, last)];
  }
}

const NOTHING = new Tally();
