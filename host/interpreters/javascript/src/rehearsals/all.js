// What nearly every script does.

import http from 'k6/http';
import { check, sleep } from 'k6';

export const options = { vus: 1, duration: '1s', thresholds: { http_req_failed: ['rate<0.01'] } };

export default function () {
  const page = http.get('http://service.test/');
  check(page, { 'is ok': (r) => r.status === 200, 'has a title': (r) => r.body.includes('<title>') });
  sleep(1);
}
