import http from 'k6/http';
import { check } from 'k6';
import { URL } from 'https://jslib.k6.io/url/1.0.0/index.js';
import { randomItem } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';

const BASE = __ENV.BASE_URL;

http.setResponseCallback(http.expectedStatuses(200, 404, { min: 500, max: 503 }));

export const options = {
  vus: 1,
  iterations: 4,
  thresholds: {
    http_req_failed: ['rate==0'],
    'http_req_duration{name:item}': ['p(95)<4000'],
  },
};

export default function () {
  http.get(http.url`${BASE}/items/${(__ITER % 3) + 1}`);
  http.get(`${BASE}/items/${(__ITER % 3) + 1}`, { tags: { name: 'item' } });
  check(http.get(`${BASE}/none`), { 'it is not there': (r) => r.status === 404 });
  check(http.get(`${BASE}/status/${randomItem([500, 503])}`), { 'it fails as expected': (r) => r.status >= 500 });

  const address = new URL(`${BASE}/echo`);
  address.searchParams.append('q', 'tea & bread');
  check(http.get(address.toString()), { 'a query': (r) => r.json('query') === 'q=tea+%26+bread' });

  const answers = http.batch([
    ['GET', `${BASE}/style.css`, null, { tags: { type: 'css' } }],
    { method: 'POST', url: `${BASE}/echo`, body: 'x', params: { headers: { 'X-Step': '2' } } },
    `${BASE}/app.js`,
  ]);
  check(answers, { 'all three': (all) => all.length === 3 && all[1].json('body') === 'x' });
  const named = http.batch({ style: `${BASE}/style.css`, script: `${BASE}/app.js` });
  check(named.style, { 'by name': (r) => r.status === 200 && named.script.status === 200 });
}
