// Answers that are read while they come: `stream` of the module "swell".

import { flat, milliseconds, native, settings, whole } from 'swell:core';

/** The statuses that are a success, as pairs of the first and the last one. */
const ranges = (expect) => [expect].flat().flatMap((status) => (typeof status === 'number' ? [status, status] : [status.min, status.max]));

class Stream {
  #number;

  #wait = 0;

  constructor([number, status, headers, url], asked) {
    this.#number = number;
    this.status = status;
    this.url = url ?? asked;
    this.headers = {};
    for (const line of headers?.split('\n') ?? []) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1);
      this.headers[name] = name in this.headers ? `${this.headers[name]}, ${value}` : value;
    }
  }

  waitAtMost(time) {
    this.#wait = milliseconds(time);
  }

  event() {
    const read = native.readEvent(this.#number, this.#wait);
    if (read === undefined || read === null) return null;
    const [kind, data, id, retry, after] = read;
    return { kind, data, id, retry: retry ?? undefined, after };
  }

  chunk() {
    return native.readChunk(this.#number, this.#wait) ?? null;
  }

  * events() {
    for (let event = this.event(); event !== null; event = this.event()) yield event;
  }

  * chunks() {
    for (let chunk = this.chunk(); chunk !== null; chunk = this.chunk()) yield chunk;
  }

  discard() {
    return native.discardStream(this.#number, this.#wait);
  }

  end() {
    const [complete, bodySize, receiving] = native.endStream(this.#number);
    return { complete, bodySize, receiving };
  }
}

/** Sends a request and returns with the head of its answer, whose body is read as it comes. */
export function stream(url, { method = 'GET', headers, body, timeout, redirects, expect } = {}) {
  let sent = headers;
  if (settings.userAgent !== undefined) sent = { 'User-Agent': settings.userAgent, ...sent };
  const address = String(url);
  return new Stream(native.openStream([
    String(method).toUpperCase(),
    address,
    sent && flat(sent),
    body === undefined || body === null ? undefined : whole(body),
    0,
    redirects ?? settings.maxRedirects,
    timeout === undefined ? 0 : milliseconds(timeout),
    expect === undefined ? undefined : ranges(expect),
  ]), address);
}
