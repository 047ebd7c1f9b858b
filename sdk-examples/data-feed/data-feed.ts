// Users from a CSV file, orders from JSON lines, each order once.

import http from 'k6/http';
import { feed } from 'swell';

interface Order {
  items: number[];
  express: boolean;
  note: string | null;
}

const headers = { 'Content-Type': 'application/json' };

export default function (): void {
  const order = feed('orders').unique();
  const { user, password } = feed('users').byUser();
  http.post('/login', JSON.stringify({ user, password }), { headers, tags: { name: 'log in' } });

  // What is no text in a line of JSON is given as it is written there.
  const body: Order = {
    items: JSON.parse(order.items!),
    express: order.express === 'true',
    note: order.note === 'null' ? null : order.note!,
  };
  const responseCallback = http.expectedStatuses(201);
  http.post('/orders', JSON.stringify(body), { headers, responseCallback, tags: { name: 'place order' } });
}
