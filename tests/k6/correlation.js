import http from 'k6/http';
import { check } from 'k6';
import { parseHTML } from 'k6/html';
import { findBetween } from 'https://jslib.k6.io/k6-utils/1.2.0/index.js';

export const options = { vus: 2, iterations: 2 };

export default function () {
  // Request the page containing a form and save the response. This gives you access to the response object, `res`.
  const res = http.get(`${__ENV.BASE_URL}/form`, { responseType: 'text' });

  // Query the HTML for an input field named "csrf". We want the value of "csrf".
  const elem = res.html().find('input[name=csrf]');
  // Get the value of the attribute "value" and save it to a variable
  const val = elem.attr('value');
  const same = findBetween(res.body, 'name="csrf" value="', '"');
  check(val, { 'found by selector and by text': (v) => v === 't0ken' && (same === null || same === v || same === '') });

  // Now you can concatenate this extracted value in subsequent requests that require it.
  const posted = http.post(`${__ENV.BASE_URL}/echo`, { csrf: val, user: 'ann' });
  check(posted, { 'form data matches': (r) => r.json().body === 'csrf=t0ken&user=ann' });

  const doc = parseHTML(res.body); // equivalent to res.html()
  const langAttr = doc.find('form').attr('action');
  const links = doc.find('a').toArray();
  check(doc, {
    'an attribute': () => langAttr === 'echo',
    'all links': () => links.length === 2 && links[0].attr('href') !== undefined,
    'filtered': (d) => d.find('a').filter((_, e) => e.text() === 'Bread').size() === 1,
    'mapped': (d) => d.find('a').map((_, e) => e.text()).join() === 'Tea,Bread',
    'json of items': () => http.get(`${__ENV.BASE_URL}/items`).json('#.name').length === 8,
  });
}
