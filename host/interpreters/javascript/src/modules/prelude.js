// What a script finds without an import, as k6 has it.

import { native } from 'swell:core';

function shown(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === 'object' && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      return String(value);
    }
  }
  return String(value);
}

const line = (level) => (...values) => native.log(level, values.map(shown).join(' '));

globalThis.console = { debug: line(0), log: line(1), info: line(1), warn: line(2), error: line(3) };

let own = Object.create(null);

/** Variables of a scenario's own, before those of the command line. */
export function setVariables(variables) {
  own = Object.assign(Object.create(null), variables);
}

const variable = (name) => {
  if (typeof name !== 'string') return undefined;
  return name in own ? String(own[name]) : (native.variable(name) ?? undefined);
};

globalThis.__ENV = new Proxy({}, { get: (_, name) => variable(name), has: (_, name) => variable(name) !== undefined });

// At the top level, where there is no user yet, k6 has 0 and nothing.
Object.defineProperty(globalThis, '__VU', { get: () => (native.isLoading() ? 0 : native.user() + 1) });

/** What runs: the scenario's name, and this user's number of the iteration, as k6 counts them. */
export const running = { scenario: '', executor: '', iteration: 0, options: undefined };
Object.defineProperty(globalThis, '__ITER', { get: () => running.iteration });

globalThis.open = (path, mode) => native.open(String(path), mode === 'b');

// The same numbers in each run of one seed. The top level has none yet, and takes others.
Math.random = native.random;

/** Timers that have not run out. */
export let timers = [];
let last = 0;

function later(callback, delay, every, values) {
  if (typeof callback !== 'function') throw new TypeError('a timer needs a function');
  const time = Math.max(0, Number(delay) || 0);
  const timer = { id: ++last, at: native.now() + time, every: every ? Math.max(1, time) : 0, callback, values };
  timers.push(timer);
  native.hasTimers();
  return timer.id;
}

globalThis.setTimeout = (callback, delay, ...values) => later(callback, delay, false, values);
globalThis.setInterval = (callback, delay, ...values) => later(callback, delay, true, values);
globalThis.clearTimeout = (id) => { timers = timers.filter((timer) => timer.id !== id); };
globalThis.clearInterval = globalThis.clearTimeout;
globalThis.queueMicrotask ??= (callback) => { Promise.resolve().then(callback); };

/** What else calls back in this iteration, as soon as it has something that may: each says whether it has anything
 * open, and waits for that. An iteration without any touches nothing of them. */
export const sources = [];

/** Waits for the next timer and calls it, or for what comes before it; whether there is any of it. */
export function turn() {
  const source = sources.find((each) => each.isOpen());
  if (timers.length === 0) {
    source?.wait(Infinity);
    return source !== undefined;
  }
  let next = timers[0];
  for (const timer of timers) if (timer.at < next.at) next = timer;
  const wait = next.at - native.now();
  if (wait > 0) {
    if (source?.wait(wait)) return true;
    if (source === undefined) native.sleep(wait / 1e3);
  }
  if (next.every) next.at += next.every;
  else timers = timers.filter((timer) => timer !== next);
  next.callback(...next.values);
  return true;
}

/** Forgets what an iteration that was cut off has left. */
export function clearTimers() {
  timers = [];
  while (sources.length > 0) sources.pop().clear();
}

globalThis.TextEncoder = class TextEncoder {
  get encoding() { return 'utf-8'; }
  encode(text = '') { return new Uint8Array(native.encode(String(text))); }
};

globalThis.TextDecoder = class TextDecoder {
  constructor(label = 'utf-8') {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`TextDecoder knows utf-8, and not ${label}`);
  }
  get encoding() { return 'utf-8'; }
  decode(bytes) {
    if (bytes === undefined) return '';
    if (!ArrayBuffer.isView(bytes)) return native.decode(bytes);
    return native.decode(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }
};
