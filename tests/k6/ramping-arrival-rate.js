import http from 'k6/http';

export const options = {
  scenarios: {
    contacts: {
      executor: 'ramping-arrival-rate',
      startRate: 10,
      timeUnit: '1s',
      preAllocatedVUs: 5,
      maxVUs: 20,
      stages: [
        { target: 10, duration: '1s' },
        { target: 30, duration: '1s' },
        { target: 0, duration: '1s' },
      ],
    },
  },
};

export default function () {
  http.get(`${__ENV.BASE_URL}/ok`);
}
