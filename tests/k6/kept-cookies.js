import http from 'k6/http';
import { check } from 'k6';

export const options = { vus: 1, iterations: 3, noCookiesReset: true };

export default function () {
  const sent = http.get(`${__ENV.BASE_URL}/cookies`).json();
  check(sent, { 'it stays': (c) => (__ITER === 0 ? c.seen === undefined : c.seen === `${__ITER - 1}`) });
  http.get(`${__ENV.BASE_URL}/set-cookie?seen=${__ITER}`);
}
