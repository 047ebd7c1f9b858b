// What many scripts do.

import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';
import { randomIntBetween } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';

export const options = {
  scenarios: { browse: { executor: 'ramping-vus', startVUs: 0, stages: [{ duration: '1s', target: 10 }], tags: { kind: 'browse' } } },
  thresholds: { http_req_duration: ['p(95)<200'], 'http_req_duration{name:login}': ['avg<100'], sold: ['count>0'] },
};

const users = new SharedArray('users', () => [{ name: 'ada', roles: ['admin'] }, { name: 'bob', roles: [] }]);
const sold = new Counter('sold');
const found = new Rate('found');
const time = new Trend('time', true);

const parameters = { headers: { 'Content-Type': 'application/json' }, tags: { name: 'login' } };

class Cart {
  items = [];
  add(item) { this.items.push({ ...item, count: 1 }); }
}

export default function () {
  const user = users[(__VU + __ITER) % users.length];
  const { name, ...others } = user;
  let token = '';
  group('login', () => {
    const answer = http.post('http://service.test/login', JSON.stringify({ name, others }), parameters);
    check(answer, { 'is ok': (r) => r.status === 200, 'is JSON': (r) => r.headers['Content-Type'] !== undefined }, { kind: 'login' });
    token = answer.json('items.0.id') ?? answer.json().id;
    time.add(answer.timings.duration);
  });
  const cart = new Cart();
  for (const [place, link] of ['/items/1', '/items/2'].entries()) {
    const item = http.get(`http://service.test${link}`, { headers: { Authorization: `Bearer ${token}` }, timeout: '10s' });
    found.add(item.status === 200, { place: String(place) });
    if (item.status === 200) cart.add(item.json());
  }
  http.batch([['GET', 'http://service.test/a.css'], { method: 'GET', url: 'http://service.test/b.js' }]);
  try {
    const body = cart.items.map(({ id, count }) => `${id}:${count}`).filter((text) => /^\d/.test(text)).join(',');
    http.put('http://service.test/cart', { body, user: exec.vu.idInTest }, { cookies: { token: `${token}` } });
    sold.add(cart.items.length);
  } catch (error) {
    throw new Error(`${error.message} ${new Date().toISOString()}`);
  }
  sleep(randomIntBetween(1, 3) + Math.random());
}
