import http from 'k6/http';
import { check, sleep } from 'k6';
import exec, { scenario, vu } from 'k6/execution';
import { SharedArray } from 'k6/data';

const data = new SharedArray('ids', function () {
  // here you can open files, and then do additional processing or generate the array with data dynamically
  const f = JSON.parse(open('./data/users.json'));
  return f.users.map((user, index) => Object.assign({ id: index + 1 }, user));
});

export const options = {
  scenarios: {
    'use-all-the-data': {
      executor: 'shared-iterations',
      vus: data.length,
      iterations: data.length,
      maxDuration: '1h',
    },
    'per-vu': {
      executor: 'per-vu-iterations',
      vus: 2,
      iterations: 2,
      exec: 'weighted',
      tags: { example_tag: 'testing' },
      env: { EXAMPLEVAR: 'testing' },
    },
  },
};

export default function () {
  // this is unique even in the cloud
  const item = data[scenario.iterationInTest];
  const res = http.get(`${__ENV.BASE_URL}/items/${item.id}`);
  check(res, { 'the item of the iteration': (r) => r.json('id') === item.id });
  sleep(0.01);
}

export function weighted() {
  check(exec, {
    'its own variable': () => __ENV.EXAMPLEVAR === 'testing',
    'its iteration': () => vu.iterationInScenario < 2 && exec.vu.iterationInInstance === __ITER,
    'its name': (e) => e.scenario.name === 'per-vu',
    'items are of the array': () => data.filter((one) => one.id > 0).length === data.length && data.at(-1).id === data.length,
  });
  if (vu.idInTest % 2 === 0) {
    http.get(`${__ENV.BASE_URL}/ok?even`);
  } else {
    http.get(`${__ENV.BASE_URL}/ok?odd`);
  }
}
