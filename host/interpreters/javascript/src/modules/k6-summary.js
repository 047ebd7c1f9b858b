// What scripts import from https://jslib.k6.io/k6-summary/ for their handleSummary: its texts, in its form.

const MARKS = { good: '✓', bad: '✗' };
const CODES = { good: '\x1b[32m', bad: '\x1b[31m', faint: '\x1b[2m' };

const UNITS = { s: ['s', 1e-3], ms: ['ms', 1], us: ['µs', 1e3] };

const places = (number, digits) => Number(number.toFixed(digits)).toString();

function size(bytes) {
  let at = 0;
  while (bytes >= 1e3 && at < 4) {
    bytes /= 1e3;
    at += 1;
  }
  const unit = ['B', 'kB', 'MB', 'GB', 'TB'][at];
  return at === 0 ? `${places(bytes, 0)} B` : `${bytes < 10 ? bytes.toFixed(1) : bytes.toFixed(0)} ${unit}`;
}

function time(ms, unit) {
  if (UNITS[unit] !== undefined) return `${(ms * UNITS[unit][1]).toFixed(2)}${UNITS[unit][0]}`;
  if (ms === 0) return '0s';
  if (ms < 1e-3) return `${places(ms * 1e6, 0)}ns`;
  if (ms < 1) return `${places(ms * 1e3, 2)}µs`;
  if (ms < 1e3) return `${places(ms, 2)}ms`;
  if (ms < 6e4) return `${places(ms / 1e3, 2)}s`;
  const seconds = Math.round(ms / 1e3);
  const rest = `${Math.floor(seconds / 60) % 60}m${seconds % 60}s`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}h${rest}`;
}

/** A value of a metric, as people read it. */
export function humanizeValue(value, metric, timeUnit) {
  if (typeof value !== 'number' || Number.isNaN(value)) return 'n/a';
  // As in k6, what is cut is not rounded up: 99.999 % are not all.
  if (metric.type === 'rate') return `${(Math.trunc(value * 100 * 100) / 100).toFixed(2)}%`;
  if (metric.contains === 'data') return size(value);
  return metric.contains === 'time' ? time(value, timeUnit) : places(value, 6);
}

function texts(metric, unit) {
  const { values } = metric;
  const shown = (value) => humanizeValue(value, metric, unit);
  switch (metric.type) {
    case 'counter': return [shown(values.count), `${shown(values.rate)}/s`];
    case 'gauge': return [shown(values.value), `min=${shown(values.min)}`, `max=${shown(values.max)}`];
    case 'rate': return [shown(values.rate), `${MARKS.good} ${values.passes}`, `${MARKS.bad} ${values.fails}`];
    default: return Object.entries(values).map(([name, value]) => `${name}=${shown(value)}`);
  }
}

/** Thresholds of a metric: whether all hold; nothing where it has none. */
function holds({ thresholds }) {
  return thresholds && Object.values(thresholds).every(({ ok }) => ok);
}

function checksOf(group, indent, paint) {
  const lines = [];
  for (const { name, passes, fails } of group.checks ?? []) {
    if (fails === 0) {
      lines.push(paint('good', `${indent}${MARKS.good} ${name}`));
      continue;
    }
    const share = Math.floor((100 * passes) / (passes + fails));
    lines.push(paint('bad', `${indent}${MARKS.bad} ${name}\n${indent} ↳  ${share}% — ${MARKS.good} ${passes} / ${MARKS.bad} ${fails}`));
  }
  for (const inner of group.groups ?? []) lines.push(`${indent}█ ${inner.name}`, ...checksOf(inner, `${indent}  `, paint));
  return lines;
}

/** k6's summary as text. */
export function textSummary(data, options = {}) {
  const { indent = ' ', enableColors = false, summaryTimeUnit } = options;
  const unit = summaryTimeUnit ?? data.options?.summaryTimeUnit;
  const paint = (tone, text) => (enableColors ? `${CODES[tone]}${text}\x1b[0m` : text);
  const checks = checksOf(data.root_group ?? {}, `${indent}    `, paint);
  // Those of one metric with tags stand below it.
  const rows = Object.entries(data.metrics ?? {}).map(([name, metric]) => {
    const brace = name.indexOf('{');
    const label = brace < 0 ? name : `  ${name.slice(brace).replace(/^\{/, '{ ').replace(/\}$/, ' }')}`;
    return { name, label, metric, words: texts(metric, unit) };
  });
  const width = Math.max(0, ...rows.map(({ label }) => label.length)) + 3;
  const columns = (type) => {
    const its = rows.filter(({ metric }) => (metric.type === 'trend') === type).map(({ words }) => words);
    return (at) => Math.max(0, ...its.map((words) => words[at]?.length ?? 0));
  };
  const [plain, trends] = [columns(false), columns(true)];
  const lines = rows.map(({ label, metric, words }) => {
    const wide = metric.type === 'trend' ? trends : plain;
    const padded = words.map((word, at) => (at === words.length - 1 ? word : word.padEnd(wide(at)))).join(' ');
    const held = holds(metric);
    let mark = ' ';
    if (held !== undefined) mark = held ? paint('good', MARKS.good) : paint('bad', MARKS.bad);
    return `${indent}  ${mark} ${label}${paint('faint', `${'.'.repeat(width - label.length)}:`)} ${padded}`;
  });
  return [...checks, ...(checks.length > 0 ? [''] : []), ...lines].join('\n');
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

/** The thresholds as JUnit has tests. */
export function jUnit(data, options = {}) {
  const name = escaped(options.name ?? 'k6 thresholds');
  const cases = [];
  let failures = 0;
  for (const [metric, { thresholds }] of Object.entries(data.metrics ?? {})) {
    for (const [rule, { ok }] of Object.entries(thresholds ?? {})) {
      const named = `name="${escaped(metric)} - ${escaped(rule)}"`;
      if (!ok) failures += 1;
      cases.push(ok ? `<testcase ${named} />` : `<testcase ${named}><failure message="failed" /></testcase>`);
    }
  }
  return `<?xml version="1.0"?>\n<testsuites tests="${cases.length}" failures="${failures}">\n` +
    `<testsuite name="${name}" tests="${cases.length}" failures="${failures}">${['', ...cases].join('\n')}\n` +
    '</testsuite>\n</testsuites>';
}

export default { humanizeValue, jUnit, textSummary };
