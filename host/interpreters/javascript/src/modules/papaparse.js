// What scripts import from https://jslib.k6.io/papaparse/: rows of CSV.

const SETTINGS = ['header', 'delimiter', 'newline', 'quoteChar', 'escapeChar', 'skipEmptyLines', 'dynamicTyping',
  'comments', 'preview', 'transform', 'transformHeader', 'delimitersToGuess'];

/** Reads CSV: rows as lists, or with `header` as objects. */
export function parse(input, config = {}) {
  for (const name in config) {
    if (!SETTINGS.includes(name)) throw new TypeError(`papaparse: ${name} is not there; there are ${SETTINGS.join(', ')}`);
  }
  const text = String(input).replace(/^\ufeff/, '');
  const delimiter = config.delimiter || guessed(text, config.delimitersToGuess ?? [',', '\t', '|', ';']);
  const errors = [];
  let rows = split(text, delimiter, config, errors);
  if (config.skipEmptyLines) {
    const isEmpty = config.skipEmptyLines === 'greedy'
      ? (row) => row.join('').trim() === ''
      : (row) => row.length === 1 && row[0] === '';
    rows = rows.filter((row) => !isEmpty(row));
  }
  let fields;
  if (config.header) {
    fields = (rows.shift() ?? []).map((name, i) => (config.transformHeader ? config.transformHeader(name, i) : name));
  }
  if (config.preview > 0) rows = rows.slice(0, config.preview);
  const data = rows.map((row, i) => made(row, i, fields, config, errors));
  return { data, errors, meta: { delimiter, linebreak: config.newline ?? '\n', aborted: false, truncated: false, fields } };
}

/** The delimiter that stands most often in the first line. */
function guessed(text, delimiters) {
  const [first] = text.split(/\r?\n/, 1);
  const count = (delimiter) => first.split(delimiter).length;
  return delimiters.reduce((best, one) => (count(one) > count(best) ? one : best), ',');
}

function split(text, delimiter, config, errors) {
  const quote = config.quoteChar ?? '"';
  const escape = config.escapeChar ?? quote;
  const rows = [];
  let row = [];
  let at = 0;
  const end = /\r\n|\n|\r/g;
  const lineEnd = () => {
    if (config.newline) {
      const found = text.indexOf(config.newline, at);
      return found < 0 ? [text.length, text.length] : [found, found + config.newline.length];
    }
    end.lastIndex = at;
    const found = end.exec(text);
    return found === null ? [text.length, text.length] : [found.index, end.lastIndex];
  };
  if (text === '') return rows;
  for (;;) {
    if (row.length === 0 && config.comments && text.startsWith(config.comments === true ? '#' : config.comments, at)) {
      const [, next] = lineEnd();
      if (next >= text.length) return rows;
      at = next;
      continue;
    }
    let field = '';
    if (quote && text[at] === quote) {
      at += 1;
      for (;;) {
        if (at >= text.length) {
          errors.push({ type: 'Quotes', code: 'MissingQuotes', message: 'Quoted field unterminated', row: rows.length });
          break;
        }
        if (text[at] === escape && text[at + 1] === quote) {
          field += quote;
          at += 2;
        } else if (text[at] === quote) {
          at += 1;
          break;
        } else {
          field += text[at];
          at += 1;
        }
      }
    }
    const [stop, next] = lineEnd();
    const comma = text.indexOf(delimiter, at);
    const isLast = comma < 0 || comma >= stop;
    field += text.slice(at, isLast ? stop : comma);
    row.push(field);
    at = isLast ? next : comma + delimiter.length;
    if (!isLast) continue;
    rows.push(row);
    row = [];
    if (stop === text.length) return rows;
  }
}

function made(row, index, fields, config, errors) {
  const value = (text, key) => {
    const given = config.transform ? config.transform(text, key) : text;
    const isTyped = typeof config.dynamicTyping === 'object' ? config.dynamicTyping[key] : config.dynamicTyping;
    return isTyped ? typed(given) : given;
  };
  if (fields === undefined) return row.map(value);
  const record = {};
  row.forEach((text, i) => {
    if (i < fields.length) record[fields[i]] = value(text, fields[i]);
    else (record.__parsed_extra ??= []).push(text);
  });
  if (row.length !== fields.length) {
    const code = row.length < fields.length ? 'TooFewFields' : 'TooManyFields';
    const message = `expected ${fields.length} fields but parsed ${row.length}`;
    errors.push({ type: 'FieldMismatch', code, message, row: index });
  }
  return record;
}

function typed(text) {
  if (text === 'true' || text === 'TRUE') return true;
  if (text === 'false' || text === 'FALSE') return false;
  if (text === '') return null;
  return /^\s*-?(\d+\.?|\.\d+|\d+\.\d+)([eE][-+]?\d+)?\s*$/.test(text) ? Number(text) : text;
}

export default { parse };
