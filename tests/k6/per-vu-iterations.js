import http from 'k6/http';
import { vu } from 'k6/execution';

export const options = {
  scenarios: {
    each: { executor: 'per-vu-iterations', vus: 3, iterations: 4, maxDuration: '30s' },
    few: {
      executor: 'ramping-vus',
      exec: 'few',
      startVUs: 2,
      stages: [{ duration: '1s', target: 2 }, { duration: '0s', target: 0 }],
      gracefulRampDown: '5s',
      gracefulStop: '5s',
    },
  },
};

export default function () {
  http.get(`${__ENV.BASE_URL}/items/${vu.iterationInScenario + 1}`);
}

export function few() {
  http.get(`${__ENV.BASE_URL}/delay/100`);
}
