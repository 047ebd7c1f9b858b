// k6's `options` as settings of `host run`.
//
// What a command line says comes before them. What has no counterpart is noted, and said once when
// the run begins; what would make another load than was asked for is an error.

import { milliseconds, settings, settingsOf } from 'swell:core';
import { rulesOf } from 'swell:thresholds';

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
    case 'ramping-vus':
      return usersBy(one.stages, whole('startVUs', 1));
    case 'per-vu-iterations':
      return [vus, ['iterations-per-vu', `${whole('iterations', 1)}`], ['duration', time(whole('maxDuration', '10m'))]];
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
        'constant-vus, ramping-vus, shared-iterations, per-vu-iterations, constant-arrival-rate and ramping-arrival-rate');
  }
}

/** Users whose number follows stages, from so many on. */
function usersBy(stages, first) {
  const all = [{ duration: 0, target: first }, ...stages];
  return all.map(({ duration, target }) => ['vus-stage', `${time(duration)}:${target}`]);
}

// Honoured elsewhere, or of no meaning here: nothing to say of them.
const KNOWN = new Set(['vus', 'duration', 'iterations', 'stages', 'scenarios', 'thresholds', 'maxRedirects',
  'discardResponseBodies', 'userAgent', 'throw', 'summaryTrendStats', 'summaryTimeUnit', 'cloud', 'ext', 'tags',
  'noCookiesReset', 'minIterationDuration', 'noVUConnectionReuse', 'noConnectionReuse', 'rps', 'settings', 'dns']);

// Of a scenario, those that every executor has.
const OF_A_SCENARIO = new Set(['executor', 'exec', 'env', 'startTime', 'tags', 'gracefulStop', 'vus', 'duration',
  'iterations', 'maxDuration', 'rate', 'timeUnit', 'preAllocatedVUs', 'maxVUs', 'startRate', 'startVUs', 'stages', 'settings']);

// What a run may touch is for whoever runs it to say.
const REACH = { insecureSkipTLSVerify: '--insecure', hosts: '--allow-host', tlsAuth: '--cert and --key',
  localIPs: '--source-ip' };

/** Whether it says no more than what holds without it, as recorders write it. */
const asksNothing = (value) => !value || (typeof value === 'object' && Object.keys(value).length === 0);

/** The scenarios of a script, and what is to be said of its options. */
export function scenariosOf(options, stem) {
  const notes = [];
  for (const key in options) {
    if (key in REACH) {
      if (asksNothing(options[key])) continue;
      throw new TypeError(`options.${key}: a script cannot say this; whoever runs it gives ${REACH[key]}`);
    }
    if (!KNOWN.has(key)) {
      notes.push(`options.${key} has no counterpart here, and no effect`);
    }
  }
  for (const key in settings) if (options[key] !== undefined) settings[key] = options[key];
  settings.minIterationDuration = milliseconds(settings.minIterationDuration);
  const own = settingsOf(options.settings ?? {});
  const all = common(options);
  const scenarios = Object.entries(options.scenarios ?? {}).map(([name, one]) => {
    for (const key in one) {
      if (!OF_A_SCENARIO.has(key)) notes.push(`options.scenarios.${name}.${key} has no counterpart here, and no effect`);
    }
    return {
      name,
      exec: one.exec ?? 'default',
      executor: one.executor,
      env: one.env ?? {},
      tags: one.tags,
      start: milliseconds(one.startTime ?? 0),
      settings: [...load(name, one), ...ending(one), ...all, ...own, ...settingsOf(one.settings ?? {})],
    };
  });
  if (scenarios.length === 0) scenarios.push(alone(options, stem, all, own));
  if (options.thresholds !== undefined) judge(options.thresholds, scenarios, notes);
  return { scenarios, notes };
}

/** The one scenario of a script that names none. */
function alone(options, stem, all, own) {
  const { duration, iterations, stages, vus } = options;
  const isBare = duration === undefined && iterations === undefined && stages === undefined;
  const load = [];
  if (stages !== undefined) load.push(...usersBy(stages, vus ?? 1));
  else if (vus !== undefined || own.length === 0) load.push(['vus', `${vus ?? 1}`]);
  if (duration !== undefined) load.push(['duration', time(duration)]);
  if (iterations !== undefined) load.push(['iterations', `${iterations}`]);
  // A script that says nothing is tried once, as by k6.
  if (isBare && own.length === 0) load.push([options.rps > 0 ? 'iterations' : 'iterations-per-vu', '1']);
  let executor = 'per-vu-iterations';
  if (stages !== undefined) executor = 'ramping-vus';
  else if (iterations !== undefined) executor = 'shared-iterations';
  else if (duration !== undefined) executor = 'constant-vus';
  return { name: stem, exec: 'default', executor, env: {}, start: 0, settings: [...load, ...all, ...own] };
}

/** What all scenarios have in common. */
function common(options) {
  const all = [];
  if (options.noVUConnectionReuse) all.push(['fresh', 'iteration']);
  if (options.noConnectionReuse) all.push(['max-requests-per-connection', '1']);
  if (options.dns !== undefined) all.push(['dns', dnsRules(options.dns)]);
  if (options.noCookiesReset) all.push(['cookies', 'keep']);
  if (options.rps > 0) all.push(['tps', `${options.rps}`]);
  return all;
}

/** k6's `dns`, as `--dns` has it; of what it leaves out the host has its own defaults. */
function dnsRules(dns) {
  const rules = [];
  for (const key in dns) {
    const isTime = key === 'ttl' && dns.ttl !== 'inf';
    rules.push(`${key}=${isTime ? time(dns[key]) : dns[key]}`);
  }
  if (rules.length === 0) throw new TypeError('options.dns: ttl, select or policy is needed');
  return rules.join(',');
}

const ending = (one) => (one.gracefulStop === undefined ? [] : [['grace', time(one.gracefulStop)]]);

/** Gives each scenario the thresholds that are about it. */
function judge(given, scenarios, notes) {
  const names = scenarios.map(({ name }) => name);
  for (const { scenario, rule } of rulesOf(given, names, notes)) {
    for (const one of scenarios) {
      if (scenario === undefined || scenario === one.name) one.settings.push(['threshold', rule]);
    }
  }
}
