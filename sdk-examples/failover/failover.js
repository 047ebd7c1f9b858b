// What becomes of a service when a part of it is switched off between two runs, and when it is
// switched on again.

import http from 'k6/http';
import { ensure, runs, transaction } from 'swell';

export const options = { scenarios: { browse: { exec: 'browse', settings: {} } } };

export function browse() {
  transaction('front page', () => http.get('/'));
}

export function conduct() {
  const whole = browseFor('whole');
  ensure(whole.errorRate === 0, 'it fails without any help of ours');

  // The demo service calls it a capacity; yours may stop a container.
  switchTo({ capacity: 50 });
  const part = browseFor('a part off');
  switchTo({});
  ensure(part.errorRate > 0.5 && part.errorRate < 1, 'what is left is to serve as much as it can, and refuse the rest');

  const again = browseFor('whole again');
  ensure(again.errorRate === 0, 'it does not recover');
}

function browseFor(name) {
  return runs.start('browse', { name, tps: 200, warmup: '1s', duration: `${__ENV.seconds ?? 30}s` }).wait();
}

// Tells the service how to behave, at the address given with -e admin=http://…
function switchTo(behaviour) {
  ensure(__ENV.admin, "give the address of the service's control port with -e admin=http://…");
  const answer = http.post(`${__ENV.admin}/control`, JSON.stringify(behaviour));
  ensure(answer.status < 400 && answer.error === '', `the service was not told: ${answer.status} ${answer.error}`);
}
