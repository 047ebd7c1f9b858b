import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

export const options = {
  vus: 1,
  iterations: 3,
  thresholds: {
    'group_duration{group:::individualRequests}': ['avg < 4000'],
    'group_duration{group:::batchRequests}': ['avg < 4000'],
    'http_req_duration{type:API}': ['p(95)<5000'],
    'http_req_duration{group:::individualRequests}': ['max<5000'],
    'checks{myTag:hola}': ['rate>0.9'],
    'iteration_duration{scenario:default}': ['max<20000'],
    GaugeContentSize: ['count>5', 'count<7'],
    ['my timer'.replace(' ', '_')]: ['p(99)<5000', 'med>=0'],
  },
};

const sizes = new Counter('GaugeContentSize');
const timer = new Trend('my_timer', true);

export default function () {
  group('individualRequests', function () {
    const res = http.get(`${__ENV.BASE_URL}/items/1`, { tags: { type: 'API' } });
    sizes.add(1);
    http.get(`${__ENV.BASE_URL}/items/2`);
    sizes.add(1, { of: 'two' });
    timer.add(res.timings.waiting, { page: 'first' });
  });

  group('batchRequests', function () {
    const responses = http.batch([
      ['GET', `${__ENV.BASE_URL}/items/1`],
      ['GET', `${__ENV.BASE_URL}/items/2`, null, { tags: { type: 'API' } }],
    ]);
    check(responses[0], { 'main page status was 200': (res) => res.status === 200 }, { myTag: 'hola' });
    group('inner', () => sleep(0.001));
  });
}
