// The module "k6/execution": as much as a user knows of the run.

import { at, native } from 'swell:core';
import { running } from 'swell:prelude';

/** An object that names what it has not, where k6's would have something. */
function strict(name, object) {
  return new Proxy(object, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || key === 'toJSON') return target[key];
      throw new TypeError(`${name}.${key} is not there; there are ${Object.keys(target).join(', ')}`);
    },
  });
}

export const vu = strict('exec.vu', {
  get idInTest() { return native.user() + 1; },
  get idInInstance() { return native.user() + 1; },
  get iterationInInstance() { return running.iteration; },
  get iterationInScenario() { return running.iteration; },
  /** Tags of all that this user records from here on. */
  metrics: strict('exec.vu.metrics', {
    get tags() { return (at.tags ??= {}); },
  }),
});

export const scenario = strict('exec.scenario', {
  get name() { return running.scenario; },
  get executor() { return running.executor; },
  get iterationInTest() { return native.iteration(); },
  get iterationInInstance() { return native.iteration(); },
  get startTime() { return Math.round(Date.now() - native.now()); },
});

export const instance = strict('exec.instance', {
  get currentTestRunDuration() { return native.now(); },
});

export const test = strict('exec.test', {
  get options() { return running.options; },
  /** Ends the run early, and this iteration. */
  abort(reason) {
    native.stopRun(reason === undefined ? 'test aborted' : String(reason));
    throw new Error(reason === undefined ? 'test aborted' : `test aborted: ${reason}`);
  },
});

export default { instance, scenario, test, vu };
