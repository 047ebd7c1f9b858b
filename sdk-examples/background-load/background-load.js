// Does the list of items stay quick while many others browse? Measured alone first, then beside a
// background load.

import http from 'k6/http';
import { ensure, runs, transaction } from 'swell';

// The load of each is for `conduct` to say.
export const options = {
  scenarios: { browse: { exec: 'browse', settings: {} }, list_items: { exec: 'listItems', settings: {} } },
};

export function browse() {
  transaction('front page', () => http.get('/'));
}

export function listItems() {
  transaction('items', () => http.get('/items'));
}

export function conduct() {
  // How long each part takes: -e seconds=N, or 30.
  const duration = `${__ENV.seconds ?? 30}s`;
  const alone = runs.start('list_items', { name: 'alone', tps: 50, duration }).wait();

  const background = runs.start('browse', { name: 'background', tps: 500, maxVus: 50 });
  const beside = runs.start('list_items', { name: 'beside', tps: 50, duration }).wait();
  background.stop();
  const others = background.wait();

  ensure(others.failed === 0, 'the background load was refused');
  ensure(beside.errorRate === 0, 'items fail while others browse');
  const [before, now] = [alone.service.p90, beside.service.p90];
  if (before !== undefined && now !== undefined) {
    console.log(`items, p90: ${before} ms alone, ${now} ms beside others`);
    ensure(now < before * 10 + 50, 'items are slow while others browse');
  }
}
