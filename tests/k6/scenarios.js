import http from 'k6/http';
import exec from 'k6/execution';

export const options = {
  discardResponseBodies: true,
  scenarios: {
    visitors: {
      executor: 'shared-iterations',
      exec: 'visit',
      vus: 2,
      iterations: 12,
      maxDuration: '30s',
      env: { PAGE: '/' },
      tags: { kind: 'page' },
    },
    buyers: {
      executor: 'constant-arrival-rate',
      exec: 'buy',
      rate: 10,
      timeUnit: '1s',
      duration: '2s',
      preAllocatedVUs: 2,
      maxVUs: 10,
      startTime: '200ms',
      gracefulStop: '5s',
    },
  },
  thresholds: {
    'http_req_duration{scenario:visitors}': ['p(95)<4000'],
    'http_req_failed{scenario:buyers}': ['rate<0.01'],
    'http_reqs{kind:page}': ['count<13'],
  },
};

export function visit() {
  http.get(`${__ENV.BASE_URL}${__ENV.PAGE}`);
}

export function buy() {
  if (exec.scenario.name !== 'buyers' || exec.scenario.executor !== 'constant-arrival-rate') {
    throw new Error(exec.scenario.name);
  }
  http.post(`${__ENV.BASE_URL}/orders`, JSON.stringify({ id: 1 }));
}
