// The module "k6/net/grpc": methods of services that files of .proto describe, with messages as objects.

import { at, milliseconds, native, settings, transaction, whole } from 'swell:core';
import { sources } from 'swell:prelude';

const NAMES = ['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists',
  'PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented', 'Internal',
  'Unavailable', 'DataLoss', 'Unauthenticated'];

export const [StatusOK, StatusCanceled, StatusUnknown, StatusInvalidArgument, StatusDeadlineExceeded, StatusNotFound,
  StatusAlreadyExists, StatusPermissionDenied, StatusResourceExhausted, StatusFailedPrecondition, StatusAborted,
  StatusOutOfRange, StatusUnimplemented, StatusInternal, StatusUnavailable, StatusDataLoss,
  StatusUnauthenticated] = NAMES.keys();

const missing = (what) => new Error(`${what} is not there: load the .proto files with client.load`);

export class Client {
  #files = {};
  #isDescribed = false;
  #target;
  #limit = 0;

  /** Reads files of .proto, and those that they import; the first path is where these are. */
  load(paths, ...names) {
    const folder = [paths ?? []].flat()[0] ?? '';
    const lacking = [...names];
    while (lacking.length > 0) {
      const name = lacking.shift();
      if (name in this.#files || name.startsWith('google/protobuf/')) continue;
      // Paths are of the file that calls this.
      const text = native.open(folder === '' ? name : `${folder.replace(/\/$/, '')}/${name}`, false);
      this.#files[name] = text;
      const bare = text.replace(/\/\*.*?\*\//gs, '').replace(/\/\/.*$/gm, '');
      for (const [, imported] of bare.matchAll(/^\s*import\s+(?:public\s+|weak\s+)?["']([^"']+)["']/gm)) lacking.push(imported);
    }
    return [];
  }

  loadProtoset() { throw missing('client.loadProtoset'); }

  /** Says where calls go. The connection is opened by the first one, and kept. */
  connect(address, params = {}) {
    const { plaintext = false, reflect = false, maxReceiveSize = 0 } = params ?? {};
    if (reflect) throw missing('reflection');
    if (!this.#isDescribed) {
      native.grpcDescribe(Object.entries(this.#files).flat());
      this.#isDescribed = true;
    }
    this.#target = `${plaintext ? 'http' : 'https'}://${address}`;
    this.#limit = maxReceiveSize;
    return true;
  }

  /** Calls a method with one message. */
  invoke(method, message = {}, params = {}) {
    const call = this.asked(method, params);
    const json = JSON.stringify(message ?? {});
    const told = named(call, () => native.grpcInvoke(call.target, call.path, call.times, call.metadata, json));
    const [status, words, answer, headers = [], trailers = []] = told;
    return {
      status,
      message: answer === undefined || params?.discardResponseMessage ? null : JSON.parse(answer),
      headers: listed(headers),
      trailers: listed(trailers),
      error: status === StatusOK ? null : failure(status, words),
    };
  }

  async asyncInvoke(method, message, params) { return this.invoke(method, message, params); }

  close() { this.#target = undefined; }

  /** What a call of a method needs. */
  asked(method, params) {
    if (this.#target === undefined) throw new Error('no gRPC connection: call client.connect first');
    const { metadata = {}, timeout = '60s', tags } = params ?? {};
    const pairs = [];
    for (const [name, values] of Object.entries({ ...agent(), ...metadata })) {
      for (const value of [values].flat()) pairs.push(name, whole(value));
    }
    const path = `/${String(method).replace(/^\//, '')}`;
    return { target: this.#target, path, times: [milliseconds(timeout), this.#limit], metadata: pairs, name: tags?.name };
  }
}

/** A call that lasts: it calls back until it has ended. */
export class Stream {
  #number = -1;
  #path;
  #handlers = {};
  #ended;

  constructor(client, method, params = {}) {
    // As in k6, a stream lasts as long as it likes.
    const call = client.asked(method, { timeout: 0, ...params });
    this.#path = call.path;
    const [number, code, words] = native.grpcOpen(call.target, call.path, call.times, call.metadata);
    this.#number = number;
    if (number < 0) this.#ended = [code, words];
    streams.push(this);
    if (!sources.includes(source)) sources.push(source);
    native.hasTimers();
  }

  /** Its number for the host; -1 where it was not opened. */
  get number() { return this.#number; }

  on(event, handler) { (this.#handlers[event] ??= []).push(handler); }

  write(message) {
    if (this.#number < 0) return;
    native.grpcSend(this.#number, this.#path, JSON.stringify(message ?? {}));
  }

  end() {
    if (this.#number >= 0) native.grpcFinish(this.#number);
  }

  /** Takes what has come. */
  take() {
    const [kind, ...told] = this.#ended === undefined ? native.grpcReceive(this.#number, this.#path) : ['end', ...this.#ended];
    if (kind === 'data') return this.#tell('data', JSON.parse(told[0]));
    const [code, words] = told;
    if (this.#number >= 0) native.grpcDrop(this.#number);
    this.#number = -1;
    streams = streams.filter((stream) => stream !== this);
    if (code !== StatusOK) this.#tell('error', failure(code, words));
    this.#tell('end');
  }

  #tell(event, ...values) {
    for (const handler of this.#handlers[event] ?? []) handler(...values);
  }
}

let streams = [];

const source = {
  isOpen: () => streams.length > 0,
  /** Takes what comes within this time; whether there was anything. */
  wait(time) {
    const lost = streams.find((stream) => stream.number < 0);
    const place = lost === undefined ? native.grpcReady(streams.map((stream) => stream.number), time) : 0;
    if (place < 0) return false;
    (lost ?? streams[place]).take();
    return true;
  },
  /** Forgets what an iteration that was cut off has left. */
  clear() { streams = []; },
};

/** Makes a call as a transaction of its name, or in a group; else the host names it by its method. */
function named({ path, name }, call) {
  const words = name ?? (at.group === '' || at.open.length > 0 ? undefined : path);
  if (words === undefined) return call();
  return transaction(at.group === '' ? words : `${at.group}: ${words}`, call);
}

const agent = () => (settings.userAgent === undefined ? {} : { 'user-agent': settings.userAgent });

const failure = (code, message) => ({ code, message, details: [] });

/** Names, each with the list of its values. */
function listed(pairs) {
  const lists = {};
  for (let i = 0; i < pairs.length; i += 2) (lists[pairs[i]] ??= []).push(pairs[i + 1]);
  return lists;
}

export default { Client, Stream, ...Object.fromEntries(NAMES.map((name, code) => [`Status${name}`, code])) };
