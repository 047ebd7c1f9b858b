// Numbers as the host packs them for a page (`host/outputs/src/html/packed.rs`): digits of five
// bits in the alphabet of base64, the lowest first; 32 is added to each but a number's last.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DIGITS = new Uint8Array(128);
[...ALPHABET].forEach((digit, value) => (DIGITS[digit.charCodeAt(0)] = value));

/** Puts the numbers of a text into a list from a place on, and says where the next one would go. */
export function unpack(text: string, to: Uint32Array, at: number): number {
  let [value, shift] = [0, 0];
  for (let index = 0; index < text.length; index++) {
    const digit = DIGITS[text.charCodeAt(index)];
    value |= (digit & 31) << shift;
    if (digit < 32) {
      to[at++] = value;
      value = shift = 0;
    } else {
      shift += 5;
    }
  }
  return at;
}
