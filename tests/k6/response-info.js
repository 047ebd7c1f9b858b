import http from 'k6/http';
import { check } from 'k6';

export const options = { vus: 1, iterations: 2, noConnectionReuse: true, userAgent: 'MyK6UserAgentString/1.0' };

export default function () {
  const res = http.get(`${__ENV.BASE_URL}/items/1`);
  for (const p in res.headers) {
    if (res.headers.hasOwnProperty(p)) {
      console.log(p + ' : ' + res.headers[p]);
    }
  }
  check(res, {
    'status is 200': (r) => r.status === 200,
    'status text': (r) => r.status_text.startsWith('200'),
    'caption is correct': (r) => r.json().name === 'anvil' && r.json('name') === 'anvil',
    'took some time': (r) => r.timings.duration > 0 && r.timings.waiting <= r.timings.duration,
    'no error': (r) => r.error === '' && r.error_code === 0,
    'a header': (r) => r.headers['Content-Type'].includes('application/json'),
    'body size': (r) => r.body.length > 10,
    'all of it is JSON': (r) => JSON.parse(JSON.stringify(r)).status === 200,
  });
  const asked = http.get(`${__ENV.BASE_URL}/echo`).json('headers');
  check(Object.fromEntries(asked), { 'the agent': (h) => h['user-agent'] === 'MyK6UserAgentString/1.0' });

  const none = http.get(`${__ENV.BASE_URL}/bytes/100`, { responseType: 'none' });
  const bytes = http.get(`${__ENV.BASE_URL}/bytes/100`, { responseType: 'binary' });
  check(bytes, { 'bytes': (r) => r.body.byteLength === 100 && none.body === null });
  const lost = http.get('http://127.0.0.1:1/', { timeout: '2s' });
  check(lost, { 'an error has a code': (r) => r.status === 0 && r.error_code > 1000 && r.error !== '' });
}
