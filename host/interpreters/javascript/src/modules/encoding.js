// The module "k6/encoding".

import { base64, native, whole } from 'swell:core';

const KINDS = ['std', 'rawstd', 'url', 'rawurl'];

function known(encoding) {
  if (!KINDS.includes(encoding)) {
    throw new TypeError(`the encoding ${JSON.stringify(encoding)} is none of ${KINDS.join(', ')}`);
  }
  return { isUrl: encoding.endsWith('url'), isRaw: encoding.startsWith('raw') };
}

/** Text as UTF-8, or the bytes of a buffer, in base64. */
export function b64encode(input, encoding = 'std') {
  const { isUrl, isRaw } = known(encoding);
  const bytes = whole(input);
  let text = base64(typeof bytes === 'string' ? native.encode(bytes) : bytes);
  if (isUrl) text = text.replaceAll('+', '-').replaceAll('/', '_');
  return isRaw ? text.replace(/=+$/, '') : text;
}

/** The bytes that base64 stands for: a buffer, or with the format "s" text. */
export function b64decode(input, encoding = 'std', format = 'b') {
  const { isUrl, isRaw } = known(encoding);
  const text = String(input).replace(/[\r\n]/g, '');
  const digits = isRaw ? text : text.replace(/={1,2}$/, '');
  const isPadded = isRaw || text.length % 4 === 0;
  const alphabet = isUrl ? /^[A-Za-z0-9_-]*$/ : /^[A-Za-z0-9+/]*$/;
  if (!isPadded || digits.length % 4 === 1 || !alphabet.test(digits)) {
    throw new TypeError(`this is no base64 of the encoding ${encoding}: ${text.slice(0, 40)}`);
  }
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [bits, count, length] = [0, 0, 0];
  for (let i = 0; i < digits.length; i++) {
    bits = ((bits << 6) | valueOf(digits.charCodeAt(i))) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[length++] = bits >> count;
    }
  }
  return format === 's' ? native.decode(bytes.buffer) : bytes.buffer;
}

/** The six bits of a digit, of either alphabet. */
function valueOf(code) {
  if (code >= 97) return code - 71;
  if (code === 95) return 63;
  if (code >= 65) return code - 65;
  if (code >= 48) return code + 4;
  return code === 43 || code === 45 ? 62 : 63;
}

export default { b64decode, b64encode };
