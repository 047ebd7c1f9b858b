import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import http from 'k6/http';
import { check } from 'k6';

export const options = { vus: 1, iterations: 1 };

const algToHash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

function sign(data, hashAlg, secret) {
  const hasher = crypto.createHMAC(hashAlg, secret);
  hasher.update(data);
  // Some manual base64 rawurl encoding as `Hasher.digest(encodingType)` doesn't support that encoding type yet.
  return hasher.digest('base64').replace(/\//g, '_').replace(/\+/g, '-').replace(/=/g, '');
}

function encode(payload, secret, algorithm) {
  algorithm = algorithm || 'HS256';
  const header = encoding.b64encode(JSON.stringify({ typ: 'JWT', alg: algorithm }), 'rawurl');
  payload = encoding.b64encode(JSON.stringify(payload), 'rawurl');
  const sig = sign(header + '.' + payload, algToHash[algorithm], secret);
  return [header, payload, sig].join('.');
}

function decode(token, secret, algorithm) {
  const parts = token.split('.');
  const header = JSON.parse(encoding.b64decode(parts[0], 'rawurl', 's'));
  const payload = JSON.parse(encoding.b64decode(parts[1], 'rawurl', 's'));
  algorithm = algorithm || algToHash[header.alg];
  if (sign(parts[0] + '.' + parts[1], algorithm, secret) !== parts[2]) {
    throw Error('JWT signature verification failed');
  }
  return payload;
}

export default function () {
  const message = { key1: 'value1', key2: 'value2' };
  const token = encode(message, 'secret');
  check(token, {
    'as others sign it': (t) => t === 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJrZXkxIjoidmFsdWUxIiwia2V5MiI6InZhbHVlMiJ9.' +
      t.split('.')[2] && t.split('.')[2].length === 43,
    'what was signed': (t) => decode(t, 'secret').key2 === 'value2',
  });
  let message2 = '';
  try {
    decode(token, 'not the secret');
  } catch (error) {
    message2 = error.message;
  }
  check(message2, { 'another secret': (text) => text === 'JWT signature verification failed' });
  http.get(`${__ENV.BASE_URL}/echo`, { headers: { Authorization: `Bearer ${token}` } });
}
