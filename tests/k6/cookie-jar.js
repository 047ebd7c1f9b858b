import http from 'k6/http';
import { check, group } from 'k6';

const BASE = __ENV.BASE_URL;

export const options = { vus: 1, iterations: 1 };

export default function () {
  group('Simple cookies send with HTTP request', function () {
    const r = http.get(`${BASE}/cookies`, { cookies: { my_cookie: 'hello world' } });
    check(r.json(), { 'it was sent': (c) => c.my_cookie === 'hello world' });
  });

  group('Advanced cookie send with HTTP request', function () {
    const cookie = { name: 'my_cookie', value: 'hello world 2', domain: '127.0.0.1', path: '/', expires: '' };
    const r = http.get(`${BASE}/cookies`, { cookies: { my_cookie: { value: cookie.value, replace: true } } });
    check(r.json(), { 'it replaces': (c) => c.my_cookie === 'hello world 2' });
  });

  group('Jar', function () {
    const jar = http.cookieJar();
    jar.set(`${BASE}/cookies`, 'my_cookie', 'hello world', { path: '/cookies', secure: false, max_age: 600 });
    jar.set(`${BASE}/elsewhere`, 'not_here', 'x', { domain: 'example.com', path: '/' });
    const res = http.get(`${BASE}/cookies`);
    check(res, { 'has cookie': (r) => r.json().my_cookie === 'hello world' && r.json().not_here === undefined });

    const set = http.get(`${BASE}/set-cookie?name1=value1`);
    for (const name in set.cookies) {
      if (set.cookies.hasOwnProperty(name) !== undefined) {
        console.log('cookie ' + name + ' : ' + set.cookies[name][0].value);
      }
    }
    const cookies = jar.cookiesForURL(`${BASE}/`);
    check(cookies, {
      "has cookie 'name1'": (c) => c.name1.length > 0 && c.name1[0] === 'value1',
      'a path is a path': (c) => c.my_cookie === undefined,
    });
    const other = http.get(`${BASE}/echo`, { jar: new http.CookieJar() });
    check(other, { 'a jar without cookies sends none': (r) => !r.body.includes('"cookie"') });
    jar.delete(`${BASE}/`, 'name1');
    check(jar.cookiesForURL(`${BASE}/`), { 'it is gone': (c) => c.name1 === undefined });
  });
}
