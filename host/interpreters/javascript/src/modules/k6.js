// The module "k6".

import { at, flat, hooks, native } from 'swell:core';

/** Counts each check; whether all have passed. */
export function check(value, checks, tags) {
  let all = true;
  // Not `in`, which looks at all that objects inherit, too.
  const names = Object.keys(checks ?? {});
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const given = checks[name];
    const passed = Boolean(typeof given === 'function' ? given(value) : given);
    native.check(name, passed);
    hooks.check?.(name, passed, tags);
    all &&= passed;
  }
  return all;
}

let durations;

/** Names what is sent in it, and measures how long it takes. */
export function group(name, body) {
  const outer = at.group;
  at.group = outer === '' ? String(name) : `${outer} / ${name}`;
  const group = at.group;
  const began = native.now();
  try {
    return body();
  } finally {
    at.group = outer;
    durations ??= native.metric('group_duration', 3);
    const duration = native.now() - began;
    native.add(durations, duration, flat({ group }));
    hooks.metric?.('group_duration', duration, { ...at.tags, group: `::${group.replaceAll(' / ', '::')}` });
  }
}

/** Waits this many seconds. */
export function sleep(seconds) {
  native.sleep(Number(seconds) || 0);
}

/** Ends the iteration as a failed one. */
export function fail(message) {
  throw new Error(message === undefined ? 'fail() was called' : String(message));
}

/** Gives Math.random a seed of the script's own. */
export function randomSeed(seed) {
  let state = Number(seed) >>> 0;
  // Mulberry32: small, and good enough to pick a page.
  Math.random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export default { check, fail, group, randomSeed, sleep };
