// What the host calls: a script's functions, with what surrounds them.

import { at, hooks, native, settings } from 'swell:core';
import { scenariosOf } from 'swell:options';
import { clearTimers, running, setVariables, sources, timers, turn } from 'swell:prelude';
import { recordIterations } from 'swell:thresholds';
import { clearCookies, jar } from 'k6/http';

export { turn };

/** The module that the script is. */
export let script;
let scenarios;
let notes;
let body;
let data;
let count = 0;

/** Whether the script begins its runs itself. */
export let conducts = false;

/** Whether it ends them in its own words. */
export let hasSummary = false;

/** The scenarios of a script that was evaluated: for each a list of its name, description, whether
 * it has a `setup`, when it begins, and its settings. */
export function describe(module, stem) {
  script = module;
  const options = script.options ?? {};
  conducts = typeof script.conduct === 'function';
  ({ scenarios, notes } = scenariosOf(options, stem));
  for (const { exec, name } of scenarios) {
    if (typeof script[exec] === 'function') continue;
    const what = exec === 'default' ? 'export default function' : `export function ${exec}`;
    throw new TypeError(`the scenario ${JSON.stringify(name)} needs a function that the script does not have: ${what}`);
  }
  hasSummary = script.handleSummary !== undefined;
  if (hasSummary) {
    if (typeof script.handleSummary !== 'function') throw new TypeError('handleSummary is exported, and is no function');
    recordIterations();
  }
  running.options = { ...options, scenarios: options.scenarios ?? { default: { executor: scenarios[0].executor } } };
  const prepares = Boolean(script.setup || script.teardown || notes.length > 0);
  return scenarios.map(({ name, exec, settings, start }) => [
    name, exec === 'default' ? 'JavaScript' : exec, `${prepares}`, `${start}`, ...settings.flat(),
  ]);
}

/** Begins the script's runs. */
export async function conduct() {
  await script.conduct();
}

export async function setup(scenario) {
  for (const note of notes) native.log(2, note);
  setVariables(scenarios[scenario].env);
  const given = await script.setup?.();
  return given === undefined ? '' : JSON.stringify(given);
}

export async function teardown(scenario, given) {
  setVariables(scenarios[scenario].env);
  await script.teardown?.(given === '' ? undefined : JSON.parse(given));
}

/** Begins a user's life. */
export function start(scenario, given) {
  setVariables(scenarios[scenario].env);
  running.scenario = scenarios[scenario].name;
  running.executor = scenarios[scenario].executor;
  if (script.options?.tags || scenarios[scenario].tags) at.tags = { ...script.options?.tags, ...scenarios[scenario].tags };
  data = given === '' ? undefined : JSON.parse(given);
  body = script[scenarios[scenario].exec];
}

/** One iteration. */
export function run() {
  running.iteration = count++;
  at.group = '';
  if (at.open.length > 0) at.open = [];
  if (jar.isUsed) clearCookies();
  if (timers.length > 0 || sources.length > 0) clearTimers();
  return hooks.iteration === undefined && settings.minIterationDuration === 0 ? body(data) : timed();
}

/** An iteration whose duration somebody asks for, or that takes so long at least. */
async function timed() {
  const began = native.now();
  try {
    await body(data);
  } finally {
    const took = native.now() - began;
    hooks.iteration?.(took);
    if (took < settings.minIterationDuration) native.sleep((settings.minIterationDuration - took) / 1e3);
  }
}
