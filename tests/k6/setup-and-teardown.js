import http from 'k6/http';
import { check } from 'k6';

const BASE = __ENV.BASE_URL;

export const options = { vus: 2, iterations: 4 };

export function setup() {
  const answer = http.post(`${BASE}/login`, JSON.stringify({ user: 'ann', password: 'secret' }), {
    headers: { 'Content-Type': 'application/json' },
  });
  const token = answer.json('token');
  check(token, { 'logged in': () => token !== '' });
  return { token, began: Date.now() };
}

export default function (data) {
  const answer = http.get(`${BASE}/account`, { headers: { Authorization: `Bearer ${data.token}` } });
  check(answer, {
    'knows me': (r) => r.status === 200 && r.json('user') === 'ann',
    'the clock goes on': () => Date.now() >= data.began,
  });
}

export function teardown(data) {
  http.get(`${BASE}/account`, { headers: { Authorization: `Bearer ${data.token}` } });
}
