import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  vus: 3,
  iterations: 9,
};

export default function () {
  http.get(`${__ENV.BASE_URL}/ok`);
  sleep(0.01);
}
