import http from 'k6/http';
import { check } from 'k6';

const BASE = __ENV.BASE_URL;

export const options = { vus: 1, iterations: 1, maxRedirects: 4 };

export default function () {
  const followed = http.get(`${BASE}/redirect/3`);
  check(followed, {
    'is status 200': (r) => r.status === 200,
    'its url is the last': (r) => !r.url.endsWith('/redirect/3'),
    'its request is the first': (r) => r.request.url.endsWith('/redirect/3'),
  });

  const params = { redirects: 0, headers: { 'X-MyHeader': 'k6test' }, tags: { k6test: 'yes' } };
  const first = http.get(`${BASE}/redirect-to?url=${encodeURIComponent('/ok')}`, params);
  check(first, {
    'is status 3xx': (r) => r.status >= 300 && r.status < 400,
    'says where': (r) => r.headers.Location === '/ok',
  });

  const head = http.head(`${BASE}/items`);
  check(head, { 'no body': (r) => !r.body, 'a length': (r) => Number(r.headers['Content-Length']) > 0 });
  const options = http.options(`${BASE}/echo`, null, { headers: { Origin: BASE } });
  check(options, { 'OPTIONS as OPTIONS': (r) => r.json('method') === 'OPTIONS' });
}
