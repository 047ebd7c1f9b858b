import http from 'k6/http';
import { check } from 'k6';
import { FormData } from 'https://jslib.k6.io/formdata/0.0.2/index.js';

const BASE = __ENV.BASE_URL;
const picture = open('./data/users.csv', 'b');

export const options = { vus: 1, iterations: 2 };

export default function () {
  const form = http.post(`${BASE}/echo`, { name: 'Ann Lee', likes: 'tea & bread' });
  check(form, {
    'a form': (r) => r.json('body') === 'name=Ann+Lee&likes=tea+%26+bread',
    'its request is known': (r) => r.request.method === 'POST' && r.request.url.endsWith('/echo'),
  });

  const upload = http.post(`${BASE}/echo`, { kind: 'csv', file: http.file(picture, 'users.csv', 'text/csv') });
  check(upload, {
    'a file': (r) => r.json('body').includes('filename="users.csv"\r\nContent-Type: text/csv\r\n\r\nuser,password'),
  });

  const parts = new FormData();
  parts.append('note', 'first');
  parts.append('file', { data: new Uint8Array(picture).buffer, filename: 'second.csv', content_type: 'text/csv' });
  const sent = http.post(`${BASE}/echo`, parts.body(), {
    headers: { 'Content-Type': `multipart/form-data; boundary=${parts.boundary}` },
  });
  check(sent.json('body'), {
    'parts in order': (body) => body.indexOf('first') > 0 && body.indexOf('first') < body.indexOf('second.csv'),
  });

  const json = http.put(`${BASE}/echo`, JSON.stringify({ a: 1 }), { headers: { 'Content-Type': 'application/json' } });
  check(json, { 'a put': (r) => r.json('method') === 'PUT' && JSON.parse(r.json('body')).a === 1 });
  const small = http.get(`${BASE}/gzip/100`, { headers: { 'Accept-Encoding': 'gzip, deflate' } });
  check(small, { 'a compressed answer': (r) => r.body === 'x'.repeat(100) });
  check(http.del(`${BASE}/echo`), { 'a delete': (r) => r.json('method') === 'DELETE' });
  check(http.request('PURGE', `${BASE}/echo`), { 'any method': (r) => r.json('method') === 'PURGE' });
}
