import http from 'k6/http';
import { check, group, fail } from 'k6';

const BASE = __ENV.BASE_URL;

export const options = {
  vus: 2,
  iterations: 6,
  thresholds: {
    'group_duration{group:::visit::items}': ['avg < 5000'],
    'checks{kind:page}': ['rate == 1'],
    'checks{check:is there}': ['rate > 0.99'],
  },
};

export default function () {
  group('visit', function () {
    const page = http.get(`${BASE}/`);
    check(page, {
      'is there': (r) => r.status === 200,
      'has a title': (r) => r.body.includes('<title>The little shop</title>'),
    }, { kind: 'page' });

    group('items', function () {
      const items = http.get(`${BASE}/items`);
      const ok = check(items, {
        'there are items': (r) => r.json().length > 0,
        'it is JSON': (r) => r.headers['Content-Type'] === 'application/json',
      });
      if (!ok) {
        fail('no items');
      }
    });
  });
}
