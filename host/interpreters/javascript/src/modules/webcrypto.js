// The global `crypto`.

import { native, whole } from 'swell:core';

const HASHES = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };

const subtle = {
  async digest(algorithm, data) {
    const name = String(algorithm?.name ?? algorithm).toUpperCase();
    if (!(name in HASHES)) throw new TypeError(`the hash ${name} is none of ${Object.keys(HASHES).join(', ')}`);
    return native.digest(HASHES[name], whole(data));
  },
};

const crypto = {
  /** Bytes that repeat with the run's seed, as Math.random does: they keep nothing secret. */
  getRandomValues(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.random() * 256;
    return array;
  },

  randomUUID() {
    const bytes = this.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },

  subtle: new Proxy(subtle, {
    get(target, name) {
      if (name in target || typeof name === 'symbol') return target[name];
      throw new TypeError(`crypto.subtle.${name} is not there; digest is, and createHMAC of k6/crypto`);
    },
  }),
};

Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true, writable: true });
