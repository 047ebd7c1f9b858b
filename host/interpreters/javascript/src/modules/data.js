// The module "k6/data".

import { native } from 'swell:core';

const made = new Map();

/** An array that nothing changes. Each user has one of its own, as users share no memory here. */
export class SharedArray {
  constructor(name, make) {
    if (!native.isLoading()) {
      throw new Error('a SharedArray is made at the top level of the script, as in k6');
    }
    if (typeof name !== 'string' || name === '') throw new TypeError('a SharedArray needs a name');
    if (typeof make !== 'function') throw new TypeError(`the SharedArray ${name} needs a function that makes it`);
    if (!made.has(name)) {
      const array = make();
      if (!Array.isArray(array)) throw new TypeError(`the function of the SharedArray ${name} returns no array`);
      // As in k6, what JSON does not know is left out.
      made.set(name, frozen(JSON.parse(JSON.stringify(array))));
    }
    return made.get(name);
  }
}

function frozen(value) {
  if (typeof value !== 'object' || value === null) return value;
  for (const name in value) frozen(value[name]);
  return Object.freeze(value);
}

export default { SharedArray };
