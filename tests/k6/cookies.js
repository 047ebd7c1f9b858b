import http from 'k6/http';
import { check } from 'k6';

const BASE = __ENV.BASE_URL;

export const options = { vus: 1, iterations: 2 };

export default function () {
  const set = http.get(`${BASE}/set-cookie?flavour=plain`);
  check(set, { 'a cookie came': (r) => r.cookies.flavour[0].value === 'plain' });

  const jar = http.cookieJar();
  check(jar.cookiesForURL(`${BASE}/`), { 'it is in the jar': (c) => c.flavour[0] === 'plain' });
  check(http.get(`${BASE}/cookies`), { 'it is sent': (r) => r.json('flavour') === 'plain' });

  jar.set(`${BASE}/`, 'mine', 'yes', { path: '/' });
  const both = http.get(`${BASE}/cookies`, { cookies: { once: 'only', flavour: { value: 'new', replace: true } } });
  check(both.json(), {
    'all are sent': (c) => c.mine === 'yes' && c.once === 'only' && c.flavour === 'new',
  });

  jar.clear(`${BASE}/`);
  check(http.get(`${BASE}/cookies`), { 'none is left': (r) => Object.keys(r.json()).length === 0 });

  const other = new http.CookieJar();
  other.set(`${BASE}/`, 'apart', '1');
  check(http.get(`${BASE}/cookies`, { jar: other }), { 'a jar of its own': (r) => r.json('apart') === '1' });
}
