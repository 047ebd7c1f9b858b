import http from 'k6/http';
import { check } from 'k6';
import encoding from 'k6/encoding';

const BASE = __ENV.BASE_URL;

export const options = { vus: 1, iterations: 2 };

const sent = (answer) => Object.fromEntries(answer.json('headers')).authorization;

export default function () {
  const secret = encoding.b64encode('ann:secret');
  const inUrl = http.get(BASE.replace('://', '://ann:secret@') + '/echo');
  check(sent(inUrl), { 'basic in the URL': (header) => header === `Basic ${secret}` });
  const byHand = http.get(`${BASE}/echo`, { headers: { Authorization: `Basic ${secret}` } });
  check(sent(byHand), { 'basic by hand': (header) => header === `Basic ${secret}` });

  const token = http.post(`${BASE}/login`, JSON.stringify({ user: 'ann', password: 'secret' })).json('token');
  const account = http.get(`${BASE}/account`, { headers: { Authorization: `Bearer ${token}` } });
  check(account, { bearer: (r) => r.json('user') === 'ann' });
}
