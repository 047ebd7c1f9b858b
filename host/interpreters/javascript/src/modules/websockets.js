// The module "k6/websockets": WebSockets as browsers have them, which call back.

import { native } from 'swell:core';
import { sources } from 'swell:prelude';
import { open, payload } from 'swell:sockets';

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];
const EVENTS = ['open', 'message', 'error', 'close', 'ping', 'pong'];

let sockets = [];
let connecting = [];

export class WebSocket {
  static CONNECTING = CONNECTING;
  static OPEN = OPEN;
  static CLOSING = CLOSING;
  static CLOSED = CLOSED;

  #number = -1;
  #state = CONNECTING;
  #handlers = {};
  #asked;
  protocol = '';
  extensions = '';
  bufferedAmount = 0;
  binaryType = 'arraybuffer';

  constructor(url, protocols = [], params = {}) {
    this.url = String(url);
    const { headers, tags, timeout } = params ?? {};
    this.#asked = { headers, protocols: protocols ?? [], timeout, name: tags?.name };
    connecting.push(() => this.#connect());
    if (!sources.includes(source)) sources.push(source);
    native.hasTimers();
  }

  get readyState() { return this.#state; }

  /** Its number for the host. */
  get number() { return this.#number; }

  addEventListener(event, handler) {
    if (!EVENTS.includes(event)) throw new TypeError(`a WebSocket has no event ${JSON.stringify(event)}; it has ${EVENTS.join(', ')}`);
    (this.#handlers[event] ??= []).push(handler);
  }

  removeEventListener(event, handler) {
    this.#handlers[event] = (this.#handlers[event] ?? []).filter((known) => known !== handler);
  }

  send(data) {
    if (this.#state === CONNECTING) throw new Error('the WebSocket is not open yet');
    if (this.#state !== OPEN) return;
    const failed = native.wsSend(this.#number, payload(data));
    if (failed) this.#fail(failed);
  }

  ping() {
    if (this.#state !== OPEN) return;
    const failed = native.wsPing(this.#number);
    if (failed) this.#fail(failed);
  }

  close(code = 1000, reason = '') {
    if (this.#state === CONNECTING) {
      this.#end(1006, '');
    } else if (this.#state === OPEN) {
      this.#state = CLOSING;
      // The service is waited for when the function has returned, as a browser does.
      connecting.push(() => {
        const failed = native.wsClose(this.#number, code, String(reason));
        if (failed) this.#tell('error', { error: failed });
        this.#end(code, String(reason));
      });
    }
  }

  /** Takes what has come. */
  take() {
    const [kind, data, reason] = native.wsReceive(this.#number, 0);
    if (kind === 'text' || kind === 'binary') this.#tell('message', { data });
    else if (kind === 'pong') this.#tell('pong', {});
    else if (kind === 'closed') this.#end(data, reason);
    else this.#fail(data);
  }

  #connect() {
    if (this.#state !== CONNECTING) return;
    const { number, error, subprotocol } = open(this.url, this.#asked);
    if (number < 0) {
      this.#tell('error', { error });
      this.#end(1006, '');
      return;
    }
    this.#number = number;
    this.#state = OPEN;
    this.protocol = subprotocol;
    sockets.push(this);
    this.#tell('open', {});
  }

  #fail(words) {
    this.#tell('error', { error: words });
    this.#end(1006, '');
  }

  #end(code, reason) {
    if (this.#state === CLOSED) return;
    if (this.#number >= 0) native.wsDrop(this.#number);
    this.#state = CLOSED;
    sockets = sockets.filter((socket) => socket !== this);
    this.#tell('close', { code, reason, wasClean: code !== 1006 });
  }

  #tell(type, values) {
    const event = { type, target: this, timestamp: native.now(), ...values };
    this[`on${type}`]?.(event);
    for (const handler of this.#handlers[type] ?? []) handler.call(this, event);
  }
}

const source = {
  isOpen: () => connecting.length > 0 || sockets.length > 0,
  /** Does what is next: of sockets, what comes within this time. Whether there was anything. */
  wait(milliseconds) {
    const next = connecting.shift();
    if (next !== undefined) {
      next();
      return true;
    }
    const open = sockets.filter((socket) => socket.readyState === OPEN);
    const place = native.wsReady(open.map((socket) => socket.number), milliseconds);
    if (place < 0) return false;
    open[place].take();
    return true;
  },
  /** Forgets what an iteration that was cut off has left. */
  clear() {
    sockets = [];
    connecting = [];
  },
};

export default { WebSocket };
