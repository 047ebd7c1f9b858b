import exec from 'k6/execution';
import http from 'k6/http';
import { sleep } from 'k6';

export const options = { vus: 2, duration: '1m' };

export default function () {
  // Note that you can abort in any iteration; the reason is in the result.
  const res = http.get(`${__ENV.BASE_URL}/status/503`);
  if (res.error_code === 1503) {
    exec.test.abort('the service is away');
  }
  sleep(1);
}

export function teardown() {
  console.log('teardown will still be called after test.abort()');
}
