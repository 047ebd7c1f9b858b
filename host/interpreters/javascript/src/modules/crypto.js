// The module "k6/crypto".

import { base64, native, whole } from 'swell:core';

const HASHES = ['md4', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512_224', 'sha512_256', 'ripemd160'];

function known(algorithm) {
  if (HASHES.includes(algorithm)) return algorithm;
  throw new TypeError(`the hash ${JSON.stringify(algorithm)} is none of ${HASHES.join(', ')}`);
}

/** Bytes in the encoding that is asked for. */
function encoded(buffer, encoding) {
  switch (encoding) {
    case 'hex': return hexEncode(buffer);
    case 'base64': return base64(buffer);
    case 'base64url': return base64(buffer).replaceAll('+', '-').replaceAll('/', '_');
    case 'base64rawurl': return encoded(buffer, 'base64url').replace(/=+$/, '');
    case 'binary': return buffer;
    default:
      throw new TypeError(`the encoding ${JSON.stringify(encoding)} is none of hex, base64, base64url, base64rawurl, binary`);
  }
}

/** What a hash is made of, piece by piece. */
class Hasher {
  #algorithm;
  #key;
  #pieces = [];

  constructor(algorithm, key) {
    this.#algorithm = known(algorithm);
    this.#key = key === undefined ? undefined : whole(key);
  }

  update(data) {
    const piece = whole(data);
    this.#pieces.push(typeof piece === 'string' ? native.encode(piece) : piece);
  }

  /** The hash of all so far, as text in hexadecimal or in base64, or with "binary" as a buffer. */
  digest(encoding) {
    return encoded(native.digest(this.#algorithm, this.#all(), this.#key), encoding);
  }

  #all() {
    if (this.#pieces.length === 1) return this.#pieces[0];
    const all = new Uint8Array(this.#pieces.reduce((length, piece) => length + piece.byteLength, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(new Uint8Array(piece), at);
      at += piece.byteLength;
    }
    this.#pieces = [all.buffer];
    return all.buffer;
  }
}

export const createHash = (algorithm) => new Hasher(algorithm);

export function createHMAC(algorithm, secret) {
  return new Hasher(algorithm, secret ?? '');
}

export const hmac = (algorithm, secret, data, encoding) =>
  encoded(native.digest(known(algorithm), whole(data), whole(secret)), encoding);

const hash = (algorithm) => (data, encoding) => encoded(native.digest(algorithm, whole(data)), encoding);

export const md4 = hash('md4');
export const md5 = hash('md5');
export const sha1 = hash('sha1');
export const sha256 = hash('sha256');
export const sha384 = hash('sha384');
export const sha512 = hash('sha512');
export const sha512_224 = hash('sha512_224');
export const sha512_256 = hash('sha512_256');
export const ripemd160 = hash('ripemd160');

export function hexEncode(data) {
  const bytes = whole(data);
  let text = '';
  for (const byte of new Uint8Array(typeof bytes === 'string' ? native.encode(bytes) : bytes)) {
    text += byte.toString(16).padStart(2, '0');
  }
  return text;
}

/** Bytes that repeat with the run's seed, as Math.random does: they keep nothing secret. */
export function randomBytes(length) {
  if (!Number.isInteger(length) || length < 1) throw new TypeError(`${length} is no number of bytes`);
  return crypto.getRandomValues(new Uint8Array(length)).buffer;
}

export default {
  createHash, createHMAC, hexEncode, hmac, md4, md5, randomBytes, ripemd160, sha1, sha256, sha384, sha512,
  sha512_224, sha512_256,
};
