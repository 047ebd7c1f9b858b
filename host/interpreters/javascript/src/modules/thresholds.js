// k6's thresholds as those of `host run`.
//
// What the host measures by itself is judged by that. Anything else, as the requests of one tag, is
// recorded as a metric of its own, which is named as the script names it: `http_req_duration{page:home}`.

import { at, cut, hooks, kinds, milliseconds, native } from 'swell:core';
import { running } from 'swell:prelude';

const COUNTER = 0;
const RATE = 2;
const TREND = 3;

// Of a counter, a gauge, a rate and a trend.
const METHODS = [['count', 'rate'], ['value'], ['rate'], ['avg', 'min', 'max', 'med', 'p(95)']];

/** What is known of each request. */
const REQUESTS = {
  http_req_duration: [TREND, ({ timings }) => timings.duration],
  http_req_blocked: [TREND, ({ timings }) => timings.blocked],
  http_req_connecting: [TREND, ({ timings }) => timings.connecting],
  http_req_tls_handshaking: [TREND, ({ timings }) => timings.tls_handshaking],
  http_req_sending: [TREND, ({ timings }) => timings.sending],
  http_req_waiting: [TREND, ({ timings }) => timings.waiting],
  http_req_receiving: [TREND, ({ timings }) => timings.receiving],
  http_req_failed: [RATE, (_, isExpected) => (isExpected ? 0 : 1)],
  http_reqs: [COUNTER, () => 1],
};

// k6 has them, and nothing here is the same.
const OTHERS = ['data_received', 'data_sent', 'dropped_iterations', 'vus', 'vus_max', 'grpc_streams',
  'grpc_streams_msgs_sent', 'grpc_streams_msgs_received'];

/** The rules that were made, each with the metric and the text that k6 has for it. */
export const judged = [];

/** The rules of `--threshold`, each with the scenario that it is about if it is about one. */
export function rulesOf(given, scenarios, notes) {
  const rules = [];
  for (const key in given) {
    const { metric, tags } = parsed(key);
    const { scenario, ...rest } = tags;
    const about = scenario === 'default' && scenarios.length === 1 ? scenarios[0] : scenario;
    if (about !== undefined && !scenarios.includes(about)) {
      notes.push(`the threshold ${key} is not judged: there is no scenario ${JSON.stringify(about)}`);
      continue;
    }
    for (const one of [given[key]].flat()) {
      const text = String(one?.threshold ?? one);
      const rule = ruleOf(key, metric, rest, text);
      if (rule === undefined) {
        notes.push(`the threshold ${key}: ${text} is not judged; --threshold judges others`);
        continue;
      }
      let abort = '';
      if (one?.abortOnFail) {
        const delay = milliseconds(one.delayAbortEval ?? 0);
        abort = delay > 0 ? ` abort after ${delay}ms` : ' abort';
      }
      // As in k6, any number of samples is judged, and none breaks nothing.
      const whole = `${rule} even if few${abort}`;
      judged.push({ metric: key.trim(), text, rule: whole });
      rules.push({ scenario: about, rule: whole });
    }
  }
  return rules;
}

/** The metric and the tags of "http_req_duration{name:home,status:200}". */
function parsed(key) {
  const [, metric, inside = ''] = /^\s*([^{}\s]+)\s*(?:\{([^]*)\})?\s*$/.exec(key) ?? [];
  if (metric === undefined) {
    throw new TypeError(`options.thresholds: ${JSON.stringify(key)} is not understood; write "METRIC" or "METRIC{tag:value}"`);
  }
  const tags = {};
  const plain = (text) => text.trim().replace(/^(["'])(.*)\1$/, '$2');
  for (const word of inside.split(',').filter((word) => word.trim() !== '')) {
    const colon = word.indexOf(':');
    if (colon < 0) {
      throw new TypeError(`options.thresholds: ${JSON.stringify(key)}: ${JSON.stringify(word)} is no tag; write "tag:value"`);
    }
    tags[plain(word.slice(0, colon))] = plain(word.slice(colon + 1));
  }
  return { metric, tags };
}

const RULE = /^\s*(avg|min|max|med|count|rate|value|p\(\s*([0-9.]+)\s*\))\s*(===?|!=|<=?|>=?)\s*(-?[0-9.]+(?:e[+-]?[0-9]+)?)\s*$/i;

function ruleOf(key, metric, tags, text) {
  const [, method, percent, sign, number] = RULE.exec(text) ?? [];
  if (method === undefined || Number.isNaN(Number(number))) {
    throw new TypeError(`options.thresholds.${key}: ${JSON.stringify(text)} is not understood; write "p(95)<200", ` +
      '"avg<100", "rate<0.01", "count>10" or "value<5"');
  }
  const kind = kindOf(metric);
  if (kind === undefined) return undefined;
  if (!METHODS[kind].includes(percent === undefined ? method : 'p(95)')) {
    throw new TypeError(`options.thresholds.${key}: ${metric} has no ${method}; it has ${METHODS[kind].join(', ')}`);
  }
  const limit = Number(number);
  const compared = comparison(sign, limit, kind);
  if (compared === undefined) return undefined;
  const figure = statistic(method, percent);
  // Of calls nothing is known here but what the host has measured of all.
  if (metric === 'grpc_req_duration') return Object.keys(tags).length > 0 ? undefined : `grpc_call.${figure} ${compared} ${limit}ms`;
  return byHost(metric, tags, method, figure, compared, limit) ?? byMetric(metric, tags, kind, method, figure, compared, limit);
}

function kindOf(metric) {
  if (metric in REQUESTS) return REQUESTS[metric][0];
  if (metric === 'checks') return RATE;
  if (metric === 'iterations') return COUNTER;
  if (['iteration_duration', 'group_duration', 'grpc_req_duration'].includes(metric)) return TREND;
  if (kinds.has(metric)) return kinds.get(metric);
  if (OTHERS.includes(metric)) return undefined;
  throw new TypeError(`options.thresholds: there is no metric ${JSON.stringify(metric)}; the script has ` +
    `${[...kinds.keys()].join(', ') || 'none'}, and k6 ${[...Object.keys(REQUESTS), 'checks', 'iterations', 'iteration_duration', 'group_duration'].join(', ')}`);
}

/** How it is compared here, where nothing is exactly a number but what counts from 0, or to 1. */
function comparison(sign, limit, kind) {
  if (sign === '!=') return limit === 0 && (kind === COUNTER || kind === RATE) ? '>' : undefined;
  if (!sign.startsWith('==')) return sign;
  if (limit === 0 && (kind === COUNTER || kind === RATE)) return '<=';
  return limit === 1 && kind === RATE ? '>=' : undefined;
}

function statistic(method, percent) {
  if (percent !== undefined) return Number(percent) <= 0 ? 'min' : Number(percent) >= 100 ? 'max' : `p${Number(percent)}`;
  return { avg: 'mean', med: 'p50', min: 'min', max: 'max' }[method];
}

const share = (part) => `${Number((part * 100).toPrecision(12))}%`;

/** The rule by what the host measures, if that is the same. */
function byHost(metric, tags, method, figure, sign, limit) {
  const names = Object.keys(tags);
  if (metric === 'http_req_duration') {
    const side = { true: 'ok.', false: 'failed.' }[tags.expected_response] ?? '';
    if (names.length > (side === '' ? 0 : 1)) return undefined;
    return `request.${side}${figure} ${sign} ${limit}ms`;
  }
  if (metric === 'checks' && names.every((name) => name === 'check')) {
    const name = tags.check === undefined ? '' : `[${tags.check}]`;
    return `checks${name} ${sign} ${share(limit)}`;
  }
  if (names.length > 0) return undefined;
  if (metric === 'http_req_failed') return `request_error_rate ${sign} ${share(limit)}`;
  if (metric === 'http_reqs' && method === 'rate') return `request_rate ${sign} ${limit}/s`;
  return undefined;
}

/** The rule by a metric: the script's own, or one that is recorded for this. */
function byMetric(metric, tags, kind, method, figure, sign, limit) {
  if (kind === COUNTER && method === 'rate') return undefined;
  const isOwn = Object.keys(tags).length === 0 && (kinds.has(metric) || metric === 'group_duration');
  const name = isOwn ? metric : recorded(metric, tags, kind);
  return `metric[${name}]${kind === TREND ? `.${figure}` : ''} ${sign} ${limit}`;
}

const wanted = new Map();

/** The name of the metric in which what has these tags is recorded. */
function recorded(metric, tags, kind) {
  const words = Object.entries(tags).map(([tag, value]) => `${tag}:${value}`);
  const name = cut(words.length === 0 ? metric : `${metric}{${words.join(',')}}`);
  if (!wanted.has(metric)) wanted.set(metric, []);
  const all = wanted.get(metric);
  if (!all.some((one) => one.name === name)) all.push({ name, kind, tags: Object.entries(tags) });
  if (metric in REQUESTS) hooks.request = requested;
  else if (metric === 'checks') hooks.check = checked;
  else if (metric === 'iterations' || metric === 'iteration_duration') hooks.iteration = iterated;
  else hooks.metric = record;
  return name;
}

/** Records how long iterations take, as k6 does, for whoever asks afterwards. */
export function recordIterations() {
  recorded('iteration_duration', {}, TREND);
}

/** Records a value of k6's metric in each of ours that its tags belong to. */
function record(metric, value, tags) {
  for (const one of wanted.get(metric) ?? []) {
    if (!one.tags.every(([tag, text]) => String(tags?.[tag] ?? '') === text)) continue;
    one.number ??= native.metric(one.name, one.kind);
    native.add(one.number, value, []);
  }
}

function requested(response, asked, address, params) {
  // What setup and teardown send is not measured.
  if (running.scenario === '') return;
  const [method, url] = asked;
  const isExpected = expects(asked[7], response.status);
  const tags = {
    method, url, name: address?.name ?? url, status: response.status, error_code: response.error_code || '',
    expected_response: isExpected, group: groupTag(), ...at.tags, ...params?.tags,
  };
  for (const metric of wanted.keys()) {
    if (metric in REQUESTS) record(metric, REQUESTS[metric][1](response, isExpected), tags);
  }
}

/** Whether a status is a success: it lies in one of the ranges, which follow each other, or where there are none is
 * one that the host takes for it. */
function expects(ranges, status) {
  if (!(ranges?.length > 0)) return status >= 200 && status < 400;
  return ranges.some((first, i) => i % 2 === 0 && status >= first && status <= ranges[i + 1]);
}

function checked(check, passed, tags) {
  record('checks', passed ? 1 : 0, { check, group: groupTag(), ...at.tags, ...tags });
}

/** The group as k6 writes it: "::cart::pay". */
const groupTag = () => (at.group === '' ? '' : `::${at.group.replaceAll(' / ', '::')}`);

function iterated(duration) {
  record('iterations', 1, at.tags);
  record('iteration_duration', duration, at.tags);
}
