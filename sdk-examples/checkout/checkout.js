// A visit to a shop: several transactions, weighted choices, think times, a page with its assets.

import http from 'k6/http';
import { check, choose, ensure, pick, think, transaction } from 'swell';

export const options = { vus: 20, duration: '30s' };

export default function () {
  frontPage();
  think(1, 3);
  const item = pick(items());
  ensure(item, 'the shop is empty');
  think(0.5);
  choose(
    [7, () => console.debug('only looked')],
    [2, () => putIntoCart(item)],
    [1, () => buy(item)],
  );
}

// The page, and then at once what a browser loads for it.
function frontPage() {
  transaction('front page', () => {
    const page = http.get('/');
    check('has a title', page.body.includes('<title>'));
    http.batch(['/style.css', '/app.js', '/logo.png']);
  });
}

const items = () => transaction('items', () => http.get('/items').json());

function putIntoCart({ id }) {
  transaction('put into cart', () => post('/cart', { id }));
}

function buy(item) {
  putIntoCart(item);
  think(0.2, 0.8);
  transaction('order', () => {
    ensure(item.price > 0, 'an item is free of charge');
    post('/orders', { items: [item.id] }, { responseCallback: http.expectedStatuses(201) });
  });
}

function post(path, body, params) {
  return http.post(path, JSON.stringify(body), { headers: { 'Content-Type': 'application/json' }, ...params });
}
