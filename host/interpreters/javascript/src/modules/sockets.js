// What the modules of WebSockets share: how one is opened, and in which words.

import { at, flat, milliseconds, native, settings, transaction } from 'swell:core';

/** Opens a WebSocket: as a transaction of this name, or one that the host names where there is no other. */
export function open(url, { headers = {}, protocols = [], timeout = 0, name } = {}) {
  const given = { ...headers };
  const named = (header) => Object.keys(given).some((key) => key.toLowerCase() === header);
  if (settings.userAgent !== undefined && !named('user-agent')) given['User-Agent'] = settings.userAgent;
  const connect = () => {
    const [number, status, error, pairs, subprotocol, body] = native.wsConnect(String(url), flat(given),
      [protocols].flat().map(String), milliseconds(timeout));
    const received = {};
    for (let i = 0; i < pairs.length; i += 2) received[pairs[i]] = pairs[i + 1];
    return { number, status, error, headers: received, subprotocol: subprotocol ?? '', body: body ?? '' };
  };
  const whole = name ?? (at.group === '' || at.open.length > 0 ? undefined : `connect ${path(String(url))}`);
  if (whole === undefined) return connect();
  return transaction(at.group === '' ? whole : `${at.group}: ${whole}`, connect);
}

const path = (url) => url.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '') || '/';

/** What is sent: a text, or the whole of a buffer. */
export function payload(data) {
  if (typeof data === 'string' || data instanceof ArrayBuffer) return data;
  if (ArrayBuffer.isView(data)) return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  throw new TypeError('a WebSocket sends texts, ArrayBuffers and views of them');
}
