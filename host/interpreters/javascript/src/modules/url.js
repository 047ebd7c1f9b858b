// What scripts import from https://jslib.k6.io/url/: URLs taken apart and put together.

const encoded = (text) => encodeURIComponent(text).replace(/%20/g, '+').replace(/[!'()~]/g, (letter) =>
  `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
const decoded = (text) => {
  const spaced = text.replace(/\+/g, ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
};

export class URLSearchParams {
  #pairs = [];

  constructor(init = '') {
    if (typeof init === 'string') {
      for (const word of init.replace(/^\?/, '').split('&').filter((word) => word !== '')) {
        const [name, ...value] = word.split('=');
        this.append(decoded(name), decoded(value.join('=')));
      }
    } else if (typeof init[Symbol.iterator] === 'function') {
      for (const [name, value] of init) this.append(name, value);
    } else {
      for (const name in init) this.append(name, init[name]);
    }
  }

  append(name, value) { this.#pairs.push([String(name), String(value)]); }
  delete(name) { this.#pairs = this.#pairs.filter(([known]) => known !== name); }
  get(name) { return this.#pairs.find(([known]) => known === name)?.[1] ?? null; }
  getAll(name) { return this.#pairs.filter(([known]) => known === name).map(([, value]) => value); }
  has(name) { return this.#pairs.some(([known]) => known === name); }

  set(name, value) {
    const place = this.#pairs.findIndex(([known]) => known === name);
    if (place < 0) return this.append(name, value);
    this.#pairs[place][1] = String(value);
    this.#pairs = this.#pairs.filter(([known], i) => known !== name || i <= place);
  }

  sort() { this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); }
  forEach(see) { this.#pairs.forEach(([name, value]) => see(value, name, this)); }
  keys() { return this.#pairs.map(([name]) => name).values(); }
  values() { return this.#pairs.map(([, value]) => value).values(); }
  entries() { return this.#pairs.map((pair) => [...pair]).values(); }
  [Symbol.iterator]() { return this.entries(); }
  toString() { return this.#pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&'); }
}

const WHOLE = /^([a-z][a-z0-9+.-]*:)\/\/(?:([^@/?#:]*)(?::([^@/?#]*))?@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?([^?#]*)(\?[^#]*)?(#.*)?$/i;
const PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443' };

export class URL {
  constructor(address, base) {
    const text = String(address).trim();
    const isWhole = WHOLE.exec(text);
    if (!isWhole && base === undefined) throw new TypeError(`${JSON.stringify(text)} is no absolute URL`);
    const found = isWhole ?? WHOLE.exec(joined(new URL(base), text));
    const [, protocol, username = '', password = '', hostname, port = '', path, search = '', hash = ''] = found;
    this.protocol = protocol.toLowerCase();
    this.username = username;
    this.password = password;
    this.hostname = hostname.toLowerCase();
    this.port = port === PORTS[this.protocol] ? '' : port;
    this.pathname = plain(path);
    this.hash = hash === '#' ? '' : hash;
    this.searchParams = new URLSearchParams(search);
  }

  get search() {
    const text = this.searchParams.toString();
    return text === '' ? '' : `?${text}`;
  }

  set search(text) { this.searchParams = new URLSearchParams(String(text)); }
  get host() { return this.port === '' ? this.hostname : `${this.hostname}:${this.port}`; }
  get origin() { return `${this.protocol}//${this.host}`; }

  get href() {
    const secret = this.password === '' ? '' : `:${this.password}`;
    const user = this.username === '' && secret === '' ? '' : `${this.username}${secret}@`;
    return `${this.protocol}//${user}${this.host}${this.pathname}${this.search}${this.hash}`;
  }

  toString() { return this.href; }
  toJSON() { return this.href; }
}

/** A link on a page of this address. */
function joined(base, link) {
  if (link.startsWith('//')) return `${base.protocol}${link}`;
  if (link.startsWith('/')) return `${base.origin}${link}`;
  if (link.startsWith('?')) return `${base.origin}${base.pathname}${link}`;
  if (link === '' || link.startsWith('#')) return `${base.origin}${base.pathname}${base.search}${link}`;
  return `${base.origin}${base.pathname.replace(/[^/]*$/, '')}${link}`;
}

/** A path without "." and "..". */
function plain(path) {
  const parts = [];
  const words = path.split('/').slice(1);
  words.forEach((word, i) => {
    const isLast = i === words.length - 1;
    if (word === '..') parts.pop();
    if (word !== '..' && word !== '.') parts.push(word);
    else if (isLast) parts.push('');
  });
  return `/${parts.join('/')}`;
}

export default { URL, URLSearchParams };
