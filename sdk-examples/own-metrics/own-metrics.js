// Counters, gauges, rates and trends of the scenario's own.

import http from 'k6/http';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const inTheShop = new Gauge('items_in_the_shop');
const reused = new Rate('connection_reused');
const firstByte = new Trend('first_byte_ms', true);
const price = new Trend('price');
const seen = new Counter('items_seen');

export default function () {
  const response = http.get('/items', { tags: { name: 'items' } });
  const items = response.json();
  inTheShop.add(items.length);
  reused.add(response.timings.connecting === 0);
  firstByte.add(response.timings.waiting);
  for (const item of items) {
    price.add(item.price, { item: item.name });
    seen.add(1);
  }
}
