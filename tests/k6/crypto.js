import http from 'k6/http';
import { check } from 'k6';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';

export const options = { vus: 1, iterations: 2 };

const secret = 'Jefe';
const words = 'what do ya want for nothing?';

function signature(data) {
  const hasher = crypto.createHMAC('sha256', secret);
  hasher.update(data.slice(0, 5));
  hasher.update(data.slice(5));
  return hasher.digest('hex');
}

export default function () {
  // The examples of RFC 1321, RFC 4231 and FIPS 180.
  check(null, {
    md5: () => crypto.md5('abc', 'hex') === '900150983cd24fb0d6963f7d28e17f72',
    sha1: () => crypto.sha1('abc', 'hex') === 'a9993e364706816aba3e25717850c26c9cd0d89d',
    sha256: () => crypto.sha256('abc', 'base64') === 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=',
    sha384: () => crypto.sha384('abc', 'hex').startsWith('cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163'),
    sha512: () => crypto.sha512('abc', 'hex').startsWith('ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2'),
    ripemd160: () => crypto.ripemd160('abc', 'hex') === '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc',
    hmac: () => crypto.hmac('sha256', secret, words, 'hex')
      === '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    'piece by piece': () => signature(words) === crypto.hmac('sha256', secret, words, 'hex'),
    'of a hash': () => {
      const hash = crypto.createHash('sha1');
      hash.update('a');
      hash.update('bc');
      return hash.digest('base64rawurl') === 'qZk-NkcGgWq6PiVxeFDCbJzQ2J0';
    },
    bytes: () => new Uint8Array(crypto.md5(new Uint8Array([97, 98, 99]).buffer, 'binary'))[0] === 0x90,
    hexEncode: () => crypto.hexEncode('ä') === 'c3a4',
    randomBytes: () => crypto.randomBytes(16).byteLength === 16,
    randomUUID: () => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(
      globalThis.crypto.randomUUID()),
    getRandomValues: () => globalThis.crypto.getRandomValues(new Uint32Array(4)).some((value) => value > 255),
    base64: () => encoding.b64decode(encoding.b64encode('töa', 'rawurl'), 'rawurl', 's') === 'töa',
  });
  http.get(`${__ENV.BASE_URL}/ok`, { headers: { 'X-Signature': signature('/ok') } });
}
