import http from 'k6/http';
import { check } from 'k6';
import { setTimeout } from 'k6/timers';

const BASE = __ENV.BASE_URL;

export const options = { vus: 1, iterations: 2, minIterationDuration: '200ms' };

const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export default async function () {
  const began = Date.now();
  await after(20);
  check(began, { 'it has waited': (time) => Date.now() - time >= 20 });

  const one = await http.asyncRequest('GET', `${BASE}/items/1`);
  check(one, { 'a promise is kept': (r) => r.json('id') === 1 });

  const all = await Promise.all([2, 3].map((id) => http.asyncRequest('GET', `${BASE}/items/${id}`)));
  check(all, { 'all are kept': (answers) => answers.map((r) => r.json('id')).join() === '2,3' });

  setTimeout(() => http.get(`${BASE}/ok`), 5);
}
