// Two scenarios at once, each with its own load and its own goal, as the parts of a service are used
// in life.

import http from 'k6/http';
import { ensure, runs, think, transaction } from 'swell';

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
  // Half of how long it takes: -e seconds=N, or 30.
  const half = Number(__ENV.seconds ?? 30);
  const duration = `${2 * half}s`;
  const browsing = runs.start('browse', { tps: 100, duration });
  const listing = runs.start('list_items', { latency: 'p90=250ms', startTps: 50, tps: 100, duration });

  // Half-way the shop becomes busier.
  think(half);
  browsing.setTps(200);

  const [browsed, listed] = [browsing.wait(), listing.wait()];
  ensure(browsed.goalTps === 200, 'the goal was not raised');
  ensure(browsed.errorRate === 0 && listed.errorRate === 0, 'some of it failed');
  ensure(listed.response.p90 === undefined || listed.response.p90 < 250, 'items are slow while others browse');
}
