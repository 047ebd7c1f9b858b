// The module "k6/http".
//
// A request is a transaction, which the host names by method and path. It gets a name here where
// the script gives one, or stands in a group.

import { answerTo } from 'swell:digest';
import { at, base64, flat, hooks, kind, milliseconds, native, settings, transaction, whole } from 'swell:core';

// Where an answer, which is an array, says whether it has cookies, and keeps the request.
const HAS_COOKIES = 12;
const ASKED = 13;

// What a response has as the contract's function gave it, and what was made of it when it was asked
// for, as most scripts ask for little: each property of a response costs its part of a request, and
// private fields cost a call more.
const ANSWER = Symbol('answer');
const MADE = Symbol('made');

/** An answer, or why there is none: then its status is 0. */
export class Response {
  constructor(asked, answer) {
    answer[ASKED] = asked;
    this[ANSWER] = answer;
    this.status = answer[0];
    this.body = answer[1];
  }

  get error() {
    return this[ANSWER][3] ?? '';
  }

  get error_code() {
    return this[ANSWER][4] || (this.status >= 400 ? 1000 + this.status : 0);
  }

  get url() {
    return this[ANSWER][5] ?? this[ANSWER][ASKED][1];
  }

  get status_text() {
    return `${this.status}`;
  }

  /** What was sent; names of headers as they were given, each with a list of its values. */
  get request() {
    return once(this, 'request', () => {
      const [method, url, words = [], body = ''] = this[ANSWER][ASKED];
      const headers = {};
      for (let i = 0; i < words.length; i += 2) (headers[words[i]] ??= []).push(words[i + 1]);
      return { method, url, headers, body };
    });
  }

  /** Names as k6 writes them, "Content-Type"; values of one name with commas between. */
  get headers() {
    return once(this, 'headers', () => {
      const headers = {};
      for (const [name, value] of fields(headerLines(this))) {
        const known = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
        headers[known] = known in headers ? `${headers[known]}, ${value}` : value;
      }
      return headers;
    });
  }

  get cookies() {
    return once(this, 'cookies', () => {
      const cookies = {};
      for (const cookie of cookiesOf(headerLines(this))) (cookies[cookie.name] ??= []).push(cookie);
      return cookies;
    });
  }

  /** Milliseconds, as the host has measured them. */
  get timings() {
    const [blocked = 0, connecting = 0, tls_handshaking = 0, sending = 0, waiting = 0, receiving = 0] =
      this[ANSWER].slice(6);
    const duration = sending + waiting + receiving;
    return { blocked, looking_up: 0, connecting, tls_handshaking, sending, waiting, receiving, duration };
  }

  /** The body as JSON, or the part of it that a path as "items.0.name" or "items.#.name" means. */
  json(path) {
    const json = once(this, 'json', () => {
      if (this.body === null) throw new Error('the response has no body that was kept');
      return JSON.parse(typeof this.body === 'string' ? this.body : native.decode(this.body));
    });
    return path === undefined ? json : part(json, path.replace(/\[(\d+)\]/g, '.$1').split('.'));
  }

  /** The page, or what a selector finds in it. */
  html(selector) {
    const page = once(this, 'html', () => parsePage(this.body ?? ''));
    return selector === undefined ? page : page.find(selector);
  }

  /** Sends a form of the page, as a browser does whose user has filled in these fields. */
  submitForm({ formSelector = 'form', fields = {}, submitSelector = '[type="submit"]', params } = {}) {
    const form = this.html(formSelector).first();
    if (form.size() === 0) throw new Error(`the page has no form that ${JSON.stringify(formSelector)} finds`);
    const method = form.attr('method', 'get').toUpperCase();
    const values = form.serializeObject();
    const submit = form.find(submitSelector).first();
    if (submit.attr('name') !== undefined) values[submit.attr('name')] = submit.val();
    Object.assign(values, fields);
    const link = resolved(this.url, form.attr('action', ''));
    if (method !== 'GET') return request(method, link, values, params);
    return request('GET', `${link.replace(/[?#].*/, '')}?${encoded(values)[0]}`, null, params);
  }

  /** Follows a link of the page. */
  clickLink({ selector = 'a[href]', params } = {}) {
    const href = this.html(selector).first().attr('href');
    if (href === undefined) throw new Error(`the page has no link that ${JSON.stringify(selector)} finds`);
    return request('GET', resolved(this.url, href), null, params);
  }

  toJSON() {
    const { status, status_text, url, headers, cookies, body, timings, error, error_code, request } = this;
    return { status, status_text, url, headers, cookies, body, timings, error, error_code, request };
  }
}

// The engine knows how objects are laid out as long as there is one with that layout, and finds it out anew after that.
// So one stays for each step in which a response is made, and of what requests are often given.
const LAID_OUT = [[], [ANSWER], [ANSWER, 'status'], [ANSWER, 'status', 'body']].map((names) => {
  const one = Object.create(Response.prototype);
  for (const name of names) one[name] = null;
  return one;
});
LAID_OUT.push({ tags: null }, { name: null }, { headers: null }, { headers: null, tags: null });

function once(response, name, make) {
  const made = (response[MADE] ??= {});
  if (!(name in made)) made[name] = make();
  return made[name];
}

function headerLines(response) {
  const lines = response[ANSWER][2];
  if (lines !== null) return lines;
  throw new Error('the headers of responses are not kept, as nothing in the files of this script names them: write ' +
    '"headers" into one, as a comment');
}

// The host does not say these. A check must not pass because nothing equals nothing.
for (const name of ['ocsp', 'proto', 'remote_ip', 'remote_port', 'tls_cipher_suite', 'tls_version']) {
  Object.defineProperty(Response.prototype, name, {
    get() { throw new TypeError(`${name} of a response is not there`); },
  });
}

function parsePage(body) {
  return hooks.parseHTML(typeof body === 'string' ? body : native.decode(body));
}

/** Where a link of a page leads. */
function resolved(base, link) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return link;
  const [, origin = '', rest] = /^(https?:\/\/[^/?#]*)?(.*)$/i.exec(base);
  if (link.startsWith('//')) return `${origin.replace(/\/\/.*/, '') || 'http:'}${link}`;
  const path = rest.replace(/[?#].*/, '') || '/';
  const plain = link.replace(/#.*/, '');
  if (plain === '') return `${origin}${rest.replace(/#.*/, '') || '/'}`;
  if (plain.startsWith('?')) return `${origin}${path}${plain}`;
  const [, way, query] = /^([^?]*)(.*)$/.exec(plain);
  const parts = way.startsWith('/') ? [] : path.split('/').slice(1, -1);
  const words = way.replace(/^\//, '').split('/');
  words.forEach((word, i) => {
    if (word === '..') parts.pop();
    else if (word !== '.') parts.push(word);
    if ((word === '..' || word === '.') && i === words.length - 1) parts.push('');
  });
  return `${origin}/${parts.join('/')}${query}`;
}

function part(value, names) {
  for (let i = 0; i < names.length; i++) {
    if (value === null || value === undefined) return undefined;
    if (names[i] === '#' && Array.isArray(value)) {
      if (i + 1 === names.length) return value.length;
      const found = value.map((one) => part(one, names.slice(i + 1)));
      return found.filter((one) => one !== undefined);
    }
    value = Object.hasOwn(Object(value), names[i]) ? value[names[i]] : undefined;
  }
  return value;
}

function fields(lines) {
  return lines === '' ? [] : lines.split('\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1)];
  });
}

function cookiesOf(lines) {
  const found = [];
  for (const [name, value] of fields(lines)) {
    if (name.toLowerCase() !== 'set-cookie') continue;
    const [pair, ...rest] = value.split(';').map((word) => word.trim());
    const equals = pair.indexOf('=');
    if (equals < 1) continue;
    const cookie = { name: pair.slice(0, equals), value: pair.slice(equals + 1), domain: '', path: '',
      http_only: false, secure: false, max_age: 0, expires: 0 };
    for (const word of rest) {
      const [key, text = ''] = word.split('=');
      switch (key.toLowerCase()) {
        case 'domain': cookie.domain = text; break;
        case 'path': cookie.path = text; break;
        case 'httponly': cookie.http_only = true; break;
        case 'secure': cookie.secure = true; break;
        case 'max-age': cookie.max_age = Number(text) || 0; break;
        case 'expires': cookie.expires = Date.parse(text) || 0; break;
      }
    }
    found.push(cookie);
  }
  return found;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)([^?#]*)/i;

/** The host and the path of a URL; of a path alone, no host. */
function places(url) {
  const found = ABSOLUTE.exec(url);
  if (found) return { host: found[1].toLowerCase().replace(/^.*@/, '').replace(/:\d+$/, ''), path: found[2] || '/' };
  return { host: '', path: url.replace(/[?#].*/, '') || '/' };
}

/** Cookies that the script can see and set. The host keeps a jar of its own, which is what is sent
 * as long as the script gives no cookie. */
export class CookieJar {
  #kept = [];
  isOwn = false;
  isUsed = false;

  cookiesForURL(url) {
    const found = {};
    for (const cookie of this.#of(url)) (found[cookie.name] ??= []).push(cookie.value);
    return found;
  }

  set(url, name, value, options = {}) {
    this.isOwn = true;
    const { host } = places(url);
    this.#keep({ name, value: String(value), host: options.domain ?? host, path: options.path ?? '/' });
  }

  clear(url) {
    this.isOwn = this.isUsed = true;
    const gone = this.#of(url);
    this.#kept = this.#kept.filter((cookie) => !gone.includes(cookie));
  }

  delete(url, name) {
    this.isOwn = this.isUsed = true;
    const gone = this.#of(url).filter((cookie) => cookie.name === name);
    this.#kept = this.#kept.filter((cookie) => !gone.includes(cookie));
  }

  /** What an answer has set. */
  receive(url, cookies) {
    for (const { name, value, domain, path, max_age, expires } of cookies) {
      const cookie = { name, value, host: domain || places(url).host, path: path || '/' };
      const isOver = max_age < 0 || (expires !== 0 && expires < Date.now());
      if (isOver) this.#forget(cookie);
      else this.#keep(cookie);
    }
  }

  #keep(cookie) {
    this.isUsed = true;
    this.#forget(cookie);
    this.#kept.push(cookie);
  }

  #forget({ name, host, path }) {
    this.#kept = this.#kept.filter((one) => one.name !== name || one.host !== host || one.path !== path);
  }

  #of(url) {
    const { host, path } = places(url);
    return this.#kept.filter((cookie) => {
      const domain = cookie.host.replace(/^\./, '');
      const isHost = host === domain || host.endsWith(`.${domain}`);
      return isHost && path.startsWith(cookie.path);
    });
  }
}

/** The user's cookies of this iteration. */
export let jar = new CookieJar();

/** The same, as scripts ask for it. */
export const cookieJar = () => jar;

/** Begins an iteration with the cookies that the host has then, if the jar is used: none, unless they stay. */
export function clearCookies() {
  if (!settings.noCookiesReset) jar = new CookieJar();
}

// Nothing: those that the host takes for a success.
let expected;

/** Statuses that are no failure: numbers, and ranges as {min: 200, max: 204}. */
export function expectedStatuses(...statuses) {
  const ranges = statuses.flatMap((one) => (typeof one === 'number' ? [one, one] : [one?.min, one?.max]));
  if (ranges.length === 0 || !ranges.every(Number.isInteger)) {
    throw new TypeError('expectedStatuses takes numbers, and ranges as {min: 200, max: 204}');
  }
  return ranges;
}

/** Which statuses are no failure from here on; null: none is one. */
export function setResponseCallback(ranges) {
  expected = ranges ?? [100, 999];
}

/** A part of a form that is a file. */
export function file(data, filename, content_type) {
  return new FileData(data, filename, content_type);
}

class FileData {
  constructor(data, filename, content_type) {
    this.data = data;
    this.filename = filename ?? `${Date.now()}`;
    this.content_type = content_type ?? 'application/octet-stream';
  }
}

/** A URL whose values are left out of the name under which it is counted. */
export function url(texts, ...values) {
  const name = texts.join('${}');
  return new NamedUrl(String.raw({ raw: texts }, ...values), name);
}

class NamedUrl {
  constructor(text, name) {
    this.text = text;
    this.name = name;
  }

  toString() {
    return this.text;
  }
}

const bytesOf = (data) => {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(native.encode(String(data)));
};

let boundaries = 0;

/** The body as it is sent, and its type. */
function encoded(body) {
  if (typeof body !== 'object' || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return [whole(body)];
  if (Object.values(body).some((value) => value instanceof FileData)) {
    const boundary = `swell-${Date.now().toString(36)}-${++boundaries}`;
    return [multipart(Object.entries(body), boundary), `multipart/form-data; boundary=${boundary}`];
  }
  const words = [];
  for (const name in body) {
    for (const value of [body[name]].flat()) words.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  }
  return [words.join('&').replace(/%20/g, '+'), 'application/x-www-form-urlencoded'];
}

/** The body of a form with files, from names and values. */
export function multipart(fields, boundary) {
  const quoted = (text) => String(text).replace(/["\r\n]/g, (letter) => encodeURIComponent(letter));
  const parts = [];
  for (const [name, value] of fields) {
    const isFile = value instanceof FileData || (value?.data !== undefined && value?.filename !== undefined);
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
    if (isFile) {
      head += `; filename="${quoted(value.filename)}"\r\nContent-Type: ${value.content_type ?? 'application/octet-stream'}`;
    }
    parts.push(bytesOf(`${head}\r\n\r\n`), bytesOf(isFile ? value.data : value), bytesOf('\r\n'));
  }
  parts.push(bytesOf(`--${boundary}--\r\n`));
  const all = new Uint8Array(parts.reduce((size, one) => size + one.length, 0));
  let offset = 0;
  for (const one of parts) {
    all.set(one, offset);
    offset += one.length;
  }
  return all.buffer;
}

const KEEPS = { none: 0, text: 1, binary: 2 };

/** A request that is nothing but a method and an address. */
const plain = (method, link) => [
  method, link, undefined, undefined, settings.discardResponseBodies ? 0 : 1, settings.maxRedirects, 0, expected,
];

// The last address of such a request: who asks for it again need not look at it again.
let lastPlain;

const userinfoOf = (link) => (link.includes('@') ? /^(https?:\/\/)([^@/?#]+)@/i.exec(link) : null);

/** What is to be sent, as the contract's function takes it. */
function prepare(method, address, body, params) {
  let link = String(address);
  const isPlain = params === undefined && (body === null || body === undefined) && settings.userAgent === undefined;
  if (isPlain && !jar.isOwn && !link.includes('@')) {
    lastPlain = link;
    return plain(method, link);
  }
  let sent;
  let headers = params?.headers;
  if (body !== null && body !== undefined) {
    const [bytes, type] = encoded(body);
    sent = bytes;
    if (type !== undefined) headers = { 'Content-Type': type, ...headers };
  }
  if (settings.userAgent !== undefined) headers = { 'User-Agent': settings.userAgent, ...headers };
  const userinfo = userinfoOf(link);
  if (userinfo) {
    if ((params?.auth ?? 'basic') !== 'basic') {
      throw new Error(params.auth === 'digest' ? 'auth: "digest" is not there in http.batch' :
        `auth: "${params.auth}" is not there; "basic" and "digest" are`);
    }
    link = userinfo[1] + link.slice(userinfo[0].length);
    const secret = decodeURIComponent(userinfo[2]);
    headers = { Authorization: `Basic ${base64(native.encode(secret))}`, ...headers };
  }
  if (params?.compression && sent !== undefined && sent !== '') {
    const codings = String(params.compression).split(',').map((coding) => coding.trim().toLowerCase());
    for (const coding of codings) sent = native.compress(sent, coding);
    const isSaid = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'content-encoding');
    if (!isSaid) headers = { ...headers, 'Content-Encoding': codings.join(', ') };
  }
  const own = params?.jar ?? jar;
  if (params?.cookies || own.isOwn || own !== jar) headers = { ...headers, Cookie: cookieHeader(own, link, params?.cookies) };
  const keep = params?.responseType ?? (settings.discardResponseBodies ? 'none' : 'text');
  if (!(keep in KEEPS)) throw new TypeError(`responseType ${JSON.stringify(keep)} is none of text, binary, none`);
  const statuses = params?.responseCallback === null ? [100, 999] : (params?.responseCallback ?? expected);
  const timeout = params?.timeout === undefined ? 0 : milliseconds(params.timeout);
  const redirects = params?.redirects ?? settings.maxRedirects;
  return [method, link, headers && flat(headers), sent, KEEPS[keep], redirects, timeout, statuses];
}

function cookieHeader(own, link, given = {}) {
  const all = Object.entries(own.cookiesForURL(link)).map(([name, values]) => [name, values[0]]);
  const pairs = new Map(all);
  for (const name in given) {
    const cookie = given[name];
    const value = typeof cookie === 'object' ? cookie.value : cookie;
    if (cookie?.replace || !pairs.has(name)) pairs.set(name, value);
  }
  return [...pairs].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** The name of a request, where it has one of its own. */
function nameOf(method, address, params) {
  let name = params?.tags?.name;
  // A value at the beginning is where the service is.
  if (name === undefined && address instanceof NamedUrl) name = `${method} ${places(address.name.replace(/^\$\{\}/, '')).path}`;
  if (at.group === '') return name;
  return `${at.group}: ${name ?? `${method} ${places(String(address)).path}`}`;
}

function received(asked, answer, address, params) {
  const response = new Response(asked, answer);
  hooks.request?.(response, asked, address, params);
  if (answer[HAS_COOKIES]) (params?.jar ?? jar).receive(response.url, cookiesOf(answer[2]));
  if (answer[3] !== null && (params?.throw ?? settings.throw)) throw new Error(answer[3]);
  return response;
}

/** Asks without saying who, and then again as the service wants to be told it: both together are one
 * transaction. */
function sendDigest(method, address, body, { auth, ...params }) {
  const link = String(address);
  const userinfo = userinfoOf(link);
  if (!userinfo) return send(method, address, body, params);
  const bare = userinfo[1] + link.slice(userinfo[0].length);
  const [user, ...password] = userinfo[2].split(':').map(decodeURIComponent);
  native.begin(kind(String(nameOf(method, address, params) ?? `${method} ${places(bare).path}`)));
  try {
    const asked = prepare(method, bare, body, params);
    const statuses = asked[7]?.length > 0 ? asked[7] : [200, 399];
    const first = native.send([...asked.slice(0, 7), [...statuses, 401, 401]], undefined);
    const response = received(asked, first, bare, params);
    let proof;
    if (response.status === 401) {
      const uri = bare.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*/, '').replace(/^(?!\/)/, '/');
      const challenge = response.headers['Www-Authenticate'] ?? '';
      proof = answerTo(challenge, { user, password: password.join(':'), method, uri });
    }
    if (proof === undefined) {
      const isRefused = response.status === 401 && !isAmong(401, statuses);
      native.finish(isRefused ? 'status 401 without a challenge that digest could answer' : undefined);
      return response;
    }
    const again = prepare(method, bare, body, { ...params, headers: { ...params.headers, Authorization: proof } });
    const answered = received(again, native.send(again, undefined), bare, params);
    native.finish(undefined);
    return answered;
  } catch (error) {
    native.finish(String(error?.message ?? error));
    throw error;
  }
}

function isAmong(status, ranges) {
  for (let i = 0; i + 1 < ranges.length; i += 2) if (ranges[i] <= status && status <= ranges[i + 1]) return true;
  return false;
}

function send(method, address, body, params) {
  // Most requests are an address and nothing else. They go by as few calls as can be.
  const isPlain = params === undefined && typeof address === 'string' && at.group === '';
  if (!isPlain && params?.auth === 'digest') return sendDigest(method, address, body, params);
  const name = isPlain ? undefined : nameOf(method, address, params);
  const asked = isPlain && body === null && address === lastPlain && !jar.isOwn ? plain(method, address)
    : prepare(method, address, body, params);
  const answer = native.send(asked, name === undefined ? undefined : kind(String(name)));
  if (hooks.request !== undefined || answer[HAS_COOKIES] || answer[3] !== null) return received(asked, answer, address, params);
  return new Response(asked, answer);
}

/** Sends a request and waits for its answer. */
export const request = (method, address, body, params) => send(String(method).toUpperCase(), address, body, params);

export const get = (address, params) => send('GET', address, null, params);
export const head = (address, params) => send('HEAD', address, null, params);
export const post = (address, body, params) => send('POST', address, body, params);
export const put = (address, body, params) => send('PUT', address, body, params);
export const patch = (address, body, params) => send('PATCH', address, body, params);
export const del = (address, body, params) => send('DELETE', address, body, params);
export const options = (address, body, params) => send('OPTIONS', address, body, params);

/** A promise of an answer. The request is made before this returns. */
export const asyncRequest = async (method, address, body, params) => request(method, address, body, params);

// As many as the contract sends at a time.
const AT_ONCE = 256;

function one(entry) {
  if (typeof entry === 'string' || entry instanceof NamedUrl) return ['GET', entry];
  if (Array.isArray(entry)) return [String(entry[0]).toUpperCase(), ...entry.slice(1)];
  if (entry?.url === undefined) throw new TypeError('a request of http.batch has no url');
  return [String(entry.method ?? 'GET').toUpperCase(), entry.url, entry.body, entry.params];
}

/** Sends requests at the same time: as one transaction named "batch", or as a part of the one of the
 * module "swell" that is open. */
export function batch(requests) {
  const names = Object.keys(requests);
  const all = names.map((name) => one(requests[name]));
  const asked = all.map((words) => prepare(...words));
  const answers = [];
  const send = () => {
    for (let i = 0; i < asked.length; i += AT_ONCE) answers.push(...native.sendAll(asked.slice(i, i + AT_ONCE)));
  };
  if (at.group === '' && at.open.length > 0) send();
  else transaction(at.group === '' ? 'batch' : `${at.group}: batch`, send);
  const results = Array.isArray(requests) ? [] : {};
  names.forEach((name, i) => {
    results[name] = received(asked[i], answers[i], all[i][1], all[i][3]);
  });
  return results;
}

export default {
  asyncRequest, batch, CookieJar, cookieJar, del, expectedStatuses, file, get, head, options, patch, post, put,
  request, Response, setResponseCallback, url,
};
