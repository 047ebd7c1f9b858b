// The module "k6/ws": a WebSocket in a function, which returns when it is closed.

import { native, settings } from 'swell:core';
import { open, payload } from 'swell:sockets';

class Socket {
  #number;
  #timers = [];
  #handlers = {};

  constructor(number) {
    this.#number = number;
  }

  on(event, handler) {
    (this.#handlers[event] ??= []).push(handler);
  }

  send(text) {
    this.#put(String(text));
  }

  sendBinary(buffer) {
    this.#put(payload(buffer));
  }

  ping() {
    if (this.#number < 0) return;
    const failed = native.wsPing(this.#number);
    if (failed) this.#fail(failed);
  }

  setTimeout(callback, time) {
    this.#later(callback, time, false);
  }

  setInterval(callback, time) {
    this.#later(callback, time, true);
  }

  close(code = 1000) {
    if (this.#number < 0) return;
    const number = this.#leave();
    const failed = native.wsClose(number, code, '');
    if (failed) this.#tell('error', failure(failed));
    this.#tell('close', code);
  }

  /** Calls handlers until it is closed. */
  run(body) {
    try {
      body(this);
      this.#tell('open');
      while (this.#number >= 0) this.#turn();
    } finally {
      if (this.#number >= 0) native.wsDrop(this.#leave());
    }
  }

  #turn() {
    let next;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    const wait = next === undefined ? Infinity : Math.max(0, next.at - native.now());
    if (native.wsReady([this.#number], wait) === 0) return this.#take();
    if (next === undefined) return;
    if (next.every > 0) next.at += next.every;
    else this.#timers = this.#timers.filter((timer) => timer !== next);
    next.callback();
  }

  #take() {
    const [kind, data, reason] = native.wsReceive(this.#number, 0);
    if (kind === 'text') this.#tell('message', data);
    else if (kind === 'binary') this.#tell('binaryMessage', data);
    else if (kind === 'pong') this.#tell('pong');
    else if (kind === 'closed') {
      native.wsDrop(this.#leave());
      // As in k6, a close that is no good end is an error, too.
      if (data !== 1000 && data !== 1001) this.#tell('error', failure(`websocket: close ${data} ${reason}`));
      this.#tell('close', data);
    } else this.#fail(data);
  }

  #put(data) {
    if (this.#number < 0) return;
    const failed = native.wsSend(this.#number, data);
    if (failed) this.#fail(failed);
  }

  #fail(words) {
    if (this.#number >= 0) native.wsDrop(this.#leave());
    this.#tell('error', failure(words));
    this.#tell('close', 1006);
  }

  #later(callback, time, every) {
    const delay = Number(time);
    if (typeof callback !== 'function' || !(delay > 0)) throw new TypeError('a timer needs a function and milliseconds above 0');
    this.#timers.push({ at: native.now() + delay, every: every ? delay : 0, callback });
  }

  #leave() {
    const number = this.#number;
    this.#number = -1;
    this.#timers = [];
    return number;
  }

  #tell(event, ...values) {
    for (const handler of this.#handlers[event] ?? []) handler(...values);
  }
}

const failure = (words) => ({ error: () => words, toString: () => words });

/** Opens a WebSocket, hands it to the function, and returns when it is closed. */
export function connect(url, params, body) {
  if (typeof params === 'function') [params, body] = [{}, params];
  if (typeof body !== 'function') throw new TypeError('ws.connect needs a function that takes the socket');
  const { headers, tags, timeout, compression } = params ?? {};
  if (compression) native.log(2, 'ws.connect: compression is not there; messages go as they are');
  const opened = open(url, { headers, timeout, name: tags?.name });
  const { number, status, error, body: text } = opened;
  const response = { url: String(url), status, headers: opened.headers, body: text, error: error ?? '' };
  if (number < 0) {
    if (settings.throw) throw new Error(error);
    native.log(2, `ws.connect ${url}: ${error}`);
    return response;
  }
  new Socket(number).run(body);
  return response;
}

export default { connect };
