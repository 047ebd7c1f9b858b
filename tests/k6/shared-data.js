import http from 'k6/http';
import { check } from 'k6';
import { SharedArray } from 'k6/data';
import { scenario } from 'k6/execution';
import papaparse from 'https://jslib.k6.io/papaparse/5.1.1/index.js';

const json = new SharedArray('users of JSON', function () {
  return JSON.parse(open('./data/users.json')).users;
});
const csv = new SharedArray('users of CSV', function () {
  return papaparse.parse(open('./data/users.csv'), { header: true, skipEmptyLines: true }).data;
});

export const options = {
  scenarios: { login: { executor: 'shared-iterations', vus: 2, iterations: csv.length, maxDuration: '1m' } },
};

export default function () {
  const user = csv[scenario.iterationInTest];
  check(user, {
    'both files agree': (u) => json.some((one) => one.user === u.user),
    'a comma in quotes is no end': () => csv[0].password === 'a,1' && csv.length === 2,
  });
  const answer = http.post(`${__ENV.BASE_URL}/login`, JSON.stringify(user));
  check(answer, { 'logged in': (r) => r.status === 200 });
}
