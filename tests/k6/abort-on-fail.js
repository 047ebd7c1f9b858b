import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  vus: 2,
  duration: '1h',
  thresholds: {
    http_req_failed: [{ threshold: 'rate<0.01', abortOnFail: true }],
  },
};

export default function () {
  http.get(`${__ENV.BASE_URL}/status/503`);
  sleep(0.05);
}
