import http from 'k6/http';

const BASE = __ENV.BASE_URL;

export const options = {
  vus: 2,
  iterations: 8,
  thresholds: {
    http_req_duration: ['p(90) < 4000', 'p(99.9) < 5000', 'avg<4000'],
    'http_req_duration{expected_response:true}': ['med<4000'],
    'http_req_duration{name:front page}': ['p(95)<4000'],
    'http_req_duration{type:asset}': ['max<5000'],
    'http_req_duration{status:200,type:asset}': ['p(95)<5000'],
    'http_req_failed{type:asset}': ['rate<0.01'],
    'http_reqs{type:asset}': ['count>15', 'count<17'],
    http_req_waiting: ['p(95)<4000'],
    http_req_connecting: ['avg<4000'],
    http_req_failed: [{ threshold: 'rate<0.5', abortOnFail: true, delayAbortEval: '10s' }],
    http_reqs: ['count>=24', 'rate>0.1'],
    iteration_duration: ['max<10000'],
    iterations: ['count>7'],
  },
};

export default function () {
  http.get(`${BASE}/`, { tags: { name: 'front page' } });
  http.get(`${BASE}/style.css`, { tags: { type: 'asset' } });
  http.get(`${BASE}/app.js`, { tags: { type: 'asset' } });
}
