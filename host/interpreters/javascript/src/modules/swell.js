// The module "swell": what k6 has not, under the names that it has in the Rust SDK. Its types are
// in types/swell.d.ts.

import { at, begin, hooks, native, settingsOf } from 'swell:core';
import { open, payload } from 'swell:sockets';

export { stream } from 'swell:stream';

const words = (error) => String(error?.message ?? error);

/** Runs a function as a transaction: what is paced, timed and counted. Of one that is asynchronous
 * it ends when its promise does. What it throws makes it a failed one. */
export function transaction(name, body) {
  const whole = at.group === '' ? String(name) : `${at.group}: ${name}`;
  if (typeof body !== 'function') throw new TypeError(`the transaction ${whole} needs a function`);
  if (at.open.includes(whole)) throw new Error(`the transaction ${whole} is open already`);
  begin(whole);
  at.open.push(whole);
  const end = (reason) => {
    const last = at.open.at(-1);
    if (last !== whole) throw new Error(`the transaction ${whole} would end before ${last}, which began in it`);
    at.open.pop();
    native.finish(reason);
  };
  const fail = (error) => {
    end(words(error));
    throw error;
  };
  let result;
  try {
    result = body();
  } catch (error) {
    fail(error);
  }
  if (typeof result?.then === 'function') {
    return result.then((value) => {
      end();
      return value;
    }, fail);
  }
  end();
  return result;
}

/** Counts a check; whether it has passed. */
export function check(name, passed) {
  native.check(String(name), Boolean(passed));
  hooks.check?.(String(name), Boolean(passed));
  return Boolean(passed);
}

/** Throws an error with this message unless the condition holds. */
export function ensure(condition, message) {
  if (!condition) throw new Error(message === undefined ? 'what was to be ensured does not hold' : String(message));
}

/** Waits this many seconds, or any time between two numbers of them, as a person who reads. */
export function think(least, most = least) {
  if (!(least >= 0) || !(most >= least) || most === Infinity) {
    throw new TypeError(`think(${least}, ${most}): it takes seconds, and the lesser number first`);
  }
  native.sleep(least + (most - least) * Math.random());
}

/** Calls one of several functions, each as often as its weight says: `choose([7, look], [1, buy])`. */
export function choose(...branches) {
  const total = branches.reduce((sum, [weight]) => sum + weight, 0);
  if (!(total > 0) || branches.some(([weight]) => !(weight >= 0))) {
    throw new TypeError('choose takes pairs of a weight and a function, as [7, look], [1, buy]');
  }
  let drawn = Math.random() * total;
  for (const [weight, body] of branches) {
    drawn -= weight;
    if (drawn < 0) return body();
  }
  return branches.at(-1)[1]();
}

/** Any of an array's elements. */
export const pick = (array) => array[Math.floor(Math.random() * array.length)];

const [SEQUENTIAL, RANDOM, UNIQUE, USER] = [0, 1, 2, 3];

/** Rows of the file that was given with --data NAME=FILE. */
export function feed(name) {
  const row = (how) => {
    const pairs = native.row(String(name), how);
    const columns = {};
    for (let i = 0; i < pairs.length; i += 2) columns[pairs[i]] = pairs[i + 1];
    return columns;
  };
  return {
    sequential: () => row(SEQUENTIAL),
    random: () => row(RANDOM),
    unique: () => row(UNIQUE),
    byUser: () => row(USER),
    size: () => native.rows(String(name)),
  };
}

/** This user's number, from 0. */
export const user = () => native.user();

/** The number of this iteration, from 0. */
export const iteration = () => native.iteration();

/** The run's identity. */
export const runId = () => native.runId();

/** Ends the run early: exit code 108. */
export const stopRun = (reason) => native.stopRun(String(reason));

/** Ends the run early, as a failure: exit code 110. */
export const failRun = (reason) => native.failRun(String(reason));

/** Ends this user when its iteration has ended. */
export const stopUser = (reason) => native.stopUser(String(reason));

class Connection {
  #number;

  constructor(number, subprotocol, headers) {
    this.#number = number;
    this.subprotocol = subprotocol;
    this.headers = headers;
  }

  send(message) {
    said(native.wsSend(this.#number, payload(message)));
  }

  receive(seconds = 0) {
    for (;;) {
      const [kind, data, reason] = native.wsReceive(this.#number, seconds * 1e3);
      if (kind === 'text' || kind === 'binary') return data;
      if (kind === 'closed') throw new Error(`the connection was closed with ${data}${reason === '' ? '' : `: ${reason}`}`);
      if (kind === 'error') throw new Error(data);
    }
  }

  exchange(message, seconds = 0) {
    const [kind, data] = native.wsExchange(this.#number, payload(message), seconds * 1e3);
    if (kind === 'error') throw new Error(data);
    return data;
  }

  isReadyWithin(seconds) {
    return native.wsReady([this.#number], seconds * 1e3) === 0;
  }

  ping() {
    said(native.wsPing(this.#number));
  }

  close(code = 1000, reason = '') {
    said(native.wsClose(this.#number, code, String(reason)));
  }
}

const said = (failed) => {
  if (failed) throw new Error(failed);
};

/** WebSockets that wait, one thing after the other. */
export const websocket = {
  connect(url, params = {}) {
    const { number, error, subprotocol, headers } = open(url, params);
    if (number < 0) throw new Error(error);
    return new Connection(number, subprotocol, headers);
  },
};

class Run {
  #number;

  constructor(number) {
    this.#number = number;
  }

  wait() {
    return native.waitForRun(this.#number);
  }

  setTps(tps) {
    native.setTps(this.#number, Number(tps));
  }

  stop() {
    native.stopOneRun(this.#number);
  }
}

/** Runs of this file's scenarios, which `conduct` begins. */
export const runs = {
  start: (scenario, settings = {}) => new Run(native.startRun(String(scenario), settingsOf(settings, 'true').flat())),
};
