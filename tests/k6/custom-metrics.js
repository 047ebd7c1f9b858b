import http from 'k6/http';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const orders = new Counter('orders');
const contentSize = new Gauge('content_size');
const badOrders = new Rate('bad_orders');
const waiting = new Trend('waiting_time', true);
const neverSeen = new Counter('never_seen');

export const options = {
  vus: 1,
  iterations: 10,
  thresholds: {
    orders: ['count>=10', 'count<11'],
    'orders{kind:tea}': ['count>4', 'count<6'],
    content_size: ['value>2'],
    bad_orders: ['rate<0.1'],
    waiting_time: ['p(95)<2000', 'avg<2000', 'max<5000', 'med<2000', 'min<2000'],
    never_seen: ['count<1'],
  },
};

export default function () {
  const answer = http.post(`${__ENV.BASE_URL}/orders`, JSON.stringify({ item: __ITER }), {
    headers: { 'Content-Type': 'application/json' },
  });
  orders.add(1, { kind: __ITER % 2 ? 'bread' : 'tea' });
  contentSize.add(answer.body.length);
  badOrders.add(answer.status !== 201);
  waiting.add(answer.timings.waiting);
  if (answer.status >= 500) {
    neverSeen.add(1);
  }
}
