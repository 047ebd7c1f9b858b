import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';

export const options = {
  tags: { team: 'shop' },
  scenarios: { read: { executor: 'shared-iterations', vus: 1, iterations: 3 } },
  thresholds: {
    'http_reqs{step:buy,team:shop}': ['count>2'],
    'http_reqs{step:look}': ['count<1'],
  },
};

export default function () {
  exec.vu.metrics.tags.step = 'buy';
  check(exec, {
    'the scenario': (e) => e.scenario.name === 'read' && e.scenario.executor === 'shared-iterations',
    'the iteration': (e) => e.scenario.iterationInTest === __ITER && e.vu.iterationInScenario === __ITER,
    'the user': (e) => e.vu.idInTest === __VU && e.vu.idInInstance === 1,
    'its beginning': (e) => Math.abs(Date.now() - e.scenario.startTime) < 60000,
    'the options': (e) => e.test.options.scenarios.read.iterations === 3,
    'the time': (e) => e.instance.currentTestRunDuration > 0,
  });
  http.get(`${__ENV.BASE_URL}/ok`);
}
