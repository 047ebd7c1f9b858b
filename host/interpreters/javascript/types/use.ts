// What a script may write of the module "swell", and what its author's editor is to find wrong.
// `cargo xtask page` checks it.

import * as swell from 'swell';
import type { Options, Run, Stats } from 'swell';

export const options: Options = {
  vus: 3,
  settings: { latency: ['p95=200ms', 'order:p99=1s'], tps: 500 },
  scenarios: { browse: { exec: 'browse', settings: { tps: 10 } } },
};

const five: number = swell.transaction('five', () => 5);
const later: Promise<string> = swell.transaction('later', async () => 'text');
const passed: boolean = swell.check('is five', five === 5);
swell.think(1);
swell.think(0.5, 2);
const either: number | string = swell.choose<number | string>([2, () => 1], [1, () => 'one']);
const any: string | undefined = swell.pick(['a', 'b']);
swell.ensure(any, 'there is none');
const certain: string = any;

const row = swell.feed('users').byUser();
const name: string | undefined = row.name;
const all: number = swell.feed('users').size() + swell.user() + swell.iteration();
swell.stopRun(`enough of ${swell.runId()}`);
swell.stopUser('logged out');

const answer = swell.stream('/v1/chat', { method: 'POST', body: '{}', expect: [200, { min: 400, max: 499 }] });
answer.waitAtMost('5s');
for (const event of answer.events()) swell.check(event.kind, event.data.length + event.after > 0);
const whole: number = answer.discard() + (answer.chunk()?.byteLength ?? 0);
swell.ensure(answer.end().complete || whole === 0);

export function conduct(): void {
  const run: Run = swell.runs.start('browse', { name: 'first', tps: 20, duration: '10s' });
  run.setTps(30);
  const stats: Stats = run.wait();
  const p95: number | undefined = stats.response.p95;
  swell.ensure(stats.stamp === 'valid' && (p95 ?? 0) < 200);
  run.stop();
}

// @ts-expect-error: a transaction needs a function
swell.transaction('nothing');
// @ts-expect-error: times are in seconds, and numbers
swell.think('1s');
// @ts-expect-error: a weight and a function belong together
swell.choose(() => 1);
// @ts-expect-error: there is no such function
swell.sleep(1);
// @ts-expect-error: no stamp is called so
const stamp: Stats['stamp'] = 'fine';

export { all, certain, either, later, name, passed, stamp };
