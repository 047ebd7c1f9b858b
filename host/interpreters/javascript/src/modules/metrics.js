// The module "k6/metrics": metrics of the script's own, which the host merges over all users.

import { at, flat, hooks, kinds, native, settings } from 'swell:core';

const COUNTER = 0;
const GAUGE = 1;
const RATE = 2;
const TREND = 3;

// The module "k6" has a metric, too.
const OTHERS = { group_duration: TREND };

class Metric {
  #kind;
  #number;

  constructor(name, kind) {
    if (!native.isLoading()) {
      throw new Error('a metric is made at the top level of the script, as in k6');
    }
    if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
      throw new TypeError(`${JSON.stringify(name)} is no name of a metric: it has up to 128 letters, digits and "_", ` +
        'and begins with no digit');
    }
    // The host ends a user who defines a name as two kinds.
    if ((kinds.get(name) ?? OTHERS[name] ?? kind) !== kind) throw new TypeError(`the metric ${name} is there as another kind`);
    kinds.set(name, kind);
    this.name = name;
    this.#kind = kind;
  }

  /** Records a value; whether it is one. */
  add(value, tags) {
    const given = value === null ? NaN : Number(value);
    if (!Number.isFinite(given) || (this.#kind === COUNTER && given < 0)) {
      const message = `${value} is no value of the metric ${this.name}, and not recorded`;
      if (settings.throw) throw new TypeError(message);
      native.log(2, message);
      return false;
    }
    this.#number ??= native.metric(this.name, this.#kind);
    const all = at.tags === undefined ? tags : { ...at.tags, ...tags };
    native.add(this.#number, given, flat(all));
    hooks.metric?.(this.name, given, all);
    return true;
  }
}

/** Adds up. */
export class Counter extends Metric {
  constructor(name) {
    super(name, COUNTER);
  }
}

/** Keeps the last value, with the least and the greatest. */
export class Gauge extends Metric {
  constructor(name) {
    super(name, GAUGE);
  }
}

/** The share of values that are neither 0 nor false. */
export class Rate extends Metric {
  constructor(name) {
    super(name, RATE);
  }
}

/** Percentiles. That its values are times, k6's second argument, changes nothing here. */
export class Trend extends Metric {
  constructor(name) {
    super(name, TREND);
  }
}

export default { Counter, Gauge, Rate, Trend };
