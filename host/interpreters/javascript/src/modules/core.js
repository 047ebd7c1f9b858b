// What the other modules share: the contract's functions, transactions, and what `options` says.

export const native = globalThis.__swell;
delete globalThis.__swell;

/** What `options` says of requests and iterations. */
export const settings = { maxRedirects: 10, discardResponseBodies: false, userAgent: undefined, throw: false,
  noCookiesReset: false, minIterationDuration: 0 };

/** Where the iteration is: in which group, and in which transactions of the script's own. And which tags all that it
 * records has, if any. */
export const at = { group: '', open: [], tags: undefined };

/** What is called with each request, check, value and iteration where a threshold wants to know. */
export const hooks = {};

/** The script's own metrics, each with its kind. */
export const kinds = new Map();

// A thousand and first name ends a user, so names that never end share one.
const MOST = 900;
const numbers = new Map();

/** The number of the kind of transactions with this name. */
export function kind(name) {
  let number = numbers.get(name);
  if (number === undefined) {
    if (numbers.size >= MOST && name !== 'other') return kind('other');
    number = native.define(cut(name) || '-');
    numbers.set(name, number);
  }
  return number;
}

/** The first 128 bytes of a name. */
export function cut(name) {
  while (name.length > 42 && native.encode(name).byteLength > 128) name = name.slice(0, -1);
  return name;
}

/** Opens a transaction. */
export const begin = (name) => native.begin(kind(name));

/** Runs a function as a transaction; what it throws makes it a failed one. */
export function transaction(name, body) {
  begin(name);
  let result;
  try {
    result = body();
  } catch (error) {
    native.finish(String(error?.message ?? error));
    throw error;
  }
  native.finish(undefined);
  return result;
}

/** Pairs of an object's names and values, as the contract's functions take them. */
export function flat(object) {
  const words = [];
  for (const name in object) words.push(name, String(object[name]));
  return words;
}

/** Settings of `host run` as pairs of a name and a value, of an object with the names of flags; of
 * a flag that has no value and is true, the value is `on`. */
export function settingsOf(object, on = '') {
  return Object.entries(object).flatMap(([name, given]) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const values = [given].flat().filter((value) => value !== false);
    return values.map((value) => [flag, value === true ? on : String(value)]);
  });
}

const UNITS = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** Milliseconds of a duration as k6 writes it: a number of them, or "1m30s". */
export function milliseconds(value) {
  if (typeof value === 'number') return value;
  const text = String(value).trim();
  if (/^[0-9.]+$/.test(text)) return Number(text);
  let total = 0;
  const rest = text.replace(/([0-9.]+)(ns|us|µs|ms|s|m|h|d)/g, (_, number, unit) => {
    total += Number(number) * UNITS[unit];
    return '';
  });
  if (rest !== '' || text === '' || Number.isNaN(total)) {
    throw new TypeError(`${JSON.stringify(value)} is no duration, as "30s" or "1m30s"`);
  }
  return total;
}

/** Bytes as the contract's functions take them: text, or a whole buffer. */
export function whole(input) {
  if (!ArrayBuffer.isView(input)) return input instanceof ArrayBuffer ? input : String(input);
  return input.buffer.slice(input.byteOffset, input.byteOffset + input.byteLength);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes in base64. */
export function base64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    text += DIGITS[a >> 2] + DIGITS[((a & 3) << 4) | (b >> 4)];
    text += b === undefined ? '=' : DIGITS[((b & 15) << 2) | (c >> 6)];
    text += c === undefined ? '=' : DIGITS[c & 63];
  }
  return text;
}
