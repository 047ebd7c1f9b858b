import http from 'k6/http';
import { check, randomSeed, sleep } from 'k6';
import { Gauge, Rate } from 'k6/metrics';

export const errorRate = new Rate('errors');
const gauge = new Gauge('latest');

randomSeed(123456789);
const first = Math.random();

export const options = {
  stages: [
    { duration: '300ms', target: 3 },
    { duration: '500ms', target: 3 },
    { duration: '200ms', target: 0 },
  ],
  thresholds: { errors: ['rate<0.1'], http_req_duration: ['p(99)<5000'], http_req_failed: ['rate<0.01'] },
  discardResponseBodies: true,
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(95)', 'p(99)', 'p(99.99)', 'count'],
  summaryTimeUnit: 'ms',
  systemTags: ['status', 'method', 'url'],
  tags: { name: 'value' },
  ext: { loadimpact: { projectID: 1 } },
  cloud: { projectID: 1, name: 'a name' },
  setupTimeout: '10s',
  teardownTimeout: '10s',
  batch: 15,
  batchPerHost: 5,
  httpDebug: 'full',
  noUsageReport: true,
  insecureSkipTLSVerify: false,
  throw: true,
};

export default function () {
  const params = { headers: { 'User-Agent': 'k6' }, responseType: 'text', timeout: '30s' };
  const res = http.get(`${__ENV.BASE_URL}/items/1`, params);
  const success = check(res, { 'status is 200': (r) => r.status === 200, 'a body': (r) => r.json('id') === 1 });
  errorRate.add(!success);
  gauge.add(res.body.length);
  check(http.get(`${__ENV.BASE_URL}/ok`), { 'no body': (r) => r.body === null });
  check(first, { 'a seed': (value) => value >= 0 && value < 1 });
  sleep(0.05 + 0.01 * Math.random());
}
