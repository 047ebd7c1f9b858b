// The end of a run as k6's `handleSummary` is given it, and as it prints it: the host's results under k6's names.
//
// Percentiles come from distributions, however few samples there are, as k6 has them. What is not measured here
// (bytes that were sent, the users at each moment) is not there.

import { script } from 'swell:runner';
import { judged } from 'swell:thresholds';

const STATISTICS = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];

// k6's names of the phases of a request.
const PHASES = { blocked: 'blocked', connecting: 'connecting', tls: 'tls_handshaking', sending: 'sending',
  waiting: 'waiting', receiving: 'receiving' };

/** What the script writes about the host's results: pairs of a place and its content. */
export async function summarize(results) {
  const data = dataOf(JSON.parse(results), script.options ?? {});
  return partsOf(await script.handleSummary(data));
}

/** What `handleSummary` is given: `results` are the host's, of one run or of several. */
function dataOf(results, options) {
  const part = results.measured ?? results.total;
  const runs = results.runs === undefined ? [results] : Object.values(results.runs);
  const seconds = results.run?.measured_seconds ?? results.measured_seconds;
  const wanted = options.summaryTrendStats ?? STATISTICS;
  const metrics = metricsOf(part, results.distributions, runs, seconds, wanted);
  for (const { rule, passed } of runs.flatMap((run) => run.thresholds)) {
    for (const { metric, text } of judged.filter((one) => one.rule === rule)) {
      if (metrics[metric] !== undefined) (metrics[metric].thresholds ??= {})[text] = { ok: passed };
    }
  }
  const checks = Object.entries(part.checks).map(([name, { passed, failed }]) => ({
    name, path: `::${name}`, id: '', passes: passed, fails: failed,
  }));
  return {
    root_group: { name: '', path: '', id: '', groups: [], checks },
    options: { summaryTrendStats: wanted, summaryTimeUnit: options.summaryTimeUnit ?? '', noColor: false },
    state: { isStdOutTTY: false, isStdErrTTY: false, testRunDurationMs: seconds * 1e3 },
    metrics,
  };
}

function metricsOf(part, distributions, runs, seconds, wanted) {
  const { requests, iterations, transactions } = part;
  const aSecond = (count) => (seconds > 0 ? count / seconds : 0);
  const counter = (count, contains = 'default') => ({
    type: 'counter', contains, values: { count, rate: aSecond(count) },
  });
  const trend = (distribution, contains) => ({
    type: 'trend', contains, values: statisticsOf(distribution, wanted),
  });
  const rate = (passes, fails) => ({
    type: 'rate', contains: 'default', values: { rate: passes + fails > 0 ? passes / (passes + fails) : 0, passes, fails },
  });
  const metrics = {};
  const checks = Object.values(part.checks);
  if (checks.length > 0) {
    const sum = (key) => checks.reduce((all, check) => all + check[key], 0);
    metrics.checks = rate(sum('passed'), sum('failed'));
  }
  metrics.data_received = counter(requests.body_bytes, 'data');
  const { users, host, generator = host, lease } = transactions.unsent;
  if (users + generator + lease > 0) metrics.dropped_iterations = counter(users + generator + lease);
  for (const phase in PHASES) metrics[`http_req_${PHASES[phase]}`] = trend(distributions.phases_ms[phase], 'time');
  metrics.http_req_duration = trend(distributions.requests_ms, 'time');
  if (requests.ok > 0) {
    metrics['http_req_duration{expected_response:true}'] = trend(distributions.ok_requests_ms, 'time');
  }
  metrics.http_req_failed = rate(requests.failed, requests.ok);
  metrics.http_reqs = counter(requests.ok + requests.failed);
  metrics.iterations = counter(iterations.ok + iterations.failed);
  const most = runs.reduce((all, run) => all + run.users.most_at_once, 0);
  metrics.vus_max = { type: 'gauge', contains: 'default', values: { value: most, min: most, max: most } };
  ownMetrics(metrics, part.metrics, distributions.metrics, { counter, trend, rate });
  return Object.fromEntries(Object.entries(metrics).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The script's own metrics, each over all its tags. */
function ownMetrics(metrics, series, distributions, { counter, trend, rate }) {
  const names = [...new Set(series.map(({ metric }) => metric))];
  for (const name of names) {
    const all = series.map((one, place) => ({ ...one, distribution: distributions[place] }));
    const its = all.filter(({ metric }) => metric === name);
    const sum = (of) => its.reduce((total, one) => total + of(one), 0);
    const contains = /duration/.test(name) ? 'time' : 'default';
    switch (its[0].kind) {
      case 'counter': metrics[name] = counter(sum(({ values }) => values.sum)); break;
      case 'rate': {
        const passes = Math.round(sum(({ count, values }) => count * values.share));
        metrics[name] = rate(passes, sum(({ count }) => count) - passes);
        break;
      }
      case 'gauge': {
        const values = { value: its.at(-1).values.last, min: Math.min(...its.map(({ values }) => values.min)),
          max: Math.max(...its.map(({ values }) => values.max)) };
        metrics[name] = { type: 'gauge', contains: 'default', values };
        break;
      }
      default: metrics[name] = trend(merged(its.map(({ distribution }) => distribution)), contains);
    }
  }
}

function merged(distributions) {
  const counts = new Map();
  for (const [value, count] of distributions.flatMap(({ buckets }) => buckets)) {
    counts.set(value, (counts.get(value) ?? 0) + count);
  }
  const count = distributions.reduce((all, one) => all + one.count, 0);
  const mean = distributions.reduce((all, one) => all + one.mean * (one.count / count), 0);
  const buckets = [...counts].sort(([one], [other]) => one - other);
  return { count, mean, min: Math.min(...distributions.map(({ min }) => min)),
    max: Math.max(...distributions.map(({ max }) => max)), buckets };
}

/** What `handleSummary` returned, as pairs of a place and its content. */
function partsOf(given) {
  if (given === undefined || given === null) return [];
  if (typeof given !== 'object' || Array.isArray(given) || given instanceof ArrayBuffer || ArrayBuffer.isView(given)) {
    throw new TypeError(`handleSummary returned ${shown(given)}: an object of places with their content is wanted, ` +
      'as { stdout: text }');
  }
  return Object.entries(given).map(([place, content]) => {
    if (ArrayBuffer.isView(content)) {
      const { buffer, byteOffset, byteLength } = content;
      return [place, buffer.slice(byteOffset, byteOffset + byteLength)];
    }
    if (typeof content === 'string' || content instanceof ArrayBuffer) return [place, content];
    throw new TypeError(`handleSummary returned ${shown(content)} for ${JSON.stringify(place)}: a text or bytes are wanted`);
  });
}

function shown(value) {
  const text = typeof value === 'function' ? 'a function' : String(JSON.stringify(value));
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** Statistics of a distribution by k6's names, as k6 reckons them: between two samples in a straight line. */
function statisticsOf({ count, min, mean, max, buckets }, names) {
  const sample = (place) => {
    if (place <= 0) return min;
    if (place >= count - 1) return max;
    let below = 0;
    const bucket = buckets.find(([, its]) => (below += its) > place);
    return Math.min(Math.max(bucket[0], min), max);
  };
  const percentile = (percent) => {
    const place = (percent / 100) * (count - 1);
    const [one, next] = [sample(Math.floor(place)), sample(Math.ceil(place))];
    return one + (next - one) * (place - Math.floor(place));
  };
  const values = {};
  for (const name of names) {
    const [, percent] = /^p\(\s*([0-9.]+)\s*\)$/.exec(name) ?? [];
    if (count === 0 || name === 'count') values[name] = name === 'count' ? count : 0;
    else if (percent !== undefined) values[name] = percentile(Number(percent));
    else if (name === 'med') values[name] = percentile(50);
    else values[name] = { avg: mean, min, max }[name];
  }
  return values;
}
