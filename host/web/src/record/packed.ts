// Histograms as the host packs them for a page (`host/outputs/src/html/packed.rs`): two texts, by
// how much the number of each bucket is more than that before, and how many samples each has. A
// number is in digits of five bits in the alphabet of base64, the lowest first; 32 is added to each
// but its last. They are kept so, and read when they are added up: as lists of numbers they would
// take three times as much memory, and longer to be put there than to be read.

export type Packed = readonly [steps: string, counts: string];

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DIGITS = new Uint8Array(128);
[...ALPHABET].forEach((digit, value) => (DIGITS[digit.charCodeAt(0)] = value));

/** The greatest number of a text; what is more takes several places. */
const MAX = 2 ** 32 - 1;

/** Reads a packed histogram, a bucket at a time. */
export class Buckets {
  bucket = 0;
  count = 0;
  private atStep = 0;
  private atCount = 0;

  constructor(private readonly steps: string, private readonly counts: string) {}

  /** Goes to the next bucket, if there is one; the same may come again. */
  next(): boolean {
    const { steps, counts } = this;
    let at = this.atStep;
    if (at >= steps.length) return false;
    let digit = DIGITS[steps.charCodeAt(at++)];
    let number = digit & 31;
    for (let shift = 5; digit > 31; shift += 5) {
      digit = DIGITS[steps.charCodeAt(at++)];
      number |= (digit & 31) << shift;
    }
    this.bucket += number;
    this.atStep = at;
    at = this.atCount;
    digit = DIGITS[counts.charCodeAt(at++)];
    number = digit & 31;
    for (let shift = 5; digit > 31; shift += 5) {
      digit = DIGITS[counts.charCodeAt(at++)];
      number |= (digit & 31) << shift;
    }
    this.count = number >>> 0;
    this.atCount = at;
    return true;
  }
}

/** Packs buckets as a record has them in lines. */
export function pack(pairs: readonly (readonly [number, number])[]): Packed {
  let [steps, counts] = ["", ""];
  let before = 0;
  for (const [bucket, count] of pairs) {
    for (let rest = count; rest > 0; rest -= MAX) {
      steps += digits(bucket - before);
      counts += digits(Math.min(rest, MAX));
      before = bucket;
    }
  }
  return [steps, counts];
}

function digits(number: number): string {
  let text = "";
  for (let rest = number; ; rest = Math.floor(rest / 32)) {
    if (rest < 32) return text + ALPHABET[rest];
    text += ALPHABET[32 + (rest % 32)];
  }
}
