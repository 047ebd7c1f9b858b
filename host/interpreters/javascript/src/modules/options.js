// k6's `options` as settings of `host run`.
//
// What a command line says comes before them. What has no counterpart is noted, and said once when
// the run begins; what would make another load than was asked for is an error.

import { milliseconds, settings, settingsOf } from 'swell:core';

const time = (value) => `${milliseconds(value)}ms`;

/** The settings of one executor, each a name and a value. */
function load(name, one) {
  const whole = (key, fallback) => one[key] ?? fallback;
  const perSecond = (rate) => `${(rate * 1000) / milliseconds(one.timeUnit ?? '1s')}`;
  const vus = ['vus', `${whole('vus', 1)}`];
  const users = ['max-vus', `${one.maxVUs ?? one.preAllocatedVUs}`];
  switch (one.executor) {
    case 'constant-vus':
      return [vus, ['duration', time(one.duration)]];
    case 'shared-iterations':
      return [vus, ['iterations', `${whole('iterations', 1)}`], ['duration', time(whole('maxDuration', '10m'))]];
    case 'constant-arrival-rate':
      return [['rate', perSecond(one.rate)], ['duration', time(one.duration)], users];
    case 'ramping-arrival-rate': {
      const stages = one.stages.map((stage) => ['stage', `${time(stage.duration)}:${perSecond(stage.target)}`]);
      return [['rate', perSecond(whole('startRate', 0))], ...stages, users];
    }
    case undefined:
      // All its load is in settings, or is for `conduct` to say.
      if (one.settings !== undefined) return [];
    // falls through
    default:
      throw new TypeError(`options.scenarios.${name}: executor ${JSON.stringify(one.executor)} is not there; there are ` +
        'constant-vus, shared-iterations, constant-arrival-rate and ramping-arrival-rate');
  }
}

// Honoured elsewhere, or of no meaning here: nothing to say of them.
const KNOWN = new Set(['vus', 'duration', 'iterations', 'scenarios', 'thresholds', 'maxRedirects',
  'discardResponseBodies', 'userAgent', 'throw', 'setupTimeout', 'teardownTimeout', 'summaryTrendStats',
  'summaryTimeUnit', 'cloud', 'ext', 'tags', 'settings']);

// What a run may touch is for whoever runs it to say.
const REACH = { insecureSkipTLSVerify: '--insecure', hosts: '--allow-host', tlsAuth: '--cert and --key',
  localIPs: '--source-ip' };

/** The scenarios of a script, and what is to be said of its options. */
export function scenariosOf(options, stem) {
  const notes = [];
  for (const key in options) {
    if (key in REACH) {
      throw new TypeError(`options.${key}: a script cannot say this; whoever runs it gives ${REACH[key]}`);
    }
    if (key === 'stages') {
      throw new TypeError('options.stages: users in stages are not there; a scenario with the executor ' +
        'ramping-arrival-rate is');
    }
    if (!KNOWN.has(key)) notes.push(`options.${key} has no counterpart here, and no effect`);
  }
  for (const key in settings) if (options[key] !== undefined) settings[key] = options[key];
  const rules = thresholds(options.thresholds ?? {}, notes).map((rule) => ['threshold', rule]);
  const own = settingsOf(options.settings ?? {});
  const scenarios = Object.entries(options.scenarios ?? {}).map(([name, one]) => ({
    name,
    exec: one.exec ?? 'default',
    env: one.env ?? {},
    start: milliseconds(one.startTime ?? 0),
    settings: [...load(name, one), ...own, ...settingsOf(one.settings ?? {}), ...rules],
  }));
  if (scenarios.length > 0) return { scenarios, notes };
  const alone = options.vus === undefined && own.length > 0 ? own : [['vus', `${options.vus ?? 1}`], ...own];
  if (options.duration !== undefined) alone.push(['duration', time(options.duration)]);
  if (options.iterations !== undefined) alone.push(['iterations', `${options.iterations}`]);
  return { scenarios: [{ name: stem, exec: 'default', env: {}, start: 0, settings: [...alone, ...rules] }], notes };
}

/** Thresholds that mean the same here; a note for each other one. */
function thresholds(given, notes) {
  const rules = [];
  for (const metric in given) {
    for (const one of [given[metric]].flat()) {
      const text = String(one?.threshold ?? one);
      const rule = translated(metric, text.replaceAll(' ', ''));
      if (rule === undefined) notes.push(`the threshold ${metric}: ${text} is not judged; --threshold judges others`);
      else rules.push(rule);
      if (one?.abortOnFail) notes.push(`abortOnFail of ${metric}: ${text} has no effect; it is judged at the end`);
    }
  }
  return rules;
}

function translated(metric, text) {
  const [, figure, sign, limit] = /^(.*?)(<=?|>=?)([0-9.]+)$/.exec(text) ?? [];
  const percentile = /^p\((50|90|95|99|99\.9)\)$/.exec(figure === 'med' ? 'p(50)' : (figure ?? ''));
  if (metric === 'http_req_duration' && percentile && sign.startsWith('<')) {
    return `request.p${percentile[1].replace('.', '')} ${sign} ${limit}ms`;
  }
  if (metric === 'http_req_failed' && figure === 'rate' && sign.startsWith('<')) {
    return `request_error_rate ${sign} ${percent(limit)}`;
  }
  if (metric === 'checks' && figure === 'rate' && sign.startsWith('>')) {
    return `checks ${sign} ${percent(limit)}`;
  }
  return undefined;
}

const percent = (share) => `${Number((Number(share) * 100).toPrecision(12))}%`;
