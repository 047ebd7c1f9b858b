// HTTP's digest authentication (RFC 7616): who asks proves that it knows a password, and does not
// say it.

import { native } from 'swell:core';

const HASHES = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512_256' };

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const quoted = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** The parameters of each challenge of the kind in a header, which may have others as well. */
function challenges(header) {
  const parameter = /^\s*,?\s*([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/;
  return header.split(/\bdigest\s+/i).slice(1).map((rest) => {
    const found = {};
    for (let match = parameter.exec(rest); match; match = parameter.exec(rest)) {
      found[match[1].toLowerCase()] = match[2]?.replace(/\\(.)/g, '$1') ?? match[3];
      rest = rest.slice(match[0].length);
    }
    return found;
  });
}

/** The value of `Authorization` that answers a challenge; undefined if there is none that it could
 * answer. */
export function answerTo(header, { user, password, method, uri }) {
  for (const { realm = '', nonce, algorithm = 'MD5', qop, opaque } of challenges(header)) {
    const [name, session] = /^(.*?)(-sess)?$/i.exec(algorithm).slice(1);
    const hash = HASHES[name.toLowerCase()];
    const offered = qop?.toLowerCase().split(',').map((word) => word.trim());
    if (hash === undefined || nonce === undefined || (offered && !offered.includes('auth'))) continue;
    const hashed = (...words) => hex(native.digest(hash, words.join(':')));
    const cnonce = Array.from({ length: 4 }, () => Math.floor(Math.random() * 65536).toString(16).padStart(4, '0')).join('');
    let secret = hashed(user, realm, password);
    if (session) secret = hashed(secret, nonce, cnonce);
    const asked = hashed(method, uri);
    const response = offered
      ? hashed(secret, nonce, '00000001', cnonce, 'auth', asked)
      : hashed(secret, nonce, asked);
    const fields = [`username=${quoted(user)}`, `realm=${quoted(realm)}`, `nonce=${quoted(nonce)}`, `uri=${quoted(uri)}`,
      `response="${response}"`, `algorithm=${algorithm}`];
    if (offered) fields.push('qop=auth', 'nc=00000001');
    if (offered || session) fields.push(`cnonce="${cnonce}"`);
    if (opaque !== undefined) fields.push(`opaque=${quoted(opaque)}`);
    return `Digest ${fields.join(', ')}`;
  }
  return undefined;
}
